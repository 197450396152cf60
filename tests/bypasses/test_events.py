"""Every event of this Claude Code is decided, told, answered with silence, or refused: a new one is not missed."""

import mmap
import re

import pytest

from sayso_claude import forms
from tests.fakes import claude_cli

pytestmark = pytest.mark.once

# What silence does there is not known, so it is refused.
REFUSED = {"WorktreeCreate"}
_LISTED = re.compile(rb'\["PreToolUse",(?:"[A-Za-z]{3,40}",?){20,}\]')


def test_every_event_of_this_version_is_known() -> None:
    with claude_cli.find_cli().open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
        listed = [found.group() for found in _LISTED.finditer(program)]
    events = set(re.findall(r"\w+", max(listed, key=len).decode()))
    known = forms.GATES | forms.HARMLESS | {forms.NOTIFICATION} | REFUSED
    assert events == known
    assert not (forms.GATES & forms.HARMLESS)

"""Whatever a line is: if an allow of some words takes it, a deny of the same words does, too."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import strategies as st

import sayso_shell
from sayso import model, rules
from sayso.rules import matching
from sayso.rules.rule import read_match
from tests.conftest import LONG
from tests.tables import each

WORDS = ["git", "status", "push", "ls", "rm", "-rf", "-s", "-X", "curl", "tar", "a.b", "src/x", "--force", "env", "sh"]
GLUE = [
    " ",
    " ",
    " ",
    ";",
    "&&",
    "|",
    "$(",
    ")",
    "'",
    '"',
    "`",
    "\\",
    ">",
    "<",
    "*",
    "{",
    "}",
    "$",
    "\n",
    "#",
    "=",
    "~",
]


@st.composite
def matched(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A line, and a table that takes it but for what is put into it."""
    program, *args = draw(st.sampled_from(WORDS[:5])), *draw(st.lists(st.sampled_from(WORDS), max_size=4))
    line = " ".join([program, *args])
    for sign in draw(st.just([]) | st.lists(st.sampled_from([*GLUE, *WORDS]), min_size=1, max_size=3)):
        at = draw(st.integers(0, len(line)))
        line = line[:at] + sign + line[at:]
    table = {"tool": "Bash", "program": draw(st.just([program]) | st.just([program, "ls"]))}
    if draw(st.integers(0, 4)) == 0:
        return line, {**table, "any_args": True}
    globs = [draw(st.sampled_from([arg, arg, f"{arg[:1]}*", f"{arg[:-1]}?", "*", "**"])) for arg in args]
    return line, {**table, "args": globs + draw(st.just([]) | st.just(["**"]))}


@hypothesis.settings(max_examples=5_000 if LONG else 100)
@hypothesis.given(matched())
def test_an_allow_never_takes_what_a_deny_of_the_same_words_leaves(drawn: tuple[str, dict[str, Any]]) -> None:
    line, table = drawn
    request = model.Request(kind="permission", tool="Bash", input={"command": line})
    call = rules.Book(parse=sayso_shell.read).call(request, "bot")
    match = read_match("x", table)
    if matching.holds(match, call, strictly=True):
        assert matching.holds(match, call, strictly=False)
        # and nothing in it is more than one command of that program
        assert line.split()[0] in match.program


# beyond ASCII the grammar's own scanner reads past its tables: this once ended the process
BEYOND = ["\x80", "\xff", "\u0100", "\u2028", "\uffff", "\U0010ffff", "\ud800", "\x00"]
foreign = st.lists(st.sampled_from([*GLUE, *BEYOND])).map("".join)


@hypothesis.settings(max_examples=5_000 if LONG else 150)
@hypothesis.given(st.text(max_size=40) | foreign)
def test_any_text_at_all_can_be_read_or_is_said_to_be_unreadable(line: str) -> None:
    check_read(line)


def test_a_sign_beyond_ascii_can_be_read_anywhere_or_is_said_to_be_unreadable() -> None:
    for row in each(BEYOND):
        with row as sign:
            for line in (
                sign,
                sign * 9,
                f"ls {sign}",
                f"ls '{sign}'",
                f'"{sign}',
                f"$({sign})",
                f"$({sign}",
                f"\\{sign}",
            ):
                check_read(line)


def check_read(line: str) -> None:
    found = sayso_shell.read(line)
    assert not (found.whole and found.unread)
    assert not found.whole or (len(found.commands) == 1 and line.isprintable())

"""`sayso stats`, over the database and over a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sayso import errors
from sayso_bots.settings import durations, toml
from tests.bots.conftest import Call

RUN = ("ask", "permission", "--tool", "Bash", "--input", '{"command": "make"}', "--id", "r1")


def test_the_command_tells_what_was_decided(inside: Call) -> None:
    assert inside(*RUN).returncode == 0
    assert inside("answer", "r1", "--allow").returncode == 0
    told = inside("stats")
    assert told.returncode == 0, told.stderr
    assert "1 request decided: 1 allowed" in told.stdout
    assert "Bash" in told.stdout
    figures = json.loads(inside("stats", "--since", "12h", "--json").stdout)
    assert (figures["requests"], figures["outcomes"]) == (1, {"allowed": 1})


@pytest.mark.parametrize("since", ["", "7", "0d", "400d", "-1d", "soon", "1w"])
def test_a_period_that_is_none_is_refused_by_its_option(since: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        durations.period(since, "--since")
    assert refused.value.field == "--since"


def test_readers_are_the_owner_unless_the_file_names_some(tmp_path: Path) -> None:
    people = {"people": {"ann": {}, "bob": {}}, "groups": {"leads": {"members": ["bob"]}}}
    assert toml.setup(toml.parse({})).readers == ("anyone",)
    assert toml.setup(toml.parse(people)).readers == ()
    assert toml.setup(toml.parse({**people, "service": {"owner": "ann"}})).readers == ("ann",)
    named = {**people, "stats": {"readers": ["group:leads", "ann"]}}
    assert toml.setup(toml.parse(named)).readers == ("group:leads", "ann")
    for wrong in ("group:lead", "cleo"):
        with pytest.raises(errors.InvalidSettings) as refused:
            toml.parse({**people, "stats": {"readers": [wrong]}})
        assert refused.value.field == "stats.readers"

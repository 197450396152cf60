"""`sayso list`: narrowed by the same words as the inbox, page by page, and watched."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sayso
from sayso import clock, model
from sayso.desk.answering import searching
from sayso.machine import people
from sayso_bots.commands import list as listing
from sayso_bots.settings import environment
from sayso_bots.terminal import access, local_desk, output
from tests.bots.conftest import Call, Command
from tests.conftest import until


def ids(inside: Call, *arguments: str) -> list[str]:
    return [one["id"] for one in json.loads(inside("list", "--json", *arguments).stdout)]


def test_every_word_of_the_inbox_is_an_option(inside: Call) -> None:
    said = inside("list", "--help").stdout
    assert all(f"--{name} " in said for name in searching.NAMES)


def test_a_list_is_narrowed_by_words_and_goes_on_behind_a_request(inside: Call) -> None:
    for number in range(3):
        command = json.dumps({"command": f"make t{number}"})
        inside("ask", "permission", "--tool", "Bash", "--input", command, "--id", f"b{number}")
    inside("ask", "question", "Which?", "--id", "q1")
    assert ids(inside, "--tool", "bash") == ["b2", "b1", "b0"]
    assert ids(inside, "--search", "make t1") == ["b1"]
    assert ids(inside, "--tool", "bash", "--limit", "1", "--before", "b2") == ["b1"]
    assert ids(inside, "--whose", "me", "--state", "pending") == ["q1", "b2", "b1", "b0"]
    assert ids(inside, "--whose", "mine") == []
    assert inside("list", "--risk", "x").returncode == 2
    assert inside("list", "--before", "none").returncode == 2


def test_a_search_that_ends_before_the_last_request_says_where_it_goes_on(
    inside: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_READ", 1)
    monkeypatch.setattr(searching, "_AT_ONCE", 1)
    monkeypatch.setattr(listing, "_MOST_PAGES", 2)
    for number in range(4):
        inside("ask", "question", "Which?", "--id", f"q{number}")
    found = inside("list", "--tool", "rare")
    assert "more further back: --before q2" in found.stderr
    assert "further back" not in inside("list", "--tool", "rare", "--before", "q1").stderr


async def test_a_watched_list_prints_what_is_new_or_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    seen = list[str]()

    def read() -> str:
        seen.append(capsys.readouterr().out)
        return "".join(seen)

    async with access.connect(environment.read(), create=True) as desk:
        assert isinstance(desk, local_desk.LocalDesk)
        watching = asyncio.create_task(listing._watch({"tool": "Bash"}, 50, True))
        await desk.open(sayso.Permission(tool="Bash", input={"command": "make"}, id="r1"))
        await until(lambda: '"id": "r1"' in read())
        await desk.open(sayso.Permission(tool="Edit", input={"path": "a"}, id="r2"))
        await desk.desk.answer("r1", model.Answer(verdict="deny"), people.local())
        await until(lambda: '"outcome": "denied"' in read())
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    lines = [json.loads(line) for line in "".join(seen).splitlines()]
    assert {one["id"] for one in lines} == {"r1"}
    assert [one["state"] for one in lines] == ["pending", "decided"]


def test_a_row_of_a_table_in_a_pipe_is_one_line_however_long_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a" * 5_000
    output.print_table(("id", "about", "state"), [("r1", "日本", "pending"), ("r2", "né", long)], foreign=1)
    shown = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(" r")]
    assert shown == [["r1", '"日本"', "pending"], ["r2", '"né"', long]]


def test_a_list_needs_neither_the_desk_nor_what_chats_bring(command: Command) -> None:
    late = "('sayso.desk.desk', 'sayso.machine.transitions', 'sayso_bots.settings.schema', 'sayso.chat.plugin')"
    program = (
        "import atexit, sys, sayso_bots; sys.argv[1:] = ['list']\n"
        f"atexit.register(lambda: print([one for one in {late} if one in sys.modules]))\n"
        "sayso_bots.main()"
    )
    assert command("ask", "question", "Which?", "--id", "q1").returncode == 0
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, cwd=command.folder, capture_output=True, text=True, check=True)
    assert " q1 " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_list_follows_the_settings_as_far_as_they_concern_it(inside: Call, tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    inside("ask", "permission", "--tool", f"use {secret}", "--id", "r1")
    assert secret not in inside("list").stdout
    settings = Path("sayso.toml")
    settings.write_text('[secrets]\nshow = "plain"\n')
    assert secret in inside("list").stdout
    settings.write_text('[secrets]\nshow = "all"\n')
    assert "secrets.show" in inside("list").stderr
    settings.write_text("[secrets")
    assert "is not TOML" in inside("list").stderr
    settings.write_text('[service]\nownr = "ann"\n')
    assert inside("list").returncode == 0
    assert "service.ownr" in inside("list", "--whose", "me").stderr


def test_a_list_shows_what_time_decided(inside: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    inside("ask", "question", "Which?", "--id", "q1", "--expires-in", "1h")
    monkeypatch.setattr(clock.SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(hours=2))
    assert "Expired" in inside("list").stdout

"""`sayso demo`: nothing needs to be there, and it ends once all four requests are decided."""

import asyncio
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sayso import model
from sayso_bots.commands import demo
from sayso_bots.demo import questions, scripted
from tests.bots.conftest import PATIENCE, Command


def test_the_scripted_demo_decides_four_requests_within_ten_seconds(command: Command, tmp_path: Path) -> None:
    began = time.monotonic()
    # settings that are there must not matter, not even wrong ones
    done = command("demo", "--auto", SAYSO_URL="http://127.0.0.1:9", SAYSO_DATABASE_URL="nonsense://")
    assert time.monotonic() - began < 10
    assert (done.returncode, done.stderr) == (0, "")
    decided = sorted(line.removeprefix("decided  ") for line in done.stdout.splitlines() if line.startswith("decided"))
    assert decided == [
        "choice      answered by owner: PostgreSQL",
        "form        answered by demo-approver: amount=25.0 currency='EUR' goodwill=True",
        "permission  allowed by owner",
        "question    answered by demo-approver: Acme",
    ]
    assert os.listdir(tmp_path) == []


def test_the_demo_finds_a_free_port_and_keeps_its_database_where_it_is_told(command: Command, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8700))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        done = command("demo", "--auto", "--folder", "kept")
        again = command("demo", "--auto", "--folder", "kept")
    assert (done.returncode, again.returncode) == (0, 0)
    assert ":8700" not in done.stdout
    assert done.stdout.startswith("Port 8700 is taken, so another one is used.\n")
    listed = command("list", "--json", SAYSO_DATABASE_URL=f"sqlite:///{tmp_path}/kept/sayso.db")
    assert listed.stdout.count('"outcome": "allowed"') == 2


def test_the_demo_tells_what_the_agent_was_told() -> None:
    (asked,) = [one for one in questions.requests() if one.tool]
    at, digest = datetime(2026, 1, 1, tzinfo=UTC), "sha256:0"

    def told(**given: Any) -> str:
        decided = model.Decision(id="r", digest=digest, decided_at=at, model_text="", **given)
        return demo._describe(asked, decided)  # pyright: ignore[reportPrivateUsage]

    assert told(outcome="denied", reason="not today") == "denied by nobody: not today"
    assert told(outcome="denied", question="which one?") == "denied by nobody: which one?"
    assert told(outcome="allowed", input=asked.input) == "allowed by nobody"
    assert told(outcome="allowed", input={"command": "ls"}) == 'allowed by nobody: edited to {"command": "ls"}'


async def test_the_demo_waits_for_a_person_and_says_so_when_it_is_stopped(command: Command) -> None:
    async with command.started("demo") as running:
        assert "/signin#" in await running.line("/signin#")
        await running.line("asked    form")
        running.process.terminate()
        code, _, err = await running.ended()
    assert code == 2
    assert "stopped before everything was decided" in err


async def test_whoever_answered_last_still_sees_what_came_of_it(command: Command) -> None:
    async with command.started("demo", "--folder", "kept") as running:
        await running.line("/signin#")
        for _ in range(4):
            await running.line("asked ")
        database = {"SAYSO_DATABASE_URL": f"sqlite:///{command.folder}/kept/sayso.db"}
        tickets: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while len(tickets) < 4:
                # it says that it asks before it does
                tickets = json.loads((await asyncio.to_thread(command, "list", "--json", **database)).stdout)
        for ticket in tickets:
            given = {
                "permission": ["--allow"],
                "question": ["--text", "Acme"],
                "choice": ["--choice", "SQLite"],
                "form": ["--value", "amount=5", "--value", "currency=EUR", "--value", "goodwill=false"],
            }[ticket["kind"]]
            answered = await asyncio.to_thread(command, "answer", ticket["id"], *given, **database)
            assert answered.returncode == 0, answered.stderr
        await running.line("The inbox stays open for 20 s; Ctrl-C ends it now")
        running.process.terminate()
        assert (await running.ended())[0] == 0


def test_the_demo_asks_one_of_each_kind() -> None:
    assert [request.kind for request in questions.requests()] == ["permission", "question", "choice", "form"]


def test_the_scripted_person_reads_only_the_form_of_its_request() -> None:
    page = (
        '<form><input type="hidden" name="csrf" value="0"></form><article data-id="r1"><form>'
        '<input type="hidden" name="csrf" value="1">'
        '<label><input type="radio" name="f" value="0"><span>A</span></label>'
        '<button name="token" value="t">\n Allow </button></form></article>'
    )
    form = scripted.forms_of(page)[1]
    assert (form.request, form.hidden) == ("r1", {"csrf": "1"})
    assert (form.buttons, form.ticks) == ({"Allow": ("token", "t")}, {"A": ("f", "0")})

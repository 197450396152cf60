"""docs/auditor.md is done for real: a store that people in a chat filled, exports of it, Python without our package."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

import sayso
from sayso import errors, model
from sayso.machine import people
from sayso.stores import sqlite
from tests.adapters import slack_scene
from tests.bots.conftest import Call
from tests.bots.test_audit import KEY, public, script
from tests.bots.test_team_page import is_like
from tests.conftest import require
from tests.fakes import processes

PAGE = (Path(__file__).parents[2] / "docs" / "auditor.md").read_text(encoding="utf-8")
POLICY = model.Policy(
    needs=(model.Need(who=("group:release",), count=2), model.Need(who=("group:security",))), expires_in=14_400.0
)
TEAM = people.Directory(
    {name: people.Profile(frozenset({f"slack:T1/U{at}"})) for at, name in enumerate(("ann", "bob", "cid"), 1)},
    {"release": people.Group(frozenset({"ann", "bob"})), "security": people.Group(frozenset({"bob", "cid"}))},
)


def deploy(version: str) -> sayso.Request:
    made = {"environment": "production", "version": version}
    return sayso.Permission(tool="deploy", input=made, id=f"deploy-{version}")


async def fill(folder: Path) -> None:
    """Two deploys, a hundred days ago: one is allowed by three people and run, one is denied."""
    kept = await sqlite.SqliteStore.open(str(folder / "sayso.db"))
    async with slack_scene.scene(policy=POLICY, kept=kept, directory=TEAM) as there:
        there.clock.advance((datetime.now(UTC) - timedelta(days=100) - there.clock.now()).total_seconds())
        ann, bob, cid = (there.slack.person(f"U{at}", name=name) for at, name in enumerate(TEAM.people, 1))
        await there.ask(deploy("1.4.1"), owner="release-bot")
        for person in (bob, ann, cid):
            there.clock.advance(60)
            await person.press(there.slack.messages("C1")[-1], "Allow")
        await there.front.use("deploy-1.4.1")
        await there.ask(deploy("1.4.2"), owner="release-bot")
        there.clock.advance(60)
        await ann.press(there.slack.messages("C1")[-1], "Allow")
        there.clock.advance(60)
        shown = there.slack.messages("C1")[-1]
        await cid.press(shown, "Deny with reason…")
        await cid.fill(cid.view, {"Why not? The agent reads this.": "CVE-2026-1234 is not mended in it"})
        assert (await cid.submit(cid.view)).errors == {}
        # his card is not redrawn yet
        await bob.press(shown, "Allow")
        with pytest.raises(errors.AlreadyUsed):
            await there.front.use("deploy-1.4.1")


def without(folder: Path, name: str, *commands: str) -> None:
    """A copy of the database, changed behind the service's back."""
    shutil.copy(folder / "sayso.db", folder / name)
    with apsw.Connection(str(folder / name)) as db:
        for one in commands:
            db.execute(one)


def undated(text: str) -> str:
    """Days, hours and hashes are others each time."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d", "WHEN", text)
    return re.sub(r"(sha256:|\"body\": \")[0-9a-f]+", r"\1HASH", text)


def test_the_page_is_what_an_auditor_sees(inside: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require(shutil.which("bash"), "bash")
    monkeypatch.setenv("SAYSO_SIGNING_KEY", KEY)
    monkeypatch.setenv("LOGNAME", "ann")
    asyncio.run(fill(tmp_path))
    shown = {
        command: printed
        for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
        for command, _, printed in (part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:])
    }
    (first,) = (line for line in shown if line.startswith("sayso"))
    assert inside(*first.split()[1:]).stderr.strip() == shown.pop(first).strip()
    without(tmp_path, "a.db", "delete from log where number = 9")
    gone = [
        f"delete from {table} where {column} = 'deploy-1.4.2'"
        for table, column in (("log", "ticket_id"), ("tickets", "id"))
    ]
    without(tmp_path, "b.db", "delete from seals", *gone)
    for name, file in (("a.db", "without-9.jsonl"), ("b.db", "rewritten.jsonl")):
        assert inside("audit", "export", file, SAYSO_DATABASE_URL=f"sqlite:///{tmp_path / name}").returncode == 0
    assert inside("purge", "--content", "90d").returncode == 0
    assert inside("audit", "export", "erased.jsonl").returncode == 0
    (tmp_path / "verify.py").write_text(script())
    (found,) = re.findall(r"```python script\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "rows.py").write_text(found)
    assert "sayso" not in found
    assert len(shown) == 10
    for line, printed in shown.items():
        ran = auditor(tmp_path, line)
        assert is_like(undated(ran), undated(printed.strip("\n"))), (line, ran)


def auditor(folder: Path, line: str) -> str:
    """What a command prints where no module of ours is found."""
    program = line.replace("python3 ", f'{sys.executable} -I -c "{BLIND}" ').replace("$PUBLIC_KEY", public())
    variables = {"PATH": os.environ["PATH"]}
    done = processes.shell(program, folder, variables)
    return done.stdout + done.stderr


# Runs a script, whose name comes next, as if this package were not installed.
BLIND = (
    "import runpy, sys; sys.modules['sayso'] = None; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
)

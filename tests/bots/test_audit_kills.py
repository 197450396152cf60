"""The log is whole and sealed, however often the service that writes and seals it is killed: real processes."""

import asyncio
import random
from pathlib import Path

import pytest

import sayso
import sayso_signing
from sayso.audit import checking, gathering
from sayso.desk.upkeep import seal_keepers, sealing
from sayso.testing import oracle
from sayso.testing.clock import ManualClock
from tests.bots import test_restart
from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup
from tests.fakes.pg import pg_server, pg_url

pytestmark = pytest.mark.once

__all__ = ["pg_server", "pg_url"]

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
SETTINGS = '[audit]\nseal_every = "0.05s"\nfile = "seals.jsonl"\n'


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    return "sqlite:///sayso.db" if request.param == "sqlite" else str(request.getfixturevalue("pg_url"))


async def test_no_row_of_kills_breaks_the_log_or_loses_a_seal(
    command: Command, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYSO_SIGNING_KEY", KEY)
    chance, seen = random.Random(test_restart.SEED), oracle.Witnessed()
    async with setup(command, database, SETTINGS) as there, sayso.open(there.url, key=there.key) as desk:
        people = [there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")]
        there.slack.channel("C2", name="dev", members=["U1", "U2"])
        async with asyncio.timeout(test_restart.LONGEST), asyncio.TaskGroup() as group:
            wanted = [test_restart.permission(n, chance) for n in range(test_restart.REQUESTS)]
            tasks = [group.create_task(test_restart.agent(desk, seen, one)) for one in wanted]
            for who in people:
                scripted = test_restart.person(there, seen, who, random.Random(chance.random()))
                tasks.append(group.create_task(scripted))
            while there.crashes < test_restart.KILLS and not test_restart.all_done(tasks):
                await test_restart.some_moment(there, there.activity() + chance.randint(2, 12), tasks)
                await there.restart()
        # the last process dies, too, at whatever it is doing
        await there.kill()
        monkeypatch.chdir(tmp_path)
        report, seals = await checked(there, Path("seals.jsonl"))
        assert there.crashes > 2
    assert report.findings == []
    assert (report.requests, report.unsealed, report.seals > 1) == (test_restart.REQUESTS, 0, True)
    # each seal was kept elsewhere, in its order; those that a kill had handed out again are the same
    numbers = [number for number, _ in seals]
    assert list(dict.fromkeys(numbers)) == sorted(set(numbers))
    assert len(set(seals)) == len(set(numbers)) == report.seals
    assert set(seen.decided) == set(seen.asked)


async def checked(there: Setup, file: Path) -> tuple[checking.Report, list[tuple[int, str]]]:
    """What an auditor finds afterwards, once the next process has sealed the rest, and handed it out."""
    signer = sayso_signing.Keyring.from_text(KEY)
    checker = checking.Checker(sayso_signing.check, [*signer.public.values()])
    async with there.stored() as store:
        sealer = sealing.Sealer(store, ManualClock(), signer, [sealing.Place(seal_keepers.FileKeeper(file))])
        assert await sealer.seal() in (0, 1)
        await sealer.hand_out()
        kept = (await asyncio.to_thread(file.read_text)).splitlines()
        async for item in gathering.everything(store):
            gathering.hand_in(checker, item)
        stored = {seal.document: seal.number for seal in await store.seals(0, 10_000)}
    for line in kept:
        checker.elsewhere(line)
    return checker.finish(), [(stored.get(line, -1), line) for line in kept]

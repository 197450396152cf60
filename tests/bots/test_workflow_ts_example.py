"""The Workflow SDK example as users run it: built with its real packages, served by Node, killed while people think."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import standardwebhooks

from sayso import clock
from sayso.desk import keys
from tests.bots.conftest import Command, Running
from tests.bots.restarts import WITHIN, Setup, setup
from tests.conftest import until
from tests.fakes import node
from tests.fakes.ports import free_port
from tests.fakes.processes import started
from tests.fakes.slack import Message, Person

pytestmark = pytest.mark.once

EXAMPLE = Path(__file__).resolve().parents[2] / "bots" / "examples" / "workflow-ts"
SETTINGS = '[service]\ncallback_hosts = ["127.0.0.1"]\n'


@dataclass
class App:
    """The example, served on one port with its event log in one folder, whatever becomes of its process."""

    there: Setup
    session: aiohttp.ClientSession
    output: Path
    port: int
    secret: str
    life: AsyncExitStack = field(default_factory=AsyncExitStack)
    running: Running | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        folder = self.there.command.folder
        given = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKFLOW_TARGET_WORLD": "local",
            "WORKFLOW_LOCAL_DATA_DIR": str(folder / "events"),
            "APP_URL": self.url,
            "SAYSO_URL": self.there.url,
            "SAYSO_KEY": self.there.key,
            "CALLBACK_SECRET": self.secret,
        }
        self.running = await self.life.enter_async_context(
            started(["node", self.output / "server" / "index.mjs"], folder, **given)
        )
        await self.running.line("Listening on")

    async def kill(self) -> None:
        assert self.running is not None
        await self.running.kill()
        await self.life.aclose()

    async def deploy(self, command: str, **more: Any) -> str:
        """A new run; its id."""
        async with self.session.post(f"{self.url}/api/deploys", json={"command": command, **more}) as made:
            started: dict[str, str] = await made.json()
        return started["id"]

    async def result(self, run: str) -> str:
        """What a run came to, once it has."""
        async with asyncio.timeout(WITHIN * 2):
            while True:
                async with self.session.get(f"{self.url}/api/deploys/{run}") as found:
                    said: dict[str, str] = await found.json()
                if said["status"] not in ("pending", "running"):
                    return said["result"] or said["status"]
                await asyncio.sleep(0.02)

    async def card(self, run: str) -> Message:
        """What people see of a run's question."""
        await self.there.until(lambda: self.there.cards(f"{run}:deploy"))
        return self.there.cards(f"{run}:deploy")[0]

    async def asleep(self, run: str) -> Message:
        """The card of a run that waits; earlier its log might not survive a kill: it marks a step, then writes it."""
        shown = await self.card(run)
        log = self.there.command.folder / "events" / "events"
        await until(lambda: any('"wait_created"' in path.read_text() for path in log.glob(f"{run}-*.json")))
        return shown

    async def sayso(self, path: str, key: str, body: Mapping[str, Any]) -> Any:
        """A call of the service that must succeed."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self.session.post(self.there.url + path, headers=headers, json=body) as answered:
            assert answered.status in (200, 201), await answered.text()
            return await answered.json()

    async def refused(self, path: str, key: str, body: Mapping[str, Any]) -> int:
        """How the service refuses a call."""
        headers = {"Authorization": f"Bearer {key}"}
        async with self.session.post(self.there.url + path, headers=headers, json=body) as answered:
            return answered.status

    async def told(self, decision: Mapping[str, Any], id: str, secret: str = "") -> int:
        """How it takes a callback."""
        body = json.dumps({"data": {"id": id, "decision": decision}})
        now = clock.SystemClock().now()
        signed = standardwebhooks.Webhook(secret or self.secret).sign("dec_1", now, body)
        headers = {"webhook-id": "dec_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signed}
        async with self.session.post(f"{self.url}/api/sayso/callback", headers=headers, data=body) as answered:
            return answered.status


@pytest.fixture(scope="module")
def output() -> Path:
    return node.built(EXAMPLE, output=".output")


@asynccontextmanager
async def app(there: Setup, output: Path) -> AsyncGenerator[App]:
    secret = (await asyncio.to_thread(there.command, "keys", "callback")).stdout.strip()
    port = free_port()
    async with aiohttp.ClientSession() as session:
        made = App(there, session, output, port, secret)
        async with made.life:
            await made.start()
            yield made


async def test_a_workflow_that_asks_people_outlives_kills_and_takes_only_signed_decisions(
    command: Command, output: Path
) -> None:
    async with setup(command, more=SETTINGS) as there, app(there, output) as here:
        ann = there.slack.person("U1", name="ann")
        await killed_while_somebody_thinks(here, ann)
        await killed_while_it_is_told(here, ann)
        async with there.stored() as store:
            key = await keys.Keys(store).add("ann", "approver", clock.SystemClock().now())
        await edited(here, key)
        await answered_by_a_one_time_address(here, key)
        await denied(here, ann)
        await nobody_answers(here)
        await cancelled(here)
        await forged_repeated_or_misshapen(here, ann)


async def killed_while_somebody_thinks(here: App, ann: Person) -> None:
    run = await here.deploy("make deploy")
    card = await here.asleep(run)
    await here.kill()
    await here.start()
    assert (await ann.press(card, "Allow")).acked
    assert await here.result(run) == "ran make deploy"
    assert here.there.posts() == 1


async def killed_while_it_is_told(here: App, ann: Person) -> None:
    run = await here.deploy("make again")
    card = await here.asleep(run)
    await here.kill()
    assert (await ann.press(card, "Allow")).acked
    await here.there.decision(f"{run}:deploy")
    await here.there.kill()
    await here.start()
    with contextlib.closing(here.there.locked()) as held:
        held.execute("update outbox set due_at = 0")  # minutes pass
        held.execute("commit")
    await here.there.start()
    assert await here.result(run) == "ran make again"


async def edited(here: App, key: str) -> None:
    run = await here.deploy("make deploy")
    await here.card(run)
    for wrong in ({"command": 7}, {"command": ""}, {}, {"command": "make deploy", "force": True}):
        assert (
            await here.refused(f"/v1/requests/{run}:deploy/answers", key, {"verdict": "allow", "input": wrong}) == 422
        )
    answer = {"verdict": "allow", "input": {"command": "make staging"}}
    await here.sayso(f"/v1/requests/{run}:deploy/answers", key, answer)
    assert await here.result(run) == "ran make staging"


async def answered_by_a_one_time_address(here: App, key: str) -> None:
    run = await here.deploy("make deploy")
    await here.card(run)
    made = await here.sayso(f"/v1/requests/{run}:deploy/resume", key, {"name": "tracker"})
    await here.sayso(made["path"], "", {"verdict": "allow"})
    assert await here.result(run) == "ran make deploy"


async def denied(here: App, ann: Person) -> None:
    run = await here.deploy("make deploy")
    assert (await ann.press(await here.card(run), "Deny")).acked
    assert "was denied by ann. Do not run it" in await here.result(run)


async def nobody_answers(here: App) -> None:
    run = await here.deploy("make deploy", seconds=0.3)
    assert "Do not go ahead" in (await here.result(run)).replace("do not", "Do not")


async def cancelled(here: App) -> None:
    run = await here.deploy("make deploy")
    await here.card(run)
    async with here.session.delete(f"{here.url}/api/deploys/{run}") as gone:
        assert gone.status == 200
    assert await here.result(run) == "cancelled"
    slack = here.there.slack
    await slack.until(lambda: slack.controls(here.there.cards(f"{run}:deploy")[0]) in ([], ["Details"]), within=WITHIN)
    assert "Withdrawn" in slack.visible_text(here.there.cards(f"{run}:deploy")[0])


async def forged_repeated_or_misshapen(here: App, ann: Person) -> None:
    """401 for what sayso did not sign, 200 where nobody waits any more, 500 for what no workflow could take."""
    run = await here.deploy("make deploy")
    card = await here.card(run)
    assert await here.told({}, f"{run}:deploy", secret="whsec_" + "A" * 32) == 401
    assert await here.told({"outcome": "perhaps"}, f"{run}:deploy") == 500
    assert await here.told({"outcome": "allowed", "by": [], "model_text": ""}, "gone") == 200
    assert (await ann.press(card, "Deny")).acked
    assert "was denied" in await here.result(run)
    late = {"outcome": "allowed", "input": {"command": "rm -r /"}, "by": [], "model_text": ""}
    assert await here.told(late, f"{run}:deploy") == 200
    assert "was denied" in await here.result(run)

"""Discord beside Slack and the inbox, with `sayso serve` as a process that is killed at a bad moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.bots.conftest import Command
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord import Message as DiscordMessage
from tests.fakes.discord import Person as DiscordPerson
from tests.fakes.discord.delivery import signature
from tests.fakes.ports import free_port
from tests.fakes.processes import Forked
from tests.fakes.slack import FakeSlack

OPS, ANN, BOB = "200000000000000001", "300000000000000001", "300000000000000002"
SETTINGS = f"""
[service]
grace = "1s"
[discord]
channel = "{OPS}"
threads = "session"
[people.ann]
discord = "{ANN}"
slack = "T1/U1"
[policies.both]
approvers = ["anyone"]
quorum = 2
"""
WITHIN = 15.0

Json = dict[str, Any]


@dataclass
class Setup:
    """One service at one address; channel OPS is where its cards go."""

    command: Command
    discord: FakeDiscord
    more: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    key: str = ""
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)
    process: asyncio.subprocess.Process | Forked | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the operator exports."""
        aimed = {"DISCORD_API_URL": self.discord.api_url, "DISCORD_GATEWAY_URL": self.discord.gateway_url}
        return {"SAYSO_PORT": str(self.port), "DISCORD_BOT_TOKEN": self.discord.bot_token, **aimed, **self.more}

    @property
    def url(self) -> str:
        """Where agents find it, whenever it runs."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> str:
        """A new process; how it is connected, in words."""
        running = await self._life.enter_async_context(self.command.started("serve", **self.environment))
        self.process = running.process
        await running.line("sayso listens on")
        return await running.line("chat")

    async def kill(self) -> None:
        """SIGKILL: no goodbye, nothing is finished."""
        assert self.process is not None
        self.process.kill()
        await self._life.aclose()

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """A call with the agent's key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as session,
            session.request(method, path, json=body) as got,
        ):
            assert got.status in (200, 201), await got.text()
            answer: Json = await got.json()
            return answer

    async def ask(self, **request: Any) -> None:
        """An agent asks, without waiting."""
        await self.call("POST", "/v1/requests", request)

    async def decision(self, id: str) -> Json:
        """The decision, once there is one."""
        async with asyncio.timeout(WITHIN):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    if found := (await self.call("GET", f"/v1/requests/{id}?wait=5"))["decision"]:
                        decision: Json = found
                        return decision

    async def until(self, true: Any) -> None:
        """Wait for something to happen in Discord."""
        await self.discord.until(true, within=WITHIN)

    def cards(self, channel: str = OPS) -> list[DiscordMessage]:
        """The cards in a channel or thread."""
        return [one for one in self.discord.messages(channel) if any(part["type"] == 17 for part in one.components)]


@asynccontextmanager
async def setup(command: Command, settings: str = SETTINGS, **more: str) -> AsyncGenerator[Setup]:
    (command.folder / "sayso.toml").write_text(settings)
    port = free_port()
    async with FakeDiscord() as discord, AsyncExitStack() as life:
        discord.channel(OPS, name="ops")
        there = Setup(command, discord, more, port, _life=life)
        there.key = command.key("bot", "agent")
        yield there


async def test_three_questions_of_a_session_are_answered_in_one_thread_over_a_crash(command: Command) -> None:
    async with setup(command) as there:
        ann = there.discord.person(ANN, name="ann")
        assert "Discord over the gateway" in await there.start()
        session = {"agent": "bot", "session": "fix the build"}
        options = [{"label": "PostgreSQL"}, {"label": "SQLite"}]
        form = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
        await there.ask(id="q1", kind="choice", title="Which database?", options=options, source=session)
        await there.until(lambda: there.discord.threads(OPS))
        (thread,) = there.discord.threads(OPS)
        await there.until(lambda: len(there.cards(thread.id)) == 1)
        assert (await ann.press(there.cards(thread.id)[0], "2 · SQLite")).acked
        await there.ask(id="q2", kind="form", title="Refund", schema=form, source=session)
        await there.ask(id="q3", kind="question", title="Which customer?", source=session)
        await there.until(lambda: len(there.cards(thread.id)) == 3)
        by_title = {
            title: card
            for card in there.cards(thread.id)
            for title in ("Refund", "Which customer?")
            if title in there.discord.visible_text(card)
        }
        await ann.press(by_title["Refund"], "Fill in")
        (label,) = there.discord.controls(ann.modal)
        await ann.fill(ann.modal, {label: "10"})
        await there.kill()
        await ann.reply(by_title["Which customer?"], "Acme")
        await there.start()
        assert (await ann.submit(ann.modal)).acked
        assert (await there.decision("q1"))["choices"] == ["SQLite"]
        assert (await there.decision("q2"))["values"] == {"amount": 10}
        third = await there.decision("q3")
        assert (third["text"], third["by"][0]["person"]) == ("Acme", "ann")
        await there.until(
            lambda: all(set(there.discord.controls(card)) <= {"Details"} for card in there.cards(thread.id))
        )
        assert len(there.cards(thread.id)) == 3
        assert len(there.discord.threads(OPS)) == 1
        assert there.cards(OPS) == []


async def test_a_note_reaches_the_thread_of_its_session(command: Command) -> None:
    async with setup(command) as there:
        await there.start()
        told = await there.call("POST", "/v1/sessions/fix%20it/notes", {"text": "half **done**"})
        assert told == {"places": [f"discord:{OPS}"]}
        (thread,) = there.discord.threads(OPS)
        assert "half done" in there.discord.visible_text(there.discord.messages(thread.id)[-1])


@dataclass
class Everywhere:
    """One service on Slack, Discord and the web."""

    there: Setup
    slack: FakeSlack
    web: aiohttp.ClientSession

    def discord_card(self) -> DiscordMessage:
        (card,) = self.there.cards()
        return card

    async def asked(self, **request: Any) -> None:
        await self.there.ask(id="p1", kind="permission", tool="Bash", input={"command": "make deploy"}, **request)
        await self.slack.until(lambda: self.slack.messages("C1"), within=WITHIN)
        await self.there.until(self.there.cards)

    async def closed(self) -> None:
        """All cards say so and have no buttons."""
        await self.slack.until(
            lambda: set(self.slack.controls(self.slack.messages("C1")[0])) <= {"Details"}, within=WITHIN
        )
        await self.there.until(lambda: set(self.there.discord.controls(self.discord_card())) <= {"Details"})


@asynccontextmanager
async def everywhere(command: Command) -> AsyncGenerator[Everywhere]:
    async with FakeSlack() as slack:
        slack.channel("C1", name="ops", members=["U1", "U2"])
        given = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
        }
        async with setup(command, SETTINGS + '[slack]\nchannel = "#ops"\n', **given) as there:
            said = await there.start()
            assert "Slack" in said
            assert "Discord" in said
            key = command.key("carl", "approver")
            headers = {"Authorization": f"Bearer {key}"}
            async with aiohttp.ClientSession(there.url, headers=headers) as web:
                yield Everywhere(there, slack, web)


async def test_the_first_answer_wins_on_slack_discord_and_the_web_and_others_are_told(command: Command) -> None:
    async with everywhere(command) as all_of_it:
        there, slack = all_of_it.there, all_of_it.slack
        ann, bob = slack.person("U1", name="ann"), there.discord.person(BOB, name="bob")
        await all_of_it.asked()
        before = all_of_it.discord_card()
        old = slack.messages("C1")[0]
        async with asyncio.TaskGroup() as at_once:
            first = at_once.create_task(ann.press(old, "Allow"))
            second = at_once.create_task(bob.press(before, "Deny"))
            third = at_once.create_task(answer(all_of_it.web, {"verdict": "deny"}))
        decision = await there.decision("p1")
        won = decision["by"][0]["via"]
        assert len(decision["by"]) == 1
        assert first.result().acked
        assert second.result().acked
        refused = {"slack": first.result().ephemerals, "discord": second.result().ephemerals}
        await all_of_it.closed()
        if not won.startswith("slack:"):
            await slack.until(lambda: first.result().ephemerals, within=WITHIN)
            assert "Too late" in slack.visible_text(first.result().ephemerals[-1])
        if not won.startswith("discord:"):
            await there.until(lambda: second.result().ephemerals)
            assert "Too late" in there.discord.visible_text(second.result().ephemerals[-1])
        assert third.result() == (200 if won.startswith("key:") else 409)
        assert set(refused) == {"slack", "discord"}


async def answer(web: aiohttp.ClientSession, given: Json) -> int:
    async with web.post("/v1/requests/p1/answers", json=given) as got:
        return got.status


async def test_one_person_on_two_platforms_counts_once(command: Command) -> None:
    async with everywhere(command) as all_of_it:
        there, slack = all_of_it.there, all_of_it.slack
        on_slack, on_discord = slack.person("U1", name="ann"), there.discord.person(ANN, name="ann")
        bob: DiscordPerson = there.discord.person(BOB, name="bob")
        await all_of_it.asked(policy="both")
        await on_slack.press(slack.messages("C1")[0], "Allow")
        await there.until(lambda: "1 of 2 people" in there.discord.visible_text(all_of_it.discord_card()))
        await on_discord.press(all_of_it.discord_card(), "Allow")
        assert (await there.call("GET", "/v1/requests/p1"))["decision"] is None
        await bob.press(all_of_it.discord_card(), "Allow")
        decision = await there.decision("p1")
        assert {one["person"] for one in decision["by"]} == {"ann", f"discord:{BOB}"}
        await all_of_it.closed()


async def test_a_note_is_told_on_every_chat(command: Command) -> None:
    async with everywhere(command) as all_of_it:
        there, slack = all_of_it.there, all_of_it.slack
        for text in ("one", "two"):
            told = await there.call("POST", "/v1/sessions/s-1/notes", {"text": text})
            assert told == {"places": ["slack:#ops", f"discord:{OPS}"]}
        root, first, second = slack.messages("C1")
        assert "s-1" in slack.visible_text(root)
        assert "one" in slack.visible_text(first)
        assert "two" in slack.visible_text(second)
        assert first.thread_ts == second.thread_ts == root.ts


async def test_readiness_tells_the_truth_about_discord(command: Command) -> None:
    async with setup(command) as there:
        await there.start()
        async with aiohttp.ClientSession(there.url) as session:
            async with session.get("/readyz") as ready:
                assert ready.status == 200
            there.discord.gateway.shut = {"/gateway/", "/gateway/resume/"}
            there.discord.gateway.drop()
            async with asyncio.timeout(WITHIN):
                while True:
                    async with session.get("/readyz") as ready:
                        if ready.status == 503:
                            break


async def test_without_the_gateway_the_service_starts_and_says_that_it_is_not_ready(command: Command) -> None:
    async with setup(command) as there:
        there.discord.gateway.shut = {"/gateway/"}
        await there.start()
        async with aiohttp.ClientSession(there.url) as session:
            async with session.get("/readyz") as ready, session.get("/healthz") as alive:
                assert (ready.status, alive.status) == (503, 200)
                assert (await ready.json())["checks"]["discord"] == "failed"
            there.discord.gateway.shut = set()
            await there.until(lambda: there.discord.gateway.identifies)
            async with asyncio.timeout(WITHIN):
                while True:
                    async with session.get("/readyz") as ready:
                        if ready.status == 200:
                            break


async def test_a_token_that_discord_takes_no_more_ends_the_service_with_the_code(command: Command) -> None:
    async with setup(command) as there:
        await there.start()
        process = there.process
        assert process is not None
        assert process.stderr is not None
        there.discord.gateway._token = "another"
        there.discord.gateway.forget()
        await there.discord.gateway.close(4000)
        async with asyncio.timeout(WITHIN * 2):
            said = (await process.stderr.read()).decode()
            assert await process.wait() == 2
        assert "Discord does not take this bot any more, code 4004" in said


async def test_over_http_only_what_discord_signed_is_taken(command: Command) -> None:
    async with setup(command) as there:
        there.more["DISCORD_PUBLIC_KEY"] = there.discord.public_key
        assert "Discord by HTTP" in await there.start()
        there.discord.use_http(f"{there.url}/discord/interactions")
        ann = there.discord.person(ANN, name="ann")
        await there.ask(id="p1", kind="permission", tool="Bash", input={})
        await there.until(there.cards)
        assert (await ann.press(there.cards()[0], "Allow")).acked
        assert (await there.decision("p1"))["outcome"] == "allowed"
        async with aiohttp.ClientSession(there.url) as session:
            headers = signature("{}")
            async with session.post("/discord/interactions", data="{ }", headers=headers) as forged:
                assert forged.status == 401


async def test_doctor_looks_at_discord(command: Command) -> None:
    async with setup(command) as there:
        done = await asyncio.to_thread(command, "doctor", **there.environment)
        assert "ok    discord permissions" in done.stdout, done.stdout
        wrong = {**there.environment, "DISCORD_BOT_TOKEN": "wrong"}
        done = await asyncio.to_thread(command, "doctor", **wrong)
        assert (done.returncode, "Reset Token" in done.stdout) == (2, True)
        done = await asyncio.to_thread(command, "serve", **wrong)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "DISCORD_BOT_TOKEN" in done.stderr


def test_the_token_is_asked_for_where_it_is_missing(command: Command) -> None:
    (command.folder / "sayso.toml").write_text(SETTINGS)
    done = command("serve", SAYSO_PORT="0")
    assert (done.returncode, "sayso init discord" in done.stderr) == (2, True)


def test_init_prints_the_invitation(command: Command) -> None:
    done = command("init", "discord", "901")
    assert done.stdout.startswith(
        "https://discord.com/oauth2/authorize?client_id=901&scope=bot%20applications.commands&permissions="
    )
    assert "Read Message History" in done.stderr

"""docs/team-review.md by example: its deploy is asked, allowed and denied with the real command, as the page says."""

from __future__ import annotations

import asyncio
import re
import shlex
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sayso
from sayso import errors, model
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT
from sayso_bots.settings import toml
from tests.bots.conftest import Command
from tests.fakes.discord import FakeDiscord
from tests.fakes.ports import free_port
from tests.fakes.slack import FakeSlack, Person

PAGE = (Path(__file__).parents[2] / "docs" / "team-review.md").read_text(encoding="utf-8")
WITHIN = 20.0
Pressing = Callable[[str], Awaitable[None]] | None


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def settings_of(heading: str) -> str:
    found = re.search(r"```toml\n(.*?)```", section(heading), re.DOTALL)
    assert found is not None
    return found[1]


def transcripts(heading: str) -> Iterator[tuple[str, str]]:
    """Each command of a section, and what it prints."""
    for block in re.findall(r"```text\n(.*?)```", section(heading), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed.rstrip()


def is_like(printed: str, shown: str) -> bool:
    """Whether that is what the page shows: an ellipsis stands for anything, also for nothing."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in shown.splitlines()]
    return bool(re.fullmatch(r"\s*\n".join(lines), printed.rstrip(), re.DOTALL))


async def private(slack: FakeSlack, who: Person, press: str, told: str) -> None:
    """Somebody presses, and reads this for themselves."""
    before = len(slack.ephemerals(who.user.id))
    await who.press(slack.messages("C1")[-1], press)
    await slack.until(lambda: len(slack.ephemerals(who.user.id)) > before, within=WITHIN)
    assert slack.visible_text(slack.ephemerals(who.user.id)[-1]) == told


async def test_from_nothing_to_a_deploy_that_somebody_denied(command: Command) -> None:
    heading = "Two of release and one of security"
    (command.folder / "sayso.toml").write_text(settings_of(heading))
    shown = dict(transcripts(heading))
    told = re.findall(r"\*([A-Z][^*]*?\.)\*", re.sub(r"\s+", " ", section(heading)))
    async with FakeSlack(ack_within=WITHIN) as slack:
        slack.channel("C1", name="prod", members=["U1", "U2", "U3"])
        ann, bob, cid = (slack.person(f"U{number}", name=name) for number, name in enumerate(("ann", "bob", "cid"), 1))
        tokens = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
        }
        port = str(free_port())
        looked = await asyncio.to_thread(command, "doctor", SAYSO_PORT=port, **tokens)
        assert is_like(looked.stdout.replace(f":{port} ", ":8700 "), shown["sayso doctor"]), looked.stdout
        async with command.started("serve", SAYSO_PORT="0", **tokens) as service:
            url = (await service.line("sayso listens on")).rpartition(" ")[2]
            await service.line("sign in")
            (made,) = (line for line in shown if "keys add" in line)
            key = await asyncio.to_thread(command, *shlex.split(made.partition("sayso ")[2].partition(" >")[0]))
            own = {"SAYSO_URL": url, "SAYSO_KEY": key.stdout.strip()}
            first, second = ((line, printed) for line, printed in shown.items() if line.startswith("sayso ask"))
            async with command.started(*shlex.split(first[0])[1:], **own) as asking:
                assert await asking.line("waiting for", error=True) == first[1]
                await slack.until(lambda: slack.messages("C1"), within=WITHIN)
                (card,) = slack.messages("C1")
                assert slack.pings(card) == ["U1", "U2", "U3"]
                assert "release 0 of 2 · security 0 of 1" in slack.visible_text(card)
                await private(slack, bob, "Allow", told[0])
                assert "1 of 3 has allowed it" in await asking.line("waits for", error=True)
                assert "release 1 of 2 (bob) · security 0 of 1" in slack.visible_text(slack.messages("C1")[0])
                await private(slack, ann, "Allow", told[1])
                assert "2 of 3 have allowed it" in await asking.line("waits for", error=True)
                await private(slack, ann, "Allow", told[2])
                await cid.press(slack.messages("C1")[0], "Allow")
                code, out, _ = await asking.ended()
            assert code == 0
            assert out.strip() in section(heading)
            async with command.started(*shlex.split(second[0])[1:], **own) as asking:
                waiting = await asking.line("waiting for", error=True)
                await slack.until(lambda: len(slack.messages("C1")) > 1, within=WITHIN)
                await private(slack, ann, "Allow", "Counted. Still needed: 1 of release and 1 of security.")
                progress = await asking.line("waits for", error=True)
                await cid.press(slack.messages("C1")[-1], "Deny with reason…")
                await slack.until(lambda: slack.views("U3"), within=WITHIN)
                await cid.fill(cid.view, {"Why not? The agent reads this.": "CVE-2026-1234 is not mended in it"})
                assert (await cid.submit(cid.view)).errors == {}
                code, out, _ = await asking.ended()
            assert code == 1
            assert is_like("\n".join((waiting, progress, out)), second[1]), out
            (explain,) = (line for line in shown if "explain" in line)
            explained = await asyncio.to_thread(command, *shlex.split(explain)[1:])
            assert is_like(explained.stdout, shown[explain]), explained.stdout
            await slack.until(lambda: "Denied by cid" in slack.visible_text(slack.messages("C1")[-1]), within=WITHIN)


def desk_at(heading: str, at: datetime) -> sayso.Desk:
    """A desk with the settings of a section, at that moment."""
    setup = toml.setup(toml.parse(tomllib.loads(settings_of(heading))))
    return sayso.Desk(memory.MemoryStore(), MINT, setup, ManualClock(at))


@pytest.mark.parametrize(("day", "rule", "who"), [(17, "deploys", "bob"), (18, "frozen", "lea")])
async def test_in_the_freeze_the_leads_are_asked(day: int, rule: str, who: str) -> None:
    desk = desk_at("Freeze", datetime(2026, 12, day, 12, tzinfo=UTC))
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    assert ticket.ruled
    assert ticket.ruled.rule == rule
    bob = people.Actor("web:bob", "Bob", member=True, person="bob")
    if who == "lea":
        with pytest.raises(errors.NotAllowed) as refused:
            await desk.answer(ticket.id, model.Answer(verdict="allow"), bob)
        said = refused.value.message
        assert f"*{said[0].upper()}{said[1:]}.*" in re.sub(r"\s+", " ", section("Freeze"))
    answered = await desk.answer(
        ticket.id, model.Answer(verdict="allow"), people.Actor(f"web:{who}", who, member=True, person=who)
    )
    assert answered.decision
    assert answered.decision.outcome == "allowed"


ROOMS = {"slack": "C1", "discord": "200000000000000001"}
ACCOUNTS = {
    "slack": {"ann": "T1/U1", "bob": "T1/U2"},
    "discord": {"ann": "300000000000000001", "bob": "300000000000000002"},
}


def of_team(chat: str) -> tuple[str, ...]:
    accounts = (f"--account={name}={account}" for name, account in ACCOUNTS.get(chat, {}).items())
    where = ("--channel", ROOMS[chat]) if chat in ROOMS else ()
    return ("--chat", chat, *where, *accounts)


async def in_slack(stack: AsyncExitStack) -> tuple[dict[str, str], Pressing]:
    """The fake Slack with Ann and Bob; its variables, and what they do to the newest card."""
    slack = await stack.enter_async_context(FakeSlack(ack_within=WITHIN))
    slack.channel("C1", name="prod", members=["U1", "U2"])
    people = {"ann": slack.person("U1", name="ann"), "bob": slack.person("U2", name="bob")}

    async def press(name: str) -> None:
        await slack.until(lambda: slack.messages("C1"), within=WITHIN)
        await people[name].press(slack.messages("C1")[-1], "Allow")

    tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url}
    return tokens, press


async def in_discord(stack: AsyncExitStack) -> tuple[dict[str, str], Pressing]:
    """The same in Discord."""
    discord = await stack.enter_async_context(FakeDiscord(ack_within=WITHIN))
    room = ROOMS["discord"]
    discord.channel(room, name="prod")
    people = {name: discord.person(some_id, name=name) for name, some_id in ACCOUNTS["discord"].items()}

    async def press(name: str) -> None:
        await discord.until(lambda: discord.messages(room), within=WITHIN)
        await people[name].press(discord.messages(room)[-1], "Allow")

    aimed = {"DISCORD_API_URL": discord.api_url, "DISCORD_GATEWAY_URL": discord.gateway_url}
    return {"DISCORD_BOT_TOKEN": discord.bot_token, **aimed}, press


@pytest.mark.parametrize("chat", ["slack", "discord", "none"])
async def test_the_files_of_init_team_work_as_they_are(chat: str, command: Command) -> None:
    line = ("init", "team", "--people", "ann,bob,cid", *of_team(chat), "--agents", "claude-code")
    made = command(*line, "--production", "deploy", "--quorum", "2", "--hours", "always")
    assert made.returncode == 0, made.stderr
    async with AsyncExitStack() as stack:
        given, press = await {"slack": in_slack, "discord": in_discord}.get(chat, in_inbox)(stack)
        service = await stack.enter_async_context(command.started("serve", SAYSO_PORT="0", **given))
        url = (await service.line("sayso listens on")).rpartition(" ")[2]
        await service.line("sign in")
        key = await asyncio.to_thread(command, "keys", "add", "claude-code", "--role", "agent")
        own = {"SAYSO_URL": url, "SAYSO_KEY": key.stdout.strip()}
        asked = ("ask", "permission", "--wait", "--tool")
        secret = await asyncio.to_thread(command, *asked, "Read", "--input", '{"path": ".env"}', **own)
        assert (secret.returncode, "Secrets are not read by agents" in secret.stdout) == (1, True)
        async with command.started(*asked, "deploy", "--id", "d1", **own) as asking:
            await asking.line("waiting for", error=True)
            for name in ("ann", "bob"):
                if press is not None:
                    await press(name)
                else:
                    person = await asyncio.to_thread(command, "keys", "add", name, "--role", "approver")
                    theirs = {"SAYSO_URL": url, "SAYSO_KEY": person.stdout.strip()}
                    done = await asyncio.to_thread(command, "answer", "d1", "--allow", **theirs)
                    assert done.returncode == 0, done.stderr
            assert (await asking.ended())[0] == 0


async def in_inbox(stack: AsyncExitStack) -> tuple[dict[str, str], Pressing]:
    """No chat: people answer with keys."""
    return {}, None


def somebody(name: str) -> people.Actor:
    return people.Actor(f"web:{name}", name.title(), member=True, person=name)


async def test_one_after_the_other_those_of_the_second_stage_wait_for_their_turn() -> None:
    desk = desk_at("One after the other", datetime(2026, 12, 1, tzinfo=UTC))
    ticket = await desk.open(sayso.Permission(tool="payout", policy="payout"))
    with pytest.raises(errors.Refused):
        await desk.answer(ticket.id, model.Answer(verdict="allow"), somebody("lea"))
    for name in ("ann", "lea"):
        ticket = await desk.answer(ticket.id, model.Answer(verdict="allow"), somebody(name))
    assert ticket.decision
    assert ticket.decision.allowed
    # to deny is possible at any time
    other = await desk.open(sayso.Permission(tool="payout", policy="payout"))
    assert (await desk.answer(other.id, model.Answer(verdict="deny"), somebody("lea"))).state == "decided"


async def test_break_glass_is_an_allow_of_one_person_with_a_reason_that_others_review() -> None:
    desk = desk_at("Break glass", datetime(2026, 12, 1, tzinfo=UTC))
    ticket = await desk.open(sayso.Permission(tool="deploy", policy="incident"), sayso.Caller("release-bot"))
    with pytest.raises(errors.Refused):
        await desk.answer(ticket.id, model.Answer(verdict="allow"), somebody("sue"))
    broken = model.Answer(verdict="allow", break_glass=True, reason="The site is down.")
    done = await desk.answer(ticket.id, broken, somebody("sue"))
    assert done.decision
    assert (done.decision.allowed, done.decision.break_glass) == (True, True)
    assert done.review
    review = await desk.get(done.review)
    assert review.route[0] == "slack:#security"
    with pytest.raises(errors.Refused):
        await desk.answer(review.id, model.Answer(choice=review.request.options[0].label), somebody("sue"))
    answered = model.Answer(choice=review.request.options[0].label)
    assert (await desk.answer(review.id, answered, somebody("bob"))).state == "decided"


async def test_while_ann_is_away_bob_acts_for_her_until_the_end_of_that_day() -> None:
    last = datetime(2026, 12, 24, 23, 59, tzinfo=UTC)
    desk = desk_at("Somebody is away", last)
    ticket = await desk.open(sayso.Permission(tool="change", policy="change"))
    decided = await desk.answer(ticket.id, model.Answer(verdict="allow"), somebody("bob"))
    assert decided.decision
    assert [(one.person, one.delegate) for one in decided.decision.by] == [("ann", "bob")]
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(60)
    later = await desk.open(sayso.Permission(tool="change", policy="change"))
    with pytest.raises(errors.NotAllowed):
        await desk.answer(later.id, model.Answer(verdict="allow"), somebody("bob"))

"""Keys that no example of the pages needs: each of them, set to what it is not by itself, changes what happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sayso import model
from sayso.desk import channel
from sayso.desk.setup import Telling
from sayso_bots.service import sealers, signing
from sayso_bots.settings import environment, toml
from sayso_slack import plugin
from tests.bots.test_policy_page import asked, desk_of, parse
from tests.bots.test_settings_who import by

DEFAULT = '[policies.default]\napprovers = ["ann"]\n'
AFTER = """
[[rules]]
id = "no-backups"
match = { tool = "delete" }
after = { match = { tool = "backups", "input.state" = "off" }, within = "30m", by = "agent" }
effect = "deny"
"""
STAGED = """
[policies.default]
expires_in = "8h"
stages = [{ approvers = ["ann"], expires_in = "2h", remind = ["15m", "1h"] }, { approvers = ["bob"] }]
"""
GLASS = """
[policies.default]
approvers = ["ann"]
break_glass = { who = ["cleo"], review = ["dan"], review_in = "3h" }
"""


async def test_a_call_is_denied_only_after_what_the_rule_says_within_its_time_and_of_the_same_agent() -> None:
    desk = desk_of(DEFAULT + AFTER)
    clock: Any = desk.clock
    await asked(desk, "backups", state="on")
    assert (await asked(desk, "delete", which="a")).decision is None
    await asked(desk, "backups", state="off")
    assert (await asked(desk, "delete", agent="other", which="b")).decision is None
    denied = (await asked(desk, "delete", which="c")).decision
    assert denied is not None
    assert (denied.outcome, denied.rule) == ("denied", "no-backups")
    clock.advance(31 * 60)
    assert (await asked(desk, "delete", which="d")).decision is None


async def test_a_stage_reminds_at_its_own_times() -> None:
    ticket = await asked(desk_of(STAGED), "look")
    reminded = [one.at - ticket.created_at for one in ticket.plan if one.does == "remind"]
    assert reminded == [timedelta(minutes=15), timedelta(hours=1)]


async def test_a_broken_glass_is_reviewed_within_the_time_of_its_policy() -> None:
    desk = desk_of(GLASS)
    ticket = await asked(desk, "look")
    broken = await desk.answer(ticket.id, model.Answer(verdict="allow", break_glass=True, reason="outage"), by("cleo"))
    assert broken.review is not None
    review = await desk.get(broken.review)
    assert review.expires_at - review.created_at == timedelta(hours=3)
    assert review.policy.approvers == ("dan",)


def test_what_rules_would_have_decided_is_told_where_and_as_often_as_it_is_said() -> None:
    chats = {"slack": {"channel": "#ops"}}
    told = toml.setup(toml.parse({**chats, "stats": {"tell": ["slack:#agents"], "tell_every": "2d"}})).observed
    assert told == Telling(("slack:#agents",), timedelta(days=2))


def test_images_are_uploaded_to_slack_if_the_file_says_so() -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    for images in (False, True):
        table = toml.parse({"slack": {"channel": "#ops", "images": images}}).chat("slack")
        assert isinstance(table, plugin.SlackTable)
        assert plugin.configure(table, given).settings.images is images


async def test_a_chat_is_told_of_a_seal_as_often_as_it_is_said() -> None:
    desk, told = desk_of(DEFAULT), list[str]()

    class Teller:
        async def note(self, place: model.Place, session: object, said: object) -> None:
            told.append(place)

    platform: Any = channel.Platform(channel=None, teller=Teller())  # type: ignore[arg-type]
    desk.platforms["slack"] = platform
    chosen = parse('[slack]\nchannel = "#ops"\n[audit]\ntell = ["slack:#audit"]\ntell_every = "2h"\n')
    sealer = sealers.sealer(desk, chosen, signing.keyring(environment.read({}), desk.mint), ())
    clock: Any = desk.clock
    for minutes, times in ((0, 1), (119, 1), (1, 2)):
        clock.advance(minutes * 60)
        await asked(desk, "look", at=minutes)
        await sealer.seal()
        await sealer.hand_out()
        assert told == ["slack:#audit"] * times

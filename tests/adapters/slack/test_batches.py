"""Like requests that wait together share a card in Slack: each row is decided by itself, or all after all were read."""

from __future__ import annotations

import pytest

from sayso import asking, model
from sayso.desk import Caller
from tests.adapters import slack_scene
from tests.fakes.slack import Person
from tests.fakes.slack.world import View


async def ask(
    there: slack_scene.Scene, *commands: str, session: str = "s1", owner: str = "deployer"
) -> list[model.Ticket]:
    """An agent's calls of one turn, which wait at the same moment."""
    asked = [
        asking.Permission(tool="Bash", input={"command": one}, source=model.Source(session=session)) for one in commands
    ]
    return [await there.front.open(one, Caller(owner=owner)) for one in asked]


async def review(there: slack_scene.Scene, person: Person, label: str) -> View:
    """The last page of a review, by turning all others."""
    seen = await person.press(there.card, label)
    await there.slack.until(lambda: seen.views)
    while person.view.content["submit"]["text"] == "Next":
        seen = await person.submit(person.view)
        assert seen.acked
    return person.view


async def test_calls_of_one_turn_share_a_card_and_each_row_is_decided_by_itself() -> None:
    async with slack_scene.scene() as there:
        ann = there.slack.person("U1", name="ann")
        tickets = await ask(there, "ls", "rm -rf /srv/data", "pwd")
        await there.deliver()
        shown = there.slack.visible_text(there.card)
        assert "asks to run Bash 3 times" in shown
        # the most risky one stands first
        assert shown.index("rm -rf") < shown.index("ls")
        seen = await ann.press(there.card, "Deny 1")
        assert seen.acked
        seen = await ann.press(there.card, "Allow 2")
        assert seen.acked
        await there.deliver()
        states = [(await there.front.get(one.id)).decision for one in tickets]
        assert sorted(one.outcome if one else "" for one in states) == ["", "allowed", "denied"]
        assert states[1] is not None
        assert states[1].outcome == "denied"
        assert "1 allowed, 1 denied, 1 open" in there.slack.visible_text(there.card)
        await ann.press(there.card, "Allow 3")
        await there.deliver()
        closed = there.slack.visible_text(there.card)
        assert "2 allowed" in closed
        assert "1 denied" in closed
        assert "ann" in closed
        assert [row.entry.type for row in await there.front.store.log(tickets[0].id)].count("delivered") == 1


async def test_all_are_allowed_at_once_only_from_the_last_page() -> None:
    async with slack_scene.scene() as there:
        ann = there.slack.person("U1", name="ann")
        tickets = await ask(there, *(f"echo {number} " + "x" * 40 for number in range(8)))
        await there.deliver()
        view = await review(there, ann, "Review all 8…")
        assert all(f"echo {number}" in there.slack.visible_text(view) for number in range(8))
        assert view.content["submit"]["text"] == "Allow all 8"
        assert (await ann.submit(view)).acked
        assert "Allowed 8." in there.slack.visible_text(ann.view)
        assert {(await there.decision(one)).outcome for one in tickets} == {"allowed"}
        assert "8 allowed by ann" in there.slack.visible_text(there.card)


async def test_what_was_decided_meanwhile_drops_out_and_is_said() -> None:
    async with slack_scene.scene() as there:
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        tickets = await ask(there, "one", "two", "three")
        await there.deliver()
        view = await review(there, ann, "Review all 3…")
        await bob.press(there.card, "Deny 2")
        await ann.submit(view)
        assert "Allowed 2. 1 was decided meanwhile." in there.slack.visible_text(ann.view)
        outcomes = sorted([(await there.decision(one)).outcome for one in tickets])
        assert outcomes == ["allowed", "allowed", "denied"]


async def test_all_are_denied_with_one_reason() -> None:
    async with slack_scene.scene() as there:
        ann = there.slack.person("U1", name="ann")
        tickets = await ask(there, "one", "two", "three")
        await there.deliver()
        seen = await ann.press(there.card, "Deny all 3…")
        await there.slack.until(lambda: seen.views)
        await ann.fill(ann.view, {"Why? The agent reads it.": "not today"})
        await ann.submit(ann.view)
        decided = [await there.decision(one) for one in tickets]
        assert {(one.outcome, one.reason) for one in decided} == {("denied", "not today")}


@pytest.mark.parametrize("count", [1, 2])
async def test_few_requests_have_a_card_each(count: int) -> None:
    async with slack_scene.scene() as there:
        await ask(there, *(f"echo {number}" for number in range(count)))
        await there.deliver()
        assert len(there.cards()) == count


async def test_requests_of_other_agents_and_sessions_do_not_share_a_card() -> None:
    async with slack_scene.scene() as there:
        await ask(there, "one", "two", "three")
        await ask(there, "one", "two", "three", session="s2")
        await ask(there, "one", "two", "three", owner="other")
        await there.deliver()
        assert len(there.cards()) == 3

"""Who may decide in Discord, and what everybody else is told: nobody's press is ever ignored."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import sayso
from sayso import model
from sayso_discord import components
from tests.adapters.discord_scene import ANN, BOB, MINT, OPS, ROLE, Scene, scene
from tests.conftest import until
from tests.fakes.discord import Person

Json = dict[str, Any]
DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann")


@pytest.fixture
def bob(there: Scene) -> Person:
    return there.discord.person(BOB, name="bob")


def press_of(there: Scene, **changed: Any) -> Json:
    """What Discord would send for a press on Allow."""
    card = there.card
    rows = [one for one in card.components[0]["components"] if one["type"] == components.ROW]
    allow = rows[0]["components"][0]["custom_id"]
    member: Json = {"user": {"id": BOB, "username": "bob", "discriminator": "0", "avatar": None}, "roles": []}
    return {
        "id": there.discord.world.snowflake(),
        "application_id": there.discord.application_id,
        "type": 3,
        "token": "t",
        "channel_id": OPS,
        "message": {"id": card.id, "flags": card.flags},
        "member": {**member, "flags": 0, **changed.pop("member", {})},
        "data": {"custom_id": allow, "component_type": 2},
        **changed,
    }


async def told(there: Scene, payload: Json) -> str:
    """What the answer to a payload says."""
    answer = await there.link._interactions.handle(payload)
    assert answer is not None
    return "\n".join(part.get("content", "") for part in answer.get("data", {}).get("components", []))


OUTSIDERS: dict[str, Json] = {
    "guest": {"member": {"flags": 1 << 4}},
    "not through the entrance": {"member": {"pending": True}},
    "bot": {"member": {"user": {"id": BOB, "username": "b", "bot": True}}},
    "in a direct message": {"member": None, "user": {"id": BOB, "username": "bob"}},
}


@pytest.mark.parametrize("facts", OUTSIDERS.values(), ids=OUTSIDERS)
async def test_an_outsider_is_told_that_they_may_not_decide(there: Scene, facts: Json) -> None:
    ticket = await there.ask(DEPLOY)
    payload = press_of(there)
    if facts["member"] is None:
        payload = {**payload, **facts}
    else:
        payload["member"] |= facts["member"]
    said = await told(there, payload)
    assert "may not answer" in said or "cannot decide" in said
    assert (await there.front.get(ticket.id)).decision is None


async def test_a_role_counts_from_the_press_itself() -> None:
    async with scene(policy=model.Policy(approvers=("group:release",))) as there:
        bob = there.discord.person(BOB, name="bob")
        ticket = await there.ask(DEPLOY)
        seen = await bob.press(there.card, "Allow")
        assert "it is for the group release (its members in Discord)" in await there.whispered(seen)
        bob = there.discord.person(BOB, name="bob", roles=(ROLE,))
        await bob.press(there.card, "Allow")
        assert (await there.decision(ticket)).by[0].person == f"discord:{BOB}"


async def test_in_a_direct_message_the_server_is_asked_for_roles_and_people_count_without_them() -> None:
    policy = model.Policy(approvers=("ann", "group:release"))
    async with scene(policy=policy, route=("discord:@ann", f"discord:@{BOB}")) as there:
        ann = there.discord.person(ANN, name="ann")
        bob = there.discord.person(BOB, name="bob")
        ticket = await there.ask(DEPLOY)
        (to_bob,) = there.discord.dms(BOB)
        seen = await bob.press(to_bob, "Allow")
        assert "may not answer" in await there.whispered(seen)
        (to_ann,) = there.discord.dms(ANN)
        await ann.press(to_ann, "Allow")
        assert (await there.decision(ticket)).by[0].person == "ann"


async def test_two_people_must_agree_where_the_policy_says_so() -> None:
    async with scene(policy=model.Policy(quorum=2)) as there:
        ann, bob = there.discord.person(ANN, name="ann"), there.discord.person(BOB, name="bob")
        ticket = await there.ask(DEPLOY)
        await ann.press(there.card, "Allow", times=2)
        await there.deliver()
        assert "1 of 2 people" in there.discord.visible_text(there.card)
        await bob.press(there.card, "Allow")
        assert {one.person for one in (await there.decision(ticket)).by} == {"ann", f"discord:{BOB}"}


async def test_nobody_approves_what_was_asked_on_their_own_behalf(there: Scene, ann: Person) -> None:
    await there.ask(DEPLOY, requester="ann")
    seen = await ann.press(there.card, "Allow")
    assert "cannot approve" in await there.whispered(seen)


async def test_a_late_press_is_told_who_decided_and_sees_the_card_as_it_is(
    there: Scene, ann: Person, bob: Person
) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Deny")
    seen = await bob.press(old, "Allow")
    assert seen.acked
    assert await there.whispered(seen) == "Too late: denied by ann at 2026-01-01 12:00 UTC."
    await there.discord.until(lambda: there.discord.controls(there.card) == [])


async def test_a_card_that_is_pressed_too_late_again_and_again_is_brought_up_to_date_once(
    there: Scene, ann: Person, bob: Person
) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Deny")
    there.discord.fail_next("update_message", "429", retry_after=0.3)
    for _ in range(6):
        await bob.press(old, "Allow")
    await until(lambda: not any("freshen" in repr(task.get_coro()) for task in asyncio.all_tasks()))
    assert there.discord.controls(there.card) == []
    # the one that Discord refused, and that one again; on a slow machine it was done before the last press
    assert [call.operation for call in there.discord.calls].count("update_message") <= 3


async def test_a_late_window_is_told_who_decided(there: Scene, ann: Person, bob: Person) -> None:
    await there.ask(DEPLOY)
    modal = await there.opened(bob, "Deny with reason…")
    await ann.press(there.card, "Allow")
    await bob.fill(modal, {"Why not? The agent reads this.": "no"})
    assert "Too late: allowed by ann" in await there.whispered(await bob.submit(modal))


async def test_a_double_press_is_one_answer_and_both_are_answered(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    assert (await ann.press(there.card, "Allow", times=2)).acked
    assert (await there.decision(ticket)).allowed
    assert len((await there.front.get(ticket.id)).answers) == 1


async def test_an_event_that_comes_twice_is_answered_once(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    seen = await ann.press(there.card, "Allow")
    await there.discord.redeliver(seen.interactions[0])
    await there.stop()
    assert there.discord.refusals == []
    assert len((await there.front.get(ticket.id)).answers) == 1
    await there.start()


@pytest.mark.parametrize(
    "custom_id",
    ["sayso1:p:s1.AAAAAAAAAAAAAAAAAAAAAA.allow.0.AAAAAAAAAAAAAAAAAAAAAA", "sayso2:p:x", "x", "", "sayso1:w:y"],
)
@pytest.mark.parametrize("kind", [3, 5])
async def test_a_forged_or_outdated_component_is_told_so_and_changes_nothing(
    there: Scene, custom_id: str, kind: int
) -> None:
    ticket = await there.ask(DEPLOY)
    payload = press_of(there, data={"custom_id": custom_id, "component_type": 2, "components": []}, type=kind)
    assert "not one of our buttons" in await told(there, payload)
    assert (await there.front.get(ticket.id)).decision is None


async def test_a_button_copied_to_another_message_decides_nothing(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    assert "not one of our buttons" in await told(
        there, press_of(there, message={"id": "1", "flags": 0}, channel_id="9")
    )
    assert (await there.front.get(ticket.id)).decision is None


@pytest.mark.parametrize("data", [None, {}, {"custom_id": None}, {"custom_id": 7}, {"custom_id": []}])
async def test_a_payload_that_makes_no_sense_is_answered(there: Scene, data: Any) -> None:
    await there.ask(DEPLOY)
    assert await told(there, press_of(there, data=data))
    assert "nothing here" in await told(there, press_of(there, type=2))


@pytest.mark.parametrize("values", [None, [], ["99"], ["-1"], ["x"], "0", ["0", "1"]])
async def test_a_choice_that_is_not_on_offer_is_refused(there: Scene, values: Any) -> None:
    ticket = await there.ask(sayso.Choice("Which?", [f"o{n}" for n in range(9)]))
    token = MINT.token(ticket, "pick")
    data = {"custom_id": f"sayso1:c:{token}", "component_type": 3, "values": values}
    said = await told(there, {**press_of(there), "data": data})
    assert "hoose" in said or "no such option" in said or "Only one option" in said
    assert (await there.front.get(ticket.id)).decision is None

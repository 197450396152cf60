"""Who is shown what masks cover, and that it is on record before they are."""

from __future__ import annotations

import pytest

from sayso import asking, errors, model
from sayso.cards import card, dialog, draw, masked, tokens
from sayso.desk import Desk, Setup
from sayso.machine import events, people
from sayso.stores.memory import MemoryStore
from sayso.testing import clock, samples

LIMITS = dialog.WindowLimits(content=2_000, inputs=10, typed=2_000)
ANN, BOB = (people.Actor(f"chat:T/{name}", name=name.title(), person=name, member=True) for name in ("ann", "bob"))
SECRET = "ghp_" + "a1B2" * 9


def desk_of(*reveal: str) -> Desk:
    directory = people.Directory(
        people={name: people.Profile(accounts=frozenset({f"chat:T/{name}"})) for name in ("ann", "bob")},
        groups={"security": people.Group(members=frozenset({"bob"}))},
    )
    policy = model.Policy(approvers=("ann",), reveal=reveal)
    setup = Setup(policies={"default": policy}, directory=directory)
    return Desk(MemoryStore(), samples.MINT, setup, clock.ManualClock(samples.NOW))


async def ask(desk: Desk, command: str = f"TOKEN={SECRET} make") -> model.Ticket:
    return await desk.open(asking.Permission(tool="Bash", input={"command": command}, id="r1"))


def shows(ticket: model.Ticket) -> str | None:
    controls = draw.card_of(ticket, samples.MINT).controls
    return next((one.token for one in controls if isinstance(one, card.Button) and one.action == "reveal"), None)


async def revealed(desk: Desk) -> list[str]:
    return [row.entry.by.id for row in await desk.store.log("r1") if isinstance(row.entry, events.Revealed)]


async def test_whoever_the_policy_names_is_shown_the_secret_alone_and_it_is_on_record() -> None:
    desk = desk_of("group:security")
    token = shows(ticket := await ask(desk))
    assert token is not None
    opened = await desk.press(token, BOB, LIMITS, None)
    assert isinstance(opened, dialog.Dialog)
    assert SECRET in repr(opened.parts)
    assert opened.submit is None
    assert await revealed(desk) == ["bob"]
    assert SECRET not in repr(draw.card_of(await desk.store.load(ticket.id), samples.MINT))


async def test_anybody_else_is_told_who_may_and_that_is_on_record_too() -> None:
    desk = desk_of("group:security")
    token = shows(await ask(desk))
    assert token is not None
    with pytest.raises(errors.NotAllowed, match="it is for"):
        await desk.press(token, ANN, LIMITS, None)
    assert await revealed(desk) == []
    assert any(isinstance(row.entry, events.AnswerRefused) for row in await desk.store.log("r1"))


async def test_without_names_in_the_policy_there_is_no_button_and_a_made_one_shows_nothing() -> None:
    desk = desk_of()
    ticket = await ask(desk)
    assert shows(ticket) is None
    with pytest.raises(errors.NotAllowed, match="names nobody"):
        await desk.press(samples.MINT.token(ticket, "reveal"), BOB, LIMITS, None)


async def test_a_card_without_masks_has_no_button() -> None:
    assert shows(await ask(desk_of("bob"), "make deploy")) is None


async def test_a_long_request_is_shown_page_by_page_and_each_page_only_to_them() -> None:
    desk = desk_of("bob")
    ticket = await ask(desk, f"TOKEN={SECRET} make " + "x " * 3_000)
    first = await desk.press(samples.MINT.token(ticket, "reveal"), BOB, LIMITS, None)
    assert isinstance(first, dialog.Dialog)
    assert first.more
    assert tokens.read(first.token).action == "reveal"
    second = await desk.press(first.token, BOB, LIMITS, None, {})
    assert isinstance(second, dialog.Dialog)
    assert second.title != first.title
    with pytest.raises(errors.NotAllowed):
        await desk.press(first.token, ANN, LIMITS, None, {})
    assert await revealed(desk) == ["bob"]


async def test_where_nobody_could_find_out_who_is_in_a_group_nothing_is_shown() -> None:
    desk = desk_of("group:away")
    desk.setup.directory.groups["away"] = people.Group(platform_groups=frozenset({"chat:T/G1"}))  # type: ignore[index]
    token = shows(await ask(desk))
    assert token is not None
    with pytest.raises(errors.MembershipUnknown):
        await desk.press(token, BOB, LIMITS, None)
    assert await revealed(desk) == []


async def test_an_answer_that_edits_through_any_door_gets_the_secret_back() -> None:
    desk = desk_of()
    await ask(desk)
    shown = draw.card_of(await desk.store.load("r1"), samples.MINT)
    box = next(part for part in shown.parts if isinstance(part, card.Code))
    edited = model.Answer(verdict="allow", input={"command": box.text.text.replace("make", "make test")})
    decided = await desk.answer("r1", edited, ANN)
    assert decided.decision is not None
    assert decided.decision.input == {"command": f"TOKEN={SECRET} make test"}


async def test_a_mask_of_another_request_runs_nothing() -> None:
    desk = desk_of()
    await ask(desk)
    forged = model.Answer(verdict="allow", input={"command": "TOKEN=••••6:0123abcd•••• make"})
    with pytest.raises(errors.InvalidAnswer, match="stands for nothing here"):
        await desk.answer("r1", forged, ANN)
    assert (await desk.store.load("r1")).decision is None


@pytest.mark.parametrize(
    "field",
    [
        model.Field(name="t", label="Token", default=SECRET),
        model.Field(name="db_password", label="For the shop", default="hunter2x", example="hunter2x"),
        model.Field(name="f", label="DB password", default="hunter2x"),
    ],
)
async def test_a_secret_that_fills_in_a_field_is_masked_and_comes_back_as_it_was(field: model.Field) -> None:
    desk = desk_of()
    ticket = await desk.open(asking.Form("Log in", [field]))
    opened = await desk.press(samples.MINT.token(ticket, "fill"), ANN, LIMITS, None)
    assert isinstance(opened, dialog.Dialog)
    assert str(field.default) not in repr(opened)
    (given,) = opened.inputs
    assert "••••" in str(given.value)
    for wrong in (f"{given.value} ••••", "••••8:0123abcd••••"):
        with pytest.raises(errors.InvalidAnswer, match="stands for nothing here"):
            await desk.press(opened.token, ANN, LIMITS, None, {given.name: wrong})
    decided = await desk.press(opened.token, ANN, LIMITS, None, {given.name: given.value})
    assert isinstance(decided, model.Ticket)
    assert decided.decision is not None
    assert decided.decision.values == {field.name: field.default}


async def test_an_option_with_a_secret_is_chosen_by_what_is_seen_of_it() -> None:
    desk = desk_of()
    ticket = await desk.open(asking.Choice("Which?", [SECRET, "none"]))
    label = masked.of(ticket, samples.MINT).request.options[0].label
    assert label != SECRET
    decided = await desk.answer(ticket.id, model.Answer(choice=label), ANN)
    assert decided.decision is not None
    assert decided.decision.choice == SECRET


async def test_no_digest_lets_people_try_out_a_short_secret() -> None:
    desk = desk_of()
    ticket = await ask(desk, "login --password 1234a")
    ticket = await desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    assert ticket.decision is not None
    assert ticket.decision.input_digest is not None
    seen = masked.of(ticket, samples.MINT)
    assert seen.decision is not None
    assert seen.decision.input_digest is None
    assert ticket.digest[:19] not in repr(draw.card_of(ticket, samples.MINT))
    plain = await desk.open(asking.Permission(tool="Bash", input={"command": "make"}))
    assert plain.digest[:19] in repr(draw.card_of(plain, samples.MINT))

"""Every way to answer in Discord, from the card that an agent's request becomes to the decision that the agent gets."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

import sayso
from sayso import model
from tests.adapters.discord_scene import ANN, Scene, Transport, scene
from tests.fakes.discord import Person

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})


@pytest.fixture(params=["gateway", "http"])
async def there(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    transport: Transport = request.param
    async with scene(transport) as built:
        yield built
        assert built.discord.refusals == []


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann")


async def test_allow_lets_the_agent_go_on_and_takes_the_buttons_away(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    assert (await ann.press(there.card, "Allow")).acked
    decision = await there.decision(ticket)
    assert (decision.outcome, decision.by[0].person, decision.by[0].via) == ("allowed", "ann", f"discord:{ANN}")
    assert there.discord.controls(there.card) == []
    assert "Allowed" in there.discord.visible_text(there.card)


async def test_deny_with_a_reason_tells_the_agent_why(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    modal = await there.opened(ann, "Deny with reason…")
    await ann.fill(modal, {"Why not? The agent reads this.": "not on Friday"})
    assert (await ann.submit(modal)).acked
    decision = await there.decision(ticket)
    assert (decision.outcome, decision.reason) == ("denied", "not on Friday")


async def test_an_edited_input_is_what_the_agent_may_run(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    modal = await there.opened(ann, "Edit and allow…")
    await ann.fill(modal, {"command": "make test"})
    await ann.submit(modal)
    assert (await there.decision(ticket)).input == {"command": "make test"}


async def test_a_grant_for_the_session_reaches_the_agent(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, grants=("session",)))
    await ann.press(there.card, "Stop asking this session")
    assert (await there.decision(ticket)).grant == "session"


async def test_a_question_is_answered_in_a_window(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?"))
    modal = await there.opened(ann, "Answer")
    assert "Which customer?" in there.discord.visible_text(modal)
    (label,) = there.discord.controls(modal)
    await ann.fill(modal, {label: "Acme"})
    await ann.submit(modal)
    assert (await there.decision(ticket)).text == "Acme"


async def test_few_options_are_buttons(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which?", ["PostgreSQL", "SQLite"]))
    await ann.press(there.card, "2 · SQLite")
    assert (await there.decision(ticket)).choice == "SQLite"


async def test_another_answer_can_be_typed(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which?", ["PostgreSQL", "SQLite"], other=True))
    modal = await there.opened(ann, "Other…")
    await ann.fill(modal, {"Your answer": "DuckDB"})
    await ann.submit(modal)
    assert (await there.decision(ticket)).choice == "DuckDB"


@pytest.mark.parametrize("count", [7, 25, 60])
async def test_more_options_are_menus(there: Scene, ann: Person, count: int) -> None:
    ticket = await there.ask(sayso.Choice("Which?", [f"o{n}" for n in range(count)]))
    await ann.choose(there.card, f"{count} · o{count - 1}")
    assert (await there.decision(ticket)).choice == f"o{count - 1}"


async def test_several_options_are_chosen_at_once(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which?", ["A", "B", "C"], multiple=True))
    await ann.choose(there.card, "1 · A", "3 · C")
    assert (await there.decision(ticket)).choices == ("A", "C")


async def test_several_of_a_long_list_are_chosen_in_a_window(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which?", [f"o{n}" for n in range(60)], multiple=True))
    modal = await there.opened(ann, "Choose…")
    first, _, third = there.discord.controls(modal)
    await ann.fill(modal, {first: ["2 · o1"], third: ["60 · o59"]})
    await ann.submit(modal)
    assert (await there.decision(ticket)).choices == ("o1", "o59")


FIELDS = [
    model.Field(name="name", label="Name"),
    model.Field(name="amount", label="Amount", kind="number"),
    model.Field(name="when", label="When", kind="date"),
    model.Field(name="sure", label="Sure", kind="boolean"),
    model.Field(name="size", label="Size", kind="choice", options=tuple(model.Option(label=x) for x in "SML")),
    model.Field(
        name="tags", label="Tags", kind="choice", multiple=True, options=tuple(model.Option(label=x) for x in "ab")
    ),
]


async def test_a_long_form_goes_on_in_a_second_window(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Form("Refund", FIELDS))
    first = await there.opened(ann, "Fill in")
    await ann.fill(first, {"Name": "Acme", "Amount": "10.5", "When": "2026-02-03", "Sure": "Yes"})
    seen = await ann.submit(first)
    assert "Received" in await there.whispered(seen)
    await ann.press(seen.ephemerals[-1], "Next")
    await ann.fill(ann.modal, {"Size": "2 · M", "Tags": ["1 · a", "2 · b"]})
    assert (await ann.submit(ann.modal)).acked
    values = (await there.decision(ticket)).values
    assert values == {
        "name": "Acme", "amount": 10.5, "when": "2026-02-03", "sure": True, "size": "M", "tags": ["a", "b"]
    }  # fmt: skip
    assert there.discord.controls(there.discord.ephemerals(ANN)[-1]) == []


async def test_a_value_that_does_not_fit_is_said_and_what_was_typed_is_kept(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Form("Refund", FIELDS[:2]))
    modal = await there.opened(ann, "Fill in")
    await ann.fill(modal, {"Name": "Acme", "Amount": "ten"})
    seen = await ann.submit(modal)
    assert (await there.front.get(ticket.id)).decision is None
    assert "number" in await there.whispered(seen)
    await ann.press(seen.ephemerals[-1], "Try again")
    await ann.fill(ann.modal, {"Amount": "10"})
    await ann.submit(ann.modal)
    assert (await there.decision(ticket)).values == {"name": "Acme", "amount": 10}


async def test_what_does_not_fit_is_read_page_by_page_and_as_a_file_and_then_allowed(there: Scene, ann: Person) -> None:
    command = "\n".join(f"echo {n:03d}" for n in range(900))
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": command}))
    seen = await ann.press(there.card, "Review")
    await there.discord.until(lambda: len(seen.ephemerals) == 2)
    page = next(one for one in seen.ephemerals if not one.attachments)
    file = next(one for one in seen.ephemerals if one.attachments)
    (content,) = there.discord.attached(file).values()
    assert command.encode() in content
    read = there.discord.visible_text(page)
    while "Next page" in there.discord.controls(page):
        await ann.press(page, "Next page")
        page = next(one for one in there.discord.ephemerals(ANN) if one.id == page.id)
        read += there.discord.visible_text(page)
    assert all(f"echo {n:03d}" in read for n in range(900))
    await ann.press(page, "Allow")
    assert (await there.decision(ticket)).allowed
    assert there.discord.controls(next(one for one in there.discord.ephemerals(ANN) if one.id == page.id)) == []


async def test_a_review_of_a_question_ends_in_its_window(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which?", body="word " * 3000))
    seen = await ann.press(there.card, "Review")
    await there.discord.until(lambda: len(seen.ephemerals) == 2)
    page = next(one for one in seen.ephemerals if not one.attachments)
    while "Next page" in there.discord.controls(page):
        await ann.press(page, "Next page")
        page = next(one for one in there.discord.ephemerals(ANN) if one.id == page.id)
    await ann.press(page, "Answer")
    (label,) = there.discord.controls(ann.modal)
    await ann.fill(ann.modal, {label: "Acme"})
    await ann.submit(ann.modal)
    assert (await there.decision(ticket)).text == "Acme"


async def test_a_press_and_a_window_from_before_a_restart_still_count(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    modal = await there.opened(ann, "Deny with reason…")
    await there.stop()
    await there.start()
    await ann.fill(modal, {"Why not? The agent reads this.": "no"})
    assert (await ann.submit(modal)).acked
    assert (await there.decision(ticket)).reason == "no"


async def test_nothing_that_is_posted_notifies_or_unfurls_anything(there: Scene, ann: Person) -> None:
    hostile = f"@everyone <@{ANN}> https://evil.example <#1>"
    await there.ask(sayso.Permission(tool="Bash", input={"command": hostile}, title=hostile, body=hostile))
    await there.ask(sayso.Question(hostile))
    for message in there.cards():
        assert there.discord.pings(message) == []
        assert there.discord.links(message) == []
        assert there.discord.previews(message) == []


WIDE = sayso.Permission(
    tool="Bash",
    input={"command": "make deploy"},
    offers=[sayso.Offer(name="s0", kind="mode", effect="accepts every edit until the session ends")],
    verdicts=["respond", "stop"],
    confirm=True,
)


@pytest.mark.parametrize(
    ("label", "typed", "meant"),
    [
        ("Deny and stop…", {}, ("denied", True, None, None)),
        ("Answer instead…", {"Your answer": "It is deployed"}, ("answered", False, "It is deployed", None)),
    ],
)
async def test_every_further_way_to_answer_reaches_the_agent(
    there: Scene, ann: Person, label: str, typed: dict[str, str], meant: tuple[str, bool, str | None, str | None]
) -> None:
    ticket = await there.ask(WIDE)
    modal = await there.opened(ann, label)
    assert (await there.front.get(ticket.id)).decision is None
    if typed:
        await ann.fill(modal, typed)
    assert (await ann.submit(modal)).acked
    found = await there.decision(ticket)
    assert (found.outcome, found.stop, found.text, found.grant) == meant


@pytest.mark.parametrize(("label", "grant"), [("Change mode 1 and allow…", "s0"), ("Review and allow…", None)])
async def test_what_needs_care_is_shown_in_private_and_allowed_there(
    there: Scene, ann: Person, label: str, grant: str | None
) -> None:
    ticket = await there.ask(WIDE)
    (shown,) = (await ann.press(there.card, label)).ephemerals
    assert "accepts every edit until the session ends" in there.discord.visible_text(shown)
    assert (await there.front.get(ticket.id)).decision is None
    await ann.press(shown, "Allow")
    found = await there.decision(ticket)
    assert (found.outcome, found.grant) == ("allowed", grant)


async def test_a_question_can_be_declined_where_the_agent_can_take_it(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?", verdicts=["deny"]))
    await ann.press(there.card, "Decline")
    assert (await there.decision(ticket)).outcome == "denied"


async def test_a_review_jumps_to_its_end_and_links_to_the_inbox(there: Scene, ann: Person) -> None:
    there.front.setup = dataclasses.replace(there.front.setup, address="https://sayso.example.com")
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": "x" * 20_000}))
    seen = await ann.press(there.card, "Review")
    await there.discord.until(lambda: len(seen.ephemerals) == 2)
    page = next(one for one in seen.ephemerals if not one.attachments)
    assert {"First page", "Last page"} & set(there.discord.controls(page)) == {"Last page"}
    assert f"https://sayso.example.com/requests/{ticket.id}" in str(page)
    await ann.press(page, "Last page")
    page = next(one for one in there.discord.ephemerals(ANN) if one.id == page.id)
    assert {"First page", "Allow"} <= set(there.discord.controls(page))

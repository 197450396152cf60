"""Every way to answer in Slack, from the card that an agent's request becomes to the decision that the agent gets."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

import sayso
from sayso import model
from tests.adapters.slack_scene import Scene, Transport, scene
from tests.fakes.slack import Person, View

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy", "retries": 3}, grants=("session",))


@pytest.fixture(params=["sockets", "http"])
async def there(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    transport: Transport = request.param
    async with scene(transport) as built:
        yield built
        assert built.slack.refusals == []


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.slack.person("U1", name="ann")


async def test_a_card_shows_what_will_run_and_who_may_decide(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    shown = there.slack.visible_text(there.card)
    assert "An agent asks to run Bash" in shown
    assert "make deploy" in shown
    assert " · May decide: anyone here\n" in shown
    assert f"\n{ticket.id} · sha256:" in shown
    assert there.slack.controls(there.card) == [
        "Allow",
        "Deny",
        "Deny with reason…",
        "Edit and allow…",
        "Ask back…",
        "Stop asking this session",
    ]
    assert there.card.text == "An agent asks to run Bash · until 2026-01-01 13:00 UTC"
    spoken = [one.get("accessibility_label") for one in there.card.blocks[-2]["elements"]]
    assert spoken[:2] == ["Allow: An agent asks to run Bash", "Deny: An agent asks to run Bash"]
    assert there.card.metadata == {"event_type": "sayso_request", "event_payload": {"request_id": ticket.id}}


async def test_allow_lets_the_tool_run_and_closes_the_card(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    seen = await ann.press(there.card, "Allow")
    assert seen.acked
    decision = await there.decision(ticket)
    assert (decision.outcome, decision.by[0].person, decision.by[0].via) == ("allowed", "ann", "slack:T1/U1")
    assert decision.input == {"command": "make deploy", "retries": 3}
    assert there.slack.controls(there.card) == ["Details"]
    assert "Allowed by ann · 2026-01-01 12:00 UTC" in there.slack.visible_text(there.card)


async def test_deny_stops_the_tool(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    await ann.press(there.card, "Deny")
    assert (await there.decision(ticket)).outcome == "denied"


async def test_allow_for_the_session_gives_the_grant(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    await ann.press(there.card, "Stop asking this session")
    assert (await there.decision(ticket)).grant == "session"


async def test_a_reason_reaches_the_agent(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    view = await there.open(ann, "Deny with reason…")
    await ann.fill(view, {"Why not? The agent reads this.": "Use <staging> & wait"})
    seen = await ann.submit(ann.view)
    assert (seen.errors, there.slack.views("U1")) == ({}, [])
    decision = await there.decision(ticket)
    assert (decision.outcome, decision.reason) == ("denied", "Use <staging> & wait")


async def test_an_edited_input_runs_instead(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    view = await there.open(ann, "Edit and allow…")
    await ann.fill(view, {"command": "make deploy DRY=1", "retries": "many"})
    seen = await ann.submit(ann.view)
    assert list(seen.errors) == ["retries"]
    assert "not valid JSON" in seen.errors["retries"]
    await ann.fill(ann.view, {"retries": "1"})
    assert (await ann.submit(ann.view)).errors == {}
    decision = await there.decision(ticket)
    assert (decision.outcome, decision.input) == ("allowed", {"command": "make deploy DRY=1", "retries": 1})


async def test_what_a_phone_made_of_an_edit_is_shown_before_it_runs(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    view = await there.open(ann, "Edit and allow…")
    await ann.fill(view, {"command": "make deploy —force “now”"})
    seen = await ann.submit(ann.view)
    assert (seen.errors, (await there.front.get(ticket.id)).decision) == ({}, None)
    shown = there.slack.visible_text(ann.view)
    assert "make deploy —force “now”" in shown
    assert "U+2014" in shown
    assert there.slack.controls(ann.view) == ["Allow as it is", "Cancel"]
    await ann.submit(ann.view)
    assert (await there.decision(ticket)).input == {"command": "make deploy —force “now”", "retries": 3}


async def test_a_question_is_answered_in_a_modal(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer is this for?"))
    view = await there.open(ann, "Answer")
    await ann.fill(view, {"Which customer is this for?": "Acme"})
    await ann.submit(ann.view)
    decision = await there.decision(ticket)
    assert (decision.outcome, decision.text) == ("answered", "Acme")


async def test_a_question_is_answered_by_a_reply(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer is this for?"))
    seen = await ann.reply(there.card, "A & B <https://example.com>")
    assert seen.acked
    assert (await there.decision(ticket)).text == "A & B <https://example.com>"


async def test_one_of_few_options_is_a_button(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which database?", ["PostgreSQL", "SQLite"]))
    await ann.press(there.card, "2 · SQLite")
    assert (await there.decision(ticket)).choice == "SQLite"


@pytest.mark.parametrize("count", [8, 80])
async def test_one_of_many_options_is_chosen_and_submitted(there: Scene, ann: Person, count: int) -> None:
    ticket = await there.ask(sayso.Choice("Which?", [f"Option {n}" for n in range(count)]))
    told = await ann.press(there.card, "Submit")
    assert "hoose" in await there.whispered(told)
    await ann.choose(there.card, "7 · Option 6")
    await ann.press(there.card, "Submit")
    assert (await there.decision(ticket)).choice == "Option 6"


@pytest.mark.parametrize("count", [4, 40])
async def test_several_options_are_chosen_and_submitted(there: Scene, ann: Person, count: int) -> None:
    ticket = await there.ask(sayso.Choice("Which?", [f"Option {n}" for n in range(count)], multiple=True))
    await ann.choose(there.card, "2 · Option 1", "4 · Option 3")
    await ann.press(there.card, "Submit")
    assert (await there.decision(ticket)).choices == ("Option 1", "Option 3")


async def test_another_answer_than_the_options_is_typed(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which database?", ["PostgreSQL", "SQLite"], other=True))
    view = await there.open(ann, "Other…")
    await ann.fill(view, {"Your answer": "DuckDB"})
    await ann.submit(ann.view)
    assert (await there.decision(ticket)).choice == "DuckDB"


FIELDS = [
    model.Field(name="amount", label="Amount", kind="number", maximum=100),
    model.Field(name="count", label="Count", kind="integer", default=2),
    model.Field(name="day", label="Day", kind="date"),
    model.Field(name="urgent", label="Urgent", kind="boolean"),
    model.Field(name="note", label="Note", required=False),
    model.Field(name="size", label="Size", kind="choice", options=(model.Option(label="S"), model.Option(label="L"))),
    model.Field(
        name="tags",
        label="Tags",
        kind="choice",
        multiple=True,
        options=tuple(model.Option(label=f"t{n}") for n in range(12)),
    ),
    model.Field(name="why", label="Why", description="In a word"),
    model.Field(name="last", label="Last"),
]


async def test_a_form_is_filled_in_over_several_steps(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Form("Refund", FIELDS))
    view = await there.open(ann, "Fill in")
    first = {"Amount": "500", "Day": "2026-02-03", "Urgent": "No", "Size": "2 · L", "Tags": ["1 · t0", "12 · t11"]}
    await ann.fill(view, {**first, "Why": "because"})
    seen = await ann.submit(ann.view)
    assert list(seen.errors) == ["Amount"]
    await ann.fill(ann.view, {"Amount": "10.5"})
    await ann.submit(ann.view)
    assert there.slack.controls(ann.view) == ["Last", "Answer", "Cancel"]
    await ann.fill(ann.view, {"Last": "end"})
    assert (await ann.submit(ann.view)).errors == {}
    values = {"amount": 10.5, "count": 2, "day": "2026-02-03", "urgent": False, "size": "L", "tags": ["t0", "t11"]}
    assert (await there.decision(ticket)).values == {**values, "why": "because", "last": "end"}


def boxes(view: View) -> str:
    """What stands in the preformatted boxes of a modal."""
    elements = [element for block in view.blocks for element in block.get("elements", [])]
    found = [element["elements"] for element in elements if element["type"] == "rich_text_preformatted"]
    return "".join(leaf["text"] for leaves in found for leaf in leaves)


async def test_long_content_is_allowed_only_after_all_of_it_was_shown(there: Scene, ann: Person) -> None:
    command = "\n".join(f"echo line {n}" for n in range(30_000))
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": command}))
    assert there.slack.controls(there.card) == ["Review", "Deny", "Deny with reason…", "Ask back…"]
    view = await there.open(ann, "Review")
    read = boxes(view)
    assert "Last page" in there.slack.controls(view)
    while "Next page" in there.slack.controls(ann.view):
        await ann.submit(ann.view)
        read += boxes(ann.view)
    assert read == command
    assert "Allow" in there.slack.controls(ann.view)
    await ann.submit(ann.view)
    assert (await there.decision(ticket)).allowed


async def test_a_review_jumps_to_its_end_and_back_in_the_same_window(there: Scene, ann: Person) -> None:
    command = "\n".join(f"echo line {n}" for n in range(30_000))
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": command}))
    first = await there.open(ann, "Review")
    await ann.press(first, "Last page")
    await there.slack.until(lambda: "Allow" in there.slack.controls(ann.view))
    assert "echo line 29999" in boxes(ann.view)
    await ann.press(ann.view, "First page")
    await there.slack.until(lambda: "Next page" in there.slack.controls(ann.view))
    assert "echo line 0\n" in boxes(ann.view)
    await ann.press(ann.view, "Last page")
    await there.slack.until(lambda: "Allow" in there.slack.controls(ann.view))
    await ann.submit(ann.view)
    assert (await there.decision(ticket)).allowed


async def test_a_review_links_to_the_inbox_if_the_operator_named_its_address(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": "x" * 20_000}))
    view = await there.open(ann, "Review")
    assert "Open in the inbox" not in there.slack.controls(view)
    there.front.setup = dataclasses.replace(there.front.setup, address="https://sayso.example.com")
    view = await there.open(ann, "Review")
    [link] = [one for block in view.blocks for one in block.get("elements", []) if one.get("url")]
    assert link["url"] == f"https://sayso.example.com/requests/{ticket.id}"


WIDE = sayso.Permission(
    tool="Bash",
    input={"command": "make deploy"},
    offers=[sayso.Offer(name="s0", kind="mode", effect="accepts every edit until the session ends")],
    verdicts=["respond", "stop"],
    confirm=True,
)


async def test_every_further_way_to_answer_reaches_the_agent(there: Scene, ann: Person) -> None:
    asked = [await there.ask(WIDE) for _ in range(3)]
    stop, respond, offer = there.cards()
    await ann.press(stop, "Deny and stop…")
    await there.slack.until(lambda: there.slack.views("U1"))
    await ann.submit(ann.view)
    await ann.press(respond, "Answer instead…")
    await there.slack.until(lambda: there.slack.views("U1"))
    await ann.fill(ann.view, {"Your answer": "It is deployed already"})
    await ann.submit(ann.view)
    await ann.press(offer, "Change mode 1 and allow…")
    await there.slack.until(lambda: there.slack.views("U1"))
    assert "This changes what you are asked from now on" in there.slack.visible_text(ann.view)
    await ann.submit(ann.view)
    found = [await there.decision(ticket) for ticket in asked]
    assert [(one.outcome, one.stop, one.text, one.grant) for one in found] == [
        ("denied", True, None, None),
        ("answered", False, "It is deployed already", None),
        ("allowed", False, None, "s0"),
    ]
    assert [there.slack.controls(card) for card in there.cards()] == [[], [], []]


async def test_what_needs_care_is_not_allowed_with_one_press(there: Scene, ann: Person) -> None:
    ticket = await there.ask(WIDE)
    view = await there.open(ann, "Review and allow…")
    assert "make deploy" in there.slack.visible_text(view)
    assert (await there.front.get(ticket.id)).decision is None
    await ann.submit(view)
    assert (await there.decision(ticket)).allowed


async def test_a_question_can_be_declined_where_the_agent_can_take_it(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?", verdicts=["deny"]))
    await ann.press(there.card, "Decline")
    assert (await there.decision(ticket)).outcome == "denied"

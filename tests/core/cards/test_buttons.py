"""The table of buttons: every row is on a card, opens and means what it says, and is told in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from sayso import asking, errors, machine, model
from sayso.cards import buttons, card, cutting, dialog, draw, rows, submission, tokens
from sayso.content import text
from sayso.stores import Row
from sayso.testing import samples
from sayso_bots.commands import answer as command
from sayso_bots.terminal import output, render
from sayso_web import story
from tests.tables import each

LIMITS = dialog.WindowLimits(content=5_000, inputs=10, typed=2_000)
PERMISSION = asking.Permission(
    tool="Bash",
    input={"command": "make"},
    grants=get_args(model.Grant),
    offers=[
        model.Offer(name="s0", kind="rule", effect="adds a rule"),
        model.Offer(name="s1", kind="mode", effect="asks less"),
    ],
    verdicts=["respond", "stop"],
)
REQUESTS: dict[str, model.Request] = {
    "permission": PERMISSION,
    "careful": asking.Permission(tool="Bash", input={"command": "make"}, confirm=True),
    "question": asking.Question("Which?", verdicts=["deny", "stop"]),
    "choice": asking.Choice("Which?", ["A", "B"], other=True, verdicts=["deny", "stop"]),
    "form": asking.Form("Refund", [model.Field(name="why", label="Why")], verdicts=["deny", "stop"]),
}
# What is typed into the windows that are made from the content of their request.
TYPED: dict[str, dialog.Draft] = {
    "edit": {"k0": "make all"},
    "fill": {"f0": "because"},
    "pick": {"f0": [0]},
    "likeness": {"free": [0]},
}
OPTIONS = {
    "TEXT": "because",
    "LABEL": "A",
    "JSON": '{"command": "make all"}',
    "NAME=VALUE": "why=because",
    "PART": "content",
}


def offered() -> Iterator[tuple[model.Ticket, buttons.Row, int]]:
    for request in REQUESTS.values():
        ticket = samples.sample(request)
        yield from ((ticket, row, number) for row, number in buttons.on(ticket))
    lasting = samples.lasting()
    yield from ((lasting, row, number) for row, number in buttons.on(lasting) if row.window in ("standing", "likeness"))


OFFERED = list(offered())


def pressed(ticket: model.Ticket, row: buttons.Row, number: int) -> model.Answer:
    """The answer that a press comes to, through whatever window it opens."""
    press = tokens.read(samples.MINT.token(ticket, row.action, number))
    opened = dialog.of_press(ticket, press, samples.MINT, LIMITS)
    assert (opened is None) == (row.window is None)
    draft = TYPED.get(row.window, {}) if isinstance(row.window, str) else {}
    if isinstance(row.window, buttons.Window) and row.window.required:
        draft = {row.window.name: "because"}
    answer = submission.follow(ticket, press, draft, samples.MINT, LIMITS)
    if row.window == "likeness":
        assert isinstance(answer, dialog.Dialog)
        answer = submission.follow(ticket, tokens.read(answer.token), {}, samples.MINT, LIMITS)
    assert isinstance(answer, model.Answer)
    return answer


def test_every_action_has_a_row_and_a_token() -> None:
    assert {row.action for row in buttons.TABLE} == set(get_args(buttons.Action))
    ticket = samples.sample(PERMISSION)
    for row in buttons.TABLE:
        assert tokens.read(samples.MINT.token(ticket, row.action, 7)).action == row.action
    with pytest.raises(errors.InvalidToken):
        tokens.read(samples.MINT.token(ticket, "allow").replace("allow", "approve"))


def test_every_row_is_on_some_card() -> None:
    shown = [row for _, row, _ in OFFERED]
    taken = samples.sample(REQUESTS["question"], samples.said(text="x").model_copy(update={"grace": 10.0}))
    shown += [row for row, _ in buttons.on(taken)]
    # an option stands in the pick of its card, secrets are shown where some are masked, details are for closed cards,
    # who may break the glass is
    # one person, and these requests are for anybody: there is nobody else to ask, and nobody is reminded
    elsewhere = ["glass", "details", "reveal", "option", "claim", "pass", "snooze"]
    assert [row.action for row in buttons.TABLE if row not in shown] == elsewhere


def test_a_card_shows_the_button_of_a_row() -> None:
    for one in each(OFFERED):
        with one as (ticket, row, number):
            drawn = draw.card_of(ticket, samples.MINT)
            token = samples.MINT.token(ticket, row.action, number)
            if row.action == "pick":
                [pick] = [one for one in drawn.controls if isinstance(one, card.Pick)]
                assert (pick.submit, pick.flag) == (token, row.flag)
                continue
            [button] = [one for one in drawn.controls if isinstance(one, card.Button) and one.token == token]
            assert (button.label, button.action) == (row.label_on(ticket.request, number), row.action)
            assert (button.style, button.deciding) == (row.style, row.deciding)


def test_a_press_means_what_its_row_says_and_is_told_in_its_words() -> None:
    for one in each(OFFERED):
        with one as (ticket, row, number):
            answer = pressed(ticket, row, number)
            assert row.gives(answer.verdict, answer.grant, answer.question is not None, False, answer.standing)
            at = samples.NOW
            given = samples.said().model_copy(update={"answer": answer, "at": at})
            closed = machine.step(ticket, given).ticket
            shown = [
                words(part.text) for part in draw.card_of(closed, samples.MINT).parts if isinstance(part, card.Line)
            ]
            assert any(line.startswith(row.done) for line in shown)
            assert any(row.then in line for line in shown)
            assert output.state_of(closed).startswith(f"{row.done} by ann{row.then}")
            told = words(story.tell(Row(number=1, ticket_id="r1", version=1, entry=given), ticket.request))
            assert told.startswith(f"{row.done} by ann (chat:T/ann){row.then}")


def test_the_terminal_names_options_that_say_the_same() -> None:
    for one in each(OFFERED):
        with one as (ticket, row, number):
            flag = row.flag.format(number=number + 1)
            assert f"  sayso answer r1 {flag}" in render.render(draw.card_of(ticket, samples.MINT)).split("\n")
            options = [OPTIONS.get(word, word) for word in flag.split() if word != "…"]
            params = command.command.make_context("answer", ["r1", *options]).params
            given = {
                name: value
                for name, value in params.items()
                if name not in ("id", "as_json", "yes") and value not in (None, ())
            }
            typed = command.read_options(ticket.request, given)
            assert typed == pressed(ticket, row, number)


def test_review_allow_and_deny_are_always_in_the_first_row() -> None:
    for request in REQUESTS.values():
        ticket = samples.sample(request)
        for drawn in (draw.card_of(ticket, samples.MINT), cutting.fit(draw.card_of(ticket, samples.MINT), 10)):
            made = rows.rows_of(drawn.controls)
            assert all(len(row) <= rows.IN_SIGHT for row in made)
            seen = [one for one in drawn.controls if isinstance(one, card.Button)]
            assert sorted(one.token for row in made for one in row) == sorted(one.token for one in seen)
            asked = [one.action for one in seen if one.action in ("review", "allow", "fill", "deny")]
            assert [one.action for one in made[0] if one.action in ("review", "allow", "fill", "deny")] == asked


def test_a_wider_grant_never_looks_like_an_allow() -> None:
    for ticket, row, number in OFFERED:
        if row.action in ("session", "always", "offer"):
            assert row.style == "plain"
            assert not row.first
            assert not row.label_on(ticket.request, number).startswith("Allow")


def test_a_question_that_is_ended_says_nothing_of_a_tool() -> None:
    ticket = samples.sample(REQUESTS["question"])
    opened = dialog.of_press(ticket, tokens.read(samples.MINT.token(ticket, "stop")), samples.MINT, LIMITS)
    assert opened is not None
    said = " ".join(piece for part in opened.parts for piece in card.pieces(part))
    assert (opened.title, opened.submit) == ("Decline and stop", "Decline and stop")
    assert "tool" not in said


def words(spans: tuple[card.Inline, ...]) -> str:
    return "".join(span.text if isinstance(span, text.Foreign) else str(span) for span in spans)

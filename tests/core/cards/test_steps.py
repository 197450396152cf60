"""A form of several steps says so on its card: as many as the windows of the surface make of it."""

import pytest

from sayso import asking, model
from sayso.cards import asked, card, dialog, draw, inputs
from sayso.testing import samples
from sayso.testing.samples import MINT, opened
from tests.counting import work_of
from tests.tables import each

OPTIONS = tuple(model.Option(label=str(number)) for number in range(60))


def form(count: int, *more: model.Field) -> model.Ticket:
    return opened(asking.Form("Fill", [*(model.Field(name=f"n{n}", label=f"N{n}") for n in range(count)), *more]))


def said(ticket: model.Ticket, limits: inputs.WindowLimits) -> str:
    last = asked.with_hint(draw.card_of(ticket, MINT), limits).parts[-1]
    return "".join(card.pieces(last))


def test_a_card_says_how_many_steps_there_are() -> None:
    for row in each([(3, 1), (4, 2), (10, 4)]):
        with row as (count, steps):
            room = inputs.WindowLimits(content=2_000, inputs=3, typed=3_000)
            ticket = form(count)
            assert len(inputs.steps_of(ticket, room)) == steps
            assert (f"has {steps} steps" in said(ticket, room)) == (steps > 1)
            assert "steps" not in said(ticket, inputs.WindowLimits(content=2_000, inputs=10, typed=3_000))


def test_a_long_list_of_options_takes_the_places_of_several_inputs() -> None:
    room = inputs.WindowLimits(content=2_000, inputs=3, typed=3_000, options=25)
    long = model.Field(name="which", label="Which", kind="choice", options=OPTIONS, other=True)
    ticket = form(1, long)
    assert inputs.steps_of(ticket, room) == [[0], [1]]
    assert [given.name for given in inputs.inputs_of(ticket, only=[1])] == [
        name := inputs.field_name(1),
        inputs.other_name(name),
    ]
    assert "has 2 steps" in said(ticket, room)


@pytest.mark.once
def test_a_step_of_a_form_is_drawn_without_what_stands_on_the_others() -> None:
    room = inputs.WindowLimits(content=2_000, inputs=3, typed=3_000)
    long = [model.Field(name=f"c{n}", label="Which", kind="choice", options=OPTIONS) for n in range(7)]
    alone, among = form(3), form(3, *long)
    first = work_of(lambda: dialog.fill(alone, 0, "token", room))
    assert work_of(lambda: dialog.fill(among, 0, "token", room)) < 2 * first
    assert dialog.fill(among, 0, "token", room).inputs == dialog.fill(alone, 0, "token", room).inputs


def test_a_decided_form_and_a_question_say_nothing_of_steps() -> None:
    room = inputs.WindowLimits(content=2_000, inputs=1, typed=3_000)
    filled = samples.after(form(2), samples.said(values={"n0": "a", "n1": "b"}))
    assert "steps" not in said(filled, room)
    assert "steps" not in said(opened(asking.Question("Which?")), room)


def test_what_cannot_be_shown_again_is_left_out() -> None:
    rows: list[tuple[inputs.Input, inputs.Submitted, str | None, tuple[int, ...]]] = [
        (inputs.Input("f0", card.Trusted("x")), "typed", "typed", ()),
        (inputs.Input("f0", card.Trusted("x"), longest=3), "typed", None, ()),
        (inputs.Input("f0", card.Trusted("x"), kind="choice"), "typed", None, ()),
        (inputs.Input("f0", card.Trusted("x"), kind="boolean"), False, "false", ()),
        (inputs.Input("f0", card.Trusted("x")), True, None, ()),
        (inputs.Input("f0", card.Trusted("x"), value="a"), None, "a", ()),
        (inputs.Input("f0", card.Trusted("x"), kind="choice", options=()), [0], None, ()),
    ]
    for row in each(rows):
        with row as (given, typed, value, chosen):
            made = inputs.fill_in(given, typed)
            assert (made.value, made.chosen) == (value, chosen)

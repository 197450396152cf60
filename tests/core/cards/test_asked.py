"""What a card says beforehand of what there is to answer: the fields of a form, its name, and options once."""

from __future__ import annotations

from sayso import asking, model
from sayso.cards import asked, card, dialog, draw, tokens
from sayso.testing.samples import MINT, after, opened, said
from tests.tables import each

REFUND = asking.Form(
    "Refund",
    [
        model.Field(name="amount", label="Amount", kind="number"),
        model.Field(name="why", label="Reason"),
        model.Field(name="notify", label="Tell the customer", kind="boolean", required=False),
    ],
)


def lines(ticket: model.Ticket) -> list[str]:
    parts = draw.card_of(ticket, MINT).parts
    return ["".join(card.words_of(span) for span in part.text) for part in parts if isinstance(part, card.Line)]


def choices(*options: model.Option, longest: int, described: int, multiple: bool = False) -> bool:
    """Whether the list of options stands on the card of such a choice."""
    ticket = opened(asking.Choice("Which?", list(options), multiple=multiple))
    drawn = asked.without_list(draw.card_of(ticket, MINT), longest, described)
    return any(isinstance(part, card.Choices) for part in drawn.parts)


def test_a_form_says_beforehand_what_there_is_to_fill_in() -> None:
    said = "To fill in: Amount (a number), Reason, Tell the customer (yes or no, optional)"
    assert said in lines(opened(REFUND))


def test_a_long_label_is_cut_and_hostile_ones_are_foreign() -> None:
    labels = ["x" * 61, "a\u202eb"]
    form = asking.Form("F", [model.Field(name=f"n{n}", label=label) for n, label in enumerate(labels)])
    assert f"To fill in: {'x' * 60}…, a⟦U+202E⟧b" in lines(opened(form))


def test_only_a_form_lists_fields() -> None:
    for request in (asking.Question("Which?"), asking.Choice("Which?", ["A", "B"])):
        assert not [line for line in lines(opened(request)) if line.startswith("To fill in")]


A, B = model.Option(label="A"), model.Option(label="B", description="the second")


def test_options_are_listed_only_if_one_cannot_see_all_of_them_where_one_chooses() -> None:
    for row in each(
        [
            ((A, A.model_copy(update={"label": "C"})), 10, 0, False),
            ((A, B), 10, 0, True),
            ((A, B), 10, 10, False),
            ((A, B), 10, 9, True),
            ((A, model.Option(label="B" * 11)), 10, 10, True),
            ((A, model.Option(label="B", description="a\nb")), 10, 10, True),
        ]
    ):
        with row as (options, longest, described, listed):
            assert choices(*options, longest=longest, described=described) is listed


def test_what_has_nothing_to_choose_from_keeps_its_list() -> None:
    drawn = draw.card_of(opened(asking.Question("Which?")), MINT)
    assert asked.without_list(drawn, 10, 10) is drawn


def test_the_window_of_a_form_has_its_name() -> None:
    for row in each(
        [
            (8, 24, "“Refund”"),
            (2, 24, "“Refund” · Step 1 of 2"),
            (2, 20, "“Ref…” · Step 1 of 2"),
            (2, 10, "Step 1 of 2"),
        ]
    ):
        with row as (inputs, longest, heading):
            ticket = opened(REFUND)
            limits = dialog.WindowLimits(content=2_000, inputs=inputs, typed=100)
            window = dialog.of_press(ticket, tokens.read(MINT.token(ticket, "fill")), MINT, limits)
            assert window is not None
            assert window.heading(longest) == heading


def test_the_window_of_a_question_has_our_title() -> None:
    ticket = opened(asking.Question("Allow"))
    limits = dialog.WindowLimits(content=2_000, inputs=8, typed=100)
    window = dialog.of_press(ticket, tokens.read(MINT.token(ticket, "fill")), MINT, limits)
    assert window is not None
    assert window.heading(24) == "Your answer"


def hints(ticket: model.Ticket) -> list[str]:
    """What a chat says last about how to answer in words."""
    parts = asked.with_hint(draw.card_of(ticket, MINT)).parts
    said = ["".join(card.words_of(span) for span in part.text) for part in parts if isinstance(part, card.Note)]
    return [line for line in said if line.startswith("Reply")]


def test_a_reply_is_named_only_where_it_counts() -> None:
    question = opened(asking.Question("Which?"))
    assert hints(question) == ["Reply to this message, or press Answer."]
    assert len(hints(opened(asking.Choice("Which?", ["A", "B"])))) == 1
    assert hints(opened()) == hints(opened(REFUND)) == []


def test_a_reply_is_not_named_when_it_counts_no_more() -> None:
    question = opened(asking.Question("Which?"))
    taken = after(question, said(text="Acme").model_copy(update={"grace": 10.0}))
    assert hints(taken) == hints(after(question, said(text="Acme"))) == []

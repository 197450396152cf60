"""Images on cards: a card that is cut keeps them, and a surface that does not show all of them allows nothing."""

from sayso import asking, model
from sayso.cards import attached, card, cutting, draw
from sayso.testing import samples
from sayso.testing.samples import MINT, after, opened, permission, said

IMAGE = model.Attachment(name="shop.png", kind="image", data=samples.PNG)


def labels(drawn: card.Card) -> list[str]:
    return [one.label for one in drawn.controls if isinstance(one, card.Button)]


def test_a_card_that_is_cut_keeps_its_images() -> None:
    many = {f"key{number}": "value " * 100 for number in range(30)}
    drawn = cutting.fit(draw.card_of(opened(permission(input=many, attachments=[IMAGE])), MINT), 2_000)
    assert "Review" in labels(drawn)
    assert len([part for part in drawn.parts if isinstance(part, card.Image)]) == 1


def test_what_is_not_seen_is_not_allowed() -> None:
    drawn = draw.card_of(samples.with_image(), MINT)
    assert attached.unless_seen(drawn, {0}) is drawn
    unseen = attached.unless_seen(drawn, ())
    assert "Allow" in labels(drawn)
    assert not any("llow" in label for label in labels(unseen))
    assert unseen.review is None
    assert isinstance(unseen.parts[-1], card.Warn)


def test_a_question_about_an_image_is_not_answered_without_it_and_a_closed_card_stays_as_it_is() -> None:
    asked = draw.card_of(opened(asking.Question("Is it right?", attachments=[IMAGE], verdicts=["deny"])), MINT)
    assert labels(attached.unless_seen(asked, ())) == [label for label in labels(asked) if label != "Answer"]
    choice = draw.card_of(opened(asking.Choice("Which?", ["a", "b"], attachments=[IMAGE])), MINT)
    assert attached.unless_seen(choice, ()).controls == ()
    closed = draw.card_of(after(samples.with_image(), said(verdict="deny")), MINT)
    assert attached.unless_seen(closed, ()) is closed

"""What is odd about foreign text is said once for each kind of trick, with where it stands."""

from sayso import model
from sayso.cards import card, draw, oddities, tokens
from sayso.content import text
from sayso.testing.samples import opened, permission

HIDDEN = "contains invisible or control characters, shown as"


def warnings(request: model.Request) -> list[str]:
    return [
        str(one.text)
        for one in draw.draw_card(opened(request), tokens.TokenMaker(b"s" * 32)).parts
        if isinstance(one, card.Warn)
    ]


def test_a_trick_in_several_places_is_told_once_with_each_of_them() -> None:
    asked = permission(
        input={"command": "ls\u200b", "path": "a\u202e"},
        body="See\u200b and\u2066 more",
        context={"Folder": "/shop\u200b"},
    )
    assert warnings(asked) == [
        f"In the input, the agent's words and the facts below: {HIDDEN} U+200B U+202E U+2066.".replace(
            "U+200B U+202E U+2066", "⟦U+200B⟧ ⟦U+202E⟧ ⟦U+2066⟧"
        )
    ]


def test_a_trick_in_one_place_names_that_place() -> None:
    question = model.Request(kind="question", title="Who\u200b?")
    choice = model.Request(kind="choice", title="Who?", options=(model.Option(label="a\u200b"),))
    assert warnings(question) == [f"In the question: {HIDDEN} ⟦U+200B⟧."]
    assert warnings(choice) == [f"In the options: {HIDDEN} ⟦U+200B⟧."]
    assert warnings(permission(tool="rm\u200b")) == [f"In the headline: {HIDDEN} ⟦U+200B⟧."]
    assert warnings(permission(body="раypal")) == [
        "In the agent's words: contains letters that look like other letters: U+0440 U+0430."
    ]


def test_signs_beyond_the_first_few_are_counted_over_all_places() -> None:
    parts = (
        card.Line((text.literal("\u200b\u200e\u202a\u202b\u202c"),), role="input"),
        card.Note((text.literal("\u2066\u2067"),)),
    )
    (told,) = oddities.warnings_in(parts)
    named = "⟦U+200B⟧ ⟦U+200E⟧ ⟦U+202A⟧ ⟦U+202B⟧"
    assert told.text == f"In the input and the card: {HIDDEN} {named} and 3 more."

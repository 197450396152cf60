"""Presses and dialogs, both ways: what opens, and what a submission means."""

from typing import Any

import pytest

from sayso import asking, errors, model
from sayso.cards import card, cutting, dialog, draw, plain_words, submission, tokens
from sayso.content import text
from sayso.machine import people
from sayso.testing import samples
from sayso.testing.samples import MINT, opened, permission
from tests.tables import each

ROOM = dialog.WindowLimits(content=2000, inputs=3, typed=3000)


def pressed(ticket: model.Ticket, action: tokens.Action, index: int = 0) -> tokens.Pressed:
    return tokens.read(MINT.token(ticket, action, index))


def opens(ticket: model.Ticket, action: tokens.Action, index: int = 0) -> dialog.Dialog:
    found = dialog.of_press(ticket, pressed(ticket, action, index), MINT, ROOM)
    assert found is not None
    return found


def submits(
    ticket: model.Ticket, action: tokens.Action, draft: dialog.Draft, index: int = 0
) -> dialog.Dialog | model.Answer:
    return submission.follow(ticket, pressed(ticket, action, index), draft, MINT, ROOM)


def test_some_presses_are_the_answer() -> None:
    rows: list[tuple[tokens.Action, model.Answer]] = [
        ("allow", model.Answer(verdict="allow")),
        ("deny", model.Answer(verdict="deny")),
        ("session", model.Answer(verdict="allow", grant="session")),
        ("always", model.Answer(verdict="allow", grant="always")),
    ]
    for row in each(rows):
        with row as (action, answer):
            ticket = opened()
            assert dialog.of_press(ticket, pressed(ticket, action), MINT, ROOM) is None
            assert submits(ticket, action, {}) == answer


def test_a_denial_asks_for_its_reason() -> None:
    ticket = opened()
    assert [made.name for made in opens(ticket, "reason").inputs] == ["reason"]
    assert submits(ticket, "reason", {"reason": "no"}) == model.Answer(verdict="deny", reason="no")
    for empty in ({}, {"reason": "  "}, {"reason": "x" * 4001}):
        with pytest.raises(errors.InvalidAnswer) as refused:
            submits(ticket, "reason", empty)
        assert refused.value.field == "reason"


def test_half_a_character_is_no_answer() -> None:
    with pytest.raises(errors.InvalidAnswer) as refused:
        submits(opened(), "reason", {"reason": "\ud800"})
    assert refused.value.field == "reason"


def test_an_edit_keeps_types_and_says_what_is_no_json() -> None:
    ticket = opened(permission(input={"command": "make", "tries": 3}))
    assert [(made.name, made.value) for made in opens(ticket, "edit").inputs] == [("k0", "make"), ("k1", "3")]
    edited = submits(ticket, "edit", {"k0": "make all", "k1": "[4]"})
    assert edited == model.Answer(verdict="allow", input={"command": "make all", "tries": [4]})
    with pytest.raises(errors.InvalidAnswer) as refused:
        submits(ticket, "edit", {"k0": "make", "k1": "4,"})
    assert refused.value.field == "k1"


def test_signs_that_a_phone_puts_in_are_shown_before_they_run() -> None:
    ticket = opened(permission(input={"command": 'git commit -m "fix"', "note": "it’s", "tries": [1]}))
    typed = {"k0": "git commit —amend -m “fix”", "k1": "it’s “here”", "k2": '["a–b"]'}
    shown = submits(ticket, "edit", typed)
    assert isinstance(shown, dialog.Dialog)
    said = "\n".join(piece for part in shown.parts for piece in card.pieces(part))
    for sign in ("— (U+2014) for -", '“ (U+201C) for "', "– (U+2013) for -", "git commit —amend -m “fix”", "a–b"):
        assert sign in said
    assert "’ (U+2019)" not in said, "that one stood there before"
    pressed = tokens.read(shown.token)
    assert dialog.of_press(ticket, pressed, MINT, ROOM) is None
    edited = {"command": "git commit —amend -m “fix”", "note": "it’s “here”", "tries": ["a–b"]}
    assert submission.follow(ticket, pressed, typed, MINT, ROOM) == model.Answer(verdict="allow", input=edited)


def test_signs_in_more_text_than_can_be_shown_again_are_refused_beside_their_input() -> None:
    ticket = opened(permission(input={"text": "a", "more": "b"}))
    room = dialog.WindowLimits(content=100, inputs=8, typed=2000)
    pressed = tokens.Pressed(ticket.ref, "edit", 0, "")
    with pytest.raises(errors.InvalidAnswer) as caught:
        submission.follow(ticket, pressed, {"k0": "a", "k1": "“" + "x" * 500}, MINT, room)
    assert caught.value.field == "k1"
    assert "U+201C" in caught.value.message


def test_text_that_cannot_be_seen_as_it_is_cannot_be_edited() -> None:
    ticket = opened(permission(input={"command": "make\u202e", "note": "fine"}))
    opened_dialog = opens(ticket, "edit")
    assert [made.name for made in opened_dialog.inputs] == ["k1"]
    assert any("⟦U+202E⟧" in piece for part in opened_dialog.parts for piece in card.pieces(part))
    answer = submits(ticket, "edit", {"k1": "other"})
    assert isinstance(answer, model.Answer)
    assert answer.input == {"command": "make\u202e", "note": "other"}


def test_an_input_too_large_to_edit_says_so_and_can_only_be_closed() -> None:
    assert opens(opened(permission(input={"text": "x" * 5000})), "edit").submit is None


def test_a_review_allows_only_on_its_last_page() -> None:
    ticket = opened(permission(input={"text": "".join(f"{n:06d}\n" for n in range(400))}))
    page, seen, labels = opens(ticket, "review"), "", []
    while page.submit is not None:
        seen += "".join(piece for part in page.parts for piece in card.pieces(part))
        labels.append(page.submit)
        followed = submission.follow(ticket, tokens.read(page.token), {}, MINT, ROOM)
        if isinstance(followed, model.Answer):
            assert followed == model.Answer(verdict="allow")
            break
        page = followed
    assert len(labels) > 2
    assert labels == ["Next page"] * (len(labels) - 1) + ["Allow"]
    assert all(f"{n:06d}" in seen for n in range(400))


def test_a_review_of_a_question_ends_in_its_form() -> None:
    ticket = opened(asking.Question("Why?", body="x"))
    followed = submits(ticket, "review", {})
    assert isinstance(followed, dialog.Dialog)
    assert tokens.read(followed.token).action == "fill"


def test_options_and_other_answers_of_a_choice() -> None:
    ticket = opened(asking.Choice("Which?", ["A", "B"], other=True))
    assert submits(ticket, "option", {}, 1) == model.Answer(choice="B")
    assert submits(ticket, "pick", {"f0": [0]}) == model.Answer(choice="A")
    assert submits(ticket, "other", {"other": "C"}) == model.Answer(choice="C")
    assert opens(ticket, "other").inputs[0].name == "other"
    for action, draft, index in (
        ("option", {}, 2),
        ("pick", {}, 0),
        ("pick", {"f0": [7]}, 0),
        ("pick", {"f0": [0, 1]}, 0),
        ("fill", {"f0": [0, 1]}, 0),
        ("pick", {"f0": "A"}, 0),
    ):
        with pytest.raises(errors.InvalidAnswer):
            submits(ticket, action, draft, index)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_several_options_and_another_answer_go_together() -> None:
    ticket = opened(asking.Choice("Which?", ["A", "B"], multiple=True, other=True))
    assert submits(ticket, "pick", {"f0": [1, 0]}) == model.Answer(choices=("B", "A"))
    assert submits(ticket, "other", {"other": "C"}) == model.Answer(choices=("C",))
    assert submits(ticket, "fill", {"f0": [1], "f0o": "C"}) == model.Answer(choices=("B", "C"))


FORM = [
    model.Field(name="who", label="Who"),
    model.Field(name="db", label="Database", kind="choice", options=(model.Option(label="PG"),), other=True),
    model.Field(name="n", label="Number", kind="integer"),
    model.Field(name="sure", label="Sure?", kind="boolean", required=False),
]


def test_a_large_form_comes_in_steps_and_keeps_a_choice_with_its_other_answer() -> None:
    ticket = opened(asking.Form("Fill", FORM))
    first = opens(ticket, "fill")
    assert [made.name for made in first.inputs] == ["f0", "f1", "f1o"]
    assert (first.title, first.submit) == ("Step 1 of 2", "Next")
    second = submits(ticket, "fill", {"f0": "me", "f1": [], "f1o": "Mongo"})
    assert isinstance(second, dialog.Dialog)
    assert [made.name for made in second.inputs] == ["f2", "f3"]
    typed: dict[str, Any] = {"f0": "me", "f1": [], "f1o": "Mongo", "f2": "7", "f3": True}
    assert submits(ticket, "fill", typed, 1) == model.Answer(values={"who": "me", "db": "Mongo", "n": 7, "sure": True})


def test_what_is_wrong_in_a_step_is_said_in_that_step() -> None:
    ticket = opened(asking.Form("Fill", FORM))
    with pytest.raises(errors.InvalidAnswer) as refused:
        submits(ticket, "fill", {"f0": "", "f1": [0]})
    assert refused.value.field == "f0"
    with pytest.raises(errors.InvalidAnswer) as refused:
        submits(ticket, "fill", {"f0": "me", "f1": [0], "f2": "x"}, 1)
    assert refused.value.field == "f2"


def test_a_hostile_default_is_not_offered() -> None:
    hidden = model.Field(name="a", label="A", default="x\u200by")
    plain = model.Field(name="b", label="B", default="xy")
    ticket = opened(asking.Form("Fill", [hidden, plain]))
    assert [made.value for made in dialog.inputs_of(ticket)] == [None, "xy"]


def test_a_default_is_offered_as_far_as_the_surface_takes_an_answer() -> None:
    ticket = opened(asking.Form("Fill", [model.Field(name="a", label="A", default="x" * 4_000)]))
    (wide,), (narrow,) = (dialog.inputs_of(ticket, longest) for longest in (4_000, 3_999))
    assert (wide.value, narrow.value) == ("x" * 4_000, None)
    assert (wide.longest, narrow.longest) == (4_000, 3_999)


def test_an_answer_is_as_long_as_the_window_takes_and_no_longer_than_its_field() -> None:
    ticket = opened(
        asking.Form("Fill", [model.Field(name="a", label="A"), model.Field(name="b", label="B", max_length=9)])
    )
    room = dialog.WindowLimits(content=2000, inputs=3, typed=3000, answer=500)
    assert [made.longest for made in dialog.fill(ticket, 0, "token", room).inputs] == [500, 9]
    assert [made.longest for made in dialog.inputs_of(ticket)] == [model.MAX_TEXT, 9]


def test_the_card_of_a_permission_shows_each_argument_and_its_buttons() -> None:
    shown = draw.card_of(opened(permission(grants=("session",))), MINT)
    codes = [part.text.text for part in shown.parts if isinstance(part, card.Code)]
    assert codes == ["make deploy"]
    labels = [control.label for control in shown.controls if isinstance(control, card.Button)]
    assert labels == ["Allow", "Deny", "Deny with reason…", "Edit and allow…", "Ask back…", "Stop asking this session"]


def test_the_agents_own_words_stand_below_what_will_run() -> None:
    shown = draw.card_of(opened(permission(title="Harmless", body="Trust me")), MINT)
    kinds = [type(part) for part in shown.parts]
    assert kinds.index(card.Code) < kinds.index(card.Says)


def test_hostile_text_anywhere_raises_a_warning_in_the_services_own_place() -> None:
    shown = draw.card_of(
        opened(permission(input={"command": "ls \u202e"}, source=model.Source(agent="a\u200bb"))), MINT
    )
    assert isinstance(shown.parts[2], card.Warn)
    assert sum(isinstance(part, card.Warn) for part in shown.parts) >= 1


def test_what_does_not_fit_cannot_be_allowed_from_the_card() -> None:
    shown = cutting.fit(draw.card_of(opened(permission(input={"text": "x" * 9000}, grants=("session",))), MINT), 4000)
    labels = [control.label for control in shown.controls if isinstance(control, card.Button)]
    assert labels == ["Review", "Deny", "Deny with reason…", "Ask back…"]
    assert sum(map(cutting.size, shown.parts)) <= 4200
    assert any(isinstance(part, card.Code) and part.cut for part in shown.parts)


def test_a_closed_card_has_no_buttons() -> None:
    ticket = opened()
    closed = ticket.model_copy(
        update={"decision": model.Decision(outcome="expired", digest="", decided_at=ticket.expires_at, model_text="")}
    )
    shown = draw.card_of(closed, MINT)
    assert (shown.controls, shown.review, shown.tone) == ((), None, "gone")


def test_no_agent_text_stands_in_a_notification() -> None:
    shown = draw.card_of(opened(permission(tool="EVIL tool", title="EVIL", input={"EVIL": "EVIL"})), MINT)
    assert "EVIL" not in shown.summary


def test_a_forged_or_foreign_token_is_refused() -> None:
    ticket, other = opened(), opened(permission(input={"command": "rm"}))
    token = MINT.token(ticket, "allow")
    assert len(token) <= 100
    for forged in ("", "s1", token[:-1], token + "A", token.replace("allow", "blow"), token.replace("s1", "s2")):
        with pytest.raises(errors.InvalidToken):
            MINT.check(tokens.read(forged), ticket)
    with pytest.raises(errors.InvalidToken):
        MINT.check(tokens.read(token.replace("allow.0", "allow.1")), ticket)
    with pytest.raises(errors.InvalidToken):
        MINT.check(tokens.read(token), other)
    with pytest.raises(errors.InvalidToken):
        tokens.TokenMaker(b"another secret of the same length").check(tokens.read(token), ticket)
    MINT.check(tokens.read(token), ticket)
    assert isinstance(text.literal("x"), text.Foreign)


def test_plain_words_answer_a_question_and_name_an_option() -> None:
    assert plain_words.read(opened(asking.Question("Why?")), "because") == model.Answer(text="because")
    choice = opened(asking.Choice("Which?", ["Red", "Blue"]))
    for words in ("blue", " Blue ", "2"):
        assert plain_words.read(choice, words) == model.Answer(choice="Blue")
    several = opened(asking.Choice("Which?", ["Red", "Blue"], multiple=True, other=True))
    assert plain_words.read(several, "green") == model.Answer(choices=("green",))


def test_plain_words_are_refused_where_they_are_no_answer() -> None:
    form = opened(asking.Form("Refund", [model.Field(name="a", label="A")]))
    choice = opened(asking.Choice("Which?", ["Red", "Blue"]))
    half = (opened(asking.Question("Why?")), "a\ud800b")
    for ticket, words in (half, (opened(), "yes"), (form, "10"), (choice, "3"), (choice, "green"), (choice, "²")):
        with pytest.raises(errors.InvalidAnswer):
            plain_words.read(ticket, words)


def test_a_press_on_the_choice_itself_opens_a_window_with_its_options() -> None:
    ticket = opened(asking.Choice("Which?", ["A", "B"], multiple=True, other=True))
    shown = opens(ticket, "pick")
    assert [made.name for made in shown.inputs] == ["f0"]
    assert tokens.read(shown.token).action == "pick"


def test_a_long_list_takes_the_room_of_several_inputs() -> None:
    options = tuple(model.Option(label=f"o{n}") for n in range(60))
    asked = [model.Field(name="a", label="A"), model.Field(name="b", label="B", kind="choice", options=options)]
    ticket = opened(asking.Form("Refund", asked))
    small = dialog.WindowLimits(content=2000, inputs=3, typed=3000, options=25)
    assert [len(step) for step in dialog.steps_of(ticket, small)] == [1, 1]
    assert [len(step) for step in dialog.steps_of(ticket, ROOM)] == [2]


def test_a_card_knows_its_session_and_whether_talking_answers_it() -> None:
    asked = draw.card_of(opened(asking.Question("Why?", source=model.Source(session="s\u202e1"))), MINT)
    assert asked.talk
    assert asked.session is not None
    assert (asked.session.id, asked.session.name.text) == ("s\u202e1", "agent · s⟦U+202E⟧1")
    permission = draw.card_of(opened(), MINT)
    assert not permission.talk


def test_words_that_were_taken_are_known_again() -> None:
    question = samples.sample(asking.Question("Why?"), samples.said(text="because"))
    several = samples.sample(asking.Choice("Which?", ["A", "B"], multiple=True), samples.said(choices=("B",)))
    single = samples.sample(asking.Choice("Which?", ["A", "B"]), samples.said(choice="B"))
    for ticket, words in ((question, "because"), (several, "2"), (single, "b")):
        assert plain_words.is_repeated(ticket, "chat:T/ann", words)
        assert not plain_words.is_repeated(ticket, "chat:T/bob", words)
    assert not plain_words.is_repeated(question, "chat:T/ann", "why not")


def test_an_edit_is_offered_only_where_a_window_takes_a_value() -> None:
    for size, offered in ((1_000, True), (1_001, False)):
        drawn = draw.card_of(opened(permission(input={"text": "x" * size})), MINT)
        shown = cutting.fit(drawn, 4_000, 1_000)
        assert ("edit" in [one.action for one in shown.controls if isinstance(one, card.Button)]) == offered


def test_a_review_names_the_people_who_may_decide() -> None:
    directory = people.Directory(groups={"release": people.Group(frozenset({"ann"}))})
    ticket = opened(approvers=("group:release",))
    shown = dialog.of_press(ticket, tokens.read(MINT.token(ticket, "review")), MINT, ROOM, directory)
    assert shown is not None
    assert "release (ann)" in "".join(words for part in shown.parts for words in card.pieces(part))

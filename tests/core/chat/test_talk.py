"""Which message is the answer to which request: people who talk to each other are left alone, and the app is heard."""

from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import errors, machine, model
from sayso.cards import plain_words, telling
from sayso.chat import marks, talk
from sayso.machine import people
from sayso.stores import memory
from sayso.testing import samples
from tests.tables import each

NOW = samples.NOW


def ticket(request: model.Request, id: str = "r1", **policy: Any) -> model.Ticket:
    terms = machine.Terms("bot", model.Policy(**policy), ("chat:ops",))
    return machine.open_ticket(request, terms, id=id, ref=f"ref-{id}", at=NOW).ticket


QUESTION = ticket(sayso.Question("Which customer?"))
OTHER = ticket(sayso.Question("Which region?"), "r2")
PERMISSION = ticket(sayso.Permission(tool="Bash", input={"command": "x"}), "r3")
CHOICE = ticket(sayso.Choice("Where?", ["staging", "prod"]), "r4")
FREE = ticket(sayso.Choice("Where?", ["staging", "prod"], other=True), "r5")
WHO = ticket(sayso.Question("Who should review this?"), "r6")
SOMEBODY = ticket(sayso.Choice("Which of them?", ["bob", "eve"]), "r7")


def judged(text: str = "Acme", *here: model.Ticket, about: model.Ticket | None = None, **words: Any) -> talk.Meaning:
    return talk.judge(talk.Words(text, **words), about, here)


def test_a_reply_to_a_card_answers_it() -> None:
    rows: list[Any] = [{}, {"names": "app"}, {"names": "other", "alone": True}]
    for row in each(rows):
        with row as words:
            assert judged(to="card", about=QUESTION, **words) == talk.Meaning(QUESTION, addressed=True)


def test_a_reply_to_a_card_that_names_somebody_else_first_is_an_answer_only_where_a_name_is_one() -> None:
    for row in each(
        [
            ("@bob what do you think?", QUESTION, False),
            ("@bob knows", FREE, False),
            ("@bob please", WHO, True),
            ("@bob could you?", WHO, False),
            ("@bob", SOMEBODY, True),
        ]
    ):
        with row as (words, about, answers):
            meaning = judged(words, to="card", about=about, names="other")
            assert (meaning.ticket == about) == answers
            assert meaning.told == (None if answers else talk.NAMED_OTHER)


def test_whoever_replies_to_a_closed_card_to_speak_to_somebody_else_is_left_alone() -> None:
    answered = machine.step(QUESTION, event(QUESTION, "Acme")).ticket
    assert judged("@bob, see?", to="card", about=answered, names="other").told is None


def test_whoever_was_spoken_to_below_a_permission_is_shown_to_its_buttons() -> None:
    assert judged("fine", to="thread", about=PERMISSION, asked=True).told == talk.BY_BUTTON


def test_a_reply_to_somebody_else_is_no_answer_and_goes_without_a_word() -> None:
    for row in each([QUESTION, CHOICE, FREE]):
        with row as request_:
            assert judged("prod", request_, to="other", session=True) == talk.Meaning()
            assert judged("prod", request_, to="other", alone=True) == talk.Meaning()


def test_a_message_that_names_somebody_else_first_is_no_answer() -> None:
    assert judged("what do you think?", QUESTION, names="other", session=True) == talk.Meaning()


@pytest.mark.parametrize("how", [{"session": True}, {"to": "thread"}, {"to": "card"}])
@pytest.mark.parametrize("request_", [QUESTION, CHOICE])
def test_what_is_said_to_everybody_may_be_meant_as_the_answer_so_its_writer_is_told(
    request_: model.Ticket, how: Any
) -> None:
    about = request_ if "to" in how else None
    assert judged("@here Acme", request_, about=about, names="all", **how).told == talk.NAMED_ALL
    closed = machine.step(QUESTION, event(QUESTION, "Acme")).ticket
    assert judged("@here Acme", *([] if about else [closed]), about=about and closed, names="all", **how).told is None


@pytest.mark.parametrize("how", [{"session": True}, {"to": "thread"}])
def test_who_asks_everybody_or_speaks_of_a_permission_is_left_alone(how: Any) -> None:
    for one, words in ((QUESTION, "@here who knows?"), (PERMISSION, "@here look at this")):
        about = one if "to" in how else None
        assert judged(words, one, about=about, names="all", **how) == talk.Meaning()


@pytest.mark.parametrize("names", ["other", "all"])
def test_talk_in_the_thread_of_a_session_may_answer_with_whom_it_names(names: Any) -> None:
    assert judged("@bob", WHO, names=names, session=True) == talk.Meaning(WHO)
    assert judged("@bob", WHO, OTHER, names=names, session=True) == talk.Meaning()
    assert judged("@bob", WHO, names=names) == talk.Meaning()


@pytest.mark.parametrize("to", ["app", "card"])
def test_a_reply_to_a_note_is_no_answer_and_is_told_so(to: Any) -> None:
    assert judged("Acme", QUESTION, to=to, session=True).told == talk.NO_CARD


def test_talk_in_the_thread_of_a_session_answers_its_only_question_and_can_be_taken_back() -> None:
    meaning = judged("Acme", QUESTION, session=True)
    assert meaning == talk.Meaning(QUESTION)
    assert talk.grace(timedelta(), meaning) == talk.LEAST_GRACE
    assert talk.grace(timedelta(minutes=1), meaning) == timedelta(minutes=1)


def test_what_was_said_to_the_app_waits_as_long_as_the_house_says() -> None:
    assert talk.grace(timedelta(), judged("Acme", QUESTION, names="app")) == timedelta()


def test_under_a_choice_with_other_only_what_is_said_to_the_app_counts() -> None:
    assert judged("hmm wait", FREE, session=True) == talk.Meaning()
    assert judged("prod", FREE, session=True) == talk.Meaning()
    assert judged("hmm wait", FREE, session=True, names="app").ticket == FREE
    assert judged("hmm wait", to="card", about=FREE).ticket == FREE


def test_talk_under_a_choice_counts_only_where_it_is_an_option() -> None:
    assert judged("hmm wait", CHOICE, session=True) == talk.Meaning()
    assert judged("prod", CHOICE, session=True) == talk.Meaning(CHOICE)


def test_who_goes_on_talking_or_answers_somebody_is_not_taken_at_their_word() -> None:
    given = model.Given(person="ann", name="ann", via="chat:T/1", at=NOW, answer=model.Answer(text="Acme"))
    taken = QUESTION.model_copy(update={"taken": model.Taken(given=given, until=NOW)})
    assert judged("hm", taken, session=True) == talk.Meaning()
    assert judged("no, Bolt", taken, session=True, names="app").ticket == taken
    assert judged("Acme", QUESTION, session=True, asked=True) == talk.Meaning()


def test_where_several_are_open_only_those_who_speak_to_the_app_are_asked_which() -> None:
    assert judged("Acme", QUESTION, OTHER, session=True) == talk.Meaning()
    assert judged("Acme", QUESTION, OTHER, names="app").told == talk.WHICH


@pytest.mark.parametrize(
    ("here", "told"), [((), talk.NOTHING_OPEN), ((PERMISSION,), talk.BY_BUTTON), ((QUESTION,), talk.NO_WORDS)]
)
@pytest.mark.parametrize("how", [{"names": "app"}, {"alone": True}])
def test_what_is_said_to_the_app_is_never_dropped_without_a_word(here: Any, told: str, how: Any) -> None:
    assert judged("", *here, **how).told == told


def test_a_permission_is_never_decided_by_words() -> None:
    assert judged("allow", to="card", about=PERMISSION) == talk.Meaning(told=talk.BY_BUTTON, addressed=True)
    assert judged("allow", PERMISSION, session=True) == talk.Meaning()


def test_a_reply_without_words_is_told_so() -> None:
    assert judged("", to="card", about=QUESTION).told == talk.NO_WORDS


def event(asked: model.Ticket, said: str, name: str = "ann") -> Any:
    from sayso.machine import events

    who = people.Directory().identify(people.Actor("chat:T/1", name, member=True))
    return events.Answered(at=NOW + timedelta(seconds=3), by=who, answer=plain_words.read(asked, said))


def test_an_option_is_known_in_every_spelling_of_a_chat() -> None:
    for row in each(["ship it", ":rocket: Ship it", "🚀 ship  it", "ｓｈｉｐ it", "1", " Ship it "]):
        with row as written:
            asked = ticket(sayso.Choice("Now?", ["🚀 Ship it", "Wait"]))
            assert plain_words.read(asked, written).choice == "🚀 Ship it"


def test_an_option_is_known_with_the_quotes_that_a_phone_puts_in() -> None:
    for row in each(["don\u2019t do it", "Don't do it", "DON\u2018T DO IT"]):
        with row as written:
            for other in (False, True):
                asked = ticket(sayso.Choice("Now?", ["Don't do it", "Do it now \u2013 all"], other=other))
                assert plain_words.read(asked, written).choice == "Don't do it"
                assert plain_words.read(asked, "do it now - all").choice == "Do it now \u2013 all"


def test_what_names_no_option_is_none() -> None:
    for row in each([":rocket:", "🚀", "3", "0", "9" * 5000, "ship"]):
        with row as written, pytest.raises(errors.InvalidAnswer):
            plain_words.read(ticket(sayso.Choice("Now?", ["🚀 Ship it", "Wait"])), written)


async def test_a_mark_only_rises() -> None:
    store = marks.Marks(memory.MemoryStore(), "chat")
    assert await store.of("C1") == ""
    for message in ("99", "100", "98"):
        await store.raise_to("C1", message)
    assert await store.of("C1") == "100"
    assert await store.of("C2") == ""


def shown(line: Any) -> str:
    return "".join(getattr(span, "text", str(span)) if not hasattr(span, "at") else "TIME" for span in line.text)


def test_whoever_is_late_reads_who_decided_and_never_an_account() -> None:
    decided = machine.step(QUESTION, event(QUESTION, "Acme", "Ann B")).ticket
    late = errors.AlreadyDecided(decided)
    assert shown(telling.refusal(late, "chat:T/2")) == "Too late: answered by Ann B at TIME."
    assert shown(telling.refusal(late, "chat:T/1")) == "Answered: that is what you said, and it counted at TIME."
    nameless = machine.step(QUESTION, event(QUESTION, "Acme", "")).ticket
    assert "by somebody at" in shown(telling.refusal(errors.AlreadyDecided(nameless)))


def test_whoever_decided_and_writes_on_is_told_that_their_own_answer_counted() -> None:
    late = errors.AlreadyDecided(machine.step(QUESTION, event(QUESTION, "Acme", "Ann B")).ticket)
    assert shown(telling.late_words(late, "chat:T/1")) == telling.EARLIER_COUNTED
    assert shown(telling.late_words(late, "chat:T/2")) == "Too late: answered by Ann B at TIME."


def test_a_second_allow_of_one_person_is_told_that_it_is_the_second() -> None:
    asked = ticket(sayso.Permission(tool="Bash", input={}), quorum=2)
    from sayso.machine import events

    who = people.Directory().identify(people.Actor("chat:T/1", "ann", member=True))
    allow = events.Answered(at=NOW, by=who, answer=model.Answer(verdict="allow"))
    once = machine.step(asked, allow).ticket
    assert "Counted: 1 of 2" in shown(telling.tally(once, asked, "chat:T/1"))
    assert "already. 1 of 2" in shown(telling.tally(once, once, "chat:T/1"))
    assert telling.tally(once, asked, "chat:T/2") is None


def test_whom_a_policy_names_is_known_on_each_platform() -> None:
    directory = people.Directory(
        people={"ann": people.Profile(frozenset({"chat:1", "mail:a"})), "bob": people.Profile(frozenset({"chat:2"}))},
        groups={"ops": people.Group(frozenset({"bob"}), frozenset({"chat:77", "mail:9"}))},
    )
    called = directory.called(("ann", "group:ops", "nobody"), "chat")
    assert called == people.Called(("chat:1", "chat:2"), ("chat:77",))


def test_an_allow_that_is_not_counted_beside_another_is_told_why() -> None:
    from sayso.machine import events

    asked = ticket(sayso.Permission(tool="Bash", input={}), quorum=2)
    allow = model.Answer(verdict="allow")
    bob = model.Person(id="bob", name="bob", account="web:bob", member=True)
    other = model.Person(id="chat:2", name="b", account="chat:2", member=True)
    once = machine.step(asked, events.Answered(at=NOW, by=bob, answer=allow)).ticket
    twice = machine.step(once, events.Answered(at=NOW, by=other, answer=allow)).ticket
    line = telling.tally(twice, once, "chat:2")
    assert "not counted beside those who answered elsewhere" in shown(line)
    assert "1 of 2" in shown(line)


# Below a card, where people also talk to each other


MEANT: list[tuple[Any, model.Ticket, bool]] = [
    ({"text": "Acme"}, QUESTION, True),
    ({"text": "@bob do you know?", "names": "other"}, QUESTION, False),
    ({"text": "@bob knows", "names": "other"}, QUESTION, False),
    ({"text": "@bob please", "names": "other"}, WHO, True),
    ({"text": "@bob could you?", "names": "other"}, WHO, False),
    ({"text": "Acme", "asked": True}, QUESTION, False),
    ({"text": "Acme", "asked": True, "names": "app"}, QUESTION, True),
    ({"text": "staging"}, FREE, True),
    ({"text": "2"}, FREE, True),
    ({"text": "hmm wait"}, FREE, False),
    ({"text": "hmm wait", "names": "app"}, FREE, True),
    ({"text": "hmm wait", "alone": True}, FREE, True),
    ({"text": "hmm wait"}, CHOICE, True),
    ({"text": "@bob", "names": "other"}, SOMEBODY, True),
    ({"text": "@carol", "names": "other"}, SOMEBODY, False),
    ({"text": "2", "asked": True}, SOMEBODY, True),
    ({"text": "allow"}, PERMISSION, False),
    ({"text": ""}, QUESTION, False),
]


def test_below_a_card_words_answer_it_where_they_were_meant_to() -> None:
    for row in each(MEANT):
        with row as (words, about, answers):
            assert (judged(to="thread", about=about, **words).ticket == about) == answers


@pytest.mark.parametrize("words", [{"text": "hmm wait", "about": FREE}, {"text": "Acme", "asked": True, "about": WHO}])
def test_words_that_are_taken_for_no_answer_below_a_card_are_told_so_while_it_is_open(words: Any) -> None:
    assert judged(to="thread", **words).told


async def test_each_message_is_judged_once_in_whatever_order_they_come() -> None:
    store = marks.Judged(memory.MemoryStore(), "chat")
    for message in ("5", "3", "5"):
        await store.add("C1", message)
    assert [await store.has("C1", message) for message in "345"] == [True, False, True]
    for number in range(1000, 1300):
        await store.add("C1", str(number))
    assert await store.has("C1", "4"), "what is older than all that are listed was judged"
    assert not await store.has("C1", "1300")
    assert not await store.has("C2", "5")

"""Threads of agent sessions in Discord: questions and notes go there, and talking answers the questions."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import sayso
from sayso import errors, model
from sayso.stores import Record, memory
from sayso_discord import looks
from tests.adapters.discord_scene import ANN, BOB, OPS, ROLE, Scene, scene
from tests.fakes.discord import Message, Person
from tests.fakes.discord.payloads import MESSAGE_CONTENT

SESSION = model.Source(agent="bot", session="fix the build")


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene(threads="session") as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann")


def question(title: str = "Which customer?", **more: object) -> model.Request:
    return sayso.Question(title, source=SESSION, **more)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def thread(there: Scene) -> str:
    (found,) = there.discord.threads(OPS)
    return found.id


async def decided(there: Scene, ticket: model.Ticket) -> model.Decision:
    async with asyncio.timeout(5):
        await there.front.wait(ticket.id)
    return await there.decision(ticket)


async def test_all_questions_of_a_session_are_in_one_thread_named_after_it(there: Scene) -> None:
    for n in range(3):
        await there.ask(question(f"Question {n}?"))
    (found,) = there.discord.threads(OPS)
    assert found.name == "bot · fix the build"
    assert len(there.cards(found.id)) == 3
    assert there.cards(OPS) == []
    assert there.discord.refusals == []


async def test_a_permission_stays_in_the_channel(there: Scene) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={"command": "x"}, source=SESSION))
    assert len(there.cards(OPS)) == 1
    assert there.discord.threads(OPS) == []


async def test_what_has_no_session_stays_in_the_channel(there: Scene) -> None:
    await there.ask(sayso.Question("Which?"))
    assert len(there.cards(OPS)) == 1


async def test_two_agents_with_the_same_session_name_have_two_threads(there: Scene) -> None:
    await there.ask(question(), owner="one")
    await there.ask(question(), owner="two")
    assert len(there.discord.threads(OPS)) == 2


async def test_the_thread_is_found_again_after_a_restart(there: Scene) -> None:
    await there.ask(question("One?"))
    await there.stop()
    await there.start()
    await there.ask(question("Two?"))
    assert len(there.cards(thread(there))) == 2


async def test_a_thread_that_went_to_sleep_is_woken_to_close_a_card(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    await ann.archive(thread(there))
    await there.front.cancel(ticket.id)
    await there.deliver()
    (card,) = there.cards(thread(there))
    assert "Withdrawn" in there.discord.visible_text(card)


async def test_a_thread_that_was_deleted_is_begun_anew(there: Scene) -> None:
    await there.ask(question("One?"))
    del there.discord.world.channels[thread(there)]
    await there.ask(question("Two?"))
    assert len(there.cards(thread(there))) == 1


async def test_a_locked_thread_is_left_and_another_one_begun(there: Scene, ann: Person) -> None:
    await there.ask(question("One?"))
    await ann.archive(thread(there), lock=True)
    ticket = await there.ask(question("Two?"))
    assert (await there.front.get(ticket.id)).decision is None
    _, other = there.discord.threads(OPS)
    # the first question moves, too: in a locked thread nobody can press
    await there.discord.until(lambda: len(there.cards(other.id)) == 2)
    await there.front.note("fix the build", "going on")
    assert "going on" in there.discord.visible_text(there.discord.messages(other.id)[-1])


class Parted(memory.MemoryStore):
    """Between what is read and what is written everybody else comes first, as with a database."""

    async def get(self, kind: str, name: str) -> Record | None:
        found = await super().get(kind, name)
        await asyncio.sleep(0)
        return found


async def test_whoever_notices_at_once_that_a_thread_is_closed_goes_on_in_the_same_new_one() -> None:
    async with scene(threads="session", kept=Parted()) as there:
        for n in range(2):
            await there.ask(question(f"Question {n}?"))
        ann = there.discord.person(ANN, name="ann")
        await ann.archive(thread(there), lock=True)
        told = (there.front.note("fix the build", f"step {n}") for n in range(3))
        await asyncio.gather(*told, there.ask(question()))
        _, other = there.discord.threads(OPS)
        await there.discord.until(lambda: len(there.discord.messages(other.id)) == 6)
        assert len(there.cards(other.id)) == 3


async def test_a_question_whose_thread_was_deleted_is_asked_in_a_new_one(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    await there.stop()
    del there.discord.world.channels[thread(there)]
    await there.start()
    await there.discord.until(lambda: there.discord.threads(OPS) and there.cards(thread(there)))
    (card,) = there.cards(thread(there))
    modal_seen = await ann.press(card, "Answer")
    assert modal_seen.modals
    await ann.reply(card, "Acme")
    assert (await decided(there, ticket)).text == "Acme"
    assert there.discord.controls(there.cards(thread(there))[0]) == ["Details"]


@pytest.mark.parametrize("fault", ["reset", "lost", "503"])
@pytest.mark.parametrize("operation", ["create_message", "create_thread_from_message"])
async def test_a_crash_while_a_thread_is_begun_ends_in_one_thread(there: Scene, operation: str, fault: str) -> None:
    there.discord.fail_next(operation, fault)
    await there.front.open(question())
    await there.deliver()
    there.clock.advance(5)
    await there.deliver()
    assert len(there.cards(thread(there))) == 1
    assert len([one for one in there.discord.messages(OPS) if one.author == there.discord.bot_id]) == 1


async def test_a_reply_to_the_card_answers_it_and_is_marked(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    (card,) = there.cards(thread(there))
    said = await ann.reply(card, "Acme & Sons")
    assert (await decided(there, ticket)).text == "Acme & Sons"
    await there.discord.until(lambda: reactions(there, said) == ["✅"])


async def test_a_mention_in_the_thread_answers_the_only_question(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    await ann.say(thread(there), f"<@{there.discord.bot_id}> Acme")
    assert (await decided(there, ticket)).text == "Acme"


async def test_without_the_intent_plain_talk_is_no_answer(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    await ann.say(thread(there), "what do you think, Bob?")
    (card,) = there.cards(thread(there))
    await ann.reply(card, "Acme")
    assert (await decided(there, ticket)).text == "Acme"


async def test_with_the_intent_plain_words_of_somebody_allowed_are_the_answer() -> None:
    policy = model.Policy(approvers=("ann",))
    async with scene(threads="session", privileged=MESSAGE_CONTENT, policy=policy) as there:
        ann, bob = there.discord.person(ANN, name="ann"), there.discord.person(BOB, name="bob")
        ticket = await there.ask(question())
        await bob.say(thread(there), "not Acme")
        await ann.say(thread(there), "Acme")
        await there.discord.until(lambda: "Taken as the answer to Which customer?" in last(there))
        assert (await there.front.get(ticket.id)).decision is None
        there.clock.advance(10)
        decision = await decided(there, ticket)
        assert (decision.text, decision.by[0].person) == ("Acme", "ann")
        talk = [one for one in there.discord.messages(thread(there)) if one.author == there.discord.bot_id]
        assert len(talk) == 2


async def test_where_several_questions_are_open_a_mention_is_asked_which_it_means(there: Scene, ann: Person) -> None:
    first = await there.ask(question("One?"))
    await there.ask(question("Two?"))
    await ann.say(thread(there), f"<@{there.discord.bot_id}> Acme")
    await there.discord.until(lambda: "Several questions" in last(there))
    await ann.reply(there.cards(thread(there))[0], "Acme")
    assert (await decided(there, first)).text == "Acme"


def last(there: Scene) -> str:
    return there.discord.visible_text(there.discord.messages(thread(there))[-1])


def reactions(there: Scene, said: Message) -> list[str]:
    now = there.discord.world.find(said.id)
    return [emoji for emoji, _ in now.reactions] if now else []


async def test_a_choice_is_answered_with_the_number_of_its_option(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which?", ["Red", "Blue"], source=SESSION))
    (card,) = there.cards(thread(there))
    await ann.reply(card, "green")
    await there.discord.until(lambda: "none of the options" in last(there))
    await ann.reply(card, "2")
    assert (await decided(there, ticket)).choice == "Blue"


async def test_a_permission_is_not_decided_by_a_reply(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": "x"}))
    await ann.reply(there.card, "Allow")
    await there.discord.until(lambda: "does not decide" in there.discord.visible_text(there.discord.messages(OPS)[-1]))
    assert (await there.front.get(ticket.id)).decision is None


async def test_a_reply_of_somebody_who_may_not_answer_is_told_so() -> None:
    async with scene(threads="session", policy=model.Policy(approvers=("ann",))) as there:
        bob = there.discord.person(BOB, name="bob")
        ticket = await there.ask(question())
        await bob.reply(there.cards(thread(there))[0], "Acme")
        await there.discord.until(lambda: "may not answer" in last(there))
        assert (await there.front.get(ticket.id)).decision is None


async def test_what_was_written_while_nobody_listened_is_read_after_the_start(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    (card,) = there.cards(thread(there))
    await there.stop()
    there.discord.gateway.forget()
    await ann.reply(card, "Acme")
    await there.start()
    decision = await decided(there, ticket)
    assert (decision.text, decision.by[0].person) == ("Acme", "ann")


async def test_somebody_who_replies_late_is_told_but_not_for_what_was_taken(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    (card,) = there.cards(thread(there))
    said = await ann.reply(card, "Acme")
    await decided(there, ticket)
    await there.stop()
    await there.start()
    await ann.reply(card, "No, Bolt")
    await there.discord.until(lambda: "Too late: your earlier answer counted" in last(there))
    ours = [one for one in there.discord.messages(thread(there)) if one.author == there.discord.bot_id]
    assert len(ours) == 3  # the card, the answer that was taken, and this
    assert there.discord.world.find(said.id) is not None


async def test_a_note_goes_into_the_thread_of_its_session(there: Scene) -> None:
    await there.ask(question())
    assert await there.front.note("fix the build", "**Half** done, @everyone") == (f"discord:{OPS}",)
    shown = last(there)
    assert "The agent says" in shown
    assert "Half done, @everyone" in shown
    assert there.discord.pings(there.discord.messages(thread(there))[-1]) == []


async def test_a_note_without_a_question_begins_the_thread_too(there: Scene) -> None:
    await there.front.note("s-9", "started")
    (found,) = there.discord.threads(OPS)
    assert found.name == "s-9"


@pytest.mark.parametrize("said", ["", " ", "x" * 1501])
async def test_a_note_of_no_use_is_refused(there: Scene, said: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        await there.front.note("s", said)


async def test_a_place_may_ask_for_threads_where_the_settings_do_not() -> None:
    async with scene(route=(f"discord:{OPS}/thread",)) as there:
        await there.ask(question())
        assert len(there.cards(thread(there))) == 1


async def test_a_role_counts_for_what_was_written_while_nobody_listened() -> None:
    async with scene(threads="session", policy=model.Policy(approvers=("group:release",))) as there:
        ticket = await there.ask(question())
        (card,) = there.cards(thread(there))
        await there.stop()
        there.discord.gateway.forget()
        await there.discord.person(ANN, name="ann").reply(card, "not by role")
        await there.discord.person(BOB, name="bob", roles=(ROLE,)).reply(card, "by role")
        await there.start()
        decision = await decided(there, ticket)
        assert (decision.text, decision.by[0].person) == ("by role", f"discord:{BOB}")


async def test_a_role_counts_in_a_reply() -> None:
    async with scene(threads="session", policy=model.Policy(approvers=("group:release",))) as there:
        bob = there.discord.person(BOB, name="bob", roles=(ROLE,))
        ticket = await there.ask(question())
        await bob.reply(there.cards(thread(there))[0], "Acme")
        assert (await decided(there, ticket)).text == "Acme"


async def test_answer_this_on_any_message_of_a_thread_opens_what_waits_there(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question("Which customer?"))
    said = await ann.say(thread(there), "let me look that up")
    (window,) = (await ann.use_on(said, looks.ANSWER)).ephemerals
    assert window.only_for == ANN
    assert "Which customer?" in there.discord.visible_text(window)
    second = await there.ask(question("Which city?"))
    (listed,) = (await ann.use_on(said, looks.ANSWER)).ephemerals
    assert "2 requests wait for you" in there.discord.visible_text(listed)
    for one in (ticket, second):
        await there.front.cancel(one.id)
    (nothing,) = (await ann.use_on(said, looks.ANSWER)).ephemerals
    assert "Nothing waits for you" in there.discord.visible_text(nothing)

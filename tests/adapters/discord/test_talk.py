"""What people write in Discord: talk among themselves is left alone, and nothing that is said to the bot is dropped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import model
from sayso.desk import Setup
from sayso.stores import Query, memory
from sayso_discord import catchup
from tests.adapters.discord_scene import ANN, BOB, OPS, ROLE, Scene, scene
from tests.fakes.discord import Message, Person
from tests.fakes.discord.payloads import MESSAGE_CONTENT
from tests.tables import each

SESSION = model.Source(agent="bot", session="fix the build")
GRACE = timedelta(seconds=10)


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene(threads="session", privileged=MESSAGE_CONTENT) as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann", display_name="Ann")


@pytest.fixture
def bob(there: Scene) -> Person:
    return there.discord.person(BOB, name="bob", display_name="Bob")


def question(title: str = "Which customer?", **more: Any) -> model.Request:
    return sayso.Question(title, source=SESSION, **more)


def thread(there: Scene) -> str:
    (found,) = there.discord.threads(OPS)
    return found.id


def card(there: Scene) -> Message:
    return there.cards(thread(there))[0]


def said(there: Scene, place: str) -> list[str]:
    """What the bot said there beside its cards, in order."""
    ours = (one for one in there.discord.messages(place) if one.author == there.discord.bot_id)
    return [there.discord.visible_text(one) for one in ours if one not in there.cards(place)]


def last(there: Scene, place: str) -> str:
    """The last thing that it said."""
    return (said(there, place) or [""])[-1]


async def decision(there: Scene, ticket: model.Ticket) -> model.Decision | None:
    """What the agent has once everything was heard: a mark that Ann sets last says so."""
    other = await there.ask(sayso.Question("Heard?"))
    ann = there.discord.person(ANN, name="ann")
    await ann.reply(there.cards()[-1], "yes")
    async with asyncio.timeout(5):
        await there.front.wait(other.id)
    await asyncio.sleep(0)
    there.clock.advance(61)
    await there.front.let_time_act(ticket.id)
    return (await there.front.get(ticket.id)).decision


# People among themselves


async def test_a_reply_to_somebody_is_no_answer_and_goes_without_a_word(there: Scene, ann: Person, bob: Person) -> None:
    ticket = await there.ask(question())
    asked = await bob.say(thread(there), f"<@{ANN}> do you know?")
    await ann.reply(asked, "Acme, I think")
    await ann.reply(asked, "really", ping=False)
    await ann.say(thread(there), f"<@{BOB}> let me ask")
    await ann.say(thread(there), f"<@&{ROLE}> anybody?")
    await ann.say(thread(there), "@here anybody?")
    assert await decision(there, ticket) is None
    assert said(there, thread(there)) == []


async def test_a_reply_to_the_card_that_speaks_to_somebody_else_is_no_answer_and_is_told_so(
    there: Scene, ann: Person, bob: Person
) -> None:
    ticket = await there.ask(question())
    await ann.reply(card(there), f"<@{BOB}> do you know this one?")
    await there.discord.until(lambda: "said to somebody else" in last(there, thread(there)))
    assert await decision(there, ticket) is None
    await ann.reply(card(there), "Acme")
    found = await decision(there, ticket)
    assert found is not None
    assert found.text == "Acme"


@pytest.mark.parametrize("words", ["@everyone Acme", "@here it is Acme"])
async def test_words_to_everybody_are_no_answer_and_their_writer_is_told(there: Scene, ann: Person, words: str) -> None:
    ticket = await there.ask(question())
    await ann.say(thread(there), words)
    await there.discord.until(lambda: "since it is said to everybody here" in last(there, thread(there)))
    assert await decision(there, ticket) is None


async def test_a_question_for_a_person_is_answered_by_their_name_in_the_thread(
    there: Scene, ann: Person, bob: Person
) -> None:
    ticket = await there.ask(question("Who should review this?"))
    await ann.say(thread(there), f"<@{BOB}>")
    found = await decision(there, ticket)
    assert found is not None
    assert found.text == "@Bob"


async def test_whoever_answered_and_replies_again_is_told_that_their_own_answer_counted(
    there: Scene, ann: Person, bob: Person
) -> None:
    await there.ask(sayso.Question("Which region?"))
    await ann.reply(there.card, "Acme")
    await ann.reply(there.card, "or was it Bolt")
    await there.discord.until(lambda: "your earlier answer counted" in last(there, OPS))
    await bob.reply(there.card, "Bolt, I think")
    await there.discord.until(lambda: "Too late: answered by ann" in last(there, OPS))


async def test_an_answer_to_somebody_who_asked_is_no_answer_to_the_agent(
    there: Scene, ann: Person, bob: Person
) -> None:
    ticket = await there.ask(question())
    await bob.say(thread(there), f"<@{ANN}> lunch at one?")
    await ann.say(thread(there), "yes, gladly")
    first = await ann.say(thread(there), "and this is for Acme")
    await there.discord.until(lambda: said(there, thread(there)))
    (line,) = [one for one in there.discord.messages(thread(there)) if one.replies_to]
    assert line.replies_to == first.id
    await bob.reply(first, "what?")
    await ann.say(thread(there), "nothing")
    found = await decision(there, ticket)
    assert found is not None
    assert found.text == "and this is for Acme"


async def test_whoever_goes_on_talking_is_taken_at_their_first_word_once(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    for word in ("Acme", "I think", "or not"):
        await ann.say(thread(there), word)
    found = await decision(there, ticket)
    assert found is not None
    assert found.text == "Acme"
    assert len(said(there, thread(there))) == 1


async def test_a_reply_to_a_progress_note_is_no_answer_and_is_told_so(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    await there.front.note("fix the build", "half done")
    await ann.reply(there.discord.messages(thread(there))[-1], "go on")
    await there.discord.until(lambda: "no agent reads it" in last(there, thread(there)))
    assert await decision(there, ticket) is None


async def test_under_a_choice_with_other_only_what_is_said_to_the_app_counts(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Where?", ["staging", "prod"], other=True, source=SESSION))
    await ann.say(thread(there), "hmm wait")
    await ann.say(thread(there), "prod")
    assert await decision(there, ticket) is None
    again = await there.ask(sayso.Choice("Where now?", ["staging", "prod"], other=True, source=SESSION))
    await ann.say(thread(there), f"<@{there.discord.bot_id}> nowhere")
    await there.discord.until(lambda: "Several questions" in last(there, thread(there)))
    await ann.reply(there.cards(thread(there))[1], "nowhere")
    async with asyncio.timeout(5):
        assert (await there.front.wait(again.id)).choice == "nowhere"


async def test_talk_under_a_choice_without_other_counts_where_it_is_an_option(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Where?", ["staging", "prod"], source=SESSION))
    await ann.say(thread(there), "hmm, let me think")
    await ann.say(thread(there), "prod")
    await there.discord.until(lambda: said(there, thread(there)))
    assert said(there, thread(there)) == [
        "Taken as the answer to Where? It can be taken back on its card for 10 seconds."
    ]
    found = await decision(there, ticket)
    assert found is not None
    assert found.choice == "prod"


# At their word


@pytest.fixture
async def slow() -> AsyncIterator[Scene]:
    async with scene(threads="session", privileged=MESSAGE_CONTENT) as built:
        built.front.setup = Setup(
            built.front.setup.policies, built.front.setup.directory, (f"discord:{OPS}",), ("discord",), grace=GRACE
        )
        yield built


def reactions(there: Scene, wrote: Message) -> list[str]:
    now = there.discord.world.find(wrote.id)
    return [emoji for emoji, _ in now.reactions] if now else []


async def taken(there: Scene, ann: Person, text: str = "Acem") -> tuple[model.Ticket, Message]:
    ticket = await there.ask(question())
    wrote = await ann.reply(card(there), text)
    await there.discord.until(lambda: said(there, thread(there)))
    await there.deliver()
    return ticket, wrote


async def test_whoever_is_taken_at_their_word_sees_that_and_can_take_it_back(slow: Scene) -> None:
    ann = slow.discord.person(ANN, name="ann")
    ticket, wrote = await taken(slow, ann)
    assert said(slow, thread(slow)) == [
        "Taken as the answer to Which customer? It can be taken back on its card for 10 seconds."
    ]
    assert reactions(slow, wrote) == ["✅"]
    await ann.press(card(slow), "Take back")
    await slow.discord.until(lambda: said(slow, thread(slow)) == ["Taken back: it is open again."])
    await slow.discord.until(lambda: not reactions(slow, wrote))
    await slow.deliver()
    slow.clock.advance(11)
    await slow.front.let_time_act(ticket.id)
    assert (await slow.front.get(ticket.id)).decision is None
    assert "Answer" in slow.discord.controls(card(slow))


async def test_whoever_takes_back_too_late_is_told_that_the_agent_was_told(slow: Scene) -> None:
    ann = slow.discord.person(ANN, name="ann")
    ticket, _ = await taken(slow, ann)
    await slow.deliver()
    old = card(slow)
    slow.clock.advance(11)
    await slow.front.let_time_act(ticket.id)
    seen = await ann.press(old, "Take back")
    assert "It cannot be taken back any more: the agent was told at" in await slow.whispered(seen)


async def test_nobody_else_takes_it_back(slow: Scene) -> None:
    ann, bob = slow.discord.person(ANN, name="ann"), slow.discord.person(BOB, name="bob", display_name="Bob")
    ticket, _ = await taken(slow, ann)
    assert "Only who gave this answer" in await slow.whispered(await bob.press(card(slow), "Take back"))
    await bob.reply(card(slow), "Bolt")
    await slow.discord.until(lambda: "ann was taken" in last(slow, thread(slow)))
    slow.clock.advance(11)
    found = (await slow.front.let_time_act(ticket.id)).decision
    assert found is not None
    assert found.text == "Acem"


async def test_an_edit_counts_until_the_agent_is_told_and_then_its_writer_is_told(slow: Scene) -> None:
    ann = slow.discord.person(ANN, name="ann")
    ticket, wrote = await taken(slow, ann)
    await ann.edit(wrote, "Acme")
    await slow.discord.until(lambda: "changed text was taken" in last(slow, thread(slow)))
    slow.clock.advance(11)
    found = (await slow.front.let_time_act(ticket.id)).decision
    assert found is not None
    assert found.text == "Acme"
    await ann.edit(wrote, "Acme & Sons")
    await slow.discord.until(lambda: "Your first text counted" in last(slow, thread(slow)))
    await ann.edit(wrote, "Acme and Sons")
    await slow.stop()
    assert len([one for one in said(slow, thread(slow)) if "Your first text counted" in one]) == 1
    await slow.start()


@pytest.mark.parametrize("deleted", [False, True])
async def test_a_change_while_nobody_listened_counts_as_well(slow: Scene, deleted: bool) -> None:
    ann = slow.discord.person(ANN, name="ann")
    ticket, wrote = await taken(slow, ann)
    await slow.stop()
    slow.discord.gateway.forget()
    await (ann.delete(wrote) if deleted else ann.edit(wrote, "Acme"))
    await slow.start()
    await slow.link.caught_up()
    slow.clock.advance(11)
    found = (await slow.front.let_time_act(ticket.id)).decision
    assert (found and found.text) == (None if deleted else "Acme")


async def test_over_http_whoever_changes_their_words_later_is_told_that_the_first_counted() -> None:
    async with scene("http", privileged=MESSAGE_CONTENT) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(sayso.Question("Which?"))
        wrote = await ann.reply(there.card, "Acem")
        async with asyncio.timeout(5):
            await there.front.wait(ticket.id)
        await ann.edit(wrote, "Acme")
        await there.discord.until(lambda: "Your first text counted" in last(there, OPS))


async def test_what_nothing_can_follow_from_any_more_is_forgotten(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which?"))
    wrote = await ann.reply(there.card, "Acme")
    await there.discord.until(lambda: reactions(there, wrote))
    await there.front.wait(ticket.id)
    assert await there.front.store.scan("discord-taken")
    await there.stop()
    there.clock.advance(2 * 86_400)
    await there.start()
    await there.link.caught_up()
    assert await there.front.store.scan("discord-taken") == []
    assert await there.front.store.scan("discord-taken-last") == []


async def test_a_reply_that_is_deleted_in_time_is_taken_back(slow: Scene) -> None:
    ann = slow.discord.person(ANN, name="ann")
    ticket, wrote = await taken(slow, ann)
    await ann.delete(wrote)
    async with asyncio.timeout(5):
        while (await slow.front.get(ticket.id)).taken is not None:
            await slow.front.store.changed(ticket.id, (await slow.front.get(ticket.id)).version)
    slow.clock.advance(11)
    assert (await slow.front.let_time_act(ticket.id)).decision is None


async def test_a_message_that_was_taken_back_counts_anew_when_it_is_changed(slow: Scene) -> None:
    ann, bob = slow.discord.person(ANN, name="ann"), slow.discord.person(BOB, name="bob", display_name="Bob")
    ticket, wrote = await taken(slow, ann)
    await ann.press(card(slow), "Take back")
    await slow.discord.until(lambda: not reactions(slow, wrote))
    await ann.edit(wrote, "Acme")
    await slow.discord.until(lambda: "Taken as" in last(slow, thread(slow)))
    await slow.deliver()
    await ann.press(card(slow), "Take back")
    await slow.discord.until(lambda: not reactions(slow, wrote))
    await bob.reply(card(slow), "Bolt")
    await slow.discord.until(lambda: "Taken as" in last(slow, thread(slow)))
    slow.clock.advance(11)
    assert (await slow.front.let_time_act(ticket.id)).decision is not None
    await ann.edit(wrote, "no, Acme")
    await slow.discord.until(lambda: "Too late: answered by Bob" in last(slow, thread(slow)))


async def test_a_later_reply_of_the_same_person_takes_the_place_of_the_first(slow: Scene) -> None:
    ann = slow.discord.person(ANN, name="ann")
    ticket, _ = await taken(slow, ann, "Acme")
    await ann.reply(card(slow), "no, Bolt")
    await slow.discord.until(lambda: len(said(slow, thread(slow))) == 2)
    slow.clock.advance(11)
    found = (await slow.front.let_time_act(ticket.id)).decision
    assert found is not None
    assert found.text == "no, Bolt"


async def test_a_reply_that_was_no_answer_becomes_one_when_it_is_corrected(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Where?", ["staging", "prod"]))
    wrote = await ann.reply(there.card, "prdo")
    await there.discord.until(lambda: "none of the options" in last(there, OPS))
    await ann.edit(wrote, "prod")
    async with asyncio.timeout(5):
        assert (await there.front.wait(ticket.id)).choice == "prod"


# Nothing is dropped


async def test_an_answer_typed_into_a_direct_message_counts() -> None:
    async with scene(policy=model.Policy(approvers=("ann",)), route=("discord:@ann",)) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(sayso.Question("Which customer?"))
        await ann.dm("Acme")
        async with asyncio.timeout(5):
            assert (await there.front.wait(ticket.id)).text == "Acme"


async def test_a_direct_message_or_mention_is_answered_when_nothing_is_open(there: Scene, ann: Person) -> None:
    dm = there.discord.world.dm(ANN).id
    await ann.dm("hello?")
    await there.discord.until(lambda: said(there, dm))
    assert "Nothing is open here" in last(there, dm)
    await ann.say(OPS, f"<@{there.discord.bot_id}> hello?")
    await there.discord.until(lambda: said(there, OPS))
    assert "Nothing is open here" in last(there, OPS)


async def test_a_mention_beside_a_permission_is_shown_to_its_buttons(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={"command": "x"}))
    await ann.say(OPS, f"<@{there.discord.bot_id}> allow")
    await there.discord.until(lambda: said(there, OPS))
    assert "Please use the buttons" in last(there, OPS)
    assert (await there.front.get(ticket.id)).decision is None


async def test_an_answer_typed_into_the_thread_of_the_notes_counts() -> None:
    async with scene(privileged=MESSAGE_CONTENT) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(question())
        assert len(there.cards(OPS)) == 1
        await there.front.note("fix the build", "half done")
        await ann.say(thread(there), f"<@{there.discord.bot_id}> Acme")
        async with asyncio.timeout(5):
            assert (await there.front.wait(ticket.id)).text == "Acme"


async def test_a_reply_with_only_a_file_is_told_that_words_are_wanted(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    await ann.reply(card(there), "")
    await there.discord.until(lambda: "no words" in "".join(said(there, thread(there))))
    assert await decision(there, ticket) is None


class Forgetful(memory.MemoryStore):
    """A store before the moment in which a card is recorded."""

    forgets = True

    async def add_card(self, posted: model.PostedCard) -> None:
        if not self.forgets:
            await super().add_card(posted)


async def test_a_reply_to_a_card_that_is_not_recorded_yet_counts() -> None:
    store = Forgetful()
    async with scene(kept=store) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(sayso.Question("Which customer?"))
        store.forgets = False
        await ann.reply(there.card, "Acme")
        async with asyncio.timeout(5):
            assert (await there.front.wait(ticket.id)).text == "Acme"


@pytest.mark.parametrize("how", ["reply", "press"])
async def test_a_card_in_a_thread_that_is_not_recorded_yet_counts(how: str) -> None:
    store = Forgetful()
    async with scene(kept=store, threads="session") as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(question())
        store.forgets = False
        if how == "press":
            assert (await ann.press(card(there), "Answer")).modals
            return
        await ann.reply(card(there), "Acme")
        async with asyncio.timeout(5):
            assert (await there.front.wait(ticket.id)).text == "Acme"


async def test_a_card_that_is_forwarded_is_no_reply(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?"))
    there.discord.send_event(
        "MESSAGE_CREATE",
        {
            **_written(there, ann, "look at this"),
            "message_reference": {"type": 1, "message_id": there.card.id, "channel_id": OPS},
        },
        channel=OPS,
    )
    assert await decision(there, ticket) is None
    assert [one for one in said(there, OPS) if "Heard?" not in one] == []


def _written(there: Scene, person: Person, text: str) -> dict[str, Any]:
    some_id = there.discord.world.snowflake()
    author = {"id": person.user.id, "username": "ann", "discriminator": "0", "avatar": None}
    member = {"roles": [], "flags": 0, "joined_at": "2026-01-01T00:00:00+00:00"}
    place = {"channel_id": OPS, "guild_id": there.discord.guild_id, "timestamp": "2026-01-01T00:00:00+00:00"}
    lists: dict[str, Any] = {"embeds": [], "attachments": [], "components": [], "mentions": [], "mention_roles": []}
    flat = {"edited_timestamp": None, "pinned": False, "tts": False, "mention_everyone": False, "flags": 1 << 14}
    return {"id": some_id, "type": 0, "content": text, "author": author, "member": member, **place, **lists, **flat}


# Once, in its situation


async def test_what_was_said_to_two_questions_does_not_answer_the_one_that_is_left(there: Scene, ann: Person) -> None:
    first, second = await there.ask(question("One?")), await there.ask(question("Two?"))
    await ann.say(thread(there), f"<@{there.discord.bot_id}> Acme")
    await there.discord.until(lambda: said(there, thread(there)))
    await ann.reply(there.cards(thread(there))[0], "Acme")
    async with asyncio.timeout(5):
        await there.front.wait(first.id)
    for _ in range(2):
        await there.stop()
        there.discord.gateway.forget()
        await there.start()
        await heard(there)
    assert (await there.front.get(second.id)).decision is None
    assert len([one for one in said(there, thread(there)) if "Several questions" in one]) == 1


async def heard(there: Scene) -> None:
    """Everything that was written is read."""
    async with asyncio.timeout(5):
        await there.link.caught_up()


async def test_words_to_two_questions_that_are_changed_later_do_not_answer_the_one_that_is_left(
    there: Scene, ann: Person
) -> None:
    (first, left) = [await there.ask(question(f"q{n}?")) for n in range(2)]
    wrote = await ann.say(thread(there), f"<@{there.discord.bot_id}> Acem")
    await there.discord.until(lambda: "Several questions" in last(there, thread(there)))
    await ann.reply(there.cards(thread(there))[0], "Beta")
    async with asyncio.timeout(5):
        assert (await there.front.wait(first.id)).text == "Beta"
    await ann.edit(wrote, f"<@{there.discord.bot_id}> Acme")
    assert await decision(there, left) is None


async def test_what_was_written_to_two_questions_while_nobody_listened_answers_none(there: Scene, ann: Person) -> None:
    first, second = await there.ask(question("One?")), await there.ask(question("Two?"))
    place = thread(there)
    await there.stop()
    there.discord.gateway.forget()
    await ann.say(place, f"<@{there.discord.bot_id}> Acme")
    there.clock.advance(5)
    await there.front.cancel(first.id)
    await there.start()
    await there.discord.until(lambda: said(there, place))
    assert "Several questions" in last(there, place)
    assert (await there.front.get(second.id)).decision is None


async def test_refusals_are_told_once_however_often_the_bot_comes_back() -> None:
    async with scene(policy=model.Policy(approvers=("ann",))) as there:
        ann, bob = there.discord.person(ANN, name="ann"), there.discord.person(BOB, name="bob")
        await there.ask(sayso.Question("One?"))
        await there.ask(sayso.Question("Two?"))
        await bob.reply(there.cards()[0], "Bolt")
        await there.discord.until(lambda: "may not answer" in "".join(said(there, OPS)))
        await ann.reply(there.cards()[0], "Acme")
        await there.discord.until(lambda: "Taken" in "".join(said(there, OPS)))
        await ann.reply(there.cards()[0], "no, Bolt")
        await there.discord.until(lambda: "Too late" in "".join(said(there, OPS)))
        before = said(there, OPS)
        there.clock.advance(600)
        for _ in range(2):
            await there.stop()
            there.discord.gateway.forget()
            await there.start()
            await heard(there)
        assert said(there, OPS) == before


async def test_people_are_read_before_cards_are_touched_and_only_stale_cards_are_edited(
    there: Scene, ann: Person
) -> None:
    tickets = [await there.ask(sayso.Question(f"Question {number}?")) for number in range(12)]
    await there.stop()
    there.discord.gateway.forget()
    await ann.reply(there.cards()[3], "Acme")
    calls = len(there.discord.calls)
    await there.start()
    async with asyncio.timeout(5):
        assert (await there.front.wait(tickets[3].id)).text == "Acme"
    await heard(there)
    edits = [one for one in there.discord.calls[calls:] if one.operation == "update_message"]
    assert edits == []
    assert len([one for one in there.discord.calls[calls:] if one.operation == "list_messages"]) < 5


@pytest.mark.parametrize("times", [1, 3])
async def test_what_could_not_be_read_at_first_is_read_before_what_comes_live(
    there: Scene, ann: Person, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "_PAUSES", (0.0,) * 5)
    first, second = await there.ask(question("One?")), await there.ask(question("Two?"))
    one, two = there.cards(thread(there))
    await there.stop()
    there.discord.gateway.forget()
    await ann.reply(one, "Acme")
    there.discord.fail_next("list_messages", "503", times=times)
    await there.start()
    await ann.reply(two, "Bolt")
    async with asyncio.timeout(5):
        assert (await there.front.wait(first.id)).text == "Acme"
        assert (await there.front.wait(second.id)).text == "Bolt"


async def test_a_preview_that_discord_adds_is_no_change_of_the_text(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    wrote = await ann.reply(card(there), "https://example.com")
    async with asyncio.timeout(5):
        await there.front.wait(ticket.id)
    await ann.edit(wrote, "https://example.com")
    assert await decision(there, ticket) is not None
    assert [one for one in said(there, thread(there)) if "first text" in one] == []


async def test_over_http_what_people_write_is_read_while_the_service_runs() -> None:
    async with scene("http", threads="session", privileged=MESSAGE_CONTENT) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(question())
        await ann.reply(card(there), "Acme")
        async with asyncio.timeout(5):
            assert (await there.front.wait(ticket.id)).text == "Acme"


# In words


async def test_what_people_type_reaches_the_agent_in_words(there: Scene, ann: Person, bob: Person) -> None:
    rows: list[tuple[str, str]] = [
        (f"<@{BOB}> please", "@Bob please"),
        (f"<@!{BOB}>", "@Bob"),
        (f"see <#{OPS}>", "see #ops"),
        (f"<@&{ROLE}>", "@release"),
        ("<:shipit:123456789012345678> <a:party:1>", ":shipit: :party:"),
        ("<https://example.com/a?b=1>", "https://example.com/a?b=1"),
        ("at <t:1767268800:F>", "at 2026-01-01 12:00 UTC"),
        ("</deploy now:123>", "/deploy now"),
        ("<#1> <@1> <@&1>", "#unknown-channel @unknown-person @unknown-role"),
        ("a < b > c <@x>", "a < b > c <@x>"),
    ]
    for row in each(rows):
        with row as (written, read):
            ticket = await there.ask(sayso.Question("Who?"))
            await ann.reply(there.cards()[-1], written)
            async with asyncio.timeout(5):
                assert (await there.front.wait(ticket.id)).text == read


async def test_talk_that_is_not_for_the_bot_asks_nothing_of_discord(there: Scene, ann: Person) -> None:
    await there.ask(sayso.Question("Who?"))
    await there.link.caught_up()
    before = len(there.discord.calls)
    await ann.say(OPS, f"<@&{ROLE}> see <#{OPS}> and <#1>")
    for _ in range(3):
        await ann.say(OPS, f"see <#{OPS}> <#2> <@&{ROLE}>")
    asked = await ann.reply(there.card, "Acme")
    await there.discord.until(lambda: reactions(there, asked))
    reading = [one.operation for one in there.discord.calls[before:] if one.operation.startswith("get_")]
    assert reading == ["get_guild"]


async def test_the_role_that_discord_made_for_the_bot_is_the_bot(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    await ann.say(thread(there), f"<@&{there.discord.bot_role_id}> Acme")
    async with asyncio.timeout(5):
        assert (await there.front.wait(ticket.id)).text == "Acme"


class Odd(memory.MemoryStore):
    """A store that stumbles over one message."""

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        if query.state == "decided":
            raise ZeroDivisionError
        return await super().list(query)


async def test_a_message_that_cannot_be_judged_keeps_no_other_one_back(caplog: pytest.LogCaptureFixture) -> None:
    async with scene(kept=Odd(), privileged=MESSAGE_CONTENT) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(sayso.Question("Which?"))
        card = there.card
        await there.stop()
        there.discord.gateway.forget()
        await ann.say(OPS, f"<@{there.discord.bot_id}> odd")
        await ann.reply(card, "Acme")
        await there.start()
        async with asyncio.timeout(5):
            assert (await there.front.wait(ticket.id)).text == "Acme"
        assert "message not judged" in caplog.text

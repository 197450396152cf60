"""What people type in Slack: it answers where it was meant to, and is never dropped without a word where it was not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.cards import card
from sayso.content import text
from sayso.machine import people
from sayso.model import PostedCard
from sayso.stores import memory
from sayso_slack import render, spoken
from tests.adapters.slack_scene import Scene, scene
from tests.conftest import until
from tests.fakes.slack import Person
from tests.tables import each

QUESTION = sayso.Question("Which customer is this for?")
FREE = sayso.Choice("Where?", ["staging", "prod"], other=True)
GRACE = timedelta(seconds=10)


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene("http") as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.slack.person("U1", name="ann")


@pytest.fixture
def bob(there: Scene) -> Person:
    return there.slack.person("U2", name="bob")


async def write(who: Person, there: Scene, words: str, **changes: Any) -> Any:
    """Into the thread of the newest card, with mentions as Slack sends them."""
    return await who._write("C1", "x", there.cards()[-1].ts, {"text": words, **changes})


def told(there: Scene, user: str = "U1") -> list[str]:
    return [there.slack.visible_text(message) for message in there.slack.ephemerals(user)]


async def open_still(there: Scene, ticket: model.Ticket) -> bool:
    found = await there.front.get(ticket.id)
    return found.decision is None and found.taken is None


# People who talk to each other


async def test_words_to_somebody_else_are_no_answer(there: Scene, ann: Person) -> None:
    ticket = await there.ask(QUESTION)
    rows = [
        "<@U2> what do you think?",
        "<@U2|bob> no idea",
        "hm, good question. @bob do you know?",
        "<!subteam^S1> can somebody look",
        "<!here> anybody?",
        "<@U2> ask <@UBOT>",
    ]
    for row in each(rows):
        with row as words:
            seen = await write(ann, there, words)
            assert seen.acked
            assert await open_still(there, ticket)


async def test_whoever_answers_somebody_else_does_not_answer_the_agent(there: Scene, ann: Person, bob: Person) -> None:
    ticket = await there.ask(QUESTION)
    await write(bob, there, "<@U1> do you know this one?")
    await write(ann, there, "no, sorry")
    assert await open_still(there, ticket)
    await there.slack.until(lambda: told(there))
    assert "somebody spoke to you here" in told(there)[0]
    await write(ann, there, "Acme")
    assert (await there.decision(ticket)).text == "Acme"


async def test_words_to_everybody_are_no_answer_and_their_writer_is_told(there: Scene, ann: Person) -> None:
    ticket = await there.ask(QUESTION)
    await write(ann, there, "<!here> Acme")
    await there.slack.until(lambda: told(there))
    assert "since it is said to everybody here" in told(there)[0]
    assert await open_still(there, ticket)


async def test_words_to_the_app_are_an_answer_whoever_spoke_before(there: Scene, ann: Person, bob: Person) -> None:
    ticket = await there.ask(QUESTION)
    await write(bob, there, "<@U1> do you know this one?")
    await write(ann, there, "<@UBOT> Acme, says <@U2>")
    assert (await there.decision(ticket)).text == "Acme, says @bob"


async def test_the_app_is_spoken_to_by_mention_or_by_name(there: Scene, ann: Person) -> None:
    for row in each(["@sayso Acme", "@Sayso: Acme", "<@UBOT> Acme", "<@UBOT|sayso> Acme"]):
        with row as words:
            ticket = await there.ask(FREE)
            await write(ann, there, words)
            assert (await there.decision(ticket)).choice == "Acme"


async def test_a_question_for_a_person_is_answered_with_a_person(there: Scene, ann: Person, bob: Person) -> None:
    ticket = await there.ask(sayso.Question("Who should review the migration?"))
    await write(ann, there, "<@U2> do you have time?")
    assert await open_still(there, ticket)
    await write(ann, there, "<@U2>")
    assert (await there.decision(ticket)).text == "@bob"


async def test_with_other_only_an_option_or_words_to_the_app_count(there: Scene, ann: Person) -> None:
    ticket = await there.ask(FREE)
    await write(ann, there, "hmm wait")
    assert await open_still(there, ticket)
    await there.slack.until(lambda: told(there))
    assert "press Other…" in told(there)[0]
    await write(ann, there, "<@UBOT> the third one")
    assert (await there.decision(ticket)).choice == "the third one"
    other = await there.ask(FREE.model_copy(update={"id": "other"}))
    await ann.reply(there.cards()[1], "2")
    assert (await there.decision(other)).choice == "prod"


async def test_a_reply_to_a_note_is_no_answer_and_is_told_so(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?", source=model.Source(session="s-1")))
    await there.front.note("s-1", "Reading the code")
    note = there.cards()[-1]
    await ann.reply(note, "Acme")
    assert await open_still(there, ticket)
    await there.slack.until(lambda: told(there))
    assert "reply to the card" in told(there)[0]


async def test_notes_whose_thread_somebody_deleted_begin_another_one(there: Scene) -> None:
    for said in ("Reading the code", "Writing a test"):
        await there.front.note("s-1", said)
        there.slack.world.remove(there.cards()[0])
    assert [there.slack.visible_text(one).splitlines()[-1] for one in there.cards()][-1] == "Writing a test"


# Taken at their word


async def test_words_are_taken_visibly_and_can_be_taken_back_until_the_agent_is_told() -> None:
    async with scene("http", grace=GRACE) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(QUESTION)
        await ann.reply(there.card, "no wait")
        await there.slack.until(lambda: there.slack.messages("C1")[1].reactions)
        await there.slack.until(lambda: told(there))
        (whisper,) = there.slack.ephemerals("U1")
        assert "Taken as the answer to Which customer is this for?" in there.slack.visible_text(whisper)
        seen = await ann.press(whisper, "Take back")
        assert seen.acked
        await there.slack.until(lambda: "Taken back" in told(there)[0])
        assert await open_still(there, ticket)
        await there.slack.until(lambda: not there.slack.messages("C1")[1].reactions)
        await ann.edit(there.slack.messages("C1")[1], "no wait, I mean Bolt")
        assert not await open_still(there, ticket), "a changed message may answer once the first text was taken back"
        await there.front.take_back(ticket.id, people.Actor("slack:T1/U1"))
        assert len(await there.front.store.cards(ticket.id)) == 1, "what one person sees is no card"
        there.clock.advance(20)
        await there.front.let_time_act(ticket.id)
        assert await open_still(there, ticket)
        await ann.reply(there.card, "Acme")
        there.clock.advance(10)
        await there.front.let_time_act(ticket.id)
        assert (await there.decision(ticket)).text == "Acme"


async def test_in_a_direct_message_the_same_is_said_in_the_conversation_and_is_no_card_either() -> None:
    async with scene("http", grace=GRACE) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(sayso.Question("Which?", route=["slack:@ann"]))
        await ann.say("D1", "no wait")
        await there.slack.until(lambda: len(there.slack.dms("U1")) == 3)
        said = there.slack.dms("U1")[-1]
        assert there.slack.visible_text(said) == "Taken as the answer to Which?\nTake back"
        await ann.press(said, "Take back")
        await there.slack.until(lambda: "Taken back" in there.slack.visible_text(there.slack.dms("U1")[-1]))
        assert await open_still(there, ticket)
        assert len(await there.front.store.cards(ticket.id)) == 1


async def test_a_change_within_the_grace_counts_and_a_later_one_is_told_that_it_does_not() -> None:
    async with scene("http", grace=GRACE) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(QUESTION)
        await ann.reply(there.card, "Acem")
        mine = there.slack.messages("C1")[1]
        await ann.edit(mine, "Acme")
        there.clock.advance(10)
        await there.front.let_time_act(ticket.id)
        assert (await there.decision(ticket)).text == "Acme"
        await ann.edit(there.slack.messages("C1")[1], "Bolt")
        await there.slack.until(lambda: any("first text counted" in one for one in told(there)))


async def test_a_change_of_words_that_were_taken_back_is_told_who_was_taken_at_their_word() -> None:
    async with scene("http", grace=GRACE) as there:
        ann = there.slack.person("U1", name="ann")
        bob = there.slack.person("U2", name="bob")
        ticket = await there.ask(QUESTION)
        await ann.reply(there.card, "oops")
        mine = there.slack.messages("C1")[1]
        await there.front.take_back(ticket.id, people.Actor("slack:T1/U1"))
        await bob.reply(there.card, "Acme")
        there.clock.advance(10)
        await there.front.let_time_act(ticket.id)
        assert (await there.decision(ticket)).text == "Acme"
        await ann.edit(mine, "Bolt")
        await there.slack.until(lambda: any("Too late: answered by bob" in one for one in told(there)))
        assert not any("first text counted" in one for one in told(there))


async def test_whoever_answered_and_writes_on_is_told_that_their_own_answer_counted(
    there: Scene, ann: Person, bob: Person
) -> None:
    await there.ask(QUESTION)
    await write(ann, there, "Acme")
    await write(ann, there, "or was it Bolt")
    await write(bob, there, "Bolt, I think")
    await there.slack.until(lambda: told(there) and told(there, "U2"))
    assert ["your earlier answer counted" in one for one in told(there)] == [True]
    assert "Too late: answered by ann" in told(there, "U2")[0]


async def test_whoever_takes_back_too_late_is_told_that_the_agent_was_told() -> None:
    async with scene("http", grace=GRACE) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(QUESTION)
        await ann.reply(there.card, "Acme")
        await there.slack.until(lambda: told(there))
        there.clock.advance(10)
        await there.front.let_time_act(ticket.id)
        await ann.press(there.slack.ephemerals("U1")[0], "Take back")
        await there.slack.until(lambda: any("cannot be taken back any more" in one for one in told(there)))
        assert (await there.decision(ticket)).text == "Acme"


async def test_words_that_are_deleted_within_the_grace_are_taken_back() -> None:
    async with scene("http", grace=GRACE) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(QUESTION)
        await ann.reply(there.card, "oops")
        mine = there.slack.messages("C1")[1]
        gone = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": mine.ts}
        await there.slack.send_event({**gone, "hidden": True, "ts": "1.9"})
        assert await open_still(there, ticket)


async def test_a_link_that_slack_unfolds_is_no_change(there: Scene, ann: Person) -> None:
    ticket = await there.ask(QUESTION)
    await ann.reply(there.card, "Acme")
    mine = there.slack.messages("C1")[1]
    await ann.edit(mine, mine.text)
    await there.deliver()
    assert told(there) == []
    assert (await there.decision(ticket)).text == "Acme"


async def test_a_reply_that_was_no_option_may_be_changed_into_one(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Where?", ["staging", "prod"]))
    await ann.reply(there.card, "prot")
    await ann.edit(there.slack.messages("C1")[1], "prod")
    assert (await there.decision(ticket)).choice == "prod"


async def test_words_to_two_questions_that_are_changed_later_do_not_answer_the_one_that_is_left(
    there: Scene, ann: Person
) -> None:
    (first, left) = [await there.ask(sayso.Question(f"q{n}?")) for n in range(2)]
    await ann.say("C1", "@sayso Acem")
    (wrote,) = [one for one in there.slack.messages("C1") if one.user == "U1"]
    await ann.reply(there.cards()[0], "Beta")
    assert (await there.decision(first)).text == "Beta"
    await ann.edit(wrote, "@sayso Acme")
    await there.slack.until(lambda: len(told(there)) > 0)
    assert await open_still(there, left)


# Never dropped without a word


async def down_and_up(there: Scene, seconds: float = 600) -> None:
    there.clock.advance(seconds)
    await there.start()


async def test_replies_that_were_written_while_nobody_listened_are_judged_once_after_the_start() -> None:
    async with scene("http") as there:
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        first = await there.ask(sayso.Question("Which customer?", id="one"))
        second = await there.ask(sayso.Choice("Where?", ["staging", "prod"], id="two", other=True))
        one, two = there.cards()
        await there.stop()
        await bob.reply(two, "<@U1> what is this?")
        await ann.reply(one, "Acme")
        await ann.reply(two, "hmm wait")
        await down_and_up(there)
        await there.slack.until(lambda: told(there))
        assert (await there.decision(first)).text == "Acme"
        assert await open_still(there, second)
        before = told(there)
        await there.stop()
        await there.start()
        await ann.reply(two, "prod")
        assert (await there.decision(second)).choice == "prod"
        assert told(there) == before, "nobody is told the same at every start"


@pytest.mark.parametrize("away", [["list"], ["list", "get"]])
async def test_words_are_read_after_a_start_once_the_database_can_be_asked(
    away: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene("http") as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(sayso.Question("Which customer?"))
        await there.stop()
        await ann.reply(there.card, "Acme")

        def lose(name: str) -> None:
            asked = getattr(there.front.store, name)

            async def fail(*_: object) -> object:
                monkeypatch.setattr(there.front.store, name, asked)
                raise errors.StoreUnavailable("the store is away")

            monkeypatch.setattr(there.front.store, name, fail)

        for name in away:
            lose(name)
        await there.start()
        async with asyncio.timeout(5):
            while (await there.front.get(ticket.id)).decision is None:
                there.clock.advance(1)
                await asyncio.sleep(0)
        assert (await there.decision(ticket)).text == "Acme"
        assert [one.levelname for one in caplog.records if "caught up" in one.message] == ["WARNING"] * len(away)


async def test_whoever_answered_while_nobody_listened_and_the_time_ran_out_is_told_so() -> None:
    async with scene("http") as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(sayso.Question("Which customer?", expires_in=60))
        card = there.card
        await there.stop()
        await ann.reply(card, "Acme")
        there.clock.advance(120)
        await there.front.let_time_act(ticket.id)
        for _ in range(2):
            await there.start()
            await there.slack.until(lambda: told(there))
            await there.stop()
        assert [one[:17] for one in told(there)] == ["Too late: expired"]
        await there.start()


async def test_words_in_a_direct_message_are_read_after_a_start_in_the_situation_of_their_time() -> None:
    async with scene("http") as there:
        ann = there.slack.person("U1", name="ann")
        asked = [await there.ask(sayso.Question(f"Which {n}?", id=f"q{n}", route=["slack:@ann"])) for n in range(2)]
        await there.stop()
        await ann.say("D1", "Acme")
        there.clock.advance(60)
        await there.front.cancel("q0")
        await there.start()
        await there.deliver()
        await there.slack.until(lambda: len(there.slack.dms("U1")) == 4)
        assert "Several questions are open" in there.slack.visible_text(there.slack.dms("U1")[-1])
        assert await open_still(there, asked[1]), "two questions were open when it was written"


async def test_the_only_question_of_a_direct_message_is_answered_there(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?", route=["slack:@ann"]))
    await ann.say("D1", "Acme")
    assert (await there.decision(ticket)).text == "Acme"
    await ann.say("D1", "thanks")
    await there.slack.until(lambda: len(there.slack.dms("U1")) == 4)
    assert "Nothing is open here" in there.slack.visible_text(there.slack.dms("U1")[-1])


async def test_whoever_replies_below_words_of_the_app_is_told_that_they_are_no_card(there: Scene, ann: Person) -> None:
    asked = [await there.ask(sayso.Question(f"Which {n}?", route=["slack:@ann"])) for n in range(2)]
    await ann.say("D1", "Acme")
    await there.slack.until(lambda: "Several questions" in there.slack.visible_text(there.slack.dms("U1")[-1]))
    seen = await ann._write("D1", "the first", there.slack.dms("U1")[-1].ts, {})
    assert [delivery.acked for delivery in seen.deliveries] == [True]
    await there.slack.until(lambda: "no agent reads it" in there.slack.visible_text(there.slack.dms("U1")[-1]))
    assert all([await open_still(there, ticket) for ticket in asked])


async def test_whoever_replies_below_a_permission_in_a_direct_message_is_told_there(there: Scene, ann: Person) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={}, route=["slack:@ann"]))
    await ann.reply(there.slack.dms("U1")[0], "yes")
    await there.slack.until(lambda: len(there.slack.dms("U1")) == 3)
    told_there = there.slack.dms("U1")[-1]
    assert told_there.thread_ts == there.slack.dms("U1")[0].ts
    assert "use the buttons" in there.slack.visible_text(told_there)


async def test_a_permission_in_a_direct_message_is_not_decided_by_words(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, route=["slack:@ann"]))
    await ann.say("D1", "yes")
    await there.slack.until(lambda: len(there.slack.dms("U1")) == 3)
    assert "use the buttons" in there.slack.visible_text(there.slack.dms("U1")[-1])
    assert await open_still(there, ticket)


async def test_a_mention_where_nothing_is_open_is_answered(there: Scene, ann: Person) -> None:
    await ann._write("C1", "x", None, {"text": "<@UBOT> hello"})
    await there.slack.until(lambda: told(there))
    assert "Nothing is open here" in told(there)[0]
    await ann.say("C1", "just talking")
    assert len(told(there)) == 1


async def test_a_mention_answers_the_only_question_of_a_channel(there: Scene, ann: Person) -> None:
    ticket = await there.ask(QUESTION)
    await ann._write("C1", "x", None, {"text": "<@UBOT> Acme"})
    assert (await there.decision(ticket)).text == "Acme"


async def test_a_reply_with_only_a_file_is_told_that_it_says_nothing(there: Scene, ann: Person) -> None:
    ticket = await there.ask(QUESTION)
    await write(ann, there, "", subtype="file_share", files=[{"id": "F1"}])
    await there.slack.until(lambda: told(there))
    assert "no words" in told(there)[0]
    assert await open_still(there, ticket)
    await write(ann, there, "Acme", subtype="file_share", files=[{"id": "F1"}])
    assert (await there.decision(ticket)).text == "Acme"
    await there.slack.until(lambda: len(told(there)) == 2)
    assert "Files are not handed on" in told(there)[1]


@pytest.mark.parametrize("transport", ["http", "sockets"])
async def test_a_reply_below_a_card_that_is_not_recorded_yet_comes_again(transport: Any) -> None:
    class Late(memory.MemoryStore):
        """Records a card only once somebody has replied to it."""

        asked = 0

        async def find_card(self, channel: str, conversation: str, message: str) -> PostedCard | None:
            self.asked += 1
            return await super().find_card(channel, conversation, message) if self.asked > 1 else None

    # no ack comes for the first: a socket says nothing, and Slack waits
    async with scene(transport, kept=Late(), ack_within=1.0) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(QUESTION)
        seen = await ann.reply(there.card, "Acme")
        assert seen.acked
        assert [one.acked for one in there.slack.deliveries] == [False, True]
        assert (await there.decision(ticket)).text == "Acme"


async def test_events_in_any_order_are_judged_each_once(there: Scene, ann: Person, bob: Person) -> None:
    ticket = await there.ask(sayso.Choice("Where?", ["staging", "prod"]))
    first = await ann.reply(there.card, "nowhere")
    await bob.reply(there.card, "anywhere")
    event = first.deliveries[0].payload["event"]
    earlier = {**event, "ts": f"{float(event['ts']) - 1:.6f}", "text": "prod"}
    await there.slack.send_event(earlier)
    assert (await there.decision(ticket)).choice == "prod"


# Words as people see them


async def test_the_agent_reads_what_people_see(there: Scene, ann: Person, bob: Person) -> None:
    rows: list[tuple[str, str]] = [
        ("<@U2> and <@U9|eve> in <#C1|> for <!subteam^S1>", "@bob and @eve in #ops for @group-S1"),
        ("<@U404> in <#C404>", "@unknown-person in #unknown-channel"),
        ("call <tel:+4930123456|030 123456>", "call 030 123456"),
        ("call <tel:+4930999|030 123456>", "call 030 123456 (+4930999)"),
        ("<tel:+4930123456|+49 30 123456>", "+49 30 123456"),
        ("<http://example.com|example.com>", "example.com"),
        ("<https://evil.example|https://good.example>", "https://good.example (https://evil.example)"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("at <!date^1700000000^{time}|10:13 PM>", "at 10:13 PM"),
        ("ship it :rocket: :shipit: at 10:30:15", "ship it 🚀 :shipit: at 10:30:15"),
        ("ok :+1::skin-tone-2:", "ok 👍"),
        ("&lt;@U2&gt; &amp;amp;", "<@U2> &amp;"),
    ]
    emoji = [{"type": "emoji", "name": name, "unicode": sign} for name, sign in (("rocket", "1f680"), ("+1", "1f44d"))]
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": emoji}]}]
    for row in each(rows):
        with row as (written, words):
            ticket = await there.ask(sayso.Question("Who, and where?"))
            await write(ann, there, written, blocks=blocks)
            assert (await there.decision(ticket)).text == words


async def test_an_option_is_known_by_its_words_without_emoji(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Now?", ["Ship it", "Wait"]))
    await write(ann, there, ":rocket: ｓｈｉｐ it")
    assert (await there.decision(ticket)).choice == "Ship it"


async def test_names_that_slack_does_not_tell_hold_up_no_answer(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Who?"))
    there.slack.fail_next("usergroups.list", "internal_error")
    await write(ann, there, "<!subteam^S1> and <#C404>")
    assert (await there.decision(ticket)).text == "@unknown-group and #unknown-channel"


def test_whom_a_text_mentions_first() -> None:
    rows: list[tuple[str, str | None]] = [
        ("<@UBOT> <@U2>", "app"),
        ("<@U2> <@UBOT>", "other"),
        ("ask @bob", "other"),
        ("mail a@b.example or <mailto:a@b.example|a@b.example>", None),
        ("@", None),
        ("@Sayso Acme", "app"),
        ("@sayso-fan knows", "other"),
        ("<https://x.example/@bob>", None),
        ("plain", None),
        ("<!here> Acme", "all"),
        ("<!channel|@channel> <@U2>", "all"),
        ("@everyone Acme", "all"),
        ("<!subteam^S1> <!here>", "other"),
    ]
    for row in each(rows):
        with row as (written, first):
            assert spoken.find_first_named(written, spoken.App("UBOT", "sayso")) == first


# Cards and channels that go


async def test_a_card_that_somebody_deletes_is_there_again_at_once(there: Scene, ann: Person) -> None:
    ticket = await there.ask(QUESTION)
    old = there.card
    there.slack.world.remove(old)
    for _ in range(2):
        gone = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": old.ts, "ts": "1.9"}
        await there.slack.send_event({**gone, "hidden": True})
    await there.deliver()
    await ann.reply(there.card, "Acme")
    assert (await there.decision(ticket)).text == "Acme"


async def test_a_card_that_was_pressed_and_then_deleted_is_there_again_at_once() -> None:
    async with scene("http", policy=model.Policy(quorum=2)) as there:
        await there.ask(sayso.Permission(tool="Bash", input={}))
        old = there.card
        await there.slack.person("U1", name="ann").press(old, "Allow")
        await there.deliver()
        there.slack.world.remove(old)
        gone = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": old.ts, "ts": "1.9"}
        await there.slack.send_event({**gone, "hidden": True})
        await there.deliver()
        assert "1 of 2" in there.slack.visible_text(there.card)
        assert [method for method, _ in there.slack.refusals] == ["chat.update"]


async def test_a_card_whose_thread_stays_when_it_is_deleted_is_there_again(there: Scene, ann: Person) -> None:
    await there.ask(QUESTION)
    old = there.card
    there.slack.world.remove(old)
    stone = {"type": "message", "subtype": "tombstone", "ts": old.ts, "user": "USLACKBOT", "text": "deleted"}
    changed = {"type": "message", "subtype": "message_changed", "channel": "C1", "hidden": True, "message": stone}
    await there.slack.send_event({**changed, "ts": "1.9", "previous_message": {"ts": old.ts, "text": "x"}})
    await there.deliver()
    assert len(there.cards()) == 1


async def test_a_card_that_was_deleted_while_nobody_listened_is_there_again_after_the_start(there: Scene) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={"command": "make"}))
    there.slack.world.remove(there.card)
    await there.stop()
    await down_and_up(there)
    await until(lambda: any(call.method == "conversations.replies" for call in there.slack.calls))
    while not there.cards():
        await asyncio.sleep(0)
        await there.deliver()
    assert "Allow" in there.slack.controls(there.card)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "channel_archive", "channel": "C1"}, "archived"),
        ({"type": "group_archive", "channel": "C1"}, "archived"),
        ({"type": "channel_deleted", "channel": "C1"}, "deleted"),
        ({"type": "channel_left", "channel": "C1"}, "removed"),
        ({"type": "group_left", "channel": "C1"}, "removed"),
        ({"type": "member_left_channel", "channel": "C1", "user": "UBOT"}, "removed"),
    ],
)
async def test_a_channel_that_goes_is_told_to_the_agent_at_once(there: Scene, event: Any, said: str) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}))
    other = await there.ask(sayso.Permission(tool="Bash", input={}, route=["slack:@U1", "slack:#ops"], id="other"))
    delivery = await there.slack.send_event(event)
    assert delivery.acked
    decision = await there.front.wait(ticket.id)
    assert decision.outcome == "undeliverable"
    assert said in (decision.reason or "")
    assert (await there.front.get(other.id)).decision is not None, "nobody called U1 is here"


async def test_a_channel_that_went_while_nobody_listened_is_found_out_after_the_start() -> None:
    async with scene("http") as there:
        there.slack.channel("C2", name="other")
        ticket = await there.ask(sayso.Permission(tool="Bash", input={}, route=["slack:C2"]))
        await there.stop()
        there.slack.world.channels["C2"].is_archived = True
        await down_and_up(there)
        decision = await asyncio.wait_for(there.front.wait(ticket.id), 5)
        assert decision.outcome == "undeliverable"
        assert "archived" in (decision.reason or "")


async def test_somebody_who_leaves_and_a_channel_that_is_renamed_change_nothing(there: Scene, ann: Person) -> None:
    ticket = await there.ask(QUESTION)
    for event in (
        {"type": "member_left_channel", "channel": "C1", "user": "U2"},
        {"type": "channel_rename", "channel": {"id": "C1", "name": "ops-2"}},
    ):
        assert (await there.slack.send_event(event)).acked
    await ann.reply(there.card, "Acme")
    assert (await there.decision(ticket)).text == "Acme"


async def test_a_place_that_makes_no_sense_is_refused_at_the_ask(there: Scene) -> None:
    rows: list[str] = ["slack:#a,b", "slack:T1/U1", "slack:#ops/thread", "slack:https://x", "slack:#"]
    for row in each(rows):
        with row as place:
            with pytest.raises(errors.InvalidRequest) as caught:
                await there.front.open(sayso.Permission(tool="Bash", input={}, route=[place]))
            assert caught.value.field == "route"
            assert "slack:C0123" in (caught.value.hint or "")


async def test_whoever_may_decide_is_notified_and_nobody_once_it_is_decided() -> None:
    async with scene(policy=model.Policy(approvers=("ann", "group:release"))) as there:
        ann = there.slack.person("U1", name="ann")
        await there.ask(sayso.Permission(tool="Bash", input={"command": "echo <!channel> <@U2>"}))
        assert sorted(there.slack.pings(there.card)) == ["S1", "U1"]
        await ann.press(there.card, "Allow")
        await there.deliver()
        assert there.slack.pings(there.card) == []


def test_a_whisper_shows_names_as_they_are() -> None:
    line = card.Line((text.Trusted("Too late: denied by "), text.line("<!channel> & *x*")))
    (block,) = render.whisper(line)["blocks"]
    assert block["elements"][0]["elements"][1]["text"] == "<!channel> & *x*"

"""Cards come to Slack once and stay true, whatever Slack, the network or the process does meanwhile."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

import sayso
import sayso_slack
from sayso import errors, model
from sayso.cards import card, draw
from sayso.content import digest
from sayso.machine import events, people
from sayso.model import PostedCard
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso_slack import interactions, pace, refusals
from sayso_slack.api import api_of
from tests.adapters.slack_scene import Scene, scene
from tests.conftest import until
from tests.fakes.slack import Person
from tests.tables import each

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.slack.person("U1", name="ann")


def count(there: Scene, method: str) -> int:
    return [call.method for call in there.slack.calls].count(method)


async def test_a_post_that_slack_tells_to_wait_waits_as_told_and_others_go_on(there: Scene) -> None:
    there.slack.channel("C2", name="other")
    there.slack.fail_next("chat.postMessage", "429", retry_after=7)
    await there.ask(DEPLOY)
    await there.ask(sayso.Question("Which?", route=["slack:C2"]))
    assert (len(there.cards()), len(there.cards("C2"))) == (0, 1)
    there.clock.advance(6)
    await there.deliver()
    assert count(there, "chat.postMessage") == 2
    there.clock.advance(3)
    await there.deliver()
    assert len(there.cards()) == 1


async def test_an_edit_that_slack_tells_to_wait_comes_later(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    there.slack.fail_next("chat.update", "429", retry_after=40)
    await there.front.cancel(ticket.id)
    await there.deliver()
    assert "Allow" in there.slack.controls(there.card)
    there.clock.advance(45)
    await there.deliver()
    assert there.slack.controls(there.card) == []


async def test_a_press_edits_its_own_card_whatever_other_cards_wait_for(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    there.slack.per_minute["chat.update"] = 0
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed
    assert there.slack.controls(there.card) == []
    assert count(there, "chat.update") == 0


async def test_the_way_of_a_press_is_used_no_more_often_than_slack_takes_it(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    await ann.press(there.card, "Allow")
    drawn = _drawn(there, await there.front.get(ticket.id))
    ref = (await there.front.store.cards(ticket.id))[0]
    for _ in range(6):
        await there.link.channel.edit(ref, drawn)
    assert (count(there, "response_url"), count(there, "chat.update")) == (4, 2)
    assert there.slack.refusals == []


async def test_a_press_on_a_card_that_is_edited_half_an_hour_later_is_no_way_any_more(
    there: Scene, ann: Person
) -> None:
    async with scene(policy=model.Policy(quorum=2)) as other:
        await other.ask(DEPLOY)
        await other.slack.person("U1", name="ann").press(other.card, "Allow")
        other.clock.advance(30 * 60)
        await other.deliver()
        assert (count(other, "response_url"), count(other, "chat.update")) == (0, 1)


@pytest.mark.parametrize("fault", ["lost", "reset", "500", "internal_error"])
async def test_a_post_whose_answer_was_lost_is_found_and_not_repeated(there: Scene, ann: Person, fault: str) -> None:
    there.slack.fail_next("chat.postMessage", fault)
    ticket = await there.ask(DEPLOY)
    there.clock.advance(10)
    await there.deliver()
    assert len(there.cards()) == 1
    assert count(there, "chat.postMessage") == (1 if fault == "lost" else 2)
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed
    assert there.slack.controls(there.card) == []


async def test_a_card_found_again_is_brought_up_to_date(there: Scene) -> None:
    there.slack.fail_next("chat.postMessage", "lost")
    ticket = await there.ask(DEPLOY)
    await there.front.cancel(ticket.id)
    there.clock.advance(10)
    await there.deliver()
    assert there.slack.controls(there.card) == []


async def test_without_the_history_scope_a_lost_answer_makes_at_most_one_more_card(there: Scene, ann: Person) -> None:
    there.slack.scopes.discard("channels:history")
    there.slack.fail_next("chat.postMessage", "lost")
    ticket = await there.ask(DEPLOY)
    there.clock.advance(10)
    await there.deliver()
    first, second = there.cards()
    seen = await ann.press(first, "Allow")
    assert seen.acked
    assert (await there.decision(ticket)).allowed
    assert [there.slack.controls(message) for message in there.cards()] == [[], []]
    assert second.metadata == first.metadata


async def test_a_place_that_will_never_take_a_card_is_told_to_the_agent_at_once(
    there: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        ("channel_not_found", "/invite @sayso"),
        ("not_in_channel", "/invite @sayso"),
        ("is_archived", "unarchive"),
        ("restricted_action", "admin"),
        ("missing_scope", "reinstall"),
        ("token_revoked", "SLACK_BOT_TOKEN"),
        ("account_inactive", "SLACK_BOT_TOKEN"),
        ("invalid_blocks", ""),
        ("msg_blocks_too_long", ""),
        ("something_new", ""),
    ]
    for row in each(rows):
        with row as (code, advice):
            caplog.clear()
            there.slack.fail_next("chat.postMessage", code)
            ticket = await there.front.open(DEPLOY)
            waiting = asyncio.ensure_future(there.front.wait(ticket.id))
            await there.deliver()
            decision = await asyncio.wait_for(waiting, 5)
            assert decision.outcome == "undeliverable"
            assert code in (decision.reason or "")
            (record,) = [one for one in caplog.records if one.message == "delivery given up"]
            assert advice in str(vars(record)["hint"] or "")


async def test_a_channel_that_is_not_there_is_undeliverable(there: Scene) -> None:
    for place in ("slack:#nowhere", "slack:C404", "slack:@nobody"):
        ticket = await there.ask(sayso.Permission(tool="Bash", input={}, route=[place]))
        assert ticket.decision is not None, place
        assert ticket.decision.outcome == "undeliverable"


async def test_another_place_still_decides_when_one_is_lost(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, route=["slack:C404", "slack:#ops"]))
    assert ticket.decision is None
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed


@pytest.mark.parametrize("place", ["slack:@ann", "slack:U1", "slack:@U1"])
async def test_a_person_gets_the_card_as_a_direct_message(there: Scene, ann: Person, place: str) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, route=[place]))
    (message,) = there.slack.dms("U1")
    await ann.press(message, "Allow")
    assert (await there.decision(ticket)).allowed
    assert there.slack.controls(there.slack.dms("U1")[0]) == []


async def test_a_name_is_looked_up_once(there: Scene) -> None:
    for name in ("one", "two"):
        await there.ask(sayso.Permission(tool="Bash", input={}, id=name))
    assert count(there, "conversations.list") == 1


async def test_a_name_is_found_among_many_channels(there: Scene) -> None:
    for number in range(600):
        there.slack.channel(f"CX{number}", name=f"room-{number}", with_app=number == 599)
    await there.ask(sayso.Permission(tool="Bash", input={}, route=["slack:#room-599"]))
    assert len(there.cards("CX599")) == 1


async def test_one_walk_through_the_channels_serves_all_and_goes_on_where_it_was_told_to_wait(there: Scene) -> None:
    for number in range(3000):
        there.slack.channel(f"CX{number}", name=f"room-{number}", with_app=number > 2990)
    there.slack.calls.clear()
    there.slack.per_minute["conversations.list"] = 2
    for number in range(8):
        route = [f"slack:#room-{2999 - number % 2}"]
        await there.front.open(sayso.Question("Which?", id=f"r{number}", route=route))
    for _ in range(5):
        await there.deliver()
        there.clock.advance(60)
    assert [len(there.cards(f"CX{number}")) for number in (2999, 2998)] == [4, 4]
    pages = [call.payload.get("cursor", "0") for call in there.slack.calls if call.method == "conversations.list"]
    assert sorted(set(pages), key=int) == ["0", "500", "1000", "1500", "2000", "2500", "3000"]
    assert pages.count("0") == 1
    there.slack.refusals.clear()


async def test_a_name_whose_channel_was_archived_is_looked_up_anew(there: Scene) -> None:
    await there.ask(DEPLOY)
    there.slack.world.channels["C1"].is_archived = True
    there.slack.world.channels["C1"].name = "ops-old"
    there.slack.channel("C5", name="ops")
    lost = await there.ask(DEPLOY.model_copy(update={"id": "lost"}))
    assert lost.decision is not None
    await there.ask(DEPLOY.model_copy(update={"id": "found"}))
    assert len(there.cards("C5")) == 1


async def test_a_lost_card_is_found_below_other_messages(there: Scene, ann: Person) -> None:
    there.slack.fail_next("chat.postMessage", "lost")
    await there.ask(DEPLOY)
    for number in range(120):
        await ann.say("C1", f"chatter {number}")
    there.clock.advance(10)
    await there.deliver()
    assert len(there.cards()) == 1


async def test_a_burst_of_posts_is_paced(there: Scene) -> None:
    for number in range(8):
        await there.front.open(sayso.Question("Which?", id=f"r{number}"))
    delivering = asyncio.ensure_future(there.courier.deliver())
    await there.slack.until(lambda: len(there.cards()) == 5)
    there.clock.advance(1)
    await there.slack.until(lambda: len(there.cards()) == 6)
    there.clock.advance(2)
    await delivering
    assert len(there.cards()) == 8


async def test_a_turn_that_is_far_away_is_handed_back(there: Scene) -> None:
    paced = pace.Pace(there.clock, 20.0, 2)
    for _ in range(2):
        await paced.turn("C1")
    with pytest.raises(errors.NotYet) as caught:
        await paced.turn("C1")
    assert (caught.value.retry_after, caught.value.final) == (20.0, False)
    await paced.turn("C2")


async def _next_turns(clock: ManualClock, paced: pace.Pace, *names: str) -> dict[str, float]:
    """In how many seconds each of them is to come again."""
    found = dict[str, float]()
    for name in names:
        try:
            await asyncio.wait_for(paced.turn("C1", name), 5)
            found[name] = 0.0
        except errors.NotYet as error:
            found[name] = error.wait
    return found


async def test_turns_are_given_in_order_and_kept() -> None:
    clock = ManualClock()
    paced = pace.Pace(clock, 20.0, 1)
    assert await _next_turns(clock, paced, *"abcd") == {"a": 0, "b": 20, "c": 40, "d": 60}
    assert await _next_turns(clock, paced, *"dcb") == {"d": 60, "c": 40, "b": 20}
    clock.advance(20)
    assert await _next_turns(clock, paced, *"edcb") == {"e": 60, "d": 40, "c": 20, "b": 0}


async def test_whoever_slack_tells_to_wait_comes_first_then_and_the_order_stays() -> None:
    clock = ManualClock()
    paced = pace.Pace(clock, 20.0, 1)
    await _next_turns(clock, paced, *"abc")
    paced.hold("C1", 100, "a")
    assert await _next_turns(clock, paced, *"abcd") == {"a": 100, "b": 140, "c": 160, "d": 180}
    await paced.turn("C2", "x")


async def test_a_minute_holds_no_more_than_slack_takes_whatever_the_burst() -> None:
    clock, begun = ManualClock(), list[float]()
    paced = pace.Pace(clock, 1.2, 20, 50)
    began = clock.now()
    waiting = {f"r{number}" for number in range(120)}
    for _ in range(400):
        for name in sorted(waiting):
            turn = asyncio.ensure_future(paced.turn("", name))
            for _ in range(3):
                await asyncio.sleep(0)
            if turn.done() and turn.exception() is None:
                waiting.discard(name)
                begun.append((clock.now() - began).total_seconds())
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=True)
        clock.advance(1)
    assert (len(begun), begun[19]) == (120, 0.0)
    assert all(late - early >= 60 for early, late in zip(begun, begun[50:], strict=False))
    assert begun[-1] < 150


async def test_edits_of_more_cards_than_a_minute_allows_all_come(there: Scene) -> None:
    tickets = [await there.front.open(DEPLOY.model_copy(update={"id": f"r{n}"})) for n in range(22)]
    refs = [await _pinned(there, ticket) for ticket in tickets]
    editing = [asyncio.ensure_future(there.link.channel.edit(ref, _drawn(there, tickets[0]))) for ref in refs]
    await there.slack.until(lambda: count(there, "chat.update") == 20)
    there.clock.advance(10)
    await asyncio.gather(*editing)
    assert count(there, "chat.update") == 22


async def test_after_a_restart_old_cards_still_decide(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    await there.stop()
    lost = await ann.press(there.card, "Allow")
    assert not lost.acked
    await there.start()
    seen = await ann.press(there.card, "Allow")
    assert seen.acked
    assert (await there.decision(ticket)).allowed
    assert there.slack.controls(there.card) == []


async def test_a_card_whose_posting_a_crash_cut_short_is_adopted(there: Scene, ann: Person) -> None:
    ticket = await there.front.open(DEPLOY)
    jobs = await there.front.store.take(["slack"], there.clock.now(), 60)
    await there.link.channel.post("slack:#ops", _drawn(there, ticket), again=False)
    assert len(jobs) == 1
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed
    assert there.slack.controls(there.card) == []


async def test_a_card_that_comes_once_its_sender_is_dead_is_found_and_closed(there: Scene) -> None:
    ticket = await _posted_anew(there)
    late = await there.link.channel.post("slack:#ops", _drawn(there, ticket), again=False)
    await there.front.cancel(ticket.id)
    await there.deliver()
    assert len(there.slack.controls(there.cards()[-1])) > 0
    there.clock.advance(60)
    await there.deliver()
    assert [there.slack.controls(message) for message in there.cards()] == [[], []]
    assert late.message in {one.message for one in await there.front.store.cards(ticket.id)}


async def test_a_first_press_on_a_card_that_comes_later_still_closes_it(there: Scene, ann: Person) -> None:
    ticket = await _posted_anew(there)
    await there.front.cancel(ticket.id)
    there.clock.advance(60)
    await there.deliver()
    await there.link.channel.post("slack:#ops", _drawn(there, ticket), again=False)
    seen = await ann.press(there.cards()[-1], "Allow")
    assert seen.acked
    assert [there.slack.controls(message) for message in there.cards()] == [[], []]
    assert (await there.front.wait(ticket.id)).outcome == "cancelled"


async def _posted_anew(there: Scene) -> model.Ticket:
    """A request whose card was posted by a second try, since the first was on its way."""
    there.slack.fail_next("chat.postMessage", "500")
    ticket = await there.ask(DEPLOY)
    there.clock.advance(10)
    await there.deliver()
    assert len(there.cards()) == 1
    return ticket


async def test_expiry_closes_the_card(there: Scene) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, expires_in=60.0))
    there.clock.advance(60)
    await there.front.let_time_act(ticket.id)
    assert (await there.decision(ticket)).outcome == "expired"
    assert "Expired: no decision in time" in there.slack.visible_text(there.card)
    assert there.slack.controls(there.card) == []


async def test_a_click_after_the_deadline_is_too_late_even_if_nobody_noticed_yet(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, expires_in=60.0))
    there.clock.advance(60)
    seen = await ann.press(there.card, "Allow")
    assert "Too late: expired" in await there.whispered(seen)
    assert (await there.decision(ticket)).outcome == "expired"


async def test_cancelling_closes_the_card(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    await there.front.cancel(ticket.id)
    await there.deliver()
    assert "Withdrawn before it was decided" in there.slack.visible_text(there.card)
    assert there.slack.controls(there.card) == []


async def test_a_newer_request_closes_the_older_card(there: Scene) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={}, id="old"))
    await there.ask(sayso.Permission(tool="Bash", input={"a": 1}, id="new", supersedes="old"))
    old, new = there.cards()
    assert "Replaced by a newer request" in there.slack.visible_text(old)
    assert (there.slack.controls(old), there.slack.controls(new)[0]) == ([], "Allow")


async def test_a_request_that_was_decided_elsewhere_closes_the_card(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    actor = people.local("ann")
    await there.front.answer(ticket.id, model.Answer(verdict="allow"), actor)
    await there.deliver()
    assert there.slack.controls(there.card) == []


async def test_a_pending_card_that_somebody_deleted_is_posted_anew_when_it_changes() -> None:
    async with scene(policy=model.Policy(quorum=2)) as there:
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        ticket = await there.ask(DEPLOY)
        await ann.press(there.card, "Allow")
        there.slack.world.remove(there.card)
        await there.deliver()
        assert "1 of 2" in there.slack.visible_text(there.card)
        await bob.press(there.card, "Allow")
        assert (await there.decision(ticket)).allowed
        assert there.slack.controls(there.card) == []


async def test_a_deleted_card_is_not_posted_again_once_it_is_decided(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    there.slack.world.remove(there.card)
    await there.front.cancel(ticket.id)
    await there.deliver()
    assert there.cards() == []
    assert await there.front.store.next_job(["slack"]) is None


async def test_an_archived_channel_counts_as_undelivered_when_a_card_changes() -> None:
    async with scene(policy=model.Policy(quorum=2)) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(DEPLOY)
        await ann.press(there.card, "Allow")
        there.slack.world.channels["C1"].is_archived = True
        await there.deliver()
        decision = await there.decision(ticket)
        assert decision.outcome == "undeliverable"
        assert "is_inactive" in (decision.reason or "")


class Broken(memory.MemoryStore):
    down = False

    async def load_by_ref(self, ref: str) -> model.Ticket:
        if self.down:
            raise errors.StoreUnavailable("the database is locked")
        return await super().load_by_ref(ref)


async def test_a_deciding_press_while_the_store_is_down_is_not_acknowledged_and_says_so() -> None:
    store = Broken()
    async with scene("http", kept=store) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(DEPLOY)
        store.down = True
        seen = await ann.press(there.card, "Allow")
        assert (seen.acked, seen.deliveries[0].why) == (False, "http_error 503")
        assert "not counted" in await there.whispered(seen)
        store.down = False
        await ann.press(there.card, "Allow")
        assert (await there.decision(ticket)).allowed


class Gated(memory.MemoryStore):
    """Answers a press only once somebody opens the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.reached = asyncio.Event(), False

    async def load_by_ref(self, ref: str) -> model.Ticket:
        self.reached = True
        await self.gate.wait()
        return await super().load_by_ref(ref)


async def test_a_press_that_takes_too_long_is_answered_in_time_and_counts_once_it_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert interactions._ANSWER_WITHIN < 3
    monkeypatch.setattr(interactions, "_ANSWER_WITHIN", 0.1)
    store = Gated()
    async with scene("http", kept=store) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(DEPLOY)
        seen = await ann.press(there.card, "Allow")
        assert (seen.acked, seen.deliveries[0].why) == (False, "http_error 503")
        assert seen.deliveries[0].seconds < 3
        store.gate.set()
        assert (await there.front.wait(ticket.id)).allowed


async def test_a_press_that_is_under_way_when_the_process_stops_is_answered_and_counts() -> None:
    store = Gated()
    async with scene(kept=store) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(DEPLOY)
        pressing = asyncio.ensure_future(ann.press(there.card, "Allow"))
        await until(lambda: store.reached)
        stopping = asyncio.ensure_future(there.stop())
        await asyncio.sleep(0)
        store.gate.set()
        await stopping
        assert (await there.front.get(ticket.id)).decision is not None
        assert (await pressing).acked


async def test_a_submission_while_the_store_is_down_keeps_what_was_typed_and_says_so() -> None:
    store = Broken()
    async with scene("http", kept=store) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(DEPLOY)
        view = await there.open(ann, "Deny with reason…")
        await ann.fill(view, {"Why not? The agent reads this.": "no"})
        store.down = True
        seen = await ann.submit(ann.view)
        assert "not counted" in seen.errors["Why not? The agent reads this."]
        store.down = False
        await ann.submit(ann.view)
        assert (await there.decision(ticket)).reason == "no"


async def test_an_answer_by_reply_that_the_store_could_not_take_is_delivered_again() -> None:
    class Once(memory.MemoryStore):
        failures = 1

        async def find_card(self, channel: str, conversation: str, message: str) -> PostedCard | None:
            if self.failures:
                self.failures -= 1
                raise errors.StoreUnavailable("the database is locked")
            return await super().find_card(channel, conversation, message)

    async with scene("http", kept=Once()) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(sayso.Question("Which customer?"))
        seen = await ann.reply(there.card, "Acme")
        assert seen.acked
        assert len(there.slack.deliveries) == 2
        assert (await there.decision(ticket)).text == "Acme"


async def test_one_connection_is_enough_while_the_other_is_replaced(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    await there.slack.sockets.open[0].close()
    assert await there.link.healthy()
    seen = await ann.press(there.card, "Allow")
    assert seen.acked
    assert (await there.decision(ticket)).allowed


async def test_a_wrong_token_stops_the_start_and_says_which(there: Scene) -> None:
    for wrong, field in (
        (dataclasses.replace(there.settings, bot_token="xoxb-no"), "SLACK_BOT_TOKEN"),
        (dataclasses.replace(there.settings, app_token="xapp-no"), "SLACK_APP_TOKEN"),
    ):
        with pytest.raises(errors.InvalidSettings) as caught:
            async with sayso_slack.connect(there.front, wrong):
                pass
        assert caught.value.field == field
        assert caught.value.hint


async def test_nothing_in_the_settings_shows_a_secret(there: Scene) -> None:
    assert "fake" not in repr(there.settings).replace(there.slack.api_url, "")


def _drawn(there: Scene, ticket: model.Ticket) -> card.Card:
    return draw.card_of(ticket, there.front.mint)


async def _pinned(there: Scene, ticket: model.Ticket) -> PostedCard:
    ref = await there.link.channel.post("slack:#ops", _drawn(there, ticket), again=False)
    there.clock.advance(1)
    return ref


async def test_the_log_has_the_digest_of_what_was_posted(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    [sent] = [call.payload for call in there.slack.calls if call.method == "chat.postMessage"]
    message = {name: value for name, value in sent.items() if name not in ("channel", "token")}
    rows = [row.entry for row in await there.front.store.log(ticket.id)]
    assert [entry.shown for entry in rows if isinstance(entry, events.Delivered)] == [digest.digest(message)]


async def test_the_log_has_the_digest_of_what_a_card_shows_that_was_found_again(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    drawn = draw.card_of(ticket, there.front.mint)
    posted = await there.link.channel.post("slack:#ops", drawn, again=True)
    sent = [call.payload for call in there.slack.calls if call.method == "chat.update"][-1]
    message = {name: value for name, value in sent.items() if name not in ("channel", "token", "ts")}
    assert posted.shown == digest.digest(message)


async def test_what_slack_refuses_is_told_with_the_block_that_it_names(there: Scene) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "hunter2" * 500}}]
    async with api_of(there.settings) as api:
        with pytest.raises(refusals.SlackRefused) as refused:
            await api.post("chat.postMessage", channel="C1", text="x", blocks=blocks)
    assert (refused.value.word, refused.value.final) == ("invalid_blocks", True)
    assert "/blocks/0/text/text: must be less than 3001 characters" in refused.value.message
    assert "hunter2" not in refused.value.message
    there.slack.refusals.clear()


def test_a_refusal_that_makes_no_sense_is_bounded_and_tells_nothing_of_what_was_sent() -> None:
    quoting = '[ERROR] must be "x [json-pointer:hunter2" [json-pointer:/blocks/0]'
    rows: list[tuple[dict[str, Any], str]] = [
        ({"error": "x" * 9_999}, "x" * 60),
        ({"error": "missing_scope", "needed": "x" * 9_999}, f"missing_scope {'x' * 60}"),
        (
            {"error": "invalid_blocks", "response_metadata": {"messages": [quoting]}},
            "invalid_blocks (/blocks/0: must be …)",
        ),
        ({"error": "invalid_blocks", "response_metadata": {"messages": ["is bad"]}}, "invalid_blocks (is bad)"),
        ({"error": "invalid_blocks", "response_metadata": ["hunter2"]}, "invalid_blocks"),
    ]
    for row in each(rows):
        with row as (body, told):
            response = SimpleNamespace(data=body, status_code=200, headers={})
            error = SlackApiError("refused", response)  # type: ignore[no-untyped-call]
            assert refusals.of_error(error).message == f"Slack refused: {told}"


def test_slack_is_asked_again_after_a_second_at_the_soonest_and_a_day_at_the_latest() -> None:
    rows: list[tuple[str, float]] = [("0", 1), ("7", 7), ("9" * 400, 86_400), ("soon", 1), ("", 1)]
    for row in each(rows):
        with row as (said, wait):
            told = refusals.of_response(429, {"Retry-After": said})
            assert isinstance(told, errors.NotYet)
            assert told.wait == wait

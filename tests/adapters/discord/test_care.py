"""Open cards in Discord stay where people can press them, or the agent learns at once that nobody can."""

import base64
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import gateway

import sayso
import sayso_discord
from sayso import errors, model
from sayso.cards import tokens
from sayso.desk import Desk, courier
from sayso.machine import people
from sayso.stores import Store, memory
from sayso_discord import components, refusals, upkeep
from sayso_discord.api import api_of
from tests.adapters.discord_scene import ANN, BOB, MINT, OPS, QUICK, ROLE, Scene, scene
from tests.core.content.test_images import png
from tests.fakes.discord import Person
from tests.fakes.discord import permissions as may
from tests.tables import each

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})
OTHER = "200000000000000002"
SESSION = model.Source(agent="bot", session="fix the build")


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene(threads="session") as built:
        built.discord.channel(OTHER, name="other")
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann")


@pytest.fixture
def mod(there: Scene) -> Person:
    return there.discord.person(BOB, name="bob", roles=(there.discord.role("5", name="mod", permissions=-1).id,))


def question() -> model.Request:
    return sayso.Question("Which customer?", source=SESSION)


async def decided(there: Scene, ticket: model.Ticket) -> model.Decision:
    found = await there.front.wait(ticket.id)
    await there.deliver()
    return found


# Cards


@pytest.mark.parametrize("many", [False, True])
async def test_a_card_that_a_moderator_deletes_is_there_again_at_once(
    there: Scene, ann: Person, mod: Person, many: bool
) -> None:
    ticket = await there.ask(DEPLOY)
    first = there.card
    if many:
        there.discord.purge(first, await ann.say(OPS, "hello"))
    else:
        await mod.delete(first)
    await there.discord.until(lambda: there.cards() and there.card.id != first.id)
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed
    assert there.discord.controls(there.card) == []


async def test_a_card_that_is_deleted_while_the_database_is_away_is_there_again_once_it_is_back(
    there: Scene, ann: Person, mod: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await there.ask(DEPLOY)
    first, known = there.card, there.front.store.find_card
    left = [errors.StoreUnavailable("the store is away")] * 2

    async def find_card(channel: str, conversation: str, message: str) -> model.PostedCard | None:
        if left:
            raise left.pop()
        return await known(channel, conversation, message)

    monkeypatch.setattr(there.front.store, "find_card", find_card)
    monkeypatch.setattr(upkeep, "_PAUSES", (0.0,) * 4)
    await mod.delete(first)
    await there.discord.until(lambda: there.cards() and there.card.id != first.id)


async def test_a_press_on_an_unknown_card_is_answered_while_the_database_is_away(
    there: Scene, ann: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The request is not known here, and then it cannot be found out whether the card is."""
    await there.ask(DEPLOY)

    async def unknown(_: str) -> model.Ticket:
        raise errors.NotFound("there is no such request")

    async def away(*_: str) -> model.PostedCard | None:
        raise errors.StoreUnavailable("the store is away")

    monkeypatch.setattr(there.front.store, "load_by_ref", unknown)
    monkeypatch.setattr(there.front.store, "find_card", away)
    seen = await ann.press(there.card, "Allow")
    assert seen.acked
    assert seen.ephemerals
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == []


async def test_a_card_of_a_closed_request_that_is_deleted_stays_deleted(there: Scene, ann: Person, mod: Person) -> None:
    await there.ask(DEPLOY)
    await ann.press(there.card, "Allow")
    await there.deliver()
    await mod.delete(there.card)
    again = await there.ask(DEPLOY)
    await mod.delete(there.card)
    await there.discord.until(there.cards)
    assert again.id in there.discord.visible_text(there.card)


async def test_a_card_that_is_deleted_for_ever_counts_as_undelivered(there: Scene, mod: Person) -> None:
    ticket = await there.ask(DEPLOY)
    for _ in range(19):
        gone = there.card
        await mod.delete(gone)
        await there.discord.until(lambda gone=gone: there.cards() and there.card.id != gone.id)  # type: ignore[misc]
    await mod.delete(there.card)
    decision = await decided(there, ticket)
    assert decision.outcome == "undeliverable"
    assert "deletes the bot's messages" in (decision.reason or "")


async def test_a_channel_that_is_deleted_counts_as_undelivered_at_once(there: Scene) -> None:
    gone = await there.ask(sayso.Permission(tool="Bash", input={}, route=[f"discord:{OTHER}"]))
    kept = await there.ask(sayso.Permission(tool="Bash", input={}, route=[f"discord:{OTHER}", f"discord:{OPS}"]))
    there.discord.remove(OTHER)
    decision = await decided(there, gone)
    assert decision.outcome == "undeliverable"
    assert "Copy Channel ID" in (decision.reason or "")
    await there.front.store.changed(kept.id, kept.version)
    assert (await there.front.get(kept.id)).undelivered == (f"discord:{OTHER}",)
    assert (await there.front.get(kept.id)).decision is None


async def test_a_channel_that_is_closed_to_the_bot_counts_as_undelivered_when_its_card_changes() -> None:
    async with scene(policy=model.Policy(quorum=2)) as there:
        there.discord.person(ANN, name="ann")
        ticket = await there.ask(DEPLOY)
        there.discord.overwrite(OPS, there.discord.bot_role_id, deny=may.VIEW)
        bob = people.Actor("web:bob", "bob", member=True, person="bob")
        await there.front.answer(ticket.id, model.Answer(verdict="allow"), bob)
        await there.deliver()
        decision = (await there.front.get(ticket.id)).decision
        assert decision is not None
        assert decision.outcome == "undeliverable"
        assert "view that channel" in (decision.reason or "")


async def test_a_question_whose_thread_is_deleted_is_asked_in_a_new_one_at_once(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    (before,) = there.discord.threads(OPS)
    there.discord.remove(before.id)
    await there.discord.until(lambda: there.discord.threads(OPS) and there.cards(there.discord.threads(OPS)[0].id))
    (after,) = there.discord.threads(OPS)
    await ann.reply(there.cards(after.id)[0], "Acme")
    assert (await decided(there, ticket)).text == "Acme"


async def test_a_thread_with_an_open_card_is_kept_awake(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    (thread,) = there.discord.threads(OPS)
    await ann.archive(thread.id)
    await there.discord.until(lambda: not there.discord.world.channels[thread.id].archived)
    seen = await ann.press(there.cards(thread.id)[0], "Answer")
    assert seen.modals
    assert (await there.front.get(ticket.id)).decision is None


async def test_a_permission_in_a_thread_of_its_own_route_does_not_die_with_its_archive(there: Scene) -> None:
    ann = there.discord.person(ANN, name="ann")
    there.discord.channel("200000000000000009", name="deploys", type=11, parent=OPS, owner=ANN)
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, route=["discord:200000000000000009"]))
    await ann.archive("200000000000000009")
    await there.discord.until(lambda: not there.discord.world.channels["200000000000000009"].archived)
    await ann.press(there.cards("200000000000000009")[0], "Allow")
    assert (await there.decision(ticket)).allowed


async def test_a_thread_that_went_to_sleep_while_nobody_listened_is_woken_after_the_start(there: Scene) -> None:
    ann = there.discord.person(ANN, name="ann")
    await there.ask(question())
    (thread,) = there.discord.threads(OPS)
    await there.stop()
    there.discord.gateway.forget()
    await ann.archive(thread.id)
    await there.start()
    await there.discord.until(lambda: not there.discord.world.channels[thread.id].archived)


async def test_a_question_in_a_thread_that_was_locked_while_nobody_listened_is_asked_in_another_one(
    there: Scene, ann: Person
) -> None:
    ticket = await there.ask(question())
    (thread,) = there.discord.threads(OPS)
    await there.stop()
    there.discord.gateway.forget()
    await ann.archive(thread.id, lock=True)
    await there.start()
    await there.link.caught_up()
    await ann.reply(there.cards(_other(there, thread.id))[0], "Acme")
    assert (await decided(there, ticket)).text == "Acme"


async def test_a_question_in_a_thread_that_is_locked_is_asked_in_another_one(there: Scene, ann: Person) -> None:
    ticket = await there.ask(question())
    (thread,) = there.discord.threads(OPS)
    await ann.archive(thread.id, lock=True)
    await there.discord.until(lambda: len(there.discord.threads(OPS)) == 2 and there.cards(_other(there, thread.id)))
    await ann.reply(there.cards(_other(there, thread.id))[0], "Acme")
    assert (await decided(there, ticket)).text == "Acme"


def _other(there: Scene, than: str) -> str:
    return next(one.id for one in there.discord.threads(OPS) if one.id != than)


@pytest.mark.parametrize(("fault", "why"), [("160006", "too many open threads"), ("50013", "Permissions")])
async def test_where_no_thread_can_be_begun_the_question_is_asked_in_the_channel_and_that_is_said_once(
    there: Scene, ann: Person, fault: str, why: str
) -> None:
    there.discord.fail_next("create_thread_from_message", fault, times=3)
    tickets = [await there.ask(question()), await there.ask(question())]
    assert len(there.cards(OPS)) == 2
    await there.front.note("fix the build", "half done")
    shown = "\n".join(map(there.discord.visible_text, there.discord.messages(OPS)))
    assert shown.count("no thread could be begun") == 1
    assert why in shown
    assert "half done" in shown
    await ann.reply(there.cards(OPS)[0], "Acme")
    assert (await decided(there, tickets[0])).text == "Acme"
    await there.ask(question())
    (thread,) = there.discord.threads(OPS)
    assert len(there.cards(thread.id)) == 1
    assert "no thread could be begun" not in there.discord.visible_text(there.discord.messages(OPS)[0])


# Who is called


async def test_those_whom_the_policy_names_are_notified_once_and_nobody_else() -> None:
    async with scene(policy=model.Policy(approvers=("ann", "group:release", "requester"))) as there:
        there.discord.person(ANN, name="ann")
        await there.ask(sayso.Permission(tool="Bash", input={"command": f"<@{BOB}> @everyone"}))
        assert sorted(there.discord.pings(there.card)) == [f"<@&{ROLE}>", f"<@{ANN}>"]
        await there.stop()
        await there.start()
        assert there.discord.refusals == []


async def test_anyone_notifies_nobody(there: Scene) -> None:
    await there.ask(DEPLOY)
    assert there.discord.pings(there.card) == []


# Private sentences


async def test_a_second_allow_of_one_person_is_told_that_it_is_the_second() -> None:
    async with scene(policy=model.Policy(quorum=2)) as there:
        ann = there.discord.person(ANN, name="ann")
        await there.ask(DEPLOY)
        assert "Counted: 1 of 2" in await there.whispered(await ann.press(there.card, "Allow"))
        await there.deliver()
        assert "allowed this already. 1 of 2" in await there.whispered(await ann.press(there.card, "Allow"))


async def test_whoever_decided_and_presses_again_is_told_that_it_counted(there: Scene, ann: Person) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Allow")
    said = await there.whispered(await ann.press(old, "Allow"))
    assert said == "Allowed: that is what you said, and it counted at 2026-01-01 12:00 UTC."


async def test_three_stale_presses_are_told_once_and_never_by_an_account(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    old = there.card
    bob = there.discord.person(BOB, name="bob", display_name="Bob B")
    await bob.press(old, "Deny")
    seen = [await ann.press(old, "Allow") for _ in range(3)]
    assert all(one.acked for one in seen)
    (told,) = there.discord.ephemerals(ANN)
    assert there.discord.visible_text(told) == "Too late: denied by Bob B at 2026-01-01 12:00 UTC."
    assert (await there.decision(ticket)).outcome == "denied"


async def test_a_press_after_the_secret_was_changed_renews_the_card(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    there.front.mint = tokens.TokenMaker(b"another secret, thirty-two signs")
    assert "renewed now" in await there.whispered(await ann.press(there.card, "Allow"))
    assert (await there.front.get(ticket.id)).decision is None
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed


async def test_whoever_decided_and_presses_after_the_secret_was_changed_is_not_told_to_be_late(
    there: Scene, ann: Person
) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Deny")
    there.front.mint = tokens.TokenMaker(b"another secret, thirty-two signs")
    assert "that is what you said" in await there.whispered(await ann.press(old, "Allow"))


async def test_after_a_start_with_another_secret_the_old_cards_work(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    await there.stop()
    there.front.mint = tokens.TokenMaker(b"another secret, thirty-two signs")
    await there.start()
    await there.link.caught_up()
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed


async def test_a_card_whose_request_is_gone_loses_its_buttons(there: Scene, ann: Person) -> None:
    await there.ask(DEPLOY)
    await there.stop()
    there.front.store = memory.MemoryStore()
    await there.start()
    seen = await ann.press(there.card, "Allow")
    assert "its request is not known here" in await there.whispered(seen)
    await there.discord.until(lambda: there.discord.controls(there.card) == [])
    assert "This request is gone" in there.discord.visible_text(there.card)


# Two programs on one bot


async def test_another_program_on_the_same_bot_is_noticed_and_takes_nothing_away(
    there: Scene, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    other = Desk(memory.MemoryStore(), MINT, there.front.setup, there.clock)
    async with sayso_discord.connect(other, there.settings, QUICK):
        ticket = await there.ask(DEPLOY)
        await there.discord.until(lambda: "another program uses this bot" in caplog.text)
        seen = await ann.press(there.card, "Allow")
        assert (await there.decision(ticket)).allowed
        asked = await there.ask(sayso.Question("Which?"))
        await ann.reply(there.cards()[-1], "Acme")
        await there.front.wait(asked.id)
        await there.discord.until(lambda: "Taken as" in there.discord.visible_text(there.discord.messages(OPS)[-1]))
    assert seen.ephemerals == []
    assert "no agent reads it" not in "".join(map(there.discord.visible_text, there.discord.messages(OPS)))
    now = there.clock.now()
    (found,) = await sharing_of(there, other.store, now)
    assert not found.ok
    assert "a bot of its own" in (found.hint or "")
    assert await sharing_of(there, there.front.store, now) == []
    assert await sharing_of(there, other.store, now + timedelta(days=2)) == []


async def sharing_of(there: Scene, records: Store, now: datetime) -> list[sayso_discord.Finding]:
    found = await sayso_discord.check(there.settings, store=records, at=now)
    return [one for one in found if one.name == "sharing"]


async def test_cards_that_the_store_does_not_know_are_said_at_the_start(
    there: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await there.ask(DEPLOY)
    await there.stop()
    there.front.store = memory.MemoryStore()
    await there.start()
    await there.link.caught_up()
    assert "another program uses this bot" in caplog.text


async def test_the_library_says_that_it_is_behind_only_if_it_is(
    there: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer to a beat that comes before the library's thread goes on is measured from the beat before."""
    async with api_of(there.settings):
        socket: Any = SimpleNamespace(thread_id=0, _max_heartbeat_timeout=60)
        beats = gateway.KeepAliveHandler(ws=socket, interval=41.25)
    for behind, told in ((41.3, 0), (12.0, 1)):
        caplog.clear()
        monkeypatch.setattr(beats, "_last_send", time.perf_counter() - behind)
        beats.ack()
        assert caplog.text.count("Can't keep up") == told


async def test_what_discord_refuses_is_told_with_the_field_that_it_names(there: Scene) -> None:
    async with api_of(there.settings) as api:
        with pytest.raises(refusals.DiscordRefused) as refused:
            await api.send("POST", "/channels/{channel_id}/messages", {"content": "hunter2" * 500}, channel_id=OPS)
        with pytest.raises(refusals.DiscordRefused) as unknown:
            await api.send("POST", "/channels/{channel_id}/messages", {}, channel_id=OPS)
    assert refused.value.message == "Discord refused: 400 50035 (content: Must be 2000 or fewer in length)"
    assert unknown.value.message == "Discord refused: 400 50006 (Cannot send an empty message)"
    there.discord.refusals.clear()


def test_a_refusal_that_makes_no_sense_is_a_refusal_and_tells_nothing_of_what_was_sent() -> None:
    response: Any = SimpleNamespace(status=400, reason="Bad Request")
    quoting = {"_errors": [{"message": 'Value "one\nhunter2\u2028 two" is bad'}]}
    rows: list[tuple[dict[str, Any], int, str]] = [
        ({"code": 50035, "message": ["hunter2"]}, 50035, ""),
        ({"code": 50035, "message": {"hunter2": 1}}, 50035, ""),
        ({"code": ["hunter2"], "message": "hunter2"}, 0, ""),
        ({"code": 10**4000, "message": "hunter2"}, 0, ""),
        ({"code": 50035, "message": "x", "errors": {"a": {"b": quoting}}}, 50035, " (a.b: Value … is bad)"),
        ({"code": 50035, "message": "x", "errors": {"no key": quoting}}, 50035, " (x In no key: Value … is bad)"),
    ]
    for row in each(rows):
        with row as (body, code, told):
            refused = refusals.of_error(discord.HTTPException(response, body))
            assert refused.message == f"Discord refused: 400 {code}{told}"
            assert refused.final


def test_the_hint_of_a_refusal_is_in_what_the_agent_reads() -> None:
    error = errors.ChannelError("Discord refused: 403 50013", hint="let the sayso role do it", final=True)
    assert courier.reason(error) == "Discord refused: 403 50013 (let the sayso role do it)"


# Over HTTP, where Discord tells of nothing but presses


async def test_over_http_a_deleted_card_comes_back_and_a_card_without_its_request_loses_its_buttons() -> None:
    async with scene("http") as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(DEPLOY)
        first = there.card
        there.discord._office.posting.delete(first)
        await there.discord.until(lambda: there.cards() and there.card.id != first.id)
        there.front.store, store = memory.MemoryStore(), there.front.store
        assert "not known here" in await there.whispered(await ann.press(there.card, "Allow"))
        await there.discord.until(lambda: there.discord.controls(there.card) == [])
        assert (await store.load(ticket.id)).decision is None


@pytest.mark.parametrize("content", [png(), png() + bytes(300_000)], ids=["small", "beside the request"])
async def test_an_attached_image_is_uploaded_with_its_card_and_stays_after_the_answer(
    there: Scene, ann: Person, content: bytes
) -> None:
    data = base64.b64encode(content).decode()
    attached = model.Attachment(name="@everyone.png", kind="image", data=data)
    await there.ask(sayso.Permission(tool="Bash", input={"command": "make"}, attachments=[attached]))
    assert there.discord.attached(there.card) == {"image-1.png": content}
    [gallery] = [one for one in components.walk(list(there.card.sent)) if one["type"] == components.GALLERY]
    assert [item["media"]["url"] for item in gallery["items"]] == ["attachment://image-1.png"]
    await ann.press(there.card, "Allow")
    await there.deliver()
    assert there.discord.attached(there.card) == {"image-1.png": content}

"""The connection to Discord and what goes over it: breaks, restarts, forged posts, lost answers, deleted cards."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import yarl
from aiohttp import web
from discord import gateway as library

import sayso
import sayso_discord
from sayso import errors, machine, model
from sayso.cards import draw
from sayso.content import digest
from sayso.desk.upkeep import duties
from sayso.machine import events
from sayso.stores import Record, memory, record_kinds
from sayso.testing.clock import ManualClock
from sayso_discord import gateway, interactions
from tests.adapters.discord_scene import ANN, OPS, Scene, scene
from tests.conftest import BOUND, until
from tests.fakes.discord import Person
from tests.fakes.discord.delivery import signature
from tests.tables import each

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})
POSTS = "create_message"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library comes back after a moment, and not after seconds that it draws at random."""
    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda _: 0.01)


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann")


async def well(there: Scene) -> bool:
    return await there.link.healthy()


async def decided(there: Scene, ticket: model.Ticket) -> model.Decision:
    async with asyncio.timeout(5):
        await there.front.wait(ticket.id)
    return await there.decision(ticket)


# Posting


@pytest.mark.parametrize("fault", ["reset", "lost", "500", "503"])
async def test_a_post_that_failed_is_one_card_in_the_end(there: Scene, fault: str) -> None:
    there.discord.fail_next(POSTS, fault)
    await there.front.open(DEPLOY)
    await there.deliver()
    there.clock.advance(5)
    await there.deliver()
    assert len(there.cards()) == 1


async def test_a_card_that_was_posted_and_not_recorded_is_found_long_after(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    drawn = draw.card_of(ticket, there.front.mint)
    there.clock.advance(3000)  # its nonce is forgotten by then
    ref = await there.link.channel.post(f"discord:{OPS}", drawn, again=True)
    assert ref.message == there.card.id


async def test_the_log_has_the_digest_of_what_was_posted(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    [sent] = [call.body for call in there.discord.calls if call.operation == POSTS]
    rows = [row.entry for row in await there.front.store.log(ticket.id)]
    assert [entry.shown for entry in rows if isinstance(entry, events.Delivered)] == [digest.digest(sent)]


@pytest.mark.parametrize(("fault", "hint"), [("50001", "view that channel"), ("50013", "Permissions"), ("10003", "id")])
async def test_a_channel_that_will_never_take_it_is_told_to_the_agent_at_once(
    there: Scene, fault: str, hint: str
) -> None:
    there.discord.fail_next(POSTS, fault)
    ticket = await there.ask(DEPLOY)
    assert (await there.decision(ticket)).outcome == "undeliverable"
    there.discord.fail_next(POSTS, fault)
    with pytest.raises(errors.ChannelError) as caught:
        await there.link.channel.post(f"discord:{OPS}", draw.card_of(ticket, there.front.mint), again=False)
    assert hint in (caught.value.hint or "")


async def test_a_place_that_makes_no_sense_is_refused_at_the_ask(there: Scene) -> None:
    rows: list[str] = ["discord:#ops", "discord:910/x", "discord:@nobody"]
    for row in each(rows):
        with row as place:
            with pytest.raises(errors.InvalidRequest) as refused:
                await there.ask(sayso.Permission(tool="Bash", input={}, route=[place]))
            assert refused.value.field == "route"
            assert refused.value.hint


@pytest.mark.parametrize("kind", ["429", "429 shared", "429 cloudflare"])
async def test_a_limit_is_kept_and_the_card_comes_later(there: Scene, kind: str) -> None:
    there.discord.fail_next(POSTS, kind)
    await there.front.open(DEPLOY)
    await there.deliver()
    there.clock.advance(60)
    await there.deliver()
    assert len(there.cards()) == 1


# Pressing while things break


# unknown by now, and already acknowledged
@pytest.mark.parametrize("fault", ["10062", "40060"])
async def test_a_press_during_a_break_is_replayed_and_counts_even_if_it_cannot_be_answered(
    there: Scene, ann: Person, fault: str
) -> None:
    ticket = await there.ask(DEPLOY)
    there.discord.gateway.drop()
    there.discord.fail_next("create_interaction_response", fault)
    # she would wait for three seconds for what does not come
    pressing = asyncio.ensure_future(ann.press(there.card, "Allow"))
    assert (await decided(there, ticket)).allowed
    assert there.discord.controls(there.card) == []
    assert not pressing.done()
    pressing.cancel()
    await asyncio.wait({pressing})


class Troubled(memory.MemoryStore):
    """A store that commits only when it is let, and can be down."""

    def __init__(self) -> None:
        super().__init__()
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.down = False

    async def commit(self, step: machine.Step, entry: events.Entry, beside: Sequence[Record] = ()) -> None:
        await self.may_commit.wait()
        await super().commit(step, entry, beside)

    async def load_by_ref(self, ref: str) -> model.Ticket:
        if self.down:
            raise errors.StoreUnavailable("down")
        return await super().load_by_ref(ref)


async def test_a_store_that_is_slow_is_waited_for_while_the_press_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert interactions._ANSWER_WITHIN < 3
    monkeypatch.setattr(interactions, "_ANSWER_WITHIN", 0.1)
    store = Troubled()
    async with scene(kept=store) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(DEPLOY)
        store.may_commit.clear()
        seen = await ann.press(there.card, "Allow")
        assert seen.acked
        assert (await there.front.get(ticket.id)).decision is None
        store.may_commit.set()
        assert (await decided(there, ticket)).allowed


async def test_a_store_that_is_down_is_said_to_be_down() -> None:
    store = Troubled()
    async with scene(kept=store) as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(DEPLOY)
        store.down = True
        seen = await ann.press(there.card, "Allow")
        assert "not counted" in await there.whispered(seen)
        store.down = False
        await ann.press(there.card, "Allow")
        assert (await there.decision(ticket)).allowed


# The gateway


async def test_a_short_break_is_resumed(there: Scene, ann: Person) -> None:
    there.discord.gateway.drop()
    await there.discord.until(lambda: there.discord.gateway.resumes)
    ticket = await there.ask(DEPLOY)
    await ann.press(there.card, "Allow")
    assert (await decided(there, ticket)).allowed
    assert len(there.discord.gateway.identifies) == 1


async def test_a_refused_resume_begins_a_new_session(there: Scene, ann: Person) -> None:
    there.discord.gateway.forget()
    there.discord.gateway.drop()
    await there.discord.until(lambda: len(there.discord.gateway.identifies) == 2, within=BOUND)
    ticket = await there.ask(DEPLOY)
    await ann.press(there.card, "Allow")
    assert (await decided(there, ticket)).allowed


async def test_readiness_is_true_only_while_connected(there: Scene) -> None:
    assert await well(there)
    there.discord.gateway.shut = {"/gateway/", "/gateway/resume/"}
    there.discord.gateway.drop()
    link = there.link.gateway
    assert link is not None
    await until(lambda: not link.healthy())
    there.discord.gateway.shut = set()
    await until(link.healthy, within=20)


async def test_without_the_gateway_it_starts_unready_and_goes_on_trying(
    there: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await there.stop()
    there.discord.gateway.shut = {"/gateway/"}
    there.patience = gateway.Patience(first_pause=0.01, longest_pause=0.1, look_every=0.01, down=0.2, ready=0.1)
    await there.start()
    assert not await well(there)
    assert await there.link.alive()
    assert "gateway not open yet" in caplog.text
    ticket = await there.ask(DEPLOY)
    there.discord.gateway.shut = set()
    link = there.link.gateway
    assert link is not None
    await until(link.healthy, within=20)
    await there.discord.person(ANN, name="ann").press(there.card, "Allow")
    assert (await decided(there, ticket)).allowed


async def test_a_dead_resume_address_ends_in_a_fresh_client(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    there.discord.gateway.shut = {"/gateway/resume/"}
    there.discord.gateway.drop()
    await there.discord.until(lambda: len(there.discord.gateway.identifies) == 2, within=20)
    link = there.link.gateway
    assert link is not None
    await until(link.healthy)
    await ann.press(there.card, "Allow")
    assert (await decided(there, ticket)).allowed


async def test_a_gateway_that_closes_at_once_is_not_stormed() -> None:
    opened = asyncio.Event()
    tries = 0

    async def hello_and_goodbye(request: web.Request) -> web.WebSocketResponse:
        nonlocal tries
        tries += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"op": 10, "d": {"heartbeat_interval": 41250}, "s": None, "t": None}))
        await socket.close(code=4000)
        opened.set()
        return socket

    app = web.Application()
    app.router.add_get("/gateway/", hello_and_goodbye)
    runner = web.AppRunner(app)
    async with scene() as there:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}/gateway/"
        library.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        patience = gateway.Patience(first_pause=60, storm=3, look_every=0.001, ready=1)
        taken = there.link.gateway
        assert taken is not None
        duty = duties.Duty(there.front.store, there.clock, "another gateway")
        fresh = gateway.Gateway(there.discord.bot_token, taken.listeners, duty, content=False, patience=patience)
        await fresh.open()
        assert not fresh.healthy()
        assert opened.is_set()
        assert tries < 100
        await fresh.close()
    await runner.cleanup()


async def test_a_gateway_that_falls_silent_is_left_for_a_new_connection() -> None:
    patience = gateway.Patience(first_pause=0.01, longest_pause=0.1, down=0.2, silence=0.5, look_every=0.01, storm=99)
    async with scene(patience=patience) as there:
        there.discord.gateway.silent = True
        link = there.link.gateway
        assert link is not None
        await until(lambda: not link.healthy())
        there.discord.gateway.silent = False
        await until(link.healthy, within=20)


async def test_a_payload_that_kills_the_library_ends_in_a_fresh_client(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    there.discord.send_event("INTERACTION_CREATE", {"id": "1", "type": 3})
    await there.discord.until(lambda: len(there.discord.gateway.identifies) == 2)
    link = there.link.gateway
    assert link is not None
    await until(link.healthy)
    await ann.press(there.card, "Allow")
    assert (await decided(there, ticket)).allowed


async def test_a_token_that_was_revoked_is_not_tried_again_and_the_code_is_in_the_log(
    there: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    there.discord.gateway._token = "another"
    there.discord.gateway.forget()
    await there.discord.gateway.close(4000)
    link = there.link.gateway
    assert link is not None
    assert link._task is not None
    with pytest.raises(errors.InvalidSettings, match="4004"):
        await asyncio.wait_for(there.link.lost(), 20)
    assert not link.healthy()
    assert not await there.link.alive()
    (record,) = [one for one in caplog.records if one.message == "gateway given up"]
    assert getattr(record, "code", None) == 4004


# After a start


async def test_a_card_that_was_deleted_is_posted_again_and_decides(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    await there.stop()
    del there.discord.world.channels[OPS].messages[there.card.id]
    await there.start()
    await there.discord.until(there.cards)
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed
    assert there.discord.controls(there.card) == []


async def test_a_card_that_is_deleted_again_and_again_is_there_once(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    for _ in range(3):
        await there.stop()
        del there.discord.world.channels[OPS].messages[there.card.id]
        await there.start()
        await there.discord.until(there.cards)
    await there.front.cancel(ticket.id)
    await there.deliver()
    assert there.discord.controls(there.card) == []


async def test_a_card_that_was_decided_while_discord_was_away_is_closed_after_the_start(there: Scene) -> None:
    ticket = await there.ask(DEPLOY)
    await there.stop()
    await there.front.cancel(ticket.id)
    await there.start()
    await there.deliver()
    assert there.discord.controls(there.card) == []


# HTTP


async def test_discord_can_check_the_address() -> None:
    async with scene("http") as there:
        ping = await there.endpoint.ping()
        assert (ping.status, ping.answer) == (200, {"type": 1})
        assert [one.status for one in await there.endpoint.probe()] == [401] * 6


async def test_a_signed_body_that_is_no_payload_is_refused() -> None:
    rows: list[str] = ["", "[]", "x", "[" * 5000, "1"]
    for row in each(rows):
        with row as body:
            async with scene("http") as there:
                sent = await there.endpoint.post({}, body, signature(body))
                assert sent.status == 400


async def test_an_old_signature_is_refused() -> None:
    async with scene("http") as there:
        sent = await there.endpoint.post({}, '{"type": 1}', signature('{"type": 1}', age=600))
        assert sent.status == 401


async def test_over_http_no_gateway_is_opened_and_readiness_is_the_servers() -> None:
    async with scene("http") as there:
        assert there.discord.gateway.identifies == []
        assert await there.link.healthy()


async def test_without_a_public_key_there_is_no_address(there: Scene) -> None:
    with pytest.raises(errors.InvalidSettings) as caught:
        there.link.add_routes(web.Application())
    assert caught.value.field == "DISCORD_PUBLIC_KEY"


async def test_of_two_copies_one_listens_and_the_other_takes_over() -> None:
    async with scene() as there:
        first = there.link.gateway
        async with sayso_discord.connect(there.front, there.settings, there.patience) as link:
            second = link.gateway
            assert first is not None
            assert second is not None
            # the one that waits is ready, too: presses arrive at the other
            assert (first.is_on_duty, second.is_on_duty, second.healthy()) == (True, False, True)
            assert len(there.discord.gateway.identifies) == 1
            await there.stop()
            await advance_until(there.clock, lambda: second.is_on_duty and second.healthy())
            assert len(there.discord.gateway.identifies) == 2
            await there.start()
            assert there.link.gateway is not None
            assert not there.link.gateway.is_on_duty


async def test_a_copy_that_was_relieved_stops_listening() -> None:
    async with scene() as there:
        link = there.link.gateway
        assert link is not None
        [record] = await there.front.store.scan(record_kinds.DUTY)
        other = {**record.value, "process": "another", "machine": "another"}
        await there.front.store.put(dataclasses.replace(record, value=other))
        await advance_until(there.clock, lambda: not link.is_on_duty)
        await there.discord.until(lambda: not any(one.connection for one in there.discord.gateway.sessions.values()))


async def advance_until(clock: ManualClock, happened: Callable[[], bool]) -> None:
    """Let time pass in steps until something happened."""
    for _ in range(100):
        if happened():
            return
        clock.advance(duties.BEAT)
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen")

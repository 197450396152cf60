"""Nothing is lost, doubled or ignored when the service is killed: real processes, a real file, people in Slack."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

import sayso
from sayso.desk.posting import leases
from sayso.machine import events
from sayso.stores import Store
from sayso.testing import oracle
from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup, soon
from tests.fakes.pg import pg_server, pg_url
from tests.fakes.processes import hurried
from tests.fakes.slack import Message, Person

__all__ = ["pg_server", "pg_url"]

# More of the same, when somebody has the time: RESTART_SEED=7 RESTART_KILLS=50
SEED = int(os.environ.get("RESTART_SEED", "1"))
KILLS = int(os.environ.get("RESTART_KILLS", "4"))
REQUESTS = 8
LONGEST = 12.0 * (KILLS + 1)
"""Seconds for all of it."""


@pytest.fixture
async def there(command: Command) -> AsyncIterator[Setup]:
    async with setup(command) as built:
        yield built


@pytest.fixture
def ann(there: Setup) -> Person:
    return there.slack.person("U1", name="ann")


async def asked(there: Setup, id: str) -> None:
    """An agent asks, and does not wait."""
    async with sayso.open(there.url, key=there.key) as desk:
        await desk.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}, id=id))


async def test_after_a_kill_the_old_cards_decide_and_every_waiting_agent_hears_it(command: Command) -> None:
    await waiting_agents_outlive_a_kill(command, "sqlite:///sayso.db")


async def test_an_http_hook_that_died_with_the_service_leaves_no_card_that_counts(there: Setup, ann: Person) -> None:
    call = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash", "tool_input": {"command": "ls"}}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {there.key}"}) as session:
        hook = asyncio.create_task(session.post(f"{there.url}/claude/hooks", json={**call, "tool_use_id": "t1"}))
        await there.until(there.cards)
        await there.kill()
        with pytest.raises(aiohttp.ClientError):
            await hook
    await there.lapse()
    # nobody could come back in its six seconds, so one is as good
    await there.start(**hurried({"sayso.desk.upkeep.attendance.GRACE": 1.0}))
    await there.until(lambda: all(there.slack.controls(card) in ([], ["Details"]) for card in there.cards()))
    assert "Withdrawn" in there.slack.visible_text(there.cards()[0])


@pytest.mark.once
async def test_the_same_holds_with_postgresql(command: Command, pg_url: str) -> None:
    await waiting_agents_outlive_a_kill(command, pg_url)


async def waiting_agents_outlive_a_kill(command: Command, database: str) -> None:
    choice = sayso.Choice("Which database?", ["PostgreSQL", "SQLite"], id="sdk")
    async with (
        setup(command, database) as there,
        sayso.open(there.url, key=there.key) as desk,
        asyncio.TaskGroup() as group,
    ):
        ann = there.slack.person("U1", name="ann")
        library = group.create_task(desk.ask(choice))
        poller = group.create_task(there.poll({"id": "http", "kind": "permission", "tool": "Bash", "input": {}}))
        hook = group.create_task(there.hook())
        await there.until(lambda: len(there.cards()) == 3)
        [by_hook] = [card for card in there.cards() if card not in (*there.cards("sdk"), *there.cards("http"))]
        old = [(there.cards("sdk")[0], "2 · SQLite"), (there.cards("http")[0], "Allow"), (by_hook, "Allow")]
        await there.restart()
        for card, label in old:
            assert (await ann.press(card, label)).acked
        assert (await soon(library)).choice == "SQLite"
        assert (await soon(poller))["outcome"] == "allowed"
        code, answer = await soon(hook)
        assert (code, answer["hookSpecificOutput"]["permissionDecision"]) == (0, "allow")
        await there.until(lambda: all(there.slack.controls(card) in ([], ["Details"]) for card in there.cards()))
        assert (len(there.cards()), there.posts()) == (3, 3)
        async with there.stored() as store:
            stored = await oracle.read(store)
        assert oracle.violations(oracle.Witnessed(), stored) == []
        assert len(stored.tickets) == 3


async def test_a_card_whose_posting_was_cut_short_is_known_again_and_not_posted_twice(
    there: Setup, ann: Person
) -> None:
    there.slack.fail_next("chat.postMessage", "mute", times=2)
    adopted = await cut_short(there, "r1")
    await there.start()
    assert (await ann.press(adopted, "Allow")).acked
    await there.until(lambda: there.slack.controls(there.cards("r1")[0]) in ([], ["Details"]))
    found = await cut_short(there, "r2")
    await there.lapse()
    await there.start()
    await there.until(lambda: there.cards("r2")[0].edits)
    assert (await ann.press(found, "Allow")).acked
    await there.until(lambda: there.slack.controls(there.cards("r2")[0]) in ([], ["Details"]))
    async with there.stored() as store:
        for id, card in (("r1", adopted), ("r2", found)):
            assert [ref.message for ref in await store.cards(id)] == [card.ts]
            assert await soon(on_record(store, id)) == [card.ts]
    assert (len(there.cards()), there.posts()) == (2, 2)


async def on_record(store: Store, id: str) -> list[str]:
    """The messages on record as cards of a request: one may be pressed before the try that found it has said so."""
    found: list[str] = []
    while not found:
        found = [row.entry.message for row in await store.log(id) if isinstance(row.entry, events.Delivered)]
    return found


async def cut_short(there: Setup, id: str) -> Message:
    """The card of a request whose service was killed before it heard that it was posted."""
    await asked(there, id)
    await there.until(lambda: there.cards(id))
    await there.kill()
    return there.cards(id)[0]


async def test_a_click_that_was_not_stored_is_not_acknowledged_and_counts_the_second_time(
    there: Setup, ann: Person
) -> None:
    await asked(there, "r1")
    await there.until(there.cards)
    [card] = there.cards()
    held = there.locked()
    pressing = asyncio.create_task(ann.press(card, "Allow"))
    await there.until(lambda: "users.info" in [made.method for made in there.slack.calls])
    await there.kill()
    held.close()
    await there.start()
    assert not (await pressing).acked
    async with there.stored() as store:
        assert (await store.load("r1")).decision is None
    assert (await ann.press(card, "Allow")).acked
    assert (await there.decision("r1")).allowed


async def test_a_click_that_was_stored_counts_once_whether_or_not_its_answer_got_out(there: Setup, ann: Person) -> None:
    await asked(there, "r1")
    await there.until(there.cards)
    [card] = there.cards()
    pressing = asyncio.create_task(ann.press(card, "Allow"))
    first = await there.decision("r1")
    await there.restart()
    await pressing
    seen = await ann.press(card, "Allow")
    await there.until(lambda: seen.ephemerals)
    assert "that is what you said, and it counted" in there.slack.visible_text(seen.ephemerals[0])
    assert await there.decision("r1") == first
    await there.until(lambda: there.slack.controls(there.cards()[0]) in ([], ["Details"]))
    async with there.stored() as store:
        stored = await oracle.read(store)
    assert oracle.violations(oracle.Witnessed(decided={"r1": first}), stored) == []


async def test_a_stopping_service_finishes_the_click_under_way_and_its_agents_wait_on(
    there: Setup, ann: Person
) -> None:
    async with sayso.open(there.url, key=there.key) as desk, asyncio.TaskGroup() as group:
        waits = [group.create_task(desk.ask(sayso.Permission(tool="Bash", input={"n": n}, id=f"r{n}"))) for n in (1, 2)]
        await there.until(lambda: len(there.cards()) == 2)
        [first], [second] = there.cards("r1"), there.cards("r2")
        held = there.locked()
        pressing = group.create_task(ann.press(first, "Allow"))
        await there.until(lambda: "users.info" in [made.method for made in there.slack.calls])
        await there.stopping()
        held.close()
        assert (await pressing).acked
        await there.stopped()
        await there.start()
        assert (await ann.press(second, "Allow")).acked
        assert [(await soon(wait)).outcome for wait in waits] == ["allowed", "allowed"]
        await there.until(lambda: all(there.slack.controls(card) in ([], ["Details"]) for card in there.cards()))


async def test_a_stopping_service_hands_back_what_it_could_not_deliver(there: Setup) -> None:
    there.slack.fail_next("chat.postMessage", "hang")
    await asked(there, "r1")
    await there.until(there.posts)
    await there.stopping()
    await there.stopped()
    await there.moment()
    await there.start()
    await there.until(there.cards)


@pytest.mark.once
async def test_no_seeded_row_of_kills_under_load_loses_or_doubles_anything(there: Setup) -> None:
    chance, seen = random.Random(SEED), oracle.Witnessed()
    people = [there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")]
    there.slack.channel("C2", name="dev", members=["U1", "U2"])
    async with asyncio.timeout(LONGEST), sayso.open(there.url, key=there.key) as desk, asyncio.TaskGroup() as group:
        tasks = [group.create_task(agent(desk, seen, permission(n, chance))) for n in range(REQUESTS)]
        tasks += [group.create_task(person(there, seen, who, random.Random(chance.random()))) for who in people]
        while there.crashes < KILLS and not all_done(tasks):
            await some_moment(there, there.activity() + chance.randint(4, 20), tasks)
            await there.restart()
    await there.until(lambda: all(there.slack.controls(card) in ([], ["Details"]) for card in there.cards()))
    async with there.stored() as store:
        stored = await oracle.read(store)
        assert not await soon_due(store)
    assert oracle.violations(seen, stored) == []
    assert (len(seen.decided), len(seen.pressed) >= REQUESTS) == (REQUESTS, True)
    assert {id: len(there.cards(id)) for id in seen.asked} == dict.fromkeys(seen.asked, 1)


@pytest.mark.once
async def test_reminders_and_escalations_happen_once_however_often_it_is_killed(there: Setup, ann: Person) -> None:
    chance = random.Random(SEED)
    there.slack.channel("C2", name="dev", members=["U1", "U2"])
    ids = [f"t{number}" for number in range(6)]
    async with asyncio.timeout(LONGEST), sayso.open(there.url, key=there.key) as desk:
        for id in ids:
            alone = sayso.Source(session=id)
            await desk.open(sayso.Permission(tool="Bash", input={}, id=id, policy="timed", source=alone))
        for _ in range(KILLS):
            await some_more(there, chance.randint(1, 4))
            await there.restart()
        async with there.stored() as store:
            changes = store.changes()
            while any([(await store.load(id)).plan for id in ids]):
                await anext(changes)
            last = {(id, (await store.load(id)).reminded) for id in ids}
        await there.until(lambda: last <= {(id, number) for id, _, number in reminders(there)}, within=40)
        await there.until(lambda: all(len(there.cards(id)) == 2 for id in ids), within=20)
        async with there.stored() as store:
            # one card has heard its last reminder; the other one's may still be on its way
            while await soon_due(store, leases.LEASE + 1):  # noqa: ASYNC110 (it is another process that delivers)
                await asyncio.sleep(0.02)
        before = reminders(there)
        for id in ids:
            assert (await ann.press(there.cards(id)[0], "Deny")).acked
    async with there.stored() as store:
        stored = await oracle.read(store)
    # below each card one of each number, and none after the answer
    assert len(before) == len(set(before))
    assert reminders(there) == before
    assert {id for id, _, _ in before} == set(ids)
    assert oracle.violations(oracle.Witnessed(), stored) == []
    assert [len(ticket.escalated) for ticket in stored.tickets.values()] == [1] * len(ids)


async def soon_due(store: Store, seconds: float = 5) -> bool:
    """Whether something is on its way to Slack; a look for cards that came late is a minute off, and tries are not."""
    at = await store.next_job(["slack"])
    return at is not None and at < datetime.now(UTC) + timedelta(seconds=seconds)


async def some_more(there: Setup, count: int) -> None:
    """So many reminders, or a while without."""
    wanted = len(reminders(there)) + count
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await there.slack.until(lambda: len(reminders(there)) >= wanted)


def reminders(there: Setup) -> list[tuple[str, str, int]]:
    """What was said below cards: of which request, below which card, and its number."""
    everywhere = [message for room in there.slack.world.channels for message in there.slack.messages(room)]
    found = [(one, dict((one.metadata or {}).get("event_payload") or {})) for one in everywhere if one.thread_ts]
    return [(str(about["request_id"]), str(one.thread_ts), int(about["number"])) for one, about in found if about]


def permission(number: int, chance: random.Random) -> sayso.Permission:
    route, policy = chance.choice(["slack:#ops", "slack:#dev"]), chance.choice(["default", "both"])
    # each of a session of its own: like requests would share a card
    source = sayso.Source(session=f"s{number}")
    given = {"n": number}
    return sayso.Permission(tool="Bash", input=given, id=f"r{number}", policy=policy, route=[route], source=source)


async def agent(desk: sayso.Asker, seen: oracle.Witnessed, request: sayso.Permission) -> None:
    """Asks once, and waits until it knows, whatever happens to the service meanwhile."""
    ticket = await desk.open(request)
    seen.asked[ticket.id] = ticket.digest
    seen.decided[ticket.id] = await desk.wait(ticket.id)


async def person(there: Setup, seen: oracle.Witnessed, who: Person, chance: random.Random) -> None:
    """Sees all cards, in some order."""
    for number in chance.sample(range(REQUESTS), REQUESTS):
        await on_card(there, seen, who, f"r{number}", chance.choice(["Allow", "Allow", "Deny"]))


async def on_card(there: Setup, seen: oracle.Witnessed, who: Person, id: str, label: str) -> None:
    """Presses if the card is still open, and again where Slack says that it failed."""
    await there.until(lambda: there.cards(id), within=LONGEST)
    card = there.cards(id)[0]
    if label not in there.slack.controls(card):
        return
    while not (await who.press(card, label)).acked:
        await there.until(lambda: there.slack.sockets.open)
    seen.pressed.append((id, f"slack:T1/{who.user.id}"))


async def some_moment(there: Setup, moment: int, tasks: list[asyncio.Task[None]]) -> None:
    await there.until(lambda: there.activity() >= moment or all_done(tasks))


def all_done(tasks: list[asyncio.Task[None]]) -> bool:
    return all(task.done() for task in tasks)

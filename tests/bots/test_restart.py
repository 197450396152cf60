"""Nothing is lost, doubled or ignored when the service is killed: real processes, a real file, people in Slack."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import sayso
from sayso import events
from tests.bots.conftest import Command
from tests.bots.restarts import House, house, soon
from tests.core import oracle
from tests.fakes.pg import pg_server, pg_url
from tests.fakes.slack import Person

__all__ = ["pg_server", "pg_url"]


@pytest.fixture
async def there(command: Command) -> AsyncIterator[House]:
    async with house(command) as built:
        yield built


@pytest.fixture
def ann(there: House) -> Person:
    return there.slack.person("U1", name="ann")


async def asked(there: House, id: str) -> None:
    """An agent asks, and does not wait."""
    async with sayso.open(there.url, key=there.key) as desk:
        await desk.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}, id=id))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_after_a_kill_the_old_cards_decide_and_every_waiting_agent_hears_it(
    command: Command, request: pytest.FixtureRequest, database: str
) -> None:
    address = "sqlite:///sayso.db" if database == "sqlite" else request.getfixturevalue("pg_url")
    choice = sayso.Choice("Which database?", ["PostgreSQL", "SQLite"], id="sdk")
    async with house(command, address) as there, sayso.open(there.url, key=there.key) as desk, asyncio.TaskGroup() as all:
        ann = there.slack.person("U1", name="ann")
        library = all.create_task(desk.ask(choice))
        poller = all.create_task(there.poll({"id": "http", "kind": "permission", "tool": "Bash", "input": {}}))
        hook = all.create_task(there.hook())
        await there.until(lambda: len(there.cards()) == 3)
        [by_hook] = [card for card in there.cards() if card not in (*there.cards("sdk"), *there.cards("http"))]
        old = [(*there.cards("sdk"), "2 · SQLite"), (*there.cards("http"), "Allow"), (by_hook, "Allow")]
        await there.restart()
        for card, label in old:
            assert (await ann.press(card, label)).acked
        assert (await soon(library)).choice == "SQLite"
        assert (await soon(poller))["outcome"] == "allowed"
        code, answer = await soon(hook)
        assert (code, answer["hookSpecificOutput"]["permissionDecision"]) == (0, "allow")
        await there.until(lambda: not any(there.slack.controls(card) for card in there.cards()))
        assert (len(there.cards()), there.posts()) == (3, 3)
        async with there.stored() as kept:
            stored = await oracle.read(kept)
        assert oracle.violations(oracle.Witnessed(), stored) == []
        assert len(stored.tickets) == 3


@pytest.mark.parametrize("pressed", ["before it is found", "after it was found"])
async def test_a_card_whose_posting_was_cut_short_is_found_again_and_not_posted_twice(
    there: House, ann: Person, pressed: str
) -> None:
    there.slack.fail_next("chat.postMessage", "mute")
    await asked(there, "r1")
    await there.until(there.cards)
    [old] = there.cards()
    await there.kill()
    if pressed == "after it was found":
        await there.lapse()
    await there.start()
    if pressed == "after it was found":
        await there.until(lambda: there.cards()[0].edits)
    assert (await ann.press(old, "Allow")).acked
    assert (await there.decision("r1")).allowed
    await there.until(lambda: there.slack.controls(there.cards()[0]) == [])
    assert (len(there.cards()), there.posts()) == (1, 1)
    async with there.stored() as kept:
        posted = [row.entry for row in await kept.log("r1") if isinstance(row.entry, events.Delivered)]
        assert [ref.message for ref in await kept.refs("r1")] == [old.ts]
    if pressed == "after it was found":
        assert [one.message for one in posted] == [old.ts]


async def test_a_click_that_was_not_stored_is_not_acknowledged_and_counts_the_second_time(
    there: House, ann: Person
) -> None:
    await asked(there, "r1")
    await there.until(there.cards)
    [card] = there.cards()
    held = there.locked()
    pressing = asyncio.create_task(ann.press(card, "Allow"))
    await there.until(lambda: "users.info" in [made.method for made in there.slack.calls])
    await there.kill()
    held.close()
    assert not (await pressing).acked
    await there.start()
    async with there.stored() as kept:
        assert (await kept.load("r1")).decision is None
    assert (await ann.press(card, "Allow")).acked
    assert (await there.decision("r1")).allowed


async def test_a_click_that_was_stored_counts_once_whether_or_not_its_answer_got_out(
    there: House, ann: Person
) -> None:
    await asked(there, "r1")
    await there.until(there.cards)
    [card] = there.cards()
    pressing = asyncio.create_task(ann.press(card, "Allow"))
    first = await there.decision("r1")
    await there.restart()
    await pressing
    seen = await ann.press(card, "Allow")
    await there.until(lambda: seen.ephemerals)
    assert "Too late: allowed by ann" in there.slack.visible_text(seen.ephemerals[0])
    assert await there.decision("r1") == first
    await there.until(lambda: there.slack.controls(there.cards()[0]) == [])
    async with there.stored() as kept:
        stored = await oracle.read(kept)
    assert oracle.violations(oracle.Witnessed(decided={"r1": first}), stored) == []


async def test_a_stopping_service_finishes_the_click_under_way_and_its_agents_wait_on(
    there: House, ann: Person
) -> None:
    async with sayso.open(there.url, key=there.key) as desk, asyncio.TaskGroup() as all:
        waits = [all.create_task(desk.ask(sayso.Permission(tool="Bash", input={"n": n}, id=f"r{n}"))) for n in (1, 2)]
        await there.until(lambda: len(there.cards()) == 2)
        [first], [second] = there.cards("r1"), there.cards("r2")
        held = there.locked()
        pressing = all.create_task(ann.press(first, "Allow"))
        await there.until(lambda: "users.info" in [made.method for made in there.slack.calls])
        there.running.process.terminate()
        await there.running.line("sayso stops", error=True)
        held.close()
        assert (await pressing).acked
        code, said = await there.stop()
        assert (code, "Traceback" in said) == (0, False), said
        await there.start()
        assert (await ann.press(second, "Allow")).acked
        assert [(await soon(wait)).outcome for wait in waits] == ["allowed", "allowed"]
        await there.until(lambda: not any(there.slack.controls(card) for card in there.cards()))


async def test_a_stopping_service_hands_back_what_it_could_not_deliver(there: House) -> None:
    there.slack.fail_next("chat.postMessage", "hang")
    await asked(there, "r1")
    await there.until(there.posts)
    code, said = await there.stop()
    assert (code, "Traceback" in said) == (0, False), said
    await there.start()
    await there.until(there.cards)

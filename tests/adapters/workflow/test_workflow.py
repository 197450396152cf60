"""Runs of the real `vercel-workflow`, in its local world, that wait for people at an embedded desk."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from vercel.workflow import Run, get_hook_by_token, start
from vercel.workflow._internal import world
from vercel.workflow._internal.worlds.local import LocalWorld

import sayso
import sayso_workflow
from sayso.desk import token_secret
from sayso.machine import people
from sayso.stores import Query, memory
from sayso.testing.clock import ManualClock
from sayso_workflow import records
from tests.adapters.workflow import flows

ANN = people.local("ann")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def desk(clock: ManualClock) -> AsyncIterator[sayso.Desk]:
    store = memory.MemoryStore()
    yield sayso.Desk(store, await token_secret.mint(store), clock=clock)
    await store.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_LOCAL_DATA_DIR", str(tmp_path))
    flows.ran.clear()


@contextlib.asynccontextmanager
async def running() -> AsyncGenerator[None]:
    """A new process of an app, as far as the SDK can tell: its runs are in files, its queue is empty."""
    mine = LocalWorld()
    world.set_world(mine)
    # entered and left by this very task, as its queue wants it
    await mine._get_queue_client()
    try:
        yield
    finally:
        await mine.aclose()


@contextlib.asynccontextmanager
async def app(desk: sayso.Asker) -> AsyncGenerator[None]:
    hooks = (flows.Approval, flows.Transfer, flows.Room)
    async with running(), sayso_workflow.resume_when_decided(desk, *hooks, every=0.02):
        yield


async def asked(desk: sayso.Desk, count: int = 1, but: str = "") -> sayso.Ticket:
    async with asyncio.timeout(10):
        async for _ in desk.store.changes():
            found = await desk.store.list(Query(state="pending"))
            if len(found) == count and found[0].id != but:
                return found[0]
    raise AssertionError("the store is closed")


async def at_rest(token: str) -> None:
    """The step that asked has ended; a process that dies before would repeat it."""
    await records.settle(await get_hook_by_token(token))


async def ended(run: Run[Any]) -> Any:
    """What it returned; `return_value` alone looks once a second."""
    async with asyncio.timeout(10):
        while await run.status() in ("pending", "running"):  # noqa: ASYNC110 (a file is no event)
            await asyncio.sleep(0.05)
        return await run.return_value()


async def answer(desk: sayso.Desk, id: str, **said: Any) -> None:
    await desk.answer(id, sayso.Answer(**said), ANN)


async def test_a_run_goes_on_once_a_person_allowed_it(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        ticket = await asked(desk)
        request = ticket.request
        assert (request.kind, request.title, request.tool, request.input) == (
            "permission",
            "Book it?",
            "book",
            {"price": 420},
        )
        assert request.source.session == run.run_id
        await answer(desk, ticket.id, verdict="allow", reason="go")
        assert await ended(run) == "order:1 True go"
    assert flows.ran == ["order:1 True go"]


async def test_a_denial_reaches_the_run_with_its_reason(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        await answer(desk, (await asked(desk)).id, verdict="deny", reason="too dear")
        assert await ended(run) == "order:1 False too dear"


async def test_a_yes_is_used_for_the_run_and_one_that_comes_too_late_is_asked_about_again(
    desk: sayso.Desk, clock: ManualClock
) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        first = await asked(desk)
        await at_rest("order:1")
    await answer(desk, first.id, verdict="allow")
    clock.advance(15 * 60)
    async with app(desk):
        second = await asked(desk)
        assert "not run in time" in (second.request.body or "")
        await answer(desk, second.id, verdict="allow")
        assert await ended(run) == "order:1 True None"
    assert (await desk.get(second.id)).used_at is not None


async def test_nothing_that_does_not_fit_reaches_the_run(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.paying, "t")
        first = await asked(desk)
        assert (first.request.kind, first.request.title, first.request.context) == ("form", "Transfer", {"order": "t"})
        with pytest.raises(sayso.InvalidAnswer) as unfit:
            await answer(desk, first.id, values={"amount": "much", "account": "DE1"})
        assert unfit.value.field == "amount"
        await answer(desk, first.id, values={"amount": 5, "account": "FR1"})
        second = await asked(desk, but=first.id)
        assert "only accounts in Germany" in (second.request.body or "")
        assert await run.status() == "running"
        await answer(desk, second.id, values={"amount": 5, "account": "DE1"})
        assert await ended(run) == "5 to DE1"


async def test_asking_for_a_token_that_no_run_waits_under_is_an_error(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_REGISTERED", 0.1)
    async with app(desk):
        with pytest.raises(sayso.NotFound) as unknown:
            await sayso_workflow.ask(flows.Approval, "nobody")
    assert unknown.value.field == "token"
    assert await desk.store.last_row() == 0


async def test_a_hook_that_nothing_would_resume_is_not_asked(desk: sayso.Desk) -> None:
    async with running(), sayso_workflow.resume_when_decided(desk, flows.Room):
        with pytest.raises(sayso.InvalidRequest) as unknown:
            await sayso_workflow.ask(flows.Approval, "order:1")
    assert "resume_when_decided(desk, Approval)" in (unknown.value.hint or "")


async def test_a_step_that_is_run_again_finds_its_card(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        ticket = await asked(desk)
        again = await sayso_workflow.ask(flows.Approval, "order:1", title="Book it?", desk=desk)
        assert again.id == ticket.id
        await answer(desk, ticket.id, verdict="allow")
        await ended(run)


async def test_a_run_that_was_resumed_by_another_way_is_not_resumed_again(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.rooms, "t")
        ticket = await asked(desk)
        hook = await get_hook_by_token("t")
        await flows.Room(city="Rome", nights=1).resume("t")
        second = await asked(desk, 2, but=ticket.id)
        await answer(desk, ticket.id, values={"city": "Oslo", "nights": 1})
        await answer(desk, second.id, values={"city": "Bern", "nights": 1})
        assert await ended(run) == ["Rome", "Bern"]
        assert await records.count_received(hook) == 2


async def test_what_was_decided_while_the_app_was_dead_resumes_the_run_at_its_start(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        ticket = await asked(desk)
        await at_rest("order:1")
    await answer(desk, ticket.id, verdict="allow")
    async with app(desk):
        assert await ended(run) == "order:1 True None"
    assert flows.ran == ["order:1 True None"]


async def test_what_is_decided_after_a_restart_resumes_the_run(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        ticket = await asked(desk)
        await at_rest("order:1")
    async with app(desk):
        await answer(desk, ticket.id, verdict="allow")
        assert await ended(run) == "order:1 True None"
    assert [one.id for one in await desk.store.list(Query())] == [ticket.id]


async def test_a_run_whose_wake_up_died_is_woken_and_not_resumed_twice(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        ticket = await asked(desk)
        await at_rest("order:1")
    await answer(desk, ticket.id, verdict="allow")
    async with running():
        # what a kill between the two writes of a resume leaves
        hook = await get_hook_by_token("order:1")
        found = await world.get_world().runs_get(run.run_id)
        payload = found.payload_encoder(
            encryption_key=None, recipient_public_key=None, check_target_core_version=True
        ).encode({"approved": True, "comment": None})
        event = world.HookReceivedEventData(payload=payload).into_event(hook.hook_id)
        await world.get_world().events_create(run.run_id, event)
    async with app(desk):
        assert await ended(run) == "order:1 True None"
    async with running():
        assert await records.count_received(hook) == 1
    assert flows.ran == ["order:1 True None"]


async def test_a_restart_after_the_end_resumes_nothing(desk: sayso.Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sayso_workflow")
    async with app(desk):
        run = await start(flows.booking, "order:1")
        await answer(desk, (await asked(desk)).id, verdict="allow")
        await ended(run)
    caplog.clear()
    async with app(desk), asyncio.timeout(5):
        while not caplog.records:  # noqa: ASYNC110 (a log line is no event)
            await asyncio.sleep(0.01)
    assert [record.message for record in caplog.records] == ["the run no longer waits"]
    assert len(flows.ran) == 1


async def test_a_token_that_is_used_again_does_not_find_the_old_answer(desk: sayso.Desk) -> None:
    async with app(desk):
        first = await start(flows.booking, "order:1")
        await answer(desk, (await asked(desk)).id, verdict="allow")
        await ended(first)
        second = await start(flows.booking, "order:1")
        await answer(desk, (await asked(desk)).id, verdict="deny", reason="not again")
        assert await ended(second) == "order:1 False not again"


async def test_silence_resumes_a_permission_with_a_no_and_a_form_with_what_was_set(
    desk: sayso.Desk, clock: ManualClock
) -> None:
    async with app(desk):
        booking, rooms = await start(flows.booking, "b", 60), await start(flows.rooms, "r")
        await asked(desk, 2)
        clock.advance(61)
        assert (await ended(booking)).startswith("b False The tool call got no answer in time")
        await asked(desk)
        clock.advance(61)
        assert await ended(rooms) == ["nowhere", "nowhere"]


async def test_a_form_that_nobody_fills_in_and_that_has_no_default_lets_the_run_wait(
    desk: sayso.Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async with app(desk):
        run = await start(flows.paying, "t")
        await desk.cancel((await asked(desk)).id)
        async with asyncio.timeout(5):
            while not caplog.records:  # noqa: ASYNC110 (a log line is no event)
                await asyncio.sleep(0.01)
        assert [record.message for record in caplog.records] == ["nobody decided, and the run waits on"]
        assert await run.status() == "running"


async def test_the_card_of_a_run_that_was_ended_is_withdrawn(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        ticket = await asked(desk)
        await run.terminate()
        async with asyncio.timeout(5):
            decision = await desk.wait(ticket.id)
    assert (decision.outcome, decision.reason) == ("cancelled", "the workflow no longer waits for this")


async def test_two_hooks_of_one_run_wait_side_by_side(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.both, "one", "two")
        await asked(desk, 2)
        for ticket in await desk.store.list(Query()):
            verdict = "allow" if ticket.request.metadata["hook"]["token"] == "two" else "deny"
            await answer(desk, ticket.id, verdict=verdict)
        assert await ended(run) == [False, True]


async def test_a_hook_takes_a_second_answer_when_it_is_asked_for(desk: sayso.Desk) -> None:
    async with app(desk):
        run = await start(flows.rooms, "t")
        first = await asked(desk)
        await answer(desk, first.id, values={"city": "Rome", "nights": 1})
        await answer(desk, (await asked(desk, but=first.id)).id, values={"city": "Oslo", "nights": 1})
        assert await ended(run) == ["Rome", "Oslo"]


@pytest.mark.parametrize("stage", ["sent", "begun", "marked as done"])
async def test_a_run_that_was_killed_soon_after_the_press_is_woken(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stage: str
) -> None:
    async with app(desk):
        run = await start(flows.booking, "order:1")
        ticket = await asked(desk)
        await at_rest("order:1")
    await answer(desk, ticket.id, verdict="allow")
    # the next step is written down, and its message dies with the process
    lost = asyncio.Event()
    async with running():
        sent = LocalWorld.queue

        async def queue(self: LocalWorld, name: str, message: Any, **given: Any) -> str:
            if message.step_id is not None:
                lost.set()
                return "lost"
            return await sent(self, name, message, **given)

        with monkeypatch.context() as patch:
            patch.setattr(LocalWorld, "queue", queue)
            async with sayso_workflow.resume_when_decided(desk, flows.Approval, every=0.02), asyncio.timeout(10):
                await lost.wait()
        [step] = await records.cut_short(run.run_id)
        if stage != "sent":
            await world.get_world().events_create(run.run_id, world.StepStartedEventData().into_event(step))
        if stage == "marked as done":
            await marked_as_done(tmp_path, run.run_id, step)
    assert flows.ran == []
    async with app(desk):
        assert await ended(run) == "order:1 True None"
    # what was done is not done again
    assert flows.ran == ([] if stage == "marked as done" else ["order:1 True None"])


async def marked_as_done(folder: Path, run_id: str, step: str) -> None:
    """The local world marks a step as done before it writes so down; the process dies in between."""
    here = world.get_world()
    found = await here.runs_get(run_id)
    encoder = found.payload_encoder(encryption_key=None, recipient_public_key=None, check_target_core_version=True)
    before = written(folder)
    done = world.StepCompletedEventData(result=encoder.encode("order:1 True None"))
    await here.events_create(run_id, done.into_event(step))
    for path in written(folder) - before:
        os.unlink(path)


def written(folder: Path) -> set[Path]:
    return set(folder.rglob("*-evnt_*.json"))

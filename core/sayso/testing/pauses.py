"""The contract for an adapter in which people decide on an agent's pauses.

Subclass `PauseContract` in a test module and say how the framework runs an agent; the tests come along. An adapter
takes the further contracts that hold for it: `KeysContract` if its program may say keys of every request, and
`HeldContract` or `LastingContract` by whether a run outlives its process.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any, ClassVar, cast

import pytest

from sayso import errors, model
from sayso.asking import gate
from sayso.cards import tokens
from sayso.desk import Setup
from sayso.desk import asker as askers
from sayso.stores import memory
from sayso.testing import clock, scripts

_HOUSE = Setup(callbacks=True)


class PauseContract(abc.ABC):
    """What every pause must keep: only what a person allowed runs, once, and as it was allowed."""

    checks_edits: ClassVar[bool] = True
    """Whether an edit is measured by what the tool takes before it runs; otherwise the framework does that itself."""
    stopping: ClassVar[Mapping[str, Any]] = {"verdicts": ["stop"]}
    """What the program says so that a person can stop the run."""
    says_turns: ClassVar[bool] = False
    """Whether it says which calls the framework waits with at once, so that they share a card."""
    patience: ClassVar[float] = 5.0
    """Seconds after which a run that waits for a service that is away has run nothing."""

    @abc.abstractmethod
    async def run(self, desk: askers.Asker, agent: scripts.Script, **common: Any) -> None:
        """Run the agent to its end, or take the run of this name up where it was left, and fill in what came of it."""

    @pytest.fixture
    async def office(self) -> AsyncGenerator[scripts.Office]:
        """A desk where Ann answers."""
        store, time = memory.MemoryStore(), clock.ManualClock()
        yield scripts.Office(
            scripts.ServiceIsAway(store, tokens.TokenMaker(b"for tests only, never for people"), _HOUSE, time), time
        )
        await store.close()

    @contextlib.asynccontextmanager
    async def running(
        self, desk: askers.Asker, agent: scripts.Script, **common: Any
    ) -> AsyncGenerator[asyncio.Task[None]]:
        """The run as a task, which is killed at the end of the block unless it has ended."""
        task = asyncio.ensure_future(self.run(desk, agent, **common))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def ended(self, running: asyncio.Task[None], agent: scripts.Script) -> None:
        """Wait for the end of the run; a stop is one."""
        async with asyncio.timeout(scripts.SOON):
            try:
                await running
            except gate.Denied as denied:
                agent.stopped = denied.decision.stop

    async def test_what_was_allowed_runs_once_with_what_was_shown(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent) as running:
            [ticket] = await office.asked()
            assert (ticket.request.tool, ticket.request.input, agent.ran) == (scripts.TOOL, scripts.TEN, [])
            await office.answer(ticket, verdict="allow")
            await self.ended(running, agent)
        assert agent.ran == [scripts.TEN]
        assert (await office.desk.get(ticket.id)).used_at is not None

    @pytest.mark.parametrize("outcome", ["denied", "expired", "cancelled"])
    async def test_what_nobody_allowed_never_runs_and_the_model_reads_why(
        self, office: scripts.Office, outcome: str
    ) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent) as running:
            [ticket] = await office.asked()
            if outcome == "denied":
                await office.answer(ticket, verdict="deny", reason="too much")
            elif outcome == "expired":
                office.clock.advance((ticket.expires_at - office.clock.now()).total_seconds() + 1)
            else:
                await office.desk.cancel(ticket.id, reason="not now")
            await self.ended(running, agent)
        assert agent.ran == []
        assert any(
            {"denied": "too much", "expired": "in time", "cancelled": "withdrawn"}[outcome] in one for one in agent.told
        )

    async def test_calls_that_wait_at_once_say_so(self, office: scripts.Office) -> None:
        if not self.says_turns:
            return
        async with self.running(office.desk, scripts.Script([scripts.TEN, scripts.ELEVEN])):
            first, second = (ticket.request.batch for ticket in await office.asked(2))
        assert first is not None
        assert (first.size, first.whole, first) == (2, False, second)

    async def test_a_stop_ends_the_run_or_cannot_be_given(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN, scripts.ELEVEN])
        async with self.running(office.desk, agent, **self.stopping) as running:
            ticket = (await office.asked())[0]
            if "stop" not in ticket.request.verdicts:
                with pytest.raises(errors.Refused):
                    await office.answer(ticket, verdict="stop")
                return
            await office.answer(ticket, verdict="stop")
            with contextlib.suppress(errors.Refused, TimeoutError):
                async with asyncio.timeout(scripts.SOON):
                    while (other := await office.next(running)) is not None:
                        await office.answer(other, verdict="allow")
            await self.ended(running, agent)
        assert (agent.ran, agent.stopped) == ([], True)

    async def test_two_equal_calls_are_two_requests(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN, scripts.TEN])
        async with self.running(office.desk, agent) as running:
            first = (await office.asked())[0]
            await office.answer(first, verdict="allow")
            second = await office.next(running)
            assert second is not None
            assert second.id != first.id
            await office.answer(second, verdict="deny")
            await self.ended(running, agent)
        assert (agent.ran, len(await office.all())) == ([scripts.TEN], 2)

    async def test_an_edited_input_runs_as_edited_or_cannot_be_given(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent) as running:
            [ticket] = await office.asked()
            if not ticket.request.editable:
                with pytest.raises(errors.InvalidAnswer):
                    await office.answer(ticket, verdict="allow", input=scripts.ELEVEN)
                return
            await office.answer(ticket, verdict="allow", input=scripts.ELEVEN)
            await self.ended(running, agent)
        assert agent.ran == [scripts.ELEVEN]

    @pytest.mark.parametrize(
        "edit", [{"amount": "lots", "to": "shop"}, {"to": "shop"}, {**scripts.TEN, "currency": "EUR"}]
    )
    async def test_an_edit_that_the_tool_cannot_take_runs_nothing(
        self, office: scripts.Office, edit: model.JsonObject
    ) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent) as running:
            [ticket] = await office.asked()
            if not ticket.request.editable or not self.checks_edits:
                return
            with contextlib.suppress(errors.InvalidAnswer):
                await office.answer(ticket, verdict="allow", input=edit)
            while (again := await office.next(running)) is not None:
                await office.answer(again, verdict="deny")
            await self.ended(running, agent)
        assert agent.ran == []

    @pytest.mark.parametrize("verb", ["open", "use"])
    async def test_a_service_that_is_away_lets_nothing_run(self, office: scripts.Office, verb: str) -> None:
        agent = scripts.Script([scripts.TEN])
        office.desk.away = frozenset({verb})
        async with self.running(office.desk, agent) as running:
            if verb == "use":
                [ticket] = await office.asked()
                await office.answer(ticket, verdict="allow")
            with contextlib.suppress(errors.StoreUnavailable, TimeoutError):
                async with asyncio.timeout(self.patience):
                    await asyncio.shield(running)
        assert agent.ran == []


class KeysContract(PauseContract):
    """A program says keys of every request: each arrives there, or is refused by name before anybody is asked."""

    parameters: ClassVar[Collection[str]] = ()
    """Names that the adapter's function has for something else."""

    @pytest.mark.parametrize("key", sorted(model.Request.model_fields))
    async def test_what_a_program_says_arrives_or_is_refused_by_name(self, office: scripts.Office, key: str) -> None:
        if key in self.parameters:
            return
        said = scripts.KEYS[key]
        async with self.running(office.desk, scripts.Script([scripts.TEN]), **{key: said}) as running:
            ticket = await office.next(running)
            if ticket is None:
                with pytest.raises(errors.InvalidRequest) as refused:
                    await running
                assert refused.value.field == key
                assert await office.all() == []
            else:
                assert _holds(getattr(ticket.request, key), getattr(_request(**{key: said}), key))


class HeldContract(PauseContract):
    """A run that dies with its process: what it asked is withdrawn."""

    async def test_what_nobody_waits_for_any_more_is_withdrawn(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent):
            [ticket] = await office.asked()
        decision = (await office.desk.get(ticket.id)).decision
        assert (decision and decision.outcome, agent.ran) == ("cancelled", [])


class LastingContract(PauseContract):
    """A run that another process can take up: it finds its requests, and an allow of before is never used twice."""

    async def test_a_run_that_comes_back_finds_its_request(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent):
            [before] = await office.asked()
        async with self.running(office.desk, agent) as running:
            await asyncio.sleep(0)
            await office.answer(before, verdict="allow")
            await self.ended(running, agent)
        assert (agent.ran, [ticket.id for ticket in await office.all()]) == ([scripts.TEN], [before.id])

    async def test_a_decision_of_before_is_found(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent):
            [before] = await office.asked()
        await office.answer(before, verdict="deny", reason="too much")
        async with self.running(office.desk, agent) as running:
            await self.ended(running, agent)
        assert (agent.ran, len(await office.all())) == ([], 1)
        assert any("too much" in one for one in agent.told)

    async def test_an_allow_that_ran_does_not_run_again(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN], hangs=True)
        async with self.running(office.desk, agent) as running:
            [ticket] = await office.asked()
            await office.answer(ticket, verdict="allow")
            async with asyncio.timeout(scripts.SOON):
                await agent.begun.wait()
        agent.hangs = False
        async with self.running(office.desk, agent) as running:
            again = await office.next(running)
            if again is not None:
                # on a second card, which says so
                assert again.id != ticket.id
                assert "may have run already" in "".join([*again.request.context.values(), again.request.body or ""])
                await office.answer(again, verdict="deny")
            await self.ended(running, agent)
        assert agent.ran == [scripts.TEN]

    async def test_a_changed_input_is_asked_about_again(self, office: scripts.Office) -> None:
        agent = scripts.Script([scripts.TEN])
        async with self.running(office.desk, agent):
            [before] = await office.asked()
        await office.answer(before, verdict="allow")
        agent.calls = [scripts.ELEVEN]
        async with self.running(office.desk, agent) as running:
            again = await office.next(running)
            if again is not None:
                assert (again.id != before.id, again.request.input) == (True, scripts.ELEVEN)
                await office.answer(again, verdict="deny")
            await self.ended(running, agent)
        assert scripts.ELEVEN not in agent.ran

    async def test_another_run_asks_for_itself(self, office: scripts.Office) -> None:
        first, second = scripts.Script([scripts.TEN]), scripts.Script([scripts.TEN], name="run-2")
        async with self.running(office.desk, first):
            [before] = await office.asked()
        await office.answer(before, verdict="allow")
        async with self.running(office.desk, second) as running:
            [own] = await office.asked()
            assert own.id != before.id
            await office.answer(own, verdict="deny")
            await self.ended(running, second)
        assert second.ran == []


def _request(**said: Any) -> model.Request:
    return model.Request.model_validate({"kind": "permission", "tool": scripts.TOOL, **said})


def _holds(found: Any, said: Any) -> bool:
    """Whether a request has what the program said; a pause may add to it."""
    if isinstance(said, model.Source):
        return str(found.agent).startswith(str(said.agent))
    if isinstance(said, dict):
        return bool({**found, **said} == found)
    if isinstance(said, tuple):
        return set(cast(tuple[object, ...], said)) <= set(found)
    return bool(found == said)

"""Durable workflows under the contract of pauses: the run is in files, and the app that resumes it comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from vercel.workflow import Run, start

import sayso_workflow
from sayso.desk import asker
from sayso.testing import pauses, scripts
from tests.adapters.workflow import flows
from tests.adapters.workflow.test_workflow import ended, running


class TestWorkflow(pauses.KeysContract, pauses.LastingContract):
    """A run is named by the SDK; nothing but its hook is known of it."""

    patience: ClassVar[float] = 1.0
    stopping: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WORKFLOW_LOCAL_DATA_DIR", str(tmp_path))
        self.runs: dict[str, Run[None]] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        flows.contract.agents[agent.name] = agent
        flows.contract.common = common
        flows.contract.failed.clear()
        async with running(), sayso_workflow.resume_when_decided(desk, flows.Approval, every=0.02):
            if agent.name not in self.runs:
                self.runs[agent.name] = await start(flows.paying_out, agent.name, [dict(one) for one in agent.calls])
            ending = asyncio.ensure_future(ended(self.runs[agent.name]))
            while not ending.done():
                await asyncio.wait([ending], timeout=0.02)
                # after the wait: the run goes on without its answer, and may have ended
                if flows.contract.failed:
                    ending.cancel()
                    raise flows.contract.failed[0]
            await ending

    async def test_an_allow_that_ran_does_not_run_again(self, office: scripts.Office) -> None:
        """It resumes its run once. A step that is cut off in the middle is run again by the SDK, which says so."""
        agent = scripts.Script([scripts.TEN], hangs=True)
        async with self.running(office.desk, agent):
            [ticket] = await office.asked()
            await office.answer(ticket, verdict="allow")
            async with asyncio.timeout(scripts.SOON):
                await agent.begun.wait()
        used_at = (await office.desk.get(ticket.id)).used_at
        agent.hangs = False
        async with self.running(office.desk, agent) as running:
            await self.ended(running, agent)
        [again] = await office.all()
        assert (agent.ran, again.used_at) == ([scripts.TEN, scripts.TEN], used_at)

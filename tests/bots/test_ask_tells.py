"""`sayso ask --wait` says on standard error what goes on meanwhile."""

import asyncio

import pytest

import sayso
from sayso import model
from sayso.desk import Desk, Setup
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT
from sayso_bots.commands import ask
from sayso_bots.terminal import local_desk


async def test_who_waits_at_a_terminal_reads_that_it_was_escalated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ask, "_LOOK_EVERY", 0.001)
    policy = model.Policy(expires_in=60.0, escalate=(model.Escalation(after=30.0, add=("anyone",)),))
    clock = ManualClock()
    desk = local_desk.LocalDesk(Desk(memory.MemoryStore(), MINT, Setup({"default": policy}), clock), people.local())
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    waiting = asyncio.create_task(ask._wait(desk, ticket))
    await asyncio.sleep(0)
    clock.advance(30)
    told = ""
    while "escalated" not in told:
        await asyncio.sleep(0)
        told += capsys.readouterr().err
    clock.advance(30)
    assert (await waiting).outcome == "expired"
    assert "waits for an answer; escalated to anyone at 2026-01-01 12:00 UTC; expires at 2026-01-01 12:01 UTC" in told

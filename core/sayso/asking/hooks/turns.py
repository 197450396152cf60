"""The turns of a token: its requests in order, found from any process by the token alone, and answered there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncGenerator
from typing import Any

from sayso import errors, model
from sayso.asking import opening
from sayso.content import text
from sayso.desk import Desk, asker
from sayso.machine import people


@contextlib.asynccontextmanager
async def at(desk: asker.Asker | None) -> AsyncGenerator[asker.Asker]:
    """The desk that was given, or the one of `sayso.open()`."""
    if desk is not None:
        yield desk
        return
    async with opening.open() as opened:
        yield opened


def id_of(token: str, turn: int) -> str:
    """The id of the request of one turn of a token. Raises `InvalidRequest`."""
    if not text.is_whole(token):
        raise errors.InvalidRequest("the token holds half a character", field="token")
    name = f"hook_{hashlib.sha256(token.encode()).hexdigest()[:32]}"
    return f"{name}.{turn}" if turn else name


def turn_of(id: str) -> int:
    """The turn that a request's id says."""
    return int(id.partition(".")[2] or 0)


def mark(ticket: model.Ticket, name: str) -> Any:
    """What a hook wrote into its request: `token`, `run`, `metadata`."""
    return ticket.request.metadata.get("hook", {}).get(name)


async def latest(desk: asker.Asker, token: str) -> model.Ticket:
    """The newest request under *token*. Raises `NotFound`."""
    found = await _of_turn(desk, token, 0)
    if found is None:
        raise errors.NotFound(f"no hook waits under {token!r}", field="token", hint="nothing was stored for later")
    low, high = 0, 1
    # turns are taken in order: double until one is missing, then halve
    while (newer := await _of_turn(desk, token, high)) is not None:
        found, low, high = newer, high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        newer = await _of_turn(desk, token, middle)
        found, low, high = (newer, middle, high) if newer is not None else (found, low, middle)
    return found


async def answer(desk: asker.Asker, token: str, given: model.Answer, request: str | None) -> model.Ticket:
    """Answer the newest request under *token*, or the one that *request* names.

    A message that is delivered twice must not allow the next pause: in a run that had a yes under this token already,
    another one has to name its request.

    Raises as `say`, and:
        NotFound: there is no such request under this token.
        InvalidAnswer: a yes that could be meant for an earlier request.
    """
    newest = await latest(desk, token)
    if request is None:
        if given.verdict == "allow" and await _had_a_yes(desk, token, newest):
            why = f"{token!r} had a yes in this run already, and this one may be the same again"
            hint = f"name the request that it is for: request={newest.id!r}"
            raise errors.InvalidAnswer(why, field="request", hint=hint)
    elif request not in {id_of(token, turn) for turn in range(turn_of(newest.id) + 1)}:
        raise errors.NotFound(f"there is no request {request} under {token!r}", field="request")
    return await say(desk, request or newest.id, given)


async def _had_a_yes(desk: asker.Asker, token: str, newest: model.Ticket) -> bool:
    """Whether the request before the newest, which is open, was the same run's and was allowed."""
    turn = turn_of(newest.id)
    before = await _of_turn(desk, token, turn - 1) if turn and newest.decision is None else None
    if before is None or mark(before, "run") != mark(newest, "run"):
        return False
    return before.decision is not None and before.decision.outcome == "allowed"


async def say(desk: asker.Asker, id: str, answer: model.Answer) -> model.Ticket:
    """Answer as the person at this terminal, or behind an approver's key. Raises as `Desk.answer`."""
    if isinstance(desk, Desk):
        return await desk.answer(id, answer, people.local())
    if isinstance(desk, asker.Answerer):
        return await desk.answer(id, answer)
    raise errors.NotAllowed("nobody can answer at this desk", hint="use sayso.open() with an approver's key")


async def _of_turn(desk: asker.Asker, token: str, turn: int) -> model.Ticket | None:
    try:
        return await desk.get(id_of(token, turn))
    except errors.NotFound:
        return None

"""A question back to an agent, kept until its next request of the same session, and for a day at most.

It is kept beside the decision, which tells the agent the same: if a crash falls between the two, only the next card
does not repeat it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import pydantic

from sayso import errors, model
from sayso.cards import tokens
from sayso.content import wording
from sayso.desk.shell import Shell
from sayso.machine import Terms
from sayso.stores import Record, Store
from sayso.stores.protocol import Last
from sayso.stores.record_kinds import ASKED_BACK

KEPT = timedelta(days=1)


async def keep(shell: Shell, ticket: model.Ticket) -> None:
    """Keep the question with which this ticket was denied; a newer one takes the place of an older one."""
    session, decision = ticket.request.source.session, ticket.decision
    if session is None or decision is None or not decision.question:
        return
    name, at = _name(ticket.owner, session), decision.decided_at
    asked = model.AskedBack(id=ticket.id, name=wording.names(decision), question=decision.question, at=at)
    found = await shell.store.get(ASKED_BACK, name)
    value, version = asked.model_dump(mode="json"), found.version if found else 0
    # of two at the same moment one is enough
    with contextlib.suppress(errors.Conflict):
        await shell.store.put(Record(ASKED_BACK, name, value, at + KEPT, version))


def wanted(owner: str, request: model.Request) -> Sequence[Last]:
    """What to look back for: what its session was asked back."""
    session = request.source.session
    return () if session is None else [(ASKED_BACK, _name(owner, session), 1)]


def add(terms: Terms, found: Sequence[Record], at: datetime) -> Terms:
    """The terms of a request, with what its session was asked back, if that was found."""
    for record in found:
        if record.kind == ASKED_BACK and record.expires_at is not None and record.expires_at > at:
            with contextlib.suppress(pydantic.ValidationError):
                return dataclasses.replace(terms, asked_back=model.AskedBack.model_validate(record.value))
    return terms


async def forget(shell: Shell, ticket: model.Ticket) -> None:
    """Forget what a new request shows now."""
    session = ticket.request.source.session
    if session is not None and ticket.asked_back is not None:
        await shell.store.remove(ASKED_BACK, _name(ticket.owner, session))


async def kept(store: Store, ticket: model.Ticket) -> Sequence[Record]:
    """The record of the question with which this ticket was denied, if it is there yet."""
    session = ticket.request.source.session
    found = None if session is None else await store.get(ASKED_BACK, _name(ticket.owner, session))
    return [found] if found and found.value.get("id") == ticket.id else []


def _name(owner: str, session: str) -> str:
    return tokens.id_from("session", owner, session)

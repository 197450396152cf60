"""The stops that stand: a record for everything, and one for each agent. Read before anything is allowed or used."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import pydantic

from sayso import errors, model
from sayso.cards import tokens
from sayso.stores import Record, Store
from sayso.stores.protocol import Last
from sayso.stores.record_kinds import STOP


@dataclass(frozen=True, slots=True)
class Stops:
    """All stops that stand at this moment."""

    all: tuple[model.Stop, ...] = ()

    def of(self, owner: str) -> model.Stop | None:
        """What stands for an agent: the stop of everything, or else its own."""
        return self.exactly(None) or self.exactly(owner) if self.all else None

    def exactly(self, agent: str | None) -> model.Stop | None:
        """The stop of one agent, or with None that of everything."""
        return next((stop for stop in self.all if stop.agent == agent), None)


EACH: Last = (STOP, "", 2**31 - 1)
"""All of their records, for whoever looks back for others in the same read."""
_NONE = Stops()


async def standing(store: Store) -> Stops:
    """The stops that stand. Raises `StoreUnavailable`: where one cannot be read, nothing is allowed."""
    return among(found) if (found := await store.scan(STOP)) else _NONE


def among(records: Sequence[Record]) -> Stops:
    """The stops among the records of `EACH`, and others that were read with them. Raises as `standing`."""
    if not (found := sorted((one for one in records if one.kind == STOP), key=lambda one: one.name)):
        return _NONE
    try:
        return Stops(tuple(model.Stop.model_validate(record.value) for record in found))
    except pydantic.ValidationError as error:
        hint = "it is damaged, or a newer version wrote it; lift it: sayso resume"
        raise errors.StoreUnavailable("a stop cannot be read, so nothing is allowed", hint=hint) from error


async def put(store: Store, stop: model.Stop) -> bool:
    """Keep a stop; whether none stood for the same before."""
    with contextlib.suppress(errors.Conflict):
        await store.put(Record(STOP, _name(stop.agent), stop.model_dump(mode="json")))
        return True
    return False


async def remove(store: Store, agent: str | None) -> bool:
    """Lift a stop; whether it stood."""
    return await store.remove(STOP, _name(agent)) is not None


def _name(agent: str | None) -> str:
    return "everything" if agent is None else tokens.id_from("agent", agent)

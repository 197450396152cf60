"""One commit as rows of the tables, for the stores in SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sayso import machine, model
from sayso.machine import events
from sayso.stores import chain, documents
from sayso.stores.outbox import outbox_key
from sayso.stores.protocol import TIME

Values = documents.Values


@dataclass(frozen=True, slots=True)
class CommitRows:
    """One commit, as the values of the queries `add_ticket`, `append` and `put_effect`; some store no ticket."""

    ticket: Values | None
    logged: tuple[str, int, str]
    link: chain.Link
    effects: tuple[Values, ...] = ()
    performed: tuple[events.Effect, ...] = ()
    """The same as they are performed."""
    beside: tuple[Values, ...] = ()
    """The values of the query `put_beside`."""
    kept: tuple[Values, ...] = ()
    """The values of the query `leave`, for each row of which only a part stays."""

    @property
    def document(self) -> str | None:
        """Of the ticket."""
        return str(self.ticket[-1]) if self.ticket else None

    def work_without(self, handed: Collection[str]) -> frozenset[str]:
        """What there may be to do after it, see `Store.work`, but for effects of these keys: somebody has them."""
        channels = {str(effect[2]) for effect in self.effects if effect[0] not in handed}
        return frozenset(channels | {TIME} if self.ticket and self.ticket[4] is not None else channels)


def of_entry(ticket_id: str, version: int, entry: events.Entry) -> CommitRows:
    """A row of the log that changes no ticket."""
    logged = ticket_id, version, entry.model_dump_json(exclude_none=True)
    return CommitRows(None, logged, chain.link(*logged, None))


def of_step(
    step: machine.Step, entry: events.Entry, beside: tuple[Values, ...] = (), kept: tuple[Values, ...] = ()
) -> CommitRows:
    """A step of a ticket, and the row of the log that says why."""
    ticket, at = step.ticket, documents.to_micros(entry.at)
    effects = (
        (outbox_key(ticket.id, effect), ticket.id, model.channel_of(effect.place), _json(effect), at, _due(effect, at))
        for effect in step.effects
    )
    row, logged = documents.row_of(ticket), (ticket.id, ticket.version, entry.model_dump_json(exclude_none=True))
    link = chain.link(*logged, str(row[-1]))
    return CommitRows(row, logged, link, tuple(effects), tuple(step.effects), beside, kept)


def _json(effect: events.Effect) -> str:
    return effect.model_dump_json(exclude_none=True)


def _due(effect: events.Effect, at: int) -> int:
    """When an effect that is written now is due, as it is stored."""
    if isinstance(effect, events.Announce | events.Push) and effect.after is not None:
        return max(at, documents.to_micros(effect.after))
    return at

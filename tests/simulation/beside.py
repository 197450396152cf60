"""Holds the service to what it does beside decisions: it erases, tells people on devices, and what rules observed.

The rule: as in `judge`, what is right is said here anew.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from sayso import model
from sayso.cards import naming
from sayso.machine import events
from sayso.stores.record_kinds import DRAFT
from tests.simulation import town
from tests.simulation.agents import Agents
from tests.simulation.bylaws import SKEW
from tests.simulation.chats import Note
from tests.simulation.copies import House
from tests.simulation.devices import Device, Rung
from tests.simulation.witness import Witness
from tests.simulation.world import OFTEN, START

# Calm seconds: in which a device is told, in which what is over is erased, in which it is told what was observed.
_RUNG, _ERASED, _TOLD = 35.0, town.KEPT + 6 * OFTEN, town.TOLD_EVERY + 6 * OFTEN
# From the reading of what was observed until it is said: figures are counted once a minute.
_READING = 68.0
_OBSERVED = re.compile(r"allow-peek\s+would have allowed (\d+) request")
# One person who may answer what `ops` may, is never left alone, and for whom nobody asks.
_READY = "cid"


class Beside:
    """Looks at each commit and every few seconds, and says what is wrong."""

    def __init__(self, house: House, agents: Agents, seen: Witness) -> None:
        self.house, self.world, self.agents, self.seen = house, house.world, agents, seen
        self.disk = house.disk

    # each commit

    def at_commit(self, before: model.Ticket | None, after: model.Ticket, entry: events.Entry) -> None:
        """What may be erased, and what stays."""
        if not isinstance(entry, events.Erased):
            return
        self.seen.erased.add(after.id)
        was, now = before.decision if before else None, after.decision
        if before is None or was is None or now is None or before.erased_at is not None:
            self.world.blame(f"{after.id}: it was erased, and is not decided, or was erased before")
            return
        runs = _over_at(before) > _seconds(entry.at + SKEW)
        least = min([town.KEPT, *(keeps for _, keeps in self.seen.purging)])
        early = entry.at < was.decided_at + timedelta(seconds=least) - SKEW and after.owner != naming.SERVICE
        if runs or early:
            self.world.blame(f"{after.id}: it was erased before its time")
        if (was.outcome, was.by, was.decided_at, was.digest) != (now.outcome, now.by, now.decided_at, now.digest):
            self.world.blame(f"{after.id}: who decided it was erased")

    # every few seconds

    def look(self) -> None:
        """What must be so by now."""
        for wrong in (*self._erasing(), *self._telling(), *self._ringing()):
            self.world.blame(wrong)

    def _erasing(self) -> Iterator[str]:
        for began, keeps in self.seen.purged:
            until = began - keeps - SKEW.total_seconds()
            yield from (f"{one.id}: it was purged, and is there still" for one in self._left(until))
        self.seen.purged.clear()
        if self.house.setup.retention.content is not None:
            since = [one for one in self._left(self.world.now) if self.world.calm_since(_over_at(one)) > _ERASED]
            yield from (f"{one.id}: it is kept for longer than the settings say" for one in since)

    def _left(self, until: float) -> Iterator[model.Ticket]:
        for ticket in self.disk._tickets.values():
            if ticket.decision is not None and ticket.erased_at is None and _over_at(ticket) < until:
                yield ticket

    def _telling(self) -> Iterator[str]:
        for place in town.OBSERVED:
            told = [one for one in self._notes(place) if not one.past]
            for one, other in itertools.pairwise(told):
                again = other.at - one.at < town.TOLD_EVERY - 1
                if again and not self.world.crashes and not self._was_troubled("a", "b"):
                    yield f"what rules observed was told twice at {place}"
            last = max((one.came for one in told), default=0.0)
            open_to = place not in self.house.chats[place[0]].closed
            if open_to and self.world.calm_since(max(last, self.seen.restored or 0.0)) > _TOLD:
                yield f"what rules observed was not told at {place} since {last:.0f}"
            for one in told:
                yield from self._counted(one)

    def _notes(self, place: str) -> Iterator[Note]:
        # what an agent notes in its thread is another thing
        chat = self.house.chats[place[0]]
        return (one for one in chat.notes if one.place == place and "rules that only observe" in one.words)

    def _counted(self, note: Note) -> Iterator[str]:
        said = _OBSERVED.search(note.words)
        count = int(said[1]) if said else 0
        surely = maybe = 0
        for ticket in self.disk._tickets.values():
            if ticket.request.tool == "peek" and ticket.decision is not None and ticket.ruled:
                made, ended = _seconds(ticket.created_at), _seconds(ticket.decision.decided_at)
                maybe += made > note.at - town.TOLD_EVERY - _READING and ended < note.at + 0.1
                surely += made > note.at - town.TOLD_EVERY + 0.1 and ended < note.at - _READING
        if self.seen.restored is None and not surely <= count <= maybe:
            yield f"{count} were told as observed at {note.at:.0f}, and it was {surely} to {maybe}"

    def _ringing(self) -> Iterator[str]:
        if not self.house.setup.push:
            return
        for device in self.house.devices.all.values():
            for name, rung in device.told.items():
                yield from self._told(device, name, [one for one in rung if not one.past])
        for ticket in self.disk._tickets.values():
            yield from self._not_told(ticket)

    def _told(self, device: Device, name: str, rung: list[Rung]) -> Iterator[str]:
        about = [one for one in self.disk._tickets.values() if name in (one.id, _together(one))]
        if not rung or not about or rung[0].at < (self.seen.restored or 0.0):
            return
        person, chat = town.person_of(device.account), self.house.chats["a"]
        if not any(town.is_told(one, device.account, chat) for one in about):
            yield f"{name}: {person} was told on a device, and may not answer"
        early = [one for one in rung if one.state == "pending" and one.at < town.QUIET_FOR - 1]
        if person == "eve" and early and all(_knows_eve(one) for one in about):
            yield f"{name}: eve was told on a device in her quiet hours"
        ended = [_seconds(one.decision.decided_at) for one in about if one.decision]
        at_rest = len(ended) == len(about) and self.world.calm_since(max(*ended, rung[-1].at, 0.0)) > _RUNG
        if rung[-1].state == "pending" and at_rest:
            yield f"{name}: it is told on the device of {person} still"

    def _not_told(self, ticket: model.Ticket) -> Iterator[str]:
        plain = ticket.policy.approvers == ("group:ops",) and not (ticket.policy.turns or ticket.policy.digest)
        open_now = not (ticket.decision or ticket.taken or ticket.held or ticket.stopped)
        since = max(_seconds(ticket.created_at), self.seen.restored or 0.0, *self._lifted())
        answered = any(given.person == _READY for given in ticket.answers)
        if not (plain and open_now and ticket.push) or answered or self.world.calm_since(since) < _RUNG:
            return
        for device in self.house.devices.all.values():
            if town.person_of(device.account) == _READY and self._is_open(device.account):
                rung = device.told.get(ticket.id, [])
                if not rung or rung[-1].state != "pending":
                    yield f"{ticket.id}: {_READY} is not told of it on a device"

    def _lifted(self) -> list[float]:
        return [*self.seen.lifted, 0.0]

    def _is_open(self, account: str) -> bool:
        return self.house.chats[account[0]].accounts[account].closed is None

    def _was_troubled(self, *places: str) -> bool:
        return any(one.where in (*places, "store") and one.start < self.world.now for one in self.world.episodes)

    # at the end

    def words_left(self) -> Iterator[str]:
        """Words of what was erased that stand somewhere in the database still."""
        kept = {one.id for one in self.disk._tickets.values() if one.erased_at is None}
        alive = {one.nonce for one in self.agents.errands if one.id in kept}
        gone = {one.nonce: one.id for one in self.agents.errands if one.id not in kept and one.nonce not in alive}
        # what a card showed of another request it keeps as long as its own, and so does a review
        others = {"remembered", "asked_back"}
        asked = [one for one in self.disk._tickets.values() if one.reviews is None]
        stored = [(f"request {one.id}", one.model_dump_json(exclude=others)) for one in asked]
        stored += [(f"row {one.number} of {one.ticket_id}", one.entry) for one in self.disk._rows]
        kept_on = [(key, one) for key, one in self.disk._records.items() if not self._may_keep(*key)]
        stored += [(f"record {' '.join(key)}", json.dumps(one.value)) for key, one in kept_on]
        for nonce, id in gone.items():
            word = re.compile(rf"\b{nonce}\b")
            found = next((where for where, text in stored if nonce in text and word.search(text)), None)
            if found and id in self.disk._tickets:
                yield f"{id}: it was erased, and its words stand in {found}"

    def _may_keep(self, kind: str, name: str) -> bool:
        """Whether a record outlives what it tells of: a draft ends by itself, an accepted rule holds on."""
        rules = {one.value["id"]: one for key, one in self.disk._records.items() if key[0] == "grant"}
        held = [id for id, one in rules.items() if one.value["standing"] == "rule" and self._is_to_come(one.expires_at)]
        if kind == "suggestion":
            return any(name.endswith(id) for id in held)
        return kind == DRAFT or (kind == "grant" and self.disk._records[kind, name].value["id"] in held)

    def _is_to_come(self, at: datetime | None) -> bool:
        return at is not None and _seconds(at) > self.world.now


def _over_at(ticket: model.Ticket) -> float:
    decision = ticket.decision
    assert decision is not None
    # of one that was put back nobody knows whether it was used, so that it is void
    runs = decision.outcome == "allowed" and not ticket.held
    until = (ticket.used_at or decision.valid_until) if runs else None
    return _seconds(max(decision.decided_at, until or decision.decided_at))


def _seconds(at: datetime) -> float:
    return (at - START).total_seconds()


def _together(ticket: model.Ticket) -> str | None:
    shown = ticket.reach.shown_at if ticket.reach else None
    return f"together-{ticket.policy_name}-{int(shown.timestamp())}" if shown else None


def _knows_eve(ticket: model.Ticket) -> bool:
    return ticket.reach is not None and any(one.person == "eve" for one in ticket.reach.quiet)

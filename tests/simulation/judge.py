"""Holds the service to its promises: at each commit, every few seconds, and at the end.

The rule: what is right is said here anew, in a few lines of its own, and never read off the code that is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import cast

from sayso import machine, model
from sayso.audit import checking, gathering
from sayso.cards import batch, card, naming
from sayso.machine import events
from sayso.stores import Store
from sayso.testing import oracle
from sayso_signing import keyring
from tests.simulation import beside, bylaws, deadlines, town
from tests.simulation.agents import Agents, Errand
from tests.simulation.copies import House
from tests.simulation.witness import Witness
from tests.simulation.world import START

# Calm seconds in which things are done.
_HEARD = 8.0
_SHOWN, _DONE, _WOKEN, _IN_LINE, _TAKEN_OVER = 30.0, 30.0, 20.0, 3.0, 35.0
# A card that came when its sender was dead is found by whoever posted it anew.
_FOUND = 65.0


class Judge:
    """Looks, and says what is wrong."""

    def __init__(self, house: House, agents: Agents, seen: Witness) -> None:
        self.house, self.world, self.agents, self.seen = house, house.world, agents, seen
        self.disk = house.disk
        self.decided_at = dict[str, float]()
        self.due_at = dict[str, tuple[datetime, frozenset[object]]]()
        self.since = dict[tuple[str, model.Place], float]()
        """Since when a request is to be shown at a place."""
        self.bylaws = bylaws.Bylaws(house, seen)
        self.beside = beside.Beside(house, agents, seen)
        self.disk.looking.append(self.at_commit)

    # each commit

    def at_commit(self, before: model.Ticket | None, step: machine.Step, entry: events.Entry) -> None:
        """What a commit may do, and what not."""
        after = step.ticket
        self.world.say("commit", after.id, f"v{after.version}", entry.type, after.decision and after.decision.outcome)
        if after.version != (before.version if before else 0) + 1:
            self.world.blame(f"{after.id}: version {after.version} was stored over {before and before.version}")
        for place in set(after.route).difference(before.route if before else ()):
            self.since[after.id, place] = self.world.now
        if isinstance(entry, events.Due):
            due = deadlines.due(before, entry.at) if before else frozenset()
            last, done = self.due_at.get(after.id, (START, frozenset()))
            # what came before an older copy was put back comes again after it
            came = (last - START).total_seconds() >= (self.seen.restored or 0.0)
            if came and entry.at - last < timedelta(seconds=0.5) and due & done:
                self.world.blame(f"{after.id}: what was due came twice")
            self.due_at[after.id] = entry.at, due
        if before and before.decision and _core(before) != _core(after) and not isinstance(entry, events.Erased):
            self.world.blame(f"{after.id}: what was decided was changed by {entry.type}")
        if after.decision is None:
            # it may have been decided before an older copy was put back
            self.decided_at.pop(after.id, None)
        elif before is None or before.decision is None:
            self.decided_at[after.id] = self.world.now
            if after.decision.outcome == "allowed":
                self._at_allow(before, after, entry)
        self.bylaws.at_commit(before, after, entry)
        self.beside.at_commit(before, after, entry)
        if isinstance(entry, events.Used | events.Redeemed):
            self._under_no_stop(after, entry)
            if before is None or (before.used_at is not None and isinstance(entry, events.Used)):
                self.world.blame(f"{after.id}: it was used twice")

    def _at_allow(self, before: model.Ticket | None, after: model.Ticket, entry: events.Entry) -> None:
        decision = after.decision
        assert decision is not None
        self._under_no_stop(after, entry)
        if before is None:
            return
        said_at = before.taken.given.at if isinstance(entry, events.Settled) and before.taken else entry.at
        if said_at > before.expires_at + bylaws.SKEW:
            self.world.blame(f"{after.id}: allowed after its deadline")
        humans = {one.delegate or one.person for one in decision.by}
        needed = 1 if decision.break_glass else after.policy.most_needed
        if len(humans) < needed:
            self.world.blame(f"{after.id}: allowed by {sorted(humans)}, and {needed} are needed")
        for one in decision.by:
            self._by_person(after, one)

    def _by_person(self, ticket: model.Ticket, by: model.By) -> None:
        platform = by.via.partition(":")[0]
        chat = self.house.chats["a"]
        if not town.may_have_counted(ticket, by, chat, self.world.now):
            self.world.blame(f"{ticket.id}: {by.person} counted, and is none of {ticket.policy.concerned}")
        if platform in self.house.chats and (by.via, ticket.id) not in self.seen.shown and not ticket.reviews:
            self.world.blame(f"{ticket.id}: {by.via} allowed what was never shown there")
        closed = self.house.chats[platform].accounts[by.via].closed if platform in self.house.chats else None
        if closed is not None and self.world.now - closed > 75 and len(ticket.answers) > 1:
            self.world.blame(f"{ticket.id}: {by.via} counted, whose account is closed")

    def _under_no_stop(self, ticket: model.Ticket, entry: events.Entry) -> None:
        at = (entry.at - START).total_seconds() - bylaws.SKEW.total_seconds()
        for stop in self.seen.stops:
            if stop.agent in (None, ticket.owner) and at > stop.since:
                self.world.blame(f"{ticket.id}: {entry.type} while {stop.agent or 'everything'} is stopped")

    # every few seconds

    def look(self) -> None:
        """What must be so by now."""
        self.bylaws.look()
        self.beside.look()
        for ticket in self.disk._tickets.values():
            if ticket.decision is None:
                self._look_at_open(ticket)
            else:
                self._look_at_decided(ticket)
        for errand in self.agents.errands:
            self._look_at_errand(errand)
        for wait in self.agents.waits:
            decided = self.decided_at.get(wait.id, self.world.now)
            late = self.world.calm_since(max(decided, wait.since), but=("news",)) > _HEARD
            if late and wait.process.alive and not wait.process.frozen and wait.id in self.disk._tickets:
                self.world.blame(f"{wait.id}: {wait.process.name} does not know that it is decided")
        calm = (
            self.world.now > _TAKEN_OVER and self.world.calm_since(self.world.now - _TAKEN_OVER) > _TAKEN_OVER - 0.001
        )
        if calm and len(self.house.listeners) != 1:
            self.world.blame(f"{sorted(self.house.listeners)} listen to a connection that is given once")

    def _look_at_open(self, ticket: model.Ticket) -> None:
        wake, now = min(deadlines.wakes(ticket), default=None), self.world.clock.now()
        if wake is not None and wake < now and self._calm_since(wake) > _DONE:
            self.world.blame(f"{ticket.id}: its time came at {wake:%H:%M:%S}, and nothing happened")
        for place in ticket.route:
            since = max(self.since.get((ticket.id, place), 0.0), deadlines.shown_since(ticket), town.quiet_until(place))
            lost = place in ticket.undelivered or place == machine.INBOX
            if not lost and self.world.calm_since(since) > _SHOWN and not self._cards(ticket.id, place):
                self.world.blame(f"{ticket.id}: it is not shown at {place}")
        stop = next((one for one in self.seen.stops if one.agent in (None, ticket.owner)), None)
        asked = (ticket.created_at - START).total_seconds()
        goes_on = not ticket.stopped and ticket.owner != naming.SERVICE
        if stop and goes_on and self.world.calm_since(max(stop.since, asked)) > _IN_LINE:
            self.world.blame(f"{ticket.id}: it goes on although {stop.agent or 'everything'} is stopped")

    def _look_at_decided(self, ticket: model.Ticket) -> None:
        since = self.decided_at.get(ticket.id, 0.0)
        for message in [one for chat in self.house.chats.values() for one in chat.messages]:
            out_of_reach = (
                message.deleted or message.orphan or message.place in self.house.chats[message.place[:1]].closed
            )
            if ticket.id not in self.disk.shown_on(message.drawn) or out_of_reach:
                continue
            at_rest = self.world.calm_since(max(since, message.since)) > _DONE + _FOUND * message.late
            if _has_buttons(message.drawn, ticket) and at_rest and message.place not in ticket.undelivered:
                self.world.blame(f"{ticket.id}: {message.id} has its buttons still")

    def _look_at_errand(self, errand: Errand) -> None:
        ticket = self.disk._tickets.get(errand.id)
        if ticket is None:
            return
        decided = self.decided_at.get(errand.id)
        deaf = ticket.decision and decided is not None and not errand.heard and not errand.over
        if deaf and decided is not None and self.world.calm_since(decided) > _WOKEN + 30:
            self.world.blame(f"{errand.id}: its agent waits, and it is decided")
        hung_up = None if errand.hung_up is None else max(errand.hung_up, self.seen.restored or 0.0)
        if hung_up is not None and ticket.decision is None and self.world.calm_since(hung_up) > 45:
            self.world.blame(f"{errand.id}: its agent has hung up, and it is open still")
        revoked = self.seen.revoked.get(ticket.key or "")
        if revoked is not None and ticket.decision is None and self.world.calm_since(revoked) > 45:
            self.world.blame(f"{errand.id}: its key is revoked, and it is open still")

    def _cards(self, id: str, place: str) -> bool:
        chat = self.house.chats[model.channel_of(place)]
        return any(id in self.disk.shown_on(one.drawn) and one.place == place for one in chat.messages)

    def _calm_since(self, at: datetime) -> float:
        return self.world.calm_since((at - START).total_seconds())

    # at the end

    def tasks_left(self) -> bool:
        """Whether something is to be done yet."""
        waiting = (task for task in self.disk._outbox.values() if task.due_at is not None)
        served = list(waiting)
        open_ones = [one for one in self._asked() if one.decision is None]
        busy = [errand for errand in self.agents.errands if not errand.over and not errand.heard]
        return bool(
            served or open_ones or busy or self._unsealed() or not all(task.done() for task in self.agents.running)
        )

    def _asked(self) -> list[model.Ticket]:
        """What agents asked; what the service itself asks waits for a week."""
        return [one for one in self.disk._tickets.values() if one.owner != naming.SERVICE]

    async def at_end(self) -> None:
        """What must be so once all is quiet."""
        for id, task in self.disk._outbox.items():
            if task.due_at is not None:
                self.world.blame(f"the outbox still has: {id}")
        for ticket in self._asked():
            if ticket.decision is None:
                self.world.blame(f"{ticket.id}: it is open for ever")
        for errand in self.agents.errands:
            if not errand.over and not errand.heard:
                self.world.blame(f"{errand.id}: its agent waits for ever")
        for wrong in (*self._told(), *self._reminded(), *self.beside.words_left()):
            self.world.blame(wrong)
        stored = await oracle.read(cast(Store, self.disk))
        for wrong in oracle.violations(self.seen.told, stored):
            self.world.blame(wrong)
        await self._audit()

    def _told(self) -> Iterator[str]:
        for ticket in self.disk._tickets.values():
            if ticket.request.callback_url and not ticket.held and ticket.key not in self.seen.revoked:
                heard = self.seen.resumed.get(ticket.id, [])
                if not heard:
                    yield f"{ticket.id}: its address was never called"
                if any(one.outcome != (ticket.decision and ticket.decision.outcome) for one in heard):
                    yield f"{ticket.id}: its address was told something else"
        for chat in self.house.chats.values():
            for (place, id), count in Counter(told[:2] for told in chat.told).items():
                if count > 1 and not self.world.crashes:
                    yield f"{id}: {place} was told {count} times"

    def _reminded(self) -> Iterator[str]:
        for message in [one for chat in self.house.chats.values() for one in chat.messages]:
            if len(set(message.replies)) < len(message.replies) and not self.world.crashes:
                yield f"{message.drawn.ticket_id}: {message.id} was reminded {message.replies}"
        rooms = Counter(
            (one.room, one.drawn.ticket_id)
            for chat in self.house.chats.values()
            for one in chat.messages
            if not one.deleted
        )
        for (room, id), count in rooms.items():
            if count > 1 + self.world.crashes:
                yield f"{id}: {count} cards of it stand in {room}"
        yield from self._whole()
        for ticket in self.disk._tickets.values():
            numbers = [one.number for one in ticket.escalated]
            if len(set(numbers)) < len(numbers):
                yield f"{ticket.id}: escalated {numbers}"

    def _whole(self) -> Iterator[str]:
        found = dict[tuple[str, str], set[bool]]()
        for ticket in self.disk._tickets.values():
            if (named := ticket.request.batch) and named.whole and not ticket.held and ticket.decision:
                found.setdefault((ticket.owner, named.id), set()).add(ticket.decision.allowed)
        yield from (f"{id}: some of it is allowed, and some is not" for (_, id), said in found.items() if len(said) > 1)

    async def _audit(self) -> None:
        checker = checking.Checker(keyring.check)
        async for item in gathering.everything(cast(Store, self.disk)):
            gathering.hand_in(checker, item)
        report = checker.finish()
        for finding in report.findings[:3]:
            self.world.blame(f"audit: {finding.where}: {finding.said}")
        if self._unsealed():
            self.world.blame(f"audit: {self._unsealed()} rows are not sealed")

    def _unsealed(self) -> int:
        newest = max(self.disk._seals, default=0)
        return len(self.disk._rows) - (self.disk._seals[newest].last_row if newest else 0)


def _has_buttons(drawn: card.Card, ticket: model.Ticket) -> bool:
    if isinstance(drawn, batch.BatchCard):
        return any(row.open and row.ref == ticket.ref for row in drawn.rows)
    return drawn.tone == "pending"


def _core(ticket: model.Ticket) -> object:
    decision = ticket.decision
    kept = {"used_at", "void", "model_text", "receipt"}
    return decision and decision.model_dump(exclude=kept)

"""Holds the service to what its settings say: rules, grants, suggestions, receipts, turns, digests and quiet hours.

The rule: as in `judge`, what is right is said here anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sayso import errors, model
from sayso.cards import naming
from sayso.desk.admission import learned
from sayso.machine import events
from tests.simulation import town
from tests.simulation.copies import House
from tests.simulation.witness import Witness
from tests.simulation.world import START

# Clocks of machines differ by so much here.
SKEW = timedelta(seconds=0.05)
# Calm seconds after which what came of a suggestion has ended, once such a call was denied.
_ENDED = 65.0
# Seconds after which another copy looks, if that one was killed: it shows a sign of life once a minute.
_TAKEN_OVER = 300.0


@dataclass(frozen=True)
class _Lasting:
    """An allow of a person that holds for a while, and the request that gave it."""

    id: str
    call: tuple[str, str | None, str]
    until: datetime


class Bylaws:
    """Looks at each commit and every few seconds, and says what is wrong."""

    def __init__(self, house: House, seen: Witness) -> None:
        self.house, self.world, self.seen = house, house.world, seen
        self.disk = house.disk
        self.lasting = list[_Lasting]()
        self._accepted = list[model.Ticket]()
        """As they were then: their content may be erased since."""
        self._turns = list[model.Ticket]()

    # each commit

    def at_commit(self, before: model.Ticket | None, after: model.Ticket, entry: events.Entry) -> None:
        """What a commit may do, and what not."""
        decision = after.decision
        if before is None:
            self._at_opening(after)
        elif isinstance(entry, events.Due):
            self._not_passed_over(before, after, entry)
        if decision is None or (before is not None and before.decision is not None):
            return
        if decision.outcome == "allowed":
            self._has_receipt(after, decision)
        if decision.choice == learned.ACCEPT:
            self._accepted.append(after)
        if decision.standing:
            until = decision.decided_at + timedelta(seconds=after.policy.grants or 0)
            self.lasting.append(_Lasting(after.id, _call_of(after), until))

    def _at_opening(self, ticket: model.Ticket) -> None:
        tool, decided = ticket.request.tool, ticket.decision
        if decided is not None and decided.outcome == "allowed":
            self._by_nobody(ticket)
        if tool == "drop" and (decided is None or decided.outcome != "denied"):
            self.world.blame(f"{ticket.id}: a rule denies it, and it was not denied")
        if tool == "ship" and ticket.policy_name != "staged":
            self.world.blame(f"{ticket.id}: a rule has it asked under another policy than {ticket.policy_name}")
        if ticket.policy.digest and decided is None:
            self._is_gathered(ticket, ticket.policy.digest)
        if ticket.policy.turns and decided is None:
            self._in_turn(ticket)
        self._heard_later(ticket)

    def _by_nobody(self, ticket: model.Ticket) -> None:
        rule = (ticket.ruled and ticket.ruled.rule) or ""
        if rule == "allow-read":
            since = ticket.created_at - timedelta(seconds=town.PER) + SKEW * 2
            same = [one for one in self.disk._tickets.values() if one.ruled and one.ruled.rule == rule]
            taken = [one for one in same if one.owner == ticket.owner and one.created_at > since and one is not ticket]
            if len({one.id for one in taken} | {ticket.id}) > town.READS:
                self.world.blame(f"{ticket.id}: a rule allowed more than its limit")
        elif not rule.startswith("grant "):
            self.world.blame(f"{ticket.id}: allowed by {rule or 'nobody'}")
        elif not self._is_lasting(ticket) and not self._is_accepted(ticket, rule.removeprefix("grant ")):
            self.world.blame(f"{ticket.id}: allowed by nobody")

    def _is_lasting(self, ticket: model.Ticket) -> bool:
        mine = [one for one in self.lasting if one.call == _call_of(ticket) and one.until > ticket.created_at - SKEW]
        at = (ticket.created_at - START).total_seconds() - SKEW.total_seconds()
        return any(self.seen.ended.get(one.id, at) >= at for one in mine)

    def _is_accepted(self, ticket: model.Ticket, key: str) -> bool:
        for one in self._accepted:
            suggested = str(one.request.metadata.get(naming.SUGGESTED, ""))
            stored = self.disk._tickets.get(one.id)
            if stored is not None and stored.decision is not None and suggested.endswith(key):
                at = (ticket.created_at - START).total_seconds() - SKEW.total_seconds()
                same = str((ticket.request.input or {}).get("command")) in str(one.request.attachments)
                return same and self.seen.ended.get(one.id, at) >= at and not self._is_denied(ticket)
        return False

    def _is_denied(self, ticket: model.Ticket) -> bool:
        """Whether somebody has denied the same call, and everybody must know."""
        for one in self.disk._tickets.values():
            denied = one.decision is not None and one.decision.outcome == "denied" and one.decision.by
            same = (one.request.tool, one.request.input) == (ticket.request.tool, ticket.request.input)
            if denied and same and one.decision is not None:
                since = (one.decision.decided_at - START).total_seconds()
                return self.world.calm_since(since) > _ENDED and self.world.now - self.world.killed > _TAKEN_OVER
        return False

    def _has_receipt(self, ticket: model.Ticket, decision: model.Decision) -> None:
        if decision.receipt is None:
            self.world.blame(f"{ticket.id}: an allow carries no receipt")
            return
        try:
            said: dict[str, Any] = dict(self.house.issuer.read(decision.receipt, decision.decided_at))
        except errors.InvalidToken as error:
            # an allow that is over at once has none that is good
            self.world.say("receipt", ticket.id, error.message)
            return
        mine = (ticket.id, decision.input_digest, decision.digest)
        if (said["sub"], said["digest"], said["request"]) != mine:
            self.world.blame(f"{ticket.id}: its receipt is about something else")
        if decision.valid_until is None or said["exp"] > decision.valid_until.timestamp():
            self.world.blame(f"{ticket.id}: its receipt is good for longer than its allow")

    def _is_gathered(self, ticket: model.Ticket, every: float) -> None:
        shown = ticket.reach.shown_at if ticket.reach else None
        risky = "rm -rf" in str(ticket.request.input)
        if risky and shown is not None:
            self.world.blame(f"{ticket.id}: it is risky, and not shown at once")
        late = shown is not None and shown > ticket.created_at + timedelta(seconds=every) + SKEW
        if not risky and (shown is None or late):
            self.world.blame(f"{ticket.id}: it is to be gathered for {every:.0f} s, and is shown at {shown}")

    def _in_turn(self, ticket: model.Ticket) -> None:
        same = [one for one in self._turns if one.policy_name == ticket.policy_name]
        near = [one for one in same if _near(one, ticket)]
        self._turns.append(ticket)
        # of several at the same moment any may have been the last
        if not near and len([one for one in same if _near(one, same[-1])]) == 1:
            self._goes_on(same[-1], ticket)
        mine, others = _order_of(ticket), [_order_of(one) for one in near]
        # of three at the same moment two may have the same one, and a crash passes one over
        alone = ticket.policy_name == "rounds" and len(others) == 1 and len(mine) > 1 and self._is_calm(3.0)
        if alone and {*others[0]} == {*mine} and others[0][0] == mine[0]:
            self.world.blame(f"{ticket.id}: {mine[0]} has it, and {near[0].id} as well")

    def _goes_on(self, last: model.Ticket, ticket: model.Ticket) -> None:
        mine, before = _order_of(ticket), _order_of(last)
        # whoever is away comes last, each time
        present = [one for one in mine if one != town.AWAY.of or ticket.created_at > town.AWAY.until]
        alike = len(present) > 1 and {*mine} == {*before} and mine[0] == before[0]
        if alike and self._is_calm(self.world.now - (last.created_at - START).total_seconds()):
            self.world.blame(f"{ticket.id}: {mine[0]} has it, who had {last.id} just before")

    def _not_passed_over(self, before: model.Ticket, after: model.Ticket, entry: events.Due) -> None:
        was, now = before.attending, after.attending
        if was is None or now is None or was.claim is None or len(now.asked) == len(was.asked):
            return
        half = was.claim.at + (before.expires_at - was.claim.at) / 2
        if entry.at < half - timedelta(seconds=1) and len(before.policy.needs_by_stage) == 1 and not was.also:
            self.world.blame(f"{after.id}: {was.claim.person} has taken it on, and it was put to somebody else")

    def _heard_later(self, ticket: model.Ticket) -> None:
        ends = START + timedelta(seconds=town.QUIET_FOR)
        named = "eve" in ticket.policy.everybody and bool(ticket.policy.notify)
        if ticket.decision or not named or not ticket.created_at < ends < ticket.expires_at - SKEW:
            return
        if not any(one.does == "open" and one.to == "eve" for one in ticket.plan):
            self.world.blame(f"{ticket.id}: eve does not hear of it once her quiet hours are over")

    def _is_calm(self, seconds: float) -> bool:
        since = max(0.0, self.world.now - seconds)
        return self.world.calm_since(since) > self.world.now - since - 0.001

    # every few seconds

    def look(self) -> None:
        """What must be so by now."""
        for id, count in Counter(self.seen.redeemed).items():
            if count > 1:
                self.world.blame(f"{id}: its receipt was taken {count} times")
        ends = town.QUIET_FOR - 1
        for chat in self.house.chats.values():
            for at, id, accounts in chat.called:
                if at < ends and "eve" in map(town.person_of, accounts) and self._knows_eve(id):
                    self.world.blame(f"{id}: eve was called in her quiet hours")
            for message in chat.messages:
                self._not_before(message.came, message.place, message.drawn.ticket_id)

    def _not_before(self, came: float, place: str, id: str) -> None:
        ticket = self.disk._tickets.get(id)
        shown = ticket.reach.shown_at if ticket and ticket.reach else None
        if ticket and shown and place in ticket.route and came < (shown - START).total_seconds() - SKEW.total_seconds():
            self.world.blame(f"{id}: it was shown before its time")

    def _knows_eve(self, id: str) -> bool:
        ticket = self.disk._tickets.get(id)
        reach = ticket.reach if ticket else None
        return reach is not None and any(one.person == "eve" for one in reach.quiet)


def _near(one: model.Ticket, other: model.Ticket) -> bool:
    return abs(one.created_at - other.created_at) < timedelta(seconds=5)


def _order_of(ticket: model.Ticket) -> list[str]:
    return [*ticket.reach.turns] if ticket.reach else []


def _call_of(ticket: model.Ticket) -> tuple[str, str | None, str]:
    return ticket.owner, ticket.key, repr((ticket.request.tool, ticket.request.input))

"""What was said to the outside, and what was seen there: the judge holds the service to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sayso import model
from sayso.testing import oracle
from tests.simulation import town
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.agents import Errand


@dataclass(frozen=True)
class Standstill:
    """A stop of everything, or of one agent, from the moment in which it was acknowledged."""

    agent: str | None
    since: float
    asked: float


@dataclass
class Witness:
    """All that was acknowledged."""

    world: World
    told: oracle.Witnessed = field(default_factory=oracle.Witnessed)
    ran: dict[tuple[str, datetime], list[str]] = field(default_factory=dict[tuple[str, datetime], list[str]])
    """Attempts that were told to run, by the request and when it was allowed: people may do so anew after a restore."""
    shown: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Account, and the request whose content it was shown."""
    withdrawn: list[str] = field(default_factory=list[str])
    stops: list[Standstill] = field(default_factory=list[Standstill])
    revoked: dict[str, float] = field(default_factory=dict[str, float])
    """When it was acknowledged that a key is dead, by its record."""
    resumed: dict[str, list[model.Decision]] = field(default_factory=dict[str, list[model.Decision]])
    """Decisions that came to the address of a request."""
    redeemed: list[str] = field(default_factory=list[str])
    """Requests of which a receipt was taken; each time."""
    ended: dict[str, float] = field(default_factory=dict[str, float])
    """When it was acknowledged that a grant has ended, by the request that gave it."""
    erased: set[str] = field(default_factory=set[str])
    """Requests whose content was erased at any time."""
    purging: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When a purge was begun by hand, and for how long it keeps content."""
    purged: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Those of them that were acknowledged, until somebody has looked."""
    lifted: list[float] = field(default_factory=list[float])
    """When stops were lifted."""
    restored: float | None = None

    def acknowledge(self, ticket: model.Ticket) -> None:
        """An agent was told that it is stored."""
        self.told.asked[ticket.id] = ticket.digest

    def press(
        self, id: str, account: str, ticket: model.Ticket | None = None, said: model.Answer | None = None
    ) -> None:
        """A person was told that it counted; if they had said the same from another account, what counts is that."""
        given = [*ticket.answers, *([ticket.taken.given] if ticket.taken else [])] if ticket else []
        mine = [one for one in given if one.person == town.person_of(account)]
        same = mine and said and mine[-1].answer.verdict == said.verdict
        self.told.pressed.append((id, mine[-1].via if same else account))

    def hear(self, errand: Errand, decision: model.Decision) -> None:
        """An agent was told what was decided."""
        before = errand.heard[0] if errand.heard else decision
        gone = errand.id in self.erased
        same = gone or before.input == decision.input
        if not same or (before.outcome, before.by) != (decision.outcome, decision.by):
            self.world.blame(f"{errand.id}: two agents heard different things: {before.outcome}, {decision.outcome}")
        errand.heard.append(decision)
        self.told.decided[errand.id] = decision
        self.world.say("heard", errand.id, decision.outcome)

    def run(self, errand: Errand, attempt: str, used: model.Ticket, began: float) -> None:
        """An agent was told to run it."""
        allowed_at = used.decision.decided_at if used.decision else used.created_at
        attempts = self.ran.setdefault((errand.id, allowed_at), [])
        if attempt not in attempts:
            attempts.append(attempt)
        if len(attempts) > 1:
            self.world.blame(f"{errand.id}: one allow ran {len(attempts)} times: {attempts}")
        revoked = self.revoked.get(used.key or "")
        if revoked is not None and began > revoked:
            self.world.blame(f"{errand.id}: it ran for a key that was revoked")

    def forget_since(self, kept: oracle.Witnessed) -> None:
        """An older copy of the database was put back: what was said since then cannot be held against it."""
        self.told = kept
        self.redeemed.clear()
        self.ended.clear()
        self.purged.clear()
        self.restored = self.world.now

"""Figures of what people decided: from where they answered, how many it took, where it was shown, in working time.

The rule: names are the operator's, of policies and kinds of places; nobody's name, no room, and no word of an agent.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import metrics

from sayso import answers, model
from sayso.machine import events
from sayso_otel import names

_QUICK = f"Allows within {answers.QUICK:g} seconds"


class People:
    """Counts answers, and decisions of people."""

    def __init__(self, meter: metrics.Meter) -> None:
        self._answers = meter.create_counter(names.ANSWERS, unit="{answer}", description="Answers of people")
        self._quick = meter.create_counter(names.QUICK, unit="{answer}", description=_QUICK)
        self._approvers = meter.create_histogram(
            names.APPROVERS, unit="{person}", description="People behind a decision"
        )
        self._decided_at = meter.create_counter(
            names.DECIDED_AT, unit="{request}", description="Decisions of people on what was shown there"
        )
        self._open = meter.create_histogram(
            names.OPEN, unit="s", description="From question to decision, while the policy's calendar is open"
        )

    def count_answer(self, ticket: model.Ticket, entry: events.Answered, via: Mapping[str, str]) -> None:
        """Count an answer by the kind of place from which it came."""
        verdict = {names.VERDICT: entry.answer.verdict or "words"}
        self._answers.add(1, {**via, **verdict, **_policy(ticket)})
        if entry.answer.is_quick(ticket.created_at, entry.at):
            self._quick.add(1, _policy(ticket))

    def count_decision(self, ticket: model.Ticket, decision: model.Decision) -> None:
        """Count a decision, if people made it."""
        if not decision.by:
            return
        for channel in sorted({model.channel_of(place) for place in ticket.route}):
            self._decided_at.add(1, {names.CHANNEL: channel, names.OUTCOME: decision.outcome})
        self._approvers.record(len(decision.by), _policy(ticket))
        if ticket.policy.clock is not None:
            took = ticket.policy.clock.between(ticket.created_at, decision.decided_at)
            self._open.record(took.total_seconds(), _policy(ticket))


def _policy(ticket: model.Ticket) -> dict[str, str]:
    return {names.POLICY: ticket.policy_name} if ticket.policy_name else {}

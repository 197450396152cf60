"""Writes a short span for each ask, answer and delivery, and counts them; how long people took is a histogram."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from opentelemetry import metrics, trace
from opentelemetry.context import Context

from sayso import model
from sayso.content import masks
from sayso.desk.upkeep import watching
from sayso.machine import events
from sayso_otel import context, names, people

_SCOPE = "sayso"
Attributes = Mapping[str, str | bool]
_Times = tuple[datetime, datetime]


class Watcher:
    """Looks on at a desk. *tracers* and *meters* are those of this process if they are not given."""

    def __init__(
        self, tracers: trace.TracerProvider | None = None, meters: metrics.MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracers)
        meter = metrics.get_meter(_SCOPE, meter_provider=meters)
        self._requests = meter.create_counter(names.REQUESTS, unit="{request}", description="Requests asked")
        self._decisions = meter.create_counter(names.DECISIONS, unit="{request}", description="Requests decided")
        self._waiting = meter.create_histogram(names.WAITING, unit="s", description="From question to decision")
        self._viewed = meter.create_histogram(names.FIRST_VIEW, unit="s", description="From question to its first view")
        self._answered = meter.create_histogram(names.FIRST_ANSWER, unit="s", description="From question to an answer")
        self._people = people.People(meter)
        self._ruled = meter.create_counter(names.RULINGS, unit="{request}", description="What rules came to")
        self._observed = meter.create_counter(
            names.OBSERVED, unit="{request}", description="What rules that only observe would have decided"
        )
        self._deliveries = meter.create_counter(names.DELIVERIES, unit="{delivery}", description="Tries to deliver")

    def committed(self, commit: watching.Commit) -> None:
        """Write the span of an ask or of an answer, and count what was decided."""
        ticket, entry = commit.ticket, commit.entry
        times = (entry.at, commit.ended)
        kind = {names.KIND: ticket.request.kind}
        if isinstance(entry, events.Opened):
            self._requests.add(1, kind)
            self._count_rules(entry.ruled)
            self._write(names.ASK, times, _of(ticket), parent=context.of(ticket.trace))
        elif isinstance(entry, events.Answered):
            verdict = {names.VERDICT: entry.answer.verdict} if entry.answer.verdict else {}
            links = context.links_to(ticket.trace)
            if len(ticket.answers) + (ticket.taken is not None) == 1:
                self._answered.record((entry.at - ticket.created_at).total_seconds(), kind)
            via = {names.CHANNEL: model.channel_of(entry.by.account)}
            self._people.count_answer(ticket, entry, via)
            self._write(names.ANSWER, times, {**_of(ticket), **verdict, **via}, links=links)
        elif isinstance(entry, events.Viewed):
            self._viewed.record((entry.at - ticket.created_at).total_seconds(), kind)
        decision = ticket.decision
        if commit.decides and decision is not None:
            outcome = {**kind, names.OUTCOME: decision.outcome}
            self._decisions.add(1, outcome)
            if not isinstance(entry, events.Opened):
                self._waiting.record((decision.decided_at - ticket.created_at).total_seconds(), outcome)
                self._people.count_decision(ticket, decision)

    def _count_rules(self, ruled: model.Ruled | None) -> None:
        if ruled is not None and ruled.rule is not None:
            # each grant has a name of its own, with a blank that no rule has
            self._ruled.add(1, {names.RULE: ruled.rule.partition(" ")[0], names.RULING: ruled.effect})
        for name in ruled.watched if ruled else ():
            self._observed.add(1, {names.RULE: name})

    def delivered(self, delivery: watching.Delivery) -> None:
        """Write the span of a delivery, and count it."""
        ticket, error = delivery.ticket, delivery.error
        attributes = {names.CHANNEL: delivery.channel, names.EFFECT: delivery.job.effect.type}
        self._deliveries.add(1, {**attributes, names.DELIVERED: error is None})
        more = {names.REQUEST: delivery.job.ticket_id} if ticket is None else _of(ticket)
        links = context.links_to(ticket.trace if ticket else None)
        times = (delivery.began, delivery.ended)
        # what a platform said may hold anything, so only the kind of the error is told
        self._write(
            names.DELIVER, times, {**attributes, **more}, links=links, failed=type(error).__name__ if error else ""
        )

    def _write(
        self,
        name: str,
        times: _Times,
        attributes: Attributes,
        *,
        parent: Context | None = None,
        links: list[trace.Link] | None = None,
        failed: str = "",
    ) -> None:
        began, ended = (int(one.timestamp() * 1_000_000_000) for one in times)
        span = self._tracer.start_span(
            name, context=parent or Context(), attributes=dict(attributes), links=links or [], start_time=began
        )
        if failed:
            span.set_status(trace.StatusCode.ERROR, failed)
        span.end(end_time=max(began, ended))


def watcher() -> Watcher | None:
    """One for the providers of this process; None if nobody has set any up."""
    return None if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider) else Watcher()


def _of(ticket: model.Ticket) -> dict[str, str]:
    found = {names.REQUEST: ticket.id, names.KIND: ticket.request.kind}
    found |= {names.TOOL: masks.GONE.text(ticket.request.tool)} if ticket.request.tool else {}
    found |= {names.POLICY: ticket.policy_name} if ticket.policy_name else {}
    return found | ({names.OUTCOME: ticket.decision.outcome} if ticket.decision else {})

"""Spans and figures as an SDK of OpenTelemetry gets them, and the trace of whoever asks, all the way."""

import dataclasses
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import sayso
import sayso_otel
from sayso import calendars, errors, model, rules
from sayso.cards import card, tokens
from sayso.desk import courier
from sayso.desk.answering import viewing
from sayso.desk.upkeep import tracing, watching
from sayso.machine import people
from sayso.rules import rule as words
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from tests.adapters.http.service import running

MINT = tokens.TokenMaker(b"for tests only, never for people")
ANN = people.Actor("web:ann", "Ann", member=True)
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "hunter2-and-more"


class Room:
    """A channel that posts, or refuses to."""

    name = "room"
    error: errors.ChannelError | None = None

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        if self.error is not None:
            raise self.error
        return model.PostedCard(drawn.ticket_id, place, "room", "c", "1")

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None: ...


class Heard:
    """What an SDK got."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = sdk_trace.TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = sdk_metrics.MeterProvider(metric_readers=[self._reader])
        self.watcher = sayso_otel.Watcher(self.tracers, self.meters)

    def spans(self, name: str) -> list[sdk_trace.ReadableSpan]:
        return [one for one in self._spans.get_finished_spans() if one.name == name]

    def all(self) -> str:
        return "".join(one.to_json() for one in self._spans.get_finished_spans())

    def figures(self) -> dict[str, dict[tuple[tuple[str, Any], ...], Any]]:
        data = self._reader.get_metrics_data()
        assert data is not None
        (resource,) = data.resource_metrics
        return {
            metric.name: {tuple(sorted((point.attributes or {}).items())): point for point in metric.data.data_points}
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def desk(heard: Heard, clock: ManualClock) -> sayso.Desk:
    setup = sayso.Setup(route=("room:1",), channels=("room", "web"))
    made = sayso.Desk(memory.MemoryStore(), MINT, setup, clock)
    made.watched.add(heard.watcher)
    return made


async def test_ask_answer_and_delivery_are_short_spans_that_are_linked_to_the_trace_of_the_caller(
    desk: sayso.Desk, heard: Heard, clock: ManualClock
) -> None:
    with tracing.received(CALLER):
        ticket = await desk.open(sayso.Permission(tool="deploy", input={"password": SECRET}, body=SECRET))
    await courier.Courier(desk, [Room()]).deliver()
    clock.advance(90)
    await desk.answer(ticket.id, sayso.Answer(verdict="deny", reason=SECRET), ANN)
    (ask,), (answer,), (deliver,) = (heard.spans(f"sayso.{name}") for name in ("ask", "answer", "deliver"))
    # the ask is part of what the caller does; what comes hours later is linked to it
    assert ask.parent is not None
    assert ask.context is not None
    assert f"{ask.context.trace_id:032x}" in CALLER
    for later in (answer, deliver):
        assert later.parent is None
        assert [f"{link.context.span_id:016x}" in CALLER for link in later.links] == [True]
    assert dict(answer.attributes or {}) == {
        "sayso.request.id": ticket.id,
        "sayso.request.kind": "permission",
        "gen_ai.tool.name": "deploy",
        "sayso.policy": "default",
        "sayso.verdict": "deny",
        "sayso.channel": "web",
        "sayso.outcome": "denied",
    }
    # no span is as long as a person thinks
    assert all((one.end_time or 0) - (one.start_time or 0) < 1_000_000_000 for one in (ask, answer, deliver))
    assert SECRET not in heard.all()
    assert "Ann" not in heard.all()


async def test_how_long_people_took_is_a_histogram(desk: sayso.Desk, heard: Heard, clock: ManualClock) -> None:
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    clock.advance(90)
    await desk.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)
    await desk.use(ticket.id)
    figures = heard.figures()
    kind, allowed = ("sayso.request.kind", "permission"), ("sayso.outcome", "allowed")
    assert figures["sayso.requests"][(kind,)].value == 1
    assert figures["sayso.decisions"][(allowed, kind)].value == 1
    assert figures["sayso.waiting"][(allowed, kind)].sum == 90


async def test_first_views_first_answers_and_what_rules_came_to_are_figures(
    desk: sayso.Desk, heard: Heard, clock: ManualClock
) -> None:
    rule = rules.Rule(id="watched", match=words.read_match("watched", {"tool": "deploy"}), effect="deny", observed=True)
    deny = rules.Rule(id="no", match=words.read_match("no", {"tool": "no"}), effect="deny")
    policies = {"default": sayso.Policy(quorum=2)}
    desk.setup = dataclasses.replace(desk.setup, policies=policies, rules=rules.Book((rule, deny)))
    await desk.open(sayso.Permission(tool="no"))
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    clock.advance(5)
    await viewing.begun(desk, ticket, ANN)
    clock.advance(5)
    await desk.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)
    clock.advance(5)
    await desk.answer(ticket.id, sayso.Answer(verdict="allow"), people.Actor("web:bob", "Bob", member=True))
    figures = heard.figures()
    (viewed,), (answered,) = figures["sayso.first_view"].values(), figures["sayso.first_answer"].values()
    assert (viewed.count, viewed.sum, answered.count, answered.sum) == (1, 5.0, 1, 10.0)
    assert figures["sayso.rulings"][("sayso.rule", "no"), ("sayso.ruling", "deny")].value == 1
    assert figures["sayso.observed"][("sayso.rule", "watched"),].value == 1


async def test_what_people_decided_is_counted_by_policy_and_kind_of_place_and_by_nobodys_name(
    desk: sayso.Desk, heard: Heard, clock: ManualClock
) -> None:
    hours = calendars.Calendar(name="always", zone="UTC")
    policies = {"default": sayso.Policy(quorum=2, clock=hours), "plain": sayso.Policy()}
    desk.setup = dataclasses.replace(desk.setup, policies=policies, route=("chat:#secret-room", "web"))
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    clock.advance(90)
    await desk.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)
    await desk.answer(ticket.id, sayso.Answer(verdict="allow"), people.Actor("web:bob", "Bob", member=True))
    quick = await desk.open(sayso.Permission(tool="deploy", policy="plain"))
    await desk.answer(quick.id, sayso.Answer(verdict="allow"), ANN)
    figures = heard.figures()
    policy = ("sayso.policy", "default")
    via = [dict(key)["sayso.channel"] for key in figures["sayso.answers"]]
    assert via == ["web", "web"], "by policy"
    assert figures["sayso.approvers"][(policy,)].sum == 2
    assert figures["sayso.waiting_open"][(policy,)].sum == 90
    assert len(figures["sayso.waiting_open"]) == 1, "only where a policy has a clock"
    assert figures["sayso.quick_allows"][(("sayso.policy", "plain"),)].value == 1
    shown = {dict(key)["sayso.channel"]: point.value for key, point in figures["sayso.decided_at"].items()}
    assert shown == {"chat": 2, "web": 2}
    for hidden in ("Ann", "Bob", "secret-room"):
        assert hidden not in heard.all()


async def test_a_failed_delivery_says_what_kind_of_failure_and_nothing_that_a_platform_said(
    desk: sayso.Desk, heard: Heard
) -> None:
    await desk.open(sayso.Permission(tool="deploy"))
    room = Room()
    room.error = errors.ChannelError(f"no such room: {SECRET}")
    await courier.Courier(desk, [room]).deliver()
    (span,) = heard.spans("sayso.deliver")
    assert (span.status.is_ok, span.status.description) == (False, "ChannelError")
    assert SECRET not in heard.all()
    points = heard.figures()["sayso.deliveries"]
    assert [(dict(key)["sayso.delivered"], point.value) for key, point in points.items()] == [(False, 1)]


@pytest.mark.parametrize("sent", [None, "", "00-" + "0" * 32 + "-b7ad6b7169203331-01", CALLER + "-more", "x" * 5_000])
async def test_what_is_no_trace_is_not_kept(desk: sayso.Desk, heard: Heard, sent: str | None) -> None:
    with tracing.received(sent):
        ticket = await desk.open(sayso.Question("Why?"))
    assert ticket.trace is None
    (ask,) = heard.spans("sayso.ask")
    assert ask.parent is None


async def test_the_trace_of_an_asking_program_goes_over_http_and_comes_back_in_no_document(
    tmp_path: Path, heard: Heard
) -> None:
    tracer = heard.tracers.get_tracer("agent")
    async with running(tmp_path) as service, service.remote("bot") as remote:
        service.front.watched.add(heard.watcher)
        with tracer.start_as_current_span("the agent's work") as work:
            ticket = await remote.open(sayso.Question("Why?"))
        later = await remote.open(sayso.Question("And why?"))
        stored = await service.store.load(ticket.id)
        assert stored.trace is not None
        assert f"{work.get_span_context().trace_id:032x}" in stored.trace
        # one connection, and nothing of the call before
        assert (await service.store.load(later.id)).trace is None
        assert "trace" not in (await service.call("GET", f"/v1/requests/{ticket.id}", "bot")).json
    asks = heard.spans("sayso.ask")
    assert [one.parent is not None and one.parent.span_id == work.get_span_context().span_id for one in asks] == [
        True,
        False,
    ]


async def test_a_desk_in_the_agents_own_process_takes_its_trace(desk: sayso.Desk, heard: Heard) -> None:
    with heard.tracers.get_tracer("agent").start_as_current_span("work") as work:
        ticket = await desk.open(sayso.Question("Why?"))
    assert ticket.trace is not None
    assert f"{work.get_span_context().span_id:016x}" in ticket.trace
    assert contexts.get_current() == {}


async def test_where_nobody_has_set_an_sdk_up_nobody_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert sayso_otel.watcher() is None
    quiet = sayso.Desk(memory.MemoryStore(), MINT)
    tracing.attach(quiet)
    assert not quiet.watched._of_commits
    with monkeypatch.context() as patch:
        patch.setattr(trace, "get_tracer_provider", sdk_trace.TracerProvider)
        tracing.attach(quiet)
    assert quiet.watched._of_commits
    # a process that never imported the library looks for no adapter
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "opentelemetry")
        assert tracing.current() is None


async def test_whoever_looks_on_and_fails_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def committed(self, commit: watching.Commit) -> None:
            raise ValueError("broken")

        def delivered(self, delivery: watching.Delivery) -> None:
            raise ValueError("broken")

    desk = sayso.Desk(memory.MemoryStore(), MINT, sayso.Setup(route=("room:1",), channels=("room", "web")))
    desk.watched.add(Broken())
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    assert await courier.Courier(desk, [Room()]).deliver() == 1
    assert (await desk.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)).decision is not None
    assert [record.levelno for record in caplog.records if "looks on" in record.message] == [logging.ERROR] * 3

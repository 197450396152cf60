"""Requests, people and tickets that the core's tests share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sayso import asking, machine, model
from sayso.cards import tokens
from sayso.content import requests
from sayso.machine import events, people

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MINT = tokens.TokenMaker(b"a secret that is long enough for tests")
DEPLOY = {"command": "make deploy"}


def permission(**given: Any) -> model.Request:
    asked: dict[str, Any] = {"tool": "Bash", "input": DEPLOY, **given}
    return requests.checked(requests.plain(asking.Permission(**asked)))


def opened(
    request: model.Request | None = None,
    *,
    requester: str | None = None,
    route: tuple[str, ...] = ("chat:#ops", "web"),
    **policy: Any,
) -> model.Ticket:
    terms = machine.Terms(owner="agent", policy=model.Policy(**policy), route=route, requester=requester)
    return machine.open_ticket(request or permission(), terms, id="r1", ref=tokens.new_ref(), at=NOW).ticket


def person(name: str = "ann", *groups: str, member: bool = True) -> model.Person:
    return model.Person(id=name, name=name.title(), account=f"chat:T/{name}", groups=groups, member=member)


def actor(name: str = "ann", *, member: bool = True) -> people.Actor:
    return people.Actor(account=f"chat:T/{name}", name=name.title(), member=member)


def said(by: model.Person | str, *, after: float = 1.0, **answer: Any) -> events.Answered:
    who = person(by) if isinstance(by, str) else by
    return events.Answered(at=NOW + timedelta(seconds=after), by=who, answer=model.Answer(**answer))


def after(ticket: model.Ticket, *happened: events.Event) -> model.Ticket:
    for event in happened:
        ticket = machine.step(ticket, event).ticket
    return ticket

"""Tickets of every kind, size and state, and the dialogs over them: what a renderer must be able to show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from sayso import asking, machine, model
from sayso.cards import dialog, tokens
from sayso.content import requests
from sayso.machine import events, people

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MINT = tokens.TokenMaker(b"for tests only, never for people")
DEPLOY = {"command": "make deploy"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg=="
"""A picture of four red dots, in base64."""

_TYPED = [kind for kind in get_args(model.FieldKind) if kind != "choice"]


def permission(**given: Any) -> model.Request:
    """A permission to run `make deploy`, as the machine gets it."""
    asked: dict[str, Any] = {"tool": "Bash", "input": DEPLOY, **given}
    return requests.checked(requests.plain(asking.Permission(**asked)))


def opened(
    request: model.Request | None = None,
    *,
    requester: str | None = None,
    route: tuple[str, ...] = ("chat:#ops", "web"),
    **policy: Any,
) -> model.Ticket:
    """A pending ticket `r1` of this request, or of a permission."""
    terms = machine.Terms(owner="agent", policy=model.Policy(**policy), route=route, requester=requester)
    asked = requests.checked(requests.plain(request)) if request else permission()
    return machine.open_ticket(asked, terms, id="r1", ref="A" * 22, at=NOW).ticket


def person(name: str = "ann", *groups: str, member: bool = True) -> model.Person:
    """Somebody whom the directory knows."""
    return model.Person(id=name, name=name.title(), account=f"chat:T/{name}", groups=groups, member=member)


def actor(name: str = "ann", *, member: bool = True) -> people.Actor:
    """The same as a platform says it."""
    return people.Actor(account=f"chat:T/{name}", name=name.title(), member=member)


def said(by: model.Person | str = "ann", *, after: float = 5.0, **answer: Any) -> events.Answered:
    """An answer of somebody, so many seconds after `NOW`."""
    who = person(by) if isinstance(by, str) else by
    return events.Answered(at=NOW + timedelta(seconds=after), by=who, answer=model.Answer(**answer))


def after(ticket: model.Ticket, *happened: events.Event) -> model.Ticket:
    """The ticket after these events."""
    for event in happened:
        ticket = machine.step(ticket, event).ticket
    return ticket


def sample(request: model.Request, *happened: events.Event, quorum: int = 1) -> model.Ticket:
    """A ticket of this request, shown in one place, after these events."""
    return after(opened(request, route=("chat:#ops",), quorum=quorum), *happened)


def pending() -> Iterator[model.Ticket]:
    """One pending ticket of each kind and size."""
    permission = asking.Permission(
        tool="Bash",
        input={"command": "make deploy", "env": {"A": 1}, "empty": ""},
        title="Ship it",
        body="# Why\n\n- one\n- two\n\n1. a\n\n> quote\n\n```sh\nls\n```\n\n|a|b|\n|-|-|\n|1|2|",
        grants=("session", "always"),
        source=model.Source(agent="bot", session="s-1", url="https://example.com"),
        context={"folder": "/srv"},
        attachments=[model.Attachment(name="x.diff", kind="diff", text="-a\n+b")],
        risk="high",
    )
    yield sample(permission)
    yield sample(permission, said(verdict="allow"), quorum=2)
    yield sample(asking.Permission(tool="Bash"))
    yield sample(_everything())
    yield with_image()
    yield sample(asking.Permission(tool="Write", input={"path": "x"}, editable=False, confirm=True))
    yield lasting()
    yield sample(asking.Question("Which customer is this for?", verdicts=["deny", "stop"]))
    yield sample(asking.Question("Which customer is this for?"))
    yield sample(asking.Question("Which customer is this for?"), said(text="Acme").model_copy(update={"grace": 10.0}))
    yield sample(asking.Form("Refund", [model.Field(name="a", label="Amount", kind="number")]))
    for count in (1, 5, 6, 10, 11, 100):
        options = [model.Option(label=f"{'same ' * 20}{n}", description="about") for n in range(count)]
        yield sample(asking.Choice("Which?", options, other=count > 5))
        yield sample(asking.Choice("Which?", [f"o{n}" for n in range(count)], multiple=True))


def _everything() -> asking.Permission:
    """Every button that a permission can have."""
    effects = ("adds the rule Bash(make:*) to the session", "adds /srv to the session", "accepts edits from now on")
    offers = [
        model.Offer(name=f"s{n}", kind=kind, effect=effect)
        for n, (kind, effect) in enumerate(
            zip(get_args(model.Offer.model_fields["kind"].annotation), effects, strict=True)
        )
    ]
    return asking.Permission(
        tool="Bash",
        input={"command": "make deploy"},
        grants=("session", "always"),
        offers=offers,
        verdicts=["respond", "stop"],
    )


def batch(count: int, said: str) -> list[model.Ticket]:
    """As many calls of one turn, all with the same words in them."""
    asked = [
        asking.Permission(
            id=f"r{number}",
            tool="Bash" if number % 2 else "deploy",
            input={"command": f"{said} {number}"},
            source=model.Source(agent=model.name_of(said) or "a", session=model.name_of(said) or "s"),
        )
        for number in range(count)
    ]
    opened_as = machine.Terms(owner="agent", policy=model.Policy(), route=("chat:#ops", "web"))
    checked = (requests.checked(requests.plain(one)) for one in asked)
    return [
        machine.open_ticket(one, opened_as, id=f"r{number}", ref=f"{number:022d}", at=NOW).ticket
        for number, one in enumerate(checked)
    ]


def lasting() -> model.Ticket:
    """A permission whose allow may cover others for a while."""
    source = model.Source(agent="bot", session="s-1")
    request = asking.Permission(tool="write_file", input={"path": "/srv/a", "content": "x"}, source=source)
    return opened(request, route=("chat:#ops",), grants=28_800.0)


def with_image(data: str = PNG) -> model.Ticket:
    """A permission with an attached image."""
    attached = [model.Attachment(name="shop.png", kind="image", data=data)]
    return sample(asking.Permission(tool="Bash", input={"command": "make deploy"}, attachments=attached))


def long() -> Iterator[model.Ticket]:
    """Pending permissions that no card shows whole."""
    yield sample(asking.Permission(tool="Bash", input={"command": "x" * 20_000}))
    yield sample(asking.Permission(tool="Bash", input={"command": "echo\n" * 800}))
    yield sample(asking.Permission(tool="Bash", input={f"k{n}": "v" * 2_000 for n in range(12)}))
    yield sample(asking.Permission(tool="Bash", body="word " * 3_000))


def closed() -> Iterator[model.Ticket]:
    """Tickets with every kind of outcome."""
    permission = asking.Permission(tool="Bash", input={"command": "make deploy"})
    yield sample(permission, said(verdict="allow"))
    yield sample(permission, said(verdict="allow", input={"command": "x" * 20_000}))
    yield sample(permission, said(verdict="deny", reason="no\n" * 1_000))
    yield sample(_everything(), said(verdict="allow", grant="s2"))
    yield sample(_everything(), said(verdict="stop", reason="enough"))
    yield sample(_everything(), said(verdict="respond", text="done by hand"))
    yield sample(asking.Question("Which?", verdicts=["deny"]), said(verdict="deny"))
    yield sample(permission, events.Cancelled(at=NOW, by="agent"))
    yield sample(permission, events.Superseded(at=NOW, by="r2"))
    yield sample(permission, events.Ticked(at=NOW + timedelta(days=1)))
    yield sample(permission, events.Undelivered(at=NOW, place="chat:#ops", reason="gone"))
    yield sample(asking.Question("Which?"), said(text="Acme"))
    several = asking.Choice("Which?", [f"o{n}" for n in range(100)], multiple=True)
    yield sample(several, said(choices=tuple(f"o{n}" for n in range(100))))


def dialogs(limits: dialog.WindowLimits) -> Iterator[dialog.Dialog]:
    """Every dialog that any press on the samples opens, and every page and step after it."""
    fields = [
        model.Field(
            name=f"n{n}", label="l" * model.MAX_TITLE, description="d" * model.MAX_NOTE, kind=kind, required=n % 2 == 0
        )
        for n, kind in enumerate(_TYPED)
    ]
    # longer than any platform lets a label be; every tenth only as it is written out, which takes most of the time
    labels = (("o" * 170 if n % 10 else "\u202e" * 15 + "o" * 45) + str(n) for n in range(100))
    options = tuple(model.Option(label=label) for label in labels)
    fields += [
        model.Field(name=f"c{n}", label="\u200b" * model.MAX_TITLE, kind="choice", options=options) for n in range(5)
    ]
    wide = asking.Permission(tool="Bash", input={f"{'k' * 50}{n}": "\U0001f600" * 1_900 for n in range(10)})
    for ticket in (*pending(), *long(), sample(asking.Form("Fill in", fields)), sample(wide)):
        for action in get_args(tokens.Action):
            before = None
            for index in range(12 if action in ("review", "fill") else 3 if action == "offer" else 1):
                pressed = tokens.read(MINT.token(ticket, action, index))
                opened = _opened(ticket, pressed, limits)
                shown = opened and replace(opened, token="")
                if shown is not None and shown == before:
                    break  # beyond the last one it is the last one again
                if opened is not None and (opened.parts or opened.inputs):
                    yield opened
                before = shown


def _opened(ticket: model.Ticket, pressed: tokens.Pressed, limits: dialog.WindowLimits) -> dialog.Dialog | None:
    if pressed.action == "fill" and ticket.request.kind == "permission":
        return None
    return dialog.of_press(ticket, pressed, MINT, limits)

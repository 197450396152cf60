"""Everything that a platform shows of one request: its card, its windows, its pages to review, its row, its notes."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Literal, get_args

from sayso import asking, machine, model
from sayso.cards import card, dialog, draw, prose, tokens
from sayso.content import text
from sayso.machine import events
from sayso.testing import samples

RequestField = Literal[
    "title", "body", "tool", "key", "value", "agent", "session", "url", "context", "option", "description",
    "attachment", "label", "reason", "answer", "name",
]  # fmt: skip
"""Where foreign text can stand: in what an agent asks, and in what a person answers."""

View = Literal["card", "windows", "review", "row", "notes"]
"""What is shown: the card, every window that a press opens, all pages to review, a line of the history, notes."""

_BOUNDLESS = dialog.WindowLimits(content=sys.maxsize, inputs=sys.maxsize, typed=sys.maxsize)
# More pages or steps than a text of any test has.
_MOST_PAGES = 50


def render(platform: str, field: RequestField, text: str, view: View = "card") -> Any:
    """What *platform* shows for a request whose *field* holds *text*: the payload of its renderer.

    Of the views with more than one payload it is a list, which is empty where the platform does not show that at all.
    Platforms are those whose renderers are installed (entry points `sayso.renderers`).

    Raises:
        ValueError: there is no such platform, field or view.
        InvalidRequest: no agent can ask that.
    """
    entry = _renderers().get(platform)
    if entry is None:
        raise ValueError(f"no renderer is installed for {platform!r}")
    if view not in get_args(View):
        raise ValueError(f"there is no view {view!r}")
    if view == "card":
        return entry.load()(draw.card_of(ticket(field, text), samples.MINT))
    return list(_VIEWS[view](importlib.import_module(entry.module), field, text))


@functools.cache
def _renderers() -> dict[str, importlib.metadata.EntryPoint]:
    """Looked up once: every package that is installed is read for it."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group="sayso.renderers")}


def ticket(field: RequestField, text: str) -> model.Ticket:
    """A ticket with *text* in one field. Raises as `render`."""
    if field not in get_args(RequestField):
        raise ValueError(f"there is no field {field!r}")
    return _answered(samples.opened(_request(field, text)), field, text)


def windows(field: RequestField, text: str, limits: dialog.WindowLimits = _BOUNDLESS) -> Iterator[dialog.Dialog]:
    """Every window that a press opens where one field holds *text*, and its steps. Raises as `render`."""
    for about in (ticket(field, text), *_forms(field, text)):
        for action in get_args(tokens.Action):
            if about.decision is None and action != "review":
                yield from _dialogs(about, action, limits)


def _windows(module: ModuleType, field: RequestField, text: str) -> Iterator[Any]:
    shows = getattr(module, "render_dialog", None)
    if shows is not None:
        yield from map(shows, windows(field, text, getattr(module, "ROOM", _BOUNDLESS)))


def _review(module: ModuleType, field: RequestField, text: str) -> Iterator[Any]:
    shows, limits = getattr(module, "render_dialog", None), getattr(module, "ROOM", _BOUNDLESS)
    if shows is not None:
        yield from map(shows, _dialogs(ticket(field, text), "review", limits))


def _dialogs(about: model.Ticket, action: tokens.Action, limits: dialog.WindowLimits) -> Iterator[dialog.Dialog]:
    """Every page or step that a press opens; the last one comes again and again, so it ends where one is repeated."""
    seen: set[str] = set()
    for index in range(_MOST_PAGES):
        pressed = tokens.read(samples.MINT.token(about, action, index))
        if action == "fill" and about.request.kind == "permission":
            return
        opened = dialog.of_press(about, pressed, samples.MINT, limits)
        if opened is None or (content := repr((opened.title, opened.parts, opened.inputs))) in seen:
            return
        seen.add(content)
        yield opened


def _row(module: ModuleType, field: RequestField, text: str) -> Iterator[Any]:
    shows = getattr(module, "row", None)
    if shows is not None:
        about = ticket(field, text)
        closed = machine.step(about, events.Cancelled(at=samples.NOW, by="agent", reason=text)).ticket
        yield shows(draw.card_of(closed, samples.MINT))


def _notes(module: ModuleType, field: RequestField, said: str) -> Iterator[Any]:
    shows, begins = getattr(module, "note", None), getattr(module, "opening", None)
    if shows is not None and field == "body":
        yield shows(card.Says(prose.parse(said)))
    if begins is not None and field == "session":
        yield begins(card.Session("agent", said, text.line(said)))


_VIEWS: dict[str, Callable[[ModuleType, RequestField, str], Iterator[Any]]] = {
    "windows": _windows,
    "review": _review,
    "row": _row,
    "notes": _notes,
}


def _request(field: RequestField, text: str) -> model.Request:
    def given(name: RequestField, otherwise: str) -> str:
        return text if field == name else otherwise

    source = model.Source(agent=given("agent", "bot"), session=given("session", "s-1"), url=given("url", "x"))
    if field in ("option", "description"):
        option = model.Option(label=given("option", "A"), description=given("description", "about"))
        return asking.Choice("Which?", [option, "another"], source=source)
    if field in ("label", "answer"):
        return asking.Form("Fill in", [model.Field(name="f", label=given("label", "Label"))], source=source)
    if field == "title":
        return asking.Question(text, source=source)
    return asking.Permission(
        tool=given("tool", "Bash"),
        input={given("key", "command"): given("value", "make deploy")},
        body=given("body", "because"),
        context={"folder": given("context", "here")},
        attachments=(model.Attachment(name="log", text=given("attachment", "line")),),
        source=source,
    )


def _forms(field: RequestField, text: str) -> Iterator[model.Ticket]:
    """Forms with *text* where only a window shows it: beside an input, in its hint, its options and its default."""
    if field == "description":
        yield samples.opened(
            asking.Form("Fill in", [model.Field(name="f", label="Label", description=model.fact_of(text))])
        )
    if field == "option":
        options = (model.Option(label=text[: model.MAX_TITLE]), model.Option(label="another"))
        for several in (False, True):
            asked = model.Field(name="f", label="L", kind="choice", options=options, multiple=several, default=text)
            yield samples.opened(asking.Form("Fill in", [asked]))
    if field == "value":
        yield samples.opened(asking.Form("Fill in", [model.Field(name="f", label="Label", default=text)]))
    if field == "title":
        yield samples.opened(asking.Form(text, [model.Field(name="f", label="Label")]))
        yield samples.opened(asking.Choice(text, ["A", "B"], other=True))
    if field == "url":
        offer = model.Offer(name="s0", kind="rule", effect=model.fact_of(text))
        yield samples.opened(asking.Permission(tool="Bash", input={"command": "ls"}, offers=[offer], verdicts=["stop"]))


def _answered(opened: model.Ticket, field: RequestField, text: str) -> model.Ticket:
    if field not in ("reason", "answer", "name"):
        return opened
    by = model.Person(id="ann", name=text if field == "name" else "Ann", account="chat:T/ann", member=True)
    answer = model.Answer(values={"f": text}) if field == "answer" else model.Answer(verdict="deny", reason="no")
    if field == "reason":
        answer = answer.model_copy(update={"reason": text})
    return machine.step(opened, events.Answered(at=samples.NOW, by=by, answer=answer)).ticket

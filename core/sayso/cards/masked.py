"""A ticket as people see it: with the secrets in all that anybody wrote in it covered. Pure.

The rule: only what is shown comes from here. What is answered, compared, bound or run is the ticket itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

import pydantic

from sayso import model
from sayso.cards import tokens
from sayso.content import digest, fields, masks, requests, risk
from sayso.machine import events

Shown = TypeVar("Shown")

# What nobody wrote: made by the service, or given by its operator. An image is no text.
_MADE = frozenset(
    (
        "id",
        "digest",
        "input_digest",
        "kind",
        "outcome",
        "via",
        "account",
        "person",
        "rule",
        "route",
        "policy",
        "data",
        "receipt",
    )
)
# What an agent fills in for a field.
_OF_FIELD = ("default", "example")
# Of a ticket, what somebody wrote.
_WRITTEN = ("request", "answers", "taken", "decision", "asked_back", "remembered", "stopped")
# What holds no text; a number may be a secret by its name, and is looked at.
_PLAIN = (bool, datetime, type(None))
# What is none of ours.
_JSON = (str, dict, list, tuple, int, float)
_MOST_KEPT = 32
# These are small, and each is drawn twice as a rule: open, and closed.
_MOST_BARE = 128

_Key = tuple[str, str, int, str]


class _Kept:
    """Tickets that were covered lately, if that takes a while or comes to something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[_Key, tuple[model.Ticket, masks.Masks, model.Ticket, Mapping[str, Any]]] = {}

    def find(self, ticket: model.Ticket, using: masks.Masks) -> tuple[model.Ticket, Mapping[str, Any]] | None:
        with self._lock:
            kept = self._by_key.get(_key(ticket))
        return kept[2:] if kept and kept[1] == using and (kept[0] is ticket or kept[0] == ticket) else None

    def keep(self, ticket: model.Ticket, using: masks.Masks, shown: model.Ticket, found: Mapping[str, Any]) -> None:
        with self._lock:
            self._by_key[_key(ticket)] = ticket, using, shown, found
            if len(self._by_key) > _MOST_KEPT:
                del self._by_key[next(iter(self._by_key))]


class _Bare:
    """Requests in which no secret was found lately: what happens to one afterwards does not put any into it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_digest: dict[tuple[str, str], tuple[model.Request, masks.Masks]] = {}

    def has(self, ticket: model.Ticket, using: masks.Masks) -> bool:
        with self._lock:
            kept = self._by_digest.get((ticket.ref, ticket.digest))
        return kept is not None and kept[1] == using and kept[0] == ticket.request

    def add(self, ticket: model.Ticket, using: masks.Masks) -> None:
        with self._lock:
            self._by_digest[ticket.ref, ticket.digest] = ticket.request, using
            if len(self._by_digest) > _MOST_BARE:
                del self._by_digest[next(iter(self._by_digest))]


class Covered(model.Ticket):
    """A ticket as it is shown: its secrets are covered, once."""

    marks: tuple[risk.Mark, ...] = pydantic.Field(default=(), exclude=True)
    """What is risky in it, also where a mask covers it."""


def _key(ticket: model.Ticket) -> _Key:
    return ticket.ref, ticket.id, ticket.version, ticket.digest


_KEPT, _BARE = _Kept(), _Bare()
# Nobody else has this key, so what is covered here is uncovered nowhere.
_HERE = masks.Masks(os.urandom(32), again=True)


def of(ticket: model.Ticket, maker: tokens.TokenMaker) -> model.Ticket:
    """The ticket as it is shown; the ticket itself if there is no secret in it."""
    return ticket if maker.plain else _covered(ticket, maker.masks)[0]


def marks_of(ticket: model.Ticket) -> tuple[risk.Mark, ...]:
    """What the service finds risky in a ticket, or in one as it is shown; the highest first."""
    return ticket.marks if isinstance(ticket, Covered) else risk.marks_of(ticket.request)


def secrets_of(ticket: model.Ticket, maker: tokens.TokenMaker) -> Mapping[str, Any]:
    """What each mask on a ticket stands for."""
    return {} if maker.plain else _covered(ticket, maker.masks)[1]


def over_wire(ticket: model.Ticket) -> model.Ticket:
    """A ticket that a service sent, as it is shown here: with its masks, and more where it sent secrets."""
    return _covered(ticket, _HERE)[0]


def entry_of(entry: events.Entry, maker: tokens.TokenMaker) -> events.Entry:
    """A row of the log as it is shown."""
    return entry if maker.plain else _entry(entry, maker.masks)


def entry_over_wire(entry: events.Entry) -> events.Entry:
    """A row of the log that a service sent, as it is shown here."""
    return _entry(entry, _HERE)


def _entry(entry: events.Entry, using: masks.Masks) -> events.Entry:
    if isinstance(entry, events.Answered) and entry.salt:
        entry = entry.model_copy(update={"salt": None})
    said = isinstance(entry, events.Answered | events.Cancelled | events.AnswerRefused | events.Stopped)
    return _walk(entry, using.over({}).value) if said else entry


def _covered(ticket: model.Ticket, using: masks.Masks) -> tuple[model.Ticket, Mapping[str, Any]]:
    if isinstance(ticket, Covered):
        return ticket, {}
    if kept := _KEPT.find(ticket, using):
        return kept
    found: dict[str, Any] = {}
    cover = using.over(found, ticket.request.input)
    names = _WRITTEN[1:] if _BARE.has(ticket, using) else _WRITTEN
    made = {name: _written(ticket, name, cover) for name in names}
    if (decided := made["decision"]) and decided.receipt:
        # it is for the asking side, which runs by it
        made["decision"] = decided.model_copy(update={"receipt": None})
    shown = _update(ticket, made)
    if found:
        _hide_digests(ticket, cover)
        # words that repeat a secret, such as what the agent is told, are covered wherever they stand
        again = {
            name: _walk(getattr(shown, name), lambda one, under: cover.known(one, runs=under == "input"))
            for name in _WRITTEN
        }
        if decision := again["decision"]:
            # by it anybody could try out a short secret
            again["decision"] = decision.model_copy(update={"input_digest": None})
        shown = Covered.model_construct(
            **{**vars(shown), **again}, marks=risk.in_sight(ticket.request, again["request"])
        )
    is_new = names is _WRITTEN
    if found or (is_new and requests.is_large(ticket.request)):
        _KEPT.keep(ticket, using, shown, found)
    elif is_new:
        _BARE.add(ticket, using)
    return shown, found


def _hide_digests(ticket: model.Ticket, cover: masks.Covering) -> None:
    """Have digests of the call covered where the agent's side noted them: by them a secret could be tried out."""
    given, decision = ticket.request.input, ticket.decision
    if given is not None:
        cover.hide(digest.of_call(ticket.request.tool or "", given).removeprefix("sha256:"))
    if decision is not None and decision.input_digest is not None:
        cover.hide(decision.input_digest.removeprefix("sha256:"))


def _written(ticket: model.Ticket, name: str, cover: masks.Covering) -> Any:
    given = getattr(ticket, name)
    if given is None or given == ():
        return given
    if name == "request":
        return _walk(given, cover.value)
    labels = _Labels(ticket.request)

    def value(one: Any, under: str) -> Any:
        if under == "values" and isinstance(one, dict):
            named = cast("dict[str, Any]", one)
            made = {key: cover.value(inner, labels.name_of(key)) for key, inner in named.items()}
            return made if any(made[key] is not named[key] for key in named) else named
        return cover.value(one, labels.title if under in ("text", "values", "choices") else under)

    return _walk(given, value)


class _Labels:
    """By what people know the fields of a request: what is asked for as a password is one."""

    def __init__(self, request: model.Request) -> None:
        self.title = request.title or ""
        self._request = request
        self._labels: Mapping[str, str] | None = None

    def name_of(self, field: str) -> str:
        if self._labels is None:
            self._labels = {one.name: one.label for one in fields.of_request(self._request)}
        said = self.title if field == fields.ANSWER else self._labels.get(field, "")
        return said if said and masks.names_a_secret(said) else field


def _asked_for(field: model.Field) -> str:
    """The secret that a field asks for, as people or its schema call it; empty if it asks for none."""
    return next((said for said in (field.label, field.name) if masks.names_a_secret(said)), "")


def _update(ticket: model.Ticket, made: Mapping[str, Any]) -> model.Ticket:
    changed = {name: one for name, one in made.items() if one is not getattr(ticket, name)}
    return ticket.model_copy(update=changed) if changed else ticket


def _walk(given: Shown, cover: Callable[[Any, str], Any], name: str = "") -> Shown:
    """The same with *cover* over each of its texts and JSON values."""
    if not given or isinstance(given, _PLAIN):
        return given
    # what is asked of a model's class takes longest
    if not isinstance(given, _JSON) and isinstance(given, pydantic.BaseModel):
        parts = [(name, one) for name, one in vars(given).items() if one and name not in _MADE]
        asked = _asked_for(given) if isinstance(given, model.Field) else ""
        made = {name: _walk(one, cover, asked if asked and name in _OF_FIELD else name) for name, one in parts}
        changed = {name: made[name] for name, one in parts if made[name] is not one}
        return given.model_copy(update=changed) if changed else given
    if isinstance(given, tuple):
        several = cast("tuple[Any, ...]", given)
        if any(isinstance(one, pydantic.BaseModel) for one in several):
            covered = tuple(_walk(one, cover, name) for one in several)
            same = all(one is other for one, other in zip(covered, several, strict=True))
            return cast("Shown", several if same else covered)
    shown: Shown = cover(given, name)
    return shown

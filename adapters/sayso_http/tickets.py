"""A ticket as JSON. What makes its buttons work, the unguessable reference, never leaves the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pydantic

from sayso import attention, model, parts, policies
from sayso.machine import progress


class Posted(model.Frozen):
    """A card that stands somewhere: the place it was sent to, and the platform's own room and message."""

    place: str
    ref: str


class Document(model.Frozen):
    """A request with its present state: the answer to nearly every call."""

    # an older client must be able to read a newer service
    model_config = pydantic.ConfigDict(extra="ignore")

    id: model.RequestId
    kind: model.Kind
    state: model.State
    digest: str
    created_at: datetime
    expires_at: datetime
    answers: tuple[model.Given, ...]
    taken: model.Taken | None = None
    """An answer that is delivered soon, unless who gave it takes it back."""
    decision: model.Decision | None
    cards: tuple[Posted, ...]
    version: int
    """Grows by one with every change."""
    held: bool = False
    """Since an older copy of the database was put back: nobody can answer or use it until an operator says so."""
    owner: str
    """The key that asked."""
    key: str | None = None
    """Which one of that name: its hash, from which nobody gets the key."""
    requester: str | None
    policy: model.Policy
    """As it was when the request was asked; later changes do not touch it."""
    policy_name: str | None = None
    """What it is called in the settings."""
    stage: int = 0
    """Which stage of the policy is open, from 0."""
    stage_at: datetime | None = None
    """Since when, once it was not the first."""
    gone: tuple[str, ...] = ()
    """Accounts that were closed since somebody allowed it from them; they do not count any more."""
    review: model.RequestId | None = None
    """The request in which others review that somebody broke its glass."""
    reviews: model.RequestId | None = None
    """The request whose allow this one reviews."""
    route: tuple[str, ...]
    undelivered: tuple[str, ...]
    used_at: datetime | None = None
    """When the allow was used."""
    redeemed_at: datetime | None = None
    """When its receipt was used."""
    erased_at: datetime | None = None
    """When its content was erased."""
    asked_back: model.AskedBack | None = None
    """What this request answers with its body."""
    remembered: model.Remembered | None = None
    """What was decided before on exactly this call."""
    stopped: model.Standstill | None = None
    """While somebody has stopped everything, or its agent: nothing is allowed, and no time runs."""
    ruled: model.Ruled | None = None
    """What the operator's rules came to; null if there are none."""
    plan: tuple[policies.Planned, ...] = ()
    """When people are reminded and when it is escalated, if nobody decides it before; earliest first."""
    escalated: tuple[policies.Escalated, ...] = ()
    """Which escalations of its policy have happened, and when."""
    reminded: int = 0
    """How often people were reminded."""
    passed: tuple[policies.PassedOn, ...] = ()
    """Who asked whom to answer it."""
    delayed: tuple[attention.Trouble, ...] = ()
    """Where it could not be shown so far, and why; it is tried again."""
    fell_back: tuple[attention.FellBack, ...] = ()
    """Where it was shown instead, and since when."""
    attending: attention.Attending | None = None
    """Who looks after it: to whom it was put, who has taken it on or put it off; null if that is everybody."""
    progress: str | None = None
    """What goes on while it waits, in a sentence for a model; null once it is decided."""
    viewed_at: datetime | None = None
    """When somebody had it open for the first time, where a surface knows that."""
    request: model.Request


class Cancel(model.Frozen):
    """The body of a cancel; it may be left out."""

    reason: model.Reason | None = None


class PassOn(model.Frozen):
    """The body of a call that asks somebody else."""

    to: model.Name
    """A person of the settings."""


class Snooze(model.Frozen):
    """The body of a call that puts a request off."""

    seconds: parts.Seconds
    """For how long."""


class Use(model.Frozen):
    """The body of a use; it may be left out."""

    attempt: model.Name | None = None
    """Your name for this attempt: sent again, it is the same use."""


class Page(model.Frozen):
    """Requests, newest first; `next` is the `before` of the following page."""

    requests: tuple[Document, ...]
    next: str | None = None


# Every field of a ticket is in `Document`, or here with the reason why it does not leave the service.
LEFT_OUT: Mapping[str, str] = {
    "ref": "whoever knows it can make the buttons work",
    "used_for": "it is the caller's own name for an attempt, which the caller knows",
    "tell": "it is a direct message to somebody, and none of the places where people answer",
    "push": "it says only that the service may tell people on their devices",
    "bound_until": "it says only what the digest covers; `expires_at` is the deadline",
    "reach": "it has direct messages to people whose turn it is not yet",
    "fallback": "they are places at which it may never be shown",
    "stage_routes": "they are direct messages to people whose turn it is not yet",
    "trace": "it is the caller's own, which the caller knows",
    "salt": "it keeps others from trying out what the digest covers",
    "minted": "it says only which buttons of old cards are dead",
}
FROM_TICKET = tuple(name for name in Document.model_fields if name in model.Ticket.model_fields)
# Its fields in their order. To fill it in takes a tenth of the time that it takes to construct one.
_EMPTY = Document.model_construct(**dict.fromkeys(Document.model_fields))


def unplaced(ticket: type[model.Ticket]) -> set[str]:
    """Find fields of *ticket* that neither cross the wire nor are left out on purpose."""
    return set(ticket.model_fields) - set(Document.model_fields) - set(LEFT_OUT)


def to_document(ticket: model.Ticket, cards: Sequence[model.PostedCard] = ()) -> Document:
    """Make the wire form. It is not validated again: its parts are frozen models already."""
    made = {name: getattr(ticket, name) for name in FROM_TICKET}
    made["kind"], made["state"], made["progress"] = ticket.request.kind, ticket.state, progress.said(ticket)
    made["cards"] = tuple(Posted(place=card.place, ref=f"{card.conversation}/{card.message}") for card in cards)
    return _EMPTY.model_copy(update=made)


def to_ticket(document: Document) -> model.Ticket:
    """Make the ticket of a wire form, without what is left out; its `ref` is empty."""
    return model.Ticket.model_validate({"ref": "", **{name: getattr(document, name) for name in FROM_TICKET}})

"""What a request's digest binds: its content, and the terms under which it is asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sayso import attention, errors, model
from sayso.content import digest, requests

# The rules that every digest names, as they are by default.
_FIRST_RULES = model.Policy().model_dump(
    mode="json", include={"approvers", "quorum", "veto", "self_approval", "expires_in", "on_timeout"}
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator decides about a request: who asked, under which policy, and its route."""

    owner: str
    policy: model.Policy
    route: tuple[model.Place, ...]
    requester: str | None = None
    key: str | None = None
    asked_back: model.AskedBack | None = None
    """What was asked back before; a fact that the service adds, since people read it on the card."""
    remembered: model.Remembered | None = None
    """What was decided before on the same call; bound for the same reason."""
    ruled: model.Ruled | None = None
    """What the operator's rules came to."""
    tell: tuple[model.Place, ...] = ()
    """Where the requester is told what became of it."""
    push: bool = False
    """Whether people are told on their devices, where they asked for it."""
    policy_name: str | None = None
    """What the policy is called in the settings."""
    stage_routes: tuple[tuple[model.Place, ...], ...] = ()
    """Where it is shown as well, stage by stage."""
    reach: attention.Reach | None = None
    """Whom it reaches in which order."""
    fallback: tuple[tuple[model.Place, ...], ...] = ()
    """Where it is shown if it can be shown nowhere else, one after the other."""
    reviews: model.RequestId | None = None
    """The request whose allow it reviews."""


def digest_of(
    request: model.Request, terms: Terms | model.Ticket, id: str, expires_at: datetime, salt: str | None = None
) -> str:
    """The digest of everything that is shown or bound; the same content with the same salt gives the same one."""
    bound = {
        "id": id,
        "request": _with_integers(requests.document(request)),
        "policy": _bound_policy(terms.policy),
        "owner": terms.owner,
        "requester": terms.requester,
        "expires_at": expires_at.isoformat(),
    }
    if terms.asked_back is not None:
        bound["asked_back"] = terms.asked_back.model_dump(mode="json")
    if terms.remembered is not None:
        bound["remembered"] = terms.remembered.model_dump(mode="json")
    if terms.ruled is not None:
        bound["ruled"] = terms.ruled.model_dump(mode="json", exclude_defaults=True)
    if salt is not None:
        bound["salt"] = salt
    return digest.digest(bound, "request")


def _bound_policy(policy: model.Policy) -> model.JsonObject:
    # what was added to policies since then counts only if it is set: older tickets keep their digest
    return _with_integers(_FIRST_RULES | policy.model_dump(mode="json", exclude_defaults=True))


def _with_integers(document: model.JsonObject) -> model.JsonObject:
    """The same, with whole numbers as integers: they are written so anyway, and then nothing is copied for it."""
    for name, value in document.items():
        if type(value) is float and value.is_integer() and value <= digest.MAX_SAFE_INTEGER:
            document[name] = int(value)
    return document


def check(ticket: model.Ticket) -> None:
    """Compute the digest from the content again. Raises `Altered` if it differs."""
    try:
        until = ticket.bound_until or ticket.expires_at
        found = digest_of(ticket.request, ticket, ticket.id, until, ticket.salt)
    except errors.InvalidRequest as error:
        raise errors.Altered(ticket) from error
    if found != ticket.digest:
        raise errors.Altered(ticket)


def is_sound(ticket: model.Ticket) -> bool:
    """Whether the content still gives the digest."""
    try:
        check(ticket)
    except errors.Altered:
        return False
    return True

"""The errors of the core, in one tree; each names the fact, carries its data and knows its HTTP status.

Adapters add their own below the same root.

SaysoError
├─ InvalidRequest         what was asked cannot be asked; and Misbuilt, in `content.requests`  422
├─ InvalidSettings        a setting is unknown, missing or wrong        (stops the start)
├─ NotFound               no such request, for this caller              404
├─ AlreadyExists          the id is taken by other content              409
│   └─ HookConflict       these three and theirs are in `hook_errors`
├─ HookClosed, HookDeferred, and in `leases` LeaseOver, which never leaves the courier
├─ Refused                an answer that cannot be taken
│   ├─ AlreadyDecided     somebody, or the deadline, was first          409
│   ├─ AlreadyTaken       somebody's answer is delivered in a moment    409
│   ├─ NotAllowed         this person may not decide this               403
│   ├─ MembershipUnknown  nobody could find out whether they may        503
│   ├─ Altered            its content is not what was asked any more    409
│   ├─ InvalidAnswer      the answer does not fit the request           422
│   │   └─ Unworkable     the rules failed over it
│   └─ InvalidToken       a button or address that is not ours          400
├─ AlreadyUsed            one allow is good once, and it was used       409
├─ NotUsable              there is no allow to use, or its time is over 409
├─ Unauthorized           no key, or not one of ours                    401
├─ TooMany                this caller asks too often, or too much waits  429
├─ DigestMismatch         what is about to run is not what was allowed
├─ Denied                 the call was not allowed; it is in `gate`
├─ StoreUnavailable       the database cannot be used now               503
│   ├─ Occupied           somebody else holds one row; it is in `stores.occupied`
│   └─ Unreadable         one stored row is damaged, or of a newer version
├─ Conflict               a newer version is stored; never leaves the core
└─ ChannelError           a platform refused or failed; the courier retries or gives up
    ├─ UnknownPerson      it did not say who acted; nothing was counted
    └─ NotYet             it is not this call's turn; nothing was sent
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayso import model


class SaysoError(Exception):
    """The root: `code` is stable for programs, `status` its HTTP status, `hint` what to do, also below a trace."""

    code = "error"
    status = 500

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field, self.hint = field, hint
        if hint:
            self.add_note(f"→ {hint}")


class InvalidRequest(SaysoError):
    """The request cannot be asked: a field is wrong, a policy or place is unknown."""

    code = "invalid_request"
    status = 422


class InvalidSettings(SaysoError):
    """A setting is unknown, missing or wrong; `field` is its key. Nothing starts."""

    code = "invalid_settings"


class NotFound(SaysoError):
    """There is no such request, or this caller may not know of it."""

    code = "not_found"
    status = 404


class AlreadyExists(SaysoError):
    """The id is taken by a request with other content."""

    code = "id_taken"
    status = 409


class Refused(SaysoError):
    """An answer that cannot be taken; nothing has changed."""

    code = "refused"
    status = 409


class AlreadyDecided(Refused):
    """The request is closed; `ticket` says who decided, or what closed it."""

    code = "already_decided"

    def __init__(self, ticket: model.Ticket) -> None:
        super().__init__(f"request {ticket.id} is already closed")
        self.ticket = ticket


class AlreadyTaken(Refused):
    """Somebody else's answer was taken, and is delivered in a moment; `ticket.taken` says whose and when."""

    code = "already_taken"

    def __init__(self, ticket: model.Ticket) -> None:
        whose = ticket.taken.given.person if ticket.taken else "somebody"
        hint = "it can be answered again if they take it back"
        super().__init__(f"the answer of {whose} was taken, and is delivered in a moment", hint=hint)
        self.ticket = ticket


class NotAllowed(Refused):
    """This person may not decide this request; the message says who may."""

    code = "not_allowed"
    status = 403


class MembershipUnknown(Refused):
    """Nobody could find out whether this person is in a group, or on call; in doubt nobody decides anything."""

    code = "could_not_find_out"
    status = 503


class Altered(Refused):
    """What is stored as the request is not what was asked: its content does not give its digest."""

    code = "altered"

    def __init__(self, ticket: model.Ticket) -> None:
        hint = "it can only be withdrawn; ask again under a new id, and see who can write to the database"
        super().__init__(f"the content of request {ticket.id} is not what was asked any more", hint=hint)
        self.ticket = ticket


class InvalidAnswer(Refused):
    """The answer does not fit the request; `field` names the part, `complaints` every wrong part by its name."""

    code = "invalid_answer"
    status = 422
    complaints: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        complaints: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, field=field, hint=hint)
        self.complaints = dict(complaints or {})


class Unworkable(InvalidAnswer):
    """The rules failed over an answer, which is a fault of ours; the request stays open, and can still be denied."""

    def __init__(self, why: str) -> None:
        super().__init__("nothing can be made of this answer here", hint="another one may do; or it can be withdrawn")
        self.why = why


class InvalidToken(Refused):
    """The button or address was not made by this service, or belongs to something else."""

    code = "invalid_token"
    status = 400


class AlreadyUsed(SaysoError):
    """The allow was used before; `ticket` and the message say when."""

    code = "already_used"
    status = 409

    def __init__(self, ticket: model.Ticket) -> None:
        at = f" at {ticket.used_at:%Y-%m-%d %H:%M:%S} UTC" if ticket.used_at else ""
        hint = "one allow is good once; ask again under a new id"
        super().__init__(f"the allow of request {ticket.id} was used{at}", field="id", hint=hint)
        self.ticket = ticket


class NotUsable(SaysoError):
    """There is no allow to use: nobody decided yet, it was not allowed, or its time is over."""

    code = "not_usable"
    status = 409


class Unauthorized(SaysoError):
    """No key was given, or it is unknown or revoked."""

    code = "unauthorized"
    status = 401


class TooMany(SaysoError):
    """This caller asks too often, or has too much waiting; after `retry_after` seconds it may try again."""

    code = "too_many"
    status = 429
    retry_after = 60.0

    def __init__(
        self, message: str, *, field: str | None = None, hint: str | None = None, retry_after: float = 60.0
    ) -> None:
        super().__init__(message, field=field, hint=hint)
        self.retry_after = retry_after


class DigestMismatch(SaysoError):
    """What is about to run differs from what was allowed; it must not run."""

    code = "digest_mismatch"
    status = 409


class StoreUnavailable(SaysoError):
    """The database is locked, full, damaged or unreachable. Try again later.

    `unsure` means that the answer to the commit was lost, so what was to be stored may be; otherwise nothing was.
    `why` may be told to strangers.
    """

    code = "store_unavailable"
    status = 503
    why = "the database cannot be used now"
    unsure = False

    def __init__(self, message: str, *, hint: str | None = None, unsure: bool = False, why: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.unsure = unsure
        self.code = "store_unsure" if unsure else self.code
        self.why = why or self.why


class Unreadable(StoreUnavailable):
    """One stored row cannot be read: it is damaged, or a newer version wrote it. All others can be."""

    code = "unreadable"

    def __init__(self, what: str) -> None:
        why = f"{what} is damaged in the database, or a newer version wrote it"
        super().__init__(why, hint="see the log of the service; restore it, or upgrade", why=why)


class Conflict(SaysoError):
    """Somebody stored a newer version first; the desk loads it and tries again."""

    code = "conflict"
    status = 409


class ChannelError(SaysoError):
    """A platform refused or failed.

    `retry_after` is the wait in seconds that the platform asked for, a day at most; `final` means that trying again is
    useless; `unsure` means that the message may have been posted all the same; `gone` means that the posted message, or
    the room that it stood in, is not there any more.
    """

    code = "channel_error"
    status = 502
    retry_after: float | None = None
    final = unsure = gone = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        final: bool = False,
        unsure: bool = False,
        gone: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        # whatever a platform says can be added to a moment, and ends
        self.retry_after = None if retry_after is None else min(max(0.0, retry_after), 86_400.0)
        self.final, self.unsure, self.gone = final, unsure, gone


class UnknownPerson(ChannelError):
    """A platform did not say who somebody is who acted there."""


class NotYet(ChannelError):
    """It is not this call's turn: nothing was sent, and nothing failed. Come again in *retry_after* seconds."""

    code = "not_yet"
    wait = 0.0

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, retry_after=retry_after)
        self.wait = self.retry_after or 0.0

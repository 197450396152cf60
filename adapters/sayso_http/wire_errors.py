"""How a failure looks on the wire: one form for all of them, and the error that a client makes of it again.

Nothing here imports a web server: the client reads what the server writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sayso import errors, model


class Failure(model.Frozen):
    """One error: `code` is stable for programs, `field` names the part of the input that is wrong."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None


class Failed(model.Frozen):
    """The body of every response of 400 and above."""

    error: Failure


class Encoded(errors.SaysoError):
    """A body is compressed, or encoded in some other way."""

    code = "unsupported_media_type"
    status = 415


class Slow(errors.SaysoError):
    """A body did not come in time."""

    code = "too_slow"
    status = 408


class OfTicket(errors.Refused):
    """The service refused something because of the state of a ticket; `code` is the error's own."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, hint=failure.hint)
        self.code = failure.code


# Errors that are made from a ticket: whoever knows its id can read it, and see by whom and when.
MADE_OF_TICKET: Mapping[str, Callable[[model.Ticket], errors.SaysoError]] = {
    kind.code: kind for kind in (errors.AlreadyDecided, errors.AlreadyTaken, errors.AlreadyUsed, errors.Altered)
}


def _below(kind: type[errors.SaysoError]) -> Iterator[type[errors.SaysoError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


KNOWN: Mapping[str, type[errors.SaysoError]] = {
    kind.code: kind
    for kind in _below(errors.SaysoError)
    # others have the code of a more general one, or belong to another adapter
    if "code" in vars(kind) and kind.__module__ in (errors.__name__, __name__)
}
"""Every error that the service may name, by its code: the tree itself, so that a new one is known here at once."""


def error_of(failure: Failure) -> errors.SaysoError:
    """The error that the service named. What an error carries beside its words has its default."""
    if failure.code in MADE_OF_TICKET:
        return OfTicket(failure)
    kind = KNOWN.get(failure.code, errors.SaysoError)
    # the constructors differ, and what they take did not come along
    error = kind.__new__(kind)
    errors.SaysoError.__init__(error, failure.message, field=failure.field, hint=failure.hint)
    if kind is errors.SaysoError:
        error.code = failure.code
    return error

"""Refusals in Discord's shape: a status, a code, a message, and for forms the place of every problem.

Rule: pure; the one list of codes. Texts and codes are from Discord's published list of JSON error codes.
"""

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
Path = tuple[str | int, ...]
Problem = tuple[Path, str, str]
"""Where in the body, a code such as BASE_TYPE_MAX_LENGTH, and the words."""

INVALID_FORM = 50035

CODES: dict[int, tuple[int, str]] = {
    0: (404, "404: Not Found"),
    10003: (404, "Unknown Channel"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    30010: (400, "Maximum number of reactions reached (20)"),
    30033: (400, "Maximum number of thread participants reached (1000)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40003: (403, "You are opening direct messages too fast"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    40067: (400, "A tag is required to create a forum post in this channel"),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50024: (403, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50033: (400, "Invalid Recipient(s)"),
    INVALID_FORM: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (403, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (403, "Thread is locked"),
    160006: (400, "Maximum number of active threads reached"),
}


class Refused(Exception):
    """An error answer: for the caller to see, not a failure of the fake."""

    def __init__(self, code: int, *, status: int | None = None, message: str | None = None, **extra: Any) -> None:
        known, words = CODES.get(code, (400, "Error"))
        super().__init__(code, message or words)
        self.code = code
        self.status = status or known
        self.answer: Json = {"message": message or words, "code": code, **extra}


class Broken(Exception):
    """HTTP 500: what Discord answers where it should have refused."""


def form(problems: Iterable[Problem]) -> None:
    """Raise `Refused` with all *problems* at their places; do nothing when there are none."""
    errors: Json = {}
    for path, code, message in problems:
        node = errors
        for part in path:
            node = node.setdefault(str(part), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
    if errors:
        raise Refused(INVALID_FORM, errors=errors)


def wrong(place: str, code: str, message: str) -> Refused:
    """A form refusal with a single problem at the dotted *place*."""
    try:
        form([(tuple(place.split(".")), code, message)])
    except Refused as refused:
        return refused
    raise AssertionError("one problem is never none")

"""What a policy wants with an answer beside its verdict: a reason, the name of what is touched, time to read. Pure."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

from sayso import errors, model
from sayso.content import masks, text, wording
from sayso.machine import events

_TOOL = "tool"


class ReadFirst(errors.InvalidAnswer):
    """The policy gives people time to read, and it is not over; *left* is in seconds."""

    def __init__(self, left: int) -> None:
        self.left = left
        super().__init__(f"read it first: you can allow it in {wording.within(left)}", field="confirm")


def wants_reason(ticket: model.Ticket, verdict: model.Verdict | None) -> bool:
    """Whether an answer with this verdict must say why."""
    side = "deny" if verdict == "stop" else verdict
    return ticket.request.kind == "permission" and side is not None and ticket.policy.reason in (side, "both")


def name_to_type(ticket: model.Ticket, edited: model.JsonObject | None = None) -> str | None:
    """What somebody must type to allow it as it would run; None if nothing.

    It is the value that the policy names. If that is missing, long, or cannot be typed as it is seen, it is the tool's:
    what a mask covers is seen by nobody.
    """
    wanted = ticket.policy.confirm
    if not isinstance(wanted, str) or ticket.request.kind != "permission":
        return None
    *_, last = path = wanted.split(".")[1:] or [_TOOL]
    value = None if wanted == _TOOL else _find(edited or ticket.request.input or {}, path)
    if masks.GONE.over({}).value(value, last) != value:
        value = None
    named = value if isinstance(value, str) else json.dumps(value) if isinstance(value, int | float) else ""
    return named if _can_be_typed(named) else ticket.request.tool or ""


def reading_time(ticket: model.Ticket) -> float:
    """For how many seconds somebody must have had it open before they allow it; 0 if the policy wants none."""
    wanted = ticket.policy.confirm
    return wanted if isinstance(wanted, float) and ticket.request.kind == "permission" else 0.0


def check(ticket: model.Ticket, event: events.Answered, answer: model.Answer) -> None:
    """Refuse an answer without what the policy wants. Raises `InvalidAnswer`; `field` names the part."""
    if wants_reason(ticket, answer.verdict) and not (answer.reason or answer.question or "").strip():
        said = "an allow" if answer.verdict == "allow" else "a denial"
        raise errors.InvalidAnswer(f"its policy wants a reason for {said}", field="reason", hint="say why")
    if answer.verdict != "allow" or answer.break_glass:
        return
    named = name_to_type(ticket, answer.input)
    if named is not None and (answer.confirm or "").strip() != named:
        what = "the tool's name" if ticket.policy.confirm == _TOOL else f"the value of {ticket.policy.confirm}"
        raise errors.InvalidAnswer(f"to allow this, its name has to be typed: {what}", field="confirm")
    if left := _left(ticket, event.read_since, event.at):
        # rounded up, so that whoever waits so long is not too early
        raise ReadFirst(math.ceil(left))


def _left(ticket: model.Ticket, since: datetime | None, at: datetime) -> float:
    """How many seconds are left to read; all of them if nobody knows since when it is open."""
    time = reading_time(ticket)
    if time == 0:
        return 0.0
    return max(0.0, time if since is None else (since + timedelta(seconds=time) - at).total_seconds())


def _find(value: object, path: list[str]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _can_be_typed(named: str) -> bool:
    """Whether it is one short line that reads as it is written, and holds something."""
    return 0 < len(named) <= model.MAX_NAME and named.strip() == named and text.line(named).text == named

"""An allow that holds for what comes after it, too: what may be granted so, and what it covers. Pure.

The rule: a grant covers nothing that its card did not show. So it is the same call to the last sign, a tool of one
session whose input cannot hold a command, or what `likeness` calls alike.
"""

from __future__ import annotations

from typing import assert_never

from sayso import errors, model, parts, policies
from sayso.content import digest, tools
from sayso.machine import likeness


def may(ticket: model.Ticket, standing: parts.Standing) -> bool:
    """Whether an allow of this request can stand for others."""
    return can_hold(ticket.policy) and _covers(ticket.request, standing)


def can_hold(policy: policies.Policy) -> bool:
    """Whether one person's allow is enough under this policy, and may hold for a while."""
    return is_plain(policy) and policy.grants is not None


def is_plain(policy: policies.Policy) -> bool:
    """Whether one person's plain allow is enough under this policy."""
    return policy.most_needed == 1 and policy.reason not in ("allow", "both") and policy.confirm is None


def check(ticket: model.Ticket, answer: model.Answer) -> None:
    """Refuse an answer that wants more than its request and policy let. Raises `InvalidAnswer`."""
    if (answer.free is None) != (answer.standing != "pattern"):
        said = "free goes with standing = pattern, and says which parts of the input may differ"
        raise errors.InvalidAnswer(said, field="free", hint="leave both out, or give both")
    if answer.standing is None:
        return
    if answer.verdict != "allow" or answer.break_glass or answer.grant is not None or answer.input is not None:
        said = "what holds for others is a plain allow, of exactly what was asked"
        raise errors.InvalidAnswer(said, field="standing", hint="leave standing out")
    if not may(ticket, answer.standing):
        hint = "its policy has no grants, needs more than one plain allow, or the tool runs commands"
        raise errors.InvalidAnswer("an allow of this request stands for itself alone", field="standing", hint=hint)
    if answer.free is not None:
        likeness.pattern_of(ticket.request, answer.free)


def covered(owner: str, request: model.Request, standing: parts.Standing) -> tuple[str, ...] | None:
    """What tells the calls apart that a grant covers; None if it could not cover this one.

    Of *pattern* all patterns of an agent and a tool have the same: which of them covers it, `likeness` says.
    """
    if not _covers(request, standing):
        return None
    tool = request.tool or ""
    match standing:
        case "call":
            return (owner, standing, digest.of_call(tool, request.input or {}))
        case "tool":
            return (owner, standing, tool, request.source.session or "")
        case "pattern":
            return (owner, standing, tool)
        case _:
            assert_never(standing)


def _covers(request: model.Request, standing: parts.Standing) -> bool:
    if request.kind != "permission" or not request.tool or request.offers or request.confirm:
        return False
    if standing == "call":
        return True
    if standing == "pattern":
        return bool(likeness.margins_of(request))
    known = tools.find(request.tool)
    return bool(request.source.session) and known != tools.NOTHING and not known.command

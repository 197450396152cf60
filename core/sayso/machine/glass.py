"""Breaking the glass: an allow in an emergency, alone and at once, that others review afterwards. Pure."""

from __future__ import annotations

from sayso import errors, model
from sayso.machine import approvers, people, who

HINT = "in an emergency you may allow it alone: break the glass, with a reason"
"""For whoever may do so, and nothing else."""


def may_break(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether the policy lets this person allow it alone. Nobody does so for somebody else, or what they asked for."""
    glass = ticket.policy.break_glass
    if glass is None or ticket.request.kind != "permission" or person.delegate is not None:
        return False
    own = approvers.is_barred(ticket, person.id)
    return not own and any(approvers.is_called(name, person) for name in glass.who)


def may_see(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether this person may know of the request: to answer it, or to break its glass."""
    return approvers.may_answer(ticket, person) or may_break(ticket, person)


def refused(
    ticket: model.Ticket, person: model.Person, directory: people.Directory = people.NOBODY_KNOWN
) -> errors.Refused | None:
    """Why this person may not break the glass, and who may; None if they may."""
    glass = ticket.policy.break_glass
    if glass is None:
        return errors.InvalidAnswer("its policy has no glass to break", field="break_glass")
    if may_break(ticket, person):
        return None
    if approvers.is_barred(ticket, person.id):
        return errors.NotAllowed("you cannot break the glass for what was asked on your own behalf")
    if person.delegate is not None:
        return errors.NotAllowed(f"nobody breaks the glass in place of {person.id}")
    if unknown := approvers.unsure(person, glass.who):
        return unknown
    return errors.NotAllowed(f"you may not break the glass; it is for {who.in_words(glass.who, directory)}")


def check(answer: model.Answer) -> None:
    """Refuse an answer that breaks the glass and wants more, or does not say why. Raises `InvalidAnswer`."""
    if answer.verdict != "allow":
        raise errors.InvalidAnswer("only an allow breaks the glass", field="verdict")
    for name in ("input", "grant", "standing", "free"):
        if getattr(answer, name) is not None:
            hint = "leave it out: it is allowed once, as it was asked"
            raise errors.InvalidAnswer(f"an allow that breaks the glass takes no {name}", field=name, hint=hint)
    if not (answer.reason or "").strip():
        raise errors.InvalidAnswer("whoever breaks the glass says why", field="reason", hint="say why")

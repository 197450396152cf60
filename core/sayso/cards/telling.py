"""What one person alone is told who pressed or wrote: a true sentence, with names and a time for their own clock. Pure.

The rule: a person is named as people know them, never by an account. Names are foreign text, so they are literal.
"""

from __future__ import annotations

from sayso import errors, model
from sayso.cards import attended, board, card, notification, phrases, tokens
from sayso.content import text, wording
from sayso.machine import approvers, places

Trusted = text.Trusted

RENEWED = "This is not one of our buttons any more: its card was out of date. It is renewed now, so please press again."
GONE = (
    "This is not one of our buttons any more: its request is not known here. It is gone, or another program uses the "
    "same bot and answers for it."
)

EARLIER_COUNTED = "Too late: your earlier answer counted, and the agent has it already."

_CLOSED = "Not counted: an account from which you answered this before was closed. Others have to agree."
_UNLINKED = (
    "Noted, and not counted beside those who answered elsewhere: your account is linked to nobody in the settings, so "
    "you may be one of them."
)


def line(said: str) -> card.Line:
    """A sentence of the service."""
    return card.Line((Trusted(said),))


def outcome(ticket: model.Ticket) -> card.Line:
    """What became of a request, for whom it was asked."""
    subject, decision = notification.subject_of(ticket), ticket.decision
    if decision is None:
        return line(f"{subject} on your behalf. {phrases.too_late(ticket)}")
    words = phrases.outcome_words(ticket.request.kind, decision, wording.by_whom(decision))
    return line(f"{subject} on your behalf. {words}.")


def refusal(error: errors.SaysoError, account: str = "") -> card.Line:
    """Why an act of this account was not counted."""
    if isinstance(error, errors.AlreadyTaken) and error.ticket.taken:
        taken = error.ticket.taken
        when = (Trusted(" was taken, and is delivered at "), card.Moment(taken.until))
        return card.Line(
            (Trusted("The answer of "), text.line(_name(taken.given)), *when, Trusted(" unless they take it back."))
        )
    if not isinstance(error, errors.AlreadyDecided) or error.ticket.decision is None:
        return line(phrases.explain(error))
    decision, kind = error.ticket.decision, error.ticket.request.kind
    if any(one.via == account for one in decision.by):
        told = f"{phrases.outcome_words(kind, decision)}: that is what you said, and it counted at "
        return card.Line((Trusted(told), card.Moment(decision.decided_at), Trusted(".")))
    row = phrases.outcome_row(kind, decision)
    done = row.done if row else phrases.outcome_words(kind, decision)
    spans: list[card.Inline] = [Trusted(f"Too late: {done[0].lower()}{done[1:]}")]
    for index, one in enumerate(decision.by):
        spans += [wording.between(index, len(decision.by)) or Trusted(" by "), text.line(_name(one))]
    then = row.then if row else ""
    return card.Line((*spans, Trusted(f"{then} at "), card.Moment(decision.decided_at), Trusted(".")))


def late_press(error: errors.AlreadyDecided, account: str, token: str) -> card.Line:
    """Why a press on what is decided did not count; raises `InvalidToken` as `tokens.read`."""
    decision = error.ticket.decision
    if decision is None or tokens.read(token).action != "undo" or all(one.via != account for one in decision.by):
        return refusal(error, account)
    told = Trusted("It cannot be taken back any more: the agent was told at ")
    return card.Line((told, card.Moment(decision.decided_at), Trusted(".")))


def late_words(error: errors.AlreadyDecided, account: str) -> card.Line:
    """Why words did not count that came after the decision; the person who decided is not told their own name."""
    decision = error.ticket.decision
    if decision is not None and any(one.via == account for one in decision.by):
        return line(EARLIER_COUNTED)
    return refusal(error)


def tally(ticket: model.Ticket, before: model.Ticket | None, account: str) -> card.Line | None:
    """What a press did that decided nothing alone; None if there is nothing to say."""
    if ticket.decision is not None:
        return None
    if said := attended.told(ticket, before, account):
        return said
    if ticket.request.kind != "permission":
        return None
    asked = [one for one in ticket.passed if one.via == account]
    if asked and before is not None and asked[-1] not in before.passed:
        return line(f"{asked[-1].to} is asked now. You can still answer.")
    mine = next((one for one in approvers.latest(ticket) if one.via == account), None)
    if mine is None or (ticket.policy.most_needed == 1 and ticket.policy.veto == 1):
        return None
    again = before is not None and mine in approvers.latest(before)
    if mine.answer.verdict != "allow":
        return _counted("denied", len(approvers.against(ticket)), ticket.policy.veto, again)
    if mine.human in places.closed(ticket):
        return line(_CLOSED)
    counted = approvers.allows_by(ticket)
    if mine not in counted and mine.person == mine.via and any(one.via != account for one in counted):
        return line(f"{_UNLINKED} {_so_far(ticket, len(counted))}")
    if not approvers.is_mixed(ticket.policy):
        return _counted("allowed", len(counted), ticket.policy.most_needed, again)
    needed = board.still_needed(ticket)
    if mine not in counted:
        return line(f"Noted: all places that you could fill are taken. Still needed: {needed}.")
    return line(f"You have allowed this. Still needed: {needed}." if again else f"Counted. Still needed: {needed}.")


def _so_far(ticket: model.Ticket, count: int) -> str:
    if approvers.is_mixed(ticket.policy):
        return f"Still needed: {board.still_needed(ticket)}."
    return f"{wording.so_far(count, wording.people_counted(ticket.policy.most_needed), 'allowed this')}."


def _counted(verb: str, so_far: int, needed: int, again: bool) -> card.Line:
    if again:
        have = wording.so_far(so_far, wording.people_counted(needed), f"{verb} it")
        return line(f"You have {verb} this already. {have}; others have to agree.")
    return line(
        f"Counted: {wording.so_far(so_far, wording.people_counted(needed), f'{verb} this')}. Others have to agree."
    )


def _name(one: model.By | model.Given) -> str:
    if one.delegate:
        return f"{one.delegate} for {one.person}"
    if ":" not in one.person:
        return one.person
    return one.name if one.name and one.name != one.person else "somebody"

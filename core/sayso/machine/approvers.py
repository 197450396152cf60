"""Who may answer a request, and whose answers count: the rules of `machine` about people. Pure."""

from __future__ import annotations

from sayso import errors, model, parts
from sayso.machine import people

# Answers of one person that a ticket keeps; the log has all of them, and only the latest counts.
_MOST_OF_ONE = 10
_AGAINST = frozenset({"deny", "respond", "stop"})


def may_answer(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether the policy lets this person answer."""
    own = ticket.requester is not None and person.id == ticket.requester
    if ticket.request.kind == "permission" and own and not ticket.policy.self_approval:
        return False
    return any(_matches(approver, ticket, person) for approver in ticket.policy.approvers)


def refusal(ticket: model.Ticket, person: model.Person) -> errors.NotAllowed:
    """Why this person may not answer, and who may."""
    if ticket.requester == person.id and not ticket.policy.self_approval:
        return errors.NotAllowed("you cannot approve what was asked on your own behalf")
    who = ", ".join(ticket.policy.approvers) or "nobody"
    return errors.NotAllowed(f"you may not answer this request; it is for: {who}")


def named(ticket: model.Ticket) -> tuple[str, ...]:
    """Whom the policy names: people by id and groups; `anyone` names nobody."""
    names = (ticket.requester if name == "requester" else name for name in ticket.policy.approvers)
    return tuple(dict.fromkeys(name for name in names if name and name != "anyone"))


def to_notify(ticket: model.Ticket) -> tuple[str, ...]:
    """Whom the policy has mentioned on the first card: people by id and groups; nobody once it is decided."""
    if ticket.decision is not None:
        return ()
    names = ((named(ticket) if one == parts.APPROVERS else (one,)) for one in ticket.policy.notify)
    return tuple(dict.fromkeys(name for some in names for name in some))


def groups_to_ask(ticket: model.Ticket, directory: people.Directory, actor: people.Actor) -> tuple[str, ...]:
    """The platform groups that say whether somebody may answer; none where it is clear without them."""
    if may_answer(ticket, directory.identify(actor)):
        return ()
    listed = [
        directory.groups.get(name.removeprefix("group:"), people.Group())
        for name in named(ticket)
        if name.startswith("group:")
    ]
    return tuple(dict.fromkeys(name for group in listed for name in sorted(group.platform_groups)))


def allows_by(ticket: model.Ticket) -> tuple[model.Given, ...]:
    """The latest *allow* of each person, of as many as are surely different ones; a quorum counts these.

    Two people of the directory are; so are two accounts of one platform. An account that nobody configured may belong
    to somebody who allowed it elsewhere, unless it is known which account is theirs on its platform.
    """
    allows = {given.person: given for given in latest(ticket) if given.answer.verdict == "allow"}
    sets = [[given for given in allows.values() if _is_named(given)]]
    stands = [given for given in ticket.answers if given.person in allows and given.answer.verdict == "allow"]
    for platform in dict.fromkeys(name for given in stands for name in _platforms(given)):
        there = (given for given in stands if platform in _platforms(given))
        sets.append([allows[person] for person in dict.fromkeys(given.person for given in there)])
    most = max(sets, key=len)
    return tuple(most)


def joined(answers: tuple[model.Given, ...], given: model.Given) -> tuple[model.Given, ...]:
    """*answers* and one more. Of one person the last few stay: who goes to and fro must not make the ticket grow."""
    own = [one for one in answers if one.person == given.person]
    gone = own[0] if len(own) >= _MOST_OF_ONE else None
    return (*(one for one in answers if one is not gone), given)


def latest(ticket: model.Ticket) -> tuple[model.Given, ...]:
    """The latest answer of each person; only these count."""
    return tuple({given.person: given for given in ticket.answers}.values())


def against(ticket: model.Ticket) -> tuple[model.Given, ...]:
    """The latest answers that speak against running it; a veto counts these."""
    return tuple(given for given in latest(ticket) if given.answer.verdict in _AGAINST)


def _matches(approver: str, ticket: model.Ticket, person: model.Person) -> bool:
    if approver == "anyone":
        return person.member
    if approver == "requester":
        return person.id == ticket.requester
    if approver.startswith("group:"):
        return approver.removeprefix("group:") in person.groups
    return person.id == approver


def _platforms(given: model.Given) -> tuple[str, ...]:
    """Where one account of this person is known, so that every other one there is somebody else's."""
    return tuple(dict.fromkeys((given.via.partition(":")[0], *given.platforms)))


def _is_named(given: model.Given) -> bool:
    return given.person != given.via

"""Who may answer a request, and whose answers count: the rules of `machine` about people. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sayso import errors, model, parts
from sayso.machine import escalation, events, people, places, rounds, who

latest = places.latest
# Answers of one person that a ticket keeps, so that who goes to and fro does not make it grow; the log has all of them.
_MOST_OF_ONE = 10
_TRY_AGAIN = "try again in a minute; the operator sees the cause by: sayso doctor"
_AGAINST = frozenset({"deny", "respond", "stop"})


def may_answer(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether the policy lets this person answer: a permission can be denied out of turn, but only allowed in turn."""
    needs = _all_needs(ticket) if ticket.request.kind == "permission" else open_needs(ticket)
    return not _is_barred(ticket, person) and _fits(ticket, person, needs)


def may_allow(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether an *allow* of theirs counts at this stage."""
    return may_answer(ticket, person) and _fits(ticket, person, open_needs(ticket))


def is_awaited(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether it waits for this person now: it is their turn, and they have said nothing that counts."""
    said = next((one for one in latest(ticket) if person.id == one.person or person.human == one.human), None)
    if said is not None and (said.stage == ticket.stage or said in places.board(ticket).by):
        return False
    return may_allow(ticket, person)


def is_barred(ticket: model.Ticket, person: str) -> bool:
    """Whether this person may not answer since it is asked on their own behalf."""
    own = ticket.requester is not None and person == ticket.requester
    return own and _is_judged(ticket) and not ticket.policy.self_approval


def _is_judged(ticket: model.Ticket) -> bool:
    """Whether the answer judges what somebody does, so that they do not give it themselves."""
    return ticket.request.kind == "permission" or ticket.reviews is not None


def refused(
    ticket: model.Ticket,
    person: model.Person,
    verdict: model.Verdict | None = None,
    directory: people.Directory = people.NOBODY_KNOWN,
) -> errors.NotAllowed | errors.MembershipUnknown | None:
    """Why this person may not answer, or not with this verdict, and who may; None if they may.

    With a *directory* it says who is in the groups.
    """
    if not may_answer(ticket, person):
        return refusal(ticket, person, directory)
    if verdict != "allow" or sits(ticket, person.id):
        return None
    if other := _other_face(ticket, person):
        return errors.NotAllowed(f"you have allowed this already, as {other.person}; one person counts once")
    if _fits(ticket, person, open_needs(ticket)):
        return None
    if unknown := unsure(person, names_of(open_needs(ticket))):
        return unknown
    now = who.in_words(names_of(open_needs(ticket)), directory)
    later = who.in_words(_turn_of(ticket, person), directory)
    said = f"it is not your turn: now it is for {now}. You can deny it now, and allow it in your turn: {later}"
    return errors.NotAllowed(said)


def refusal(
    ticket: model.Ticket, person: model.Person, directory: people.Directory = people.NOBODY_KNOWN
) -> errors.NotAllowed | errors.MembershipUnknown:
    """Why this person may not answer, and who may: with a *directory* also who is in the groups."""
    if _is_barred(ticket, person):
        if person.delegate and person.delegate != ticket.requester:
            return errors.NotAllowed(f"you cannot approve for {person.id} what was asked on behalf of {person.id}")
        own = "review what you allowed yourself" if ticket.reviews else "approve what was asked on your own behalf"
        return errors.NotAllowed(f"you cannot {own}")
    named_now = names_of(_all_needs(ticket))
    if unknown := unsure(person, named_now):
        return unknown
    names = [(ticket.requester or name) if name == "requester" else name for name in named_now]
    return errors.NotAllowed(f"you may not answer this request; it is for {who.in_words(names, directory)}")


def sits(ticket: model.Ticket, person: str) -> bool:
    """Whether an *allow* of this person fills a place."""
    return _seat(ticket, person) is not None


def _seat(ticket: model.Ticket, person: str) -> model.Given | None:
    # most have said nothing yet, and nobody needs to be matched to places for that
    if all(one.person != person for one in ticket.answers):
        return None
    return next((one for one in places.board(ticket).by if one.person == person), None)


def named(ticket: model.Ticket) -> tuple[str, ...]:
    """Whom the policy names at this stage: people by id and groups; `anyone` names nobody."""
    return _persons(ticket, names_of(open_needs(ticket)))


def to_remind(
    ticket: model.Ticket, directory: people.Directory, place: model.Place, at: datetime
) -> tuple[str, ...] | None:
    """Whom a reminder at a place mentions: those who may fill a place that is free. None where it is for nobody."""
    answered, found = {given.human for given in latest(ticket)}, list[str]()
    for name in _persons(ticket, names_of(places.board(ticket).free)):
        members = directory.members([name])
        # a group of which somebody has answered is called by its other members
        found += [name] if answered.isdisjoint(members) else [one for one in members if one not in answered]
    found = [one for one in dict.fromkeys(found) if not is_barred(ticket, one)]
    _, _, address = place.partition(":")
    if not address.startswith("@"):
        return tuple(found)
    # a direct message reminds the one who reads it
    alone = address.removeprefix("@")
    awaited = {*found, *directory.members(found), *directory.deputies(found, ticket.policy_name, at)}
    if alone in awaited - answered:
        return (alone,)
    # whoever was looked up when it was asked: the settings do not say who is in a rota or a group of a platform
    looked_up = groups_behind(found, directory) and _is_of_stage(ticket, place) and is_missing(ticket, alone)
    return (alone,) if looked_up else None


def _is_of_stage(ticket: model.Ticket, place: model.Place) -> bool:
    """Whether a direct message is for those whose turn it is: not one of another stage alone."""
    of_stages = {number for number, places in enumerate(ticket.stage_routes) if place in places}
    of_stages |= {one.stage for one in ticket.reach.direct if one.place == place} if ticket.reach else set[int]()
    return not of_stages or ticket.stage in of_stages


def is_missing(ticket: model.Ticket, name: str) -> bool:
    """Whether this person, or the person of this account, has not answered, and may."""
    answered = {given.human for given in latest(ticket)}
    return answered.isdisjoint({name}) and name not in map(people.id_of, answered) and not is_barred(ticket, name)


def names_of(needs: Iterable[model.Need]) -> tuple[str, ...]:
    """Whom these needs name, each once."""
    return tuple(dict.fromkeys(name for need in needs for name in need.who))


def to_notify(ticket: model.Ticket) -> tuple[str, ...]:
    """Whom the policy has mentioned on the first card: people by id and groups; nobody once it is decided."""
    if ticket.decision is not None:
        return ()
    if (step := escalation.last(ticket)) and step.brings_in:
        return tuple(name for name in _persons(ticket, step.brings_in))
    if first := rounds.current(ticket):
        return _persons(ticket, first)
    names = ((named(ticket) if one == parts.APPROVERS else (one,)) for one in ticket.policy.notify)
    return tuple(dict.fromkeys(name for some in names for name in some))


def groups_to_ask(ticket: model.Ticket, directory: people.Directory, person: model.Person) -> tuple[str, ...]:
    """The platform groups and rotas that say whether somebody may answer; none where it is clear without them."""
    if may_answer(ticket, person) and not is_mixed(ticket.policy):
        return ()
    names = (name for name in ticket.policy.concerned if name.removeprefix("group:") not in person.groups)
    return groups_behind(names, directory)


def groups_behind(names: Iterable[str], directory: people.Directory) -> tuple[str, ...]:
    """The platform groups and rotas that say who is meant by these names."""
    found: list[str] = []
    for name in names:
        if name.startswith(people.ON_CALL):
            found.append(name)
        elif name.startswith("group:"):
            found += sorted(directory.groups.get(name.removeprefix("group:"), people.Group()).platform_groups)
    return tuple(dict.fromkeys(found))


def allows_by(ticket: model.Ticket) -> tuple[model.Given, ...]:
    """The latest *allow* of each person who fills a place, of as many as are surely different people."""
    return places.board(ticket).by


def given(ticket: model.Ticket, event: events.Answered, answer: model.Answer) -> model.Given:
    """The answer with what is known of its person at this moment: whom of the policy they are, and the stage."""
    by, policy = event.by, ticket.policy
    fits = tuple(name for name in policy.everybody if _matches(name, ticket, by)) if is_mixed(policy) else ()
    before = _seat(ticket, by.id)
    return model.Given(
        person=by.id,
        name=by.name,
        via=by.account,
        at=event.at,
        answer=answer,
        platforms=by.platforms,
        fits=fits,
        delegate=by.delegate,
        # who sits stays there: one person in several stages counts in the one in which they answered
        stage=before.stage if before and answer.verdict == "allow" else ticket.stage,
    )


def without_closed(ticket: model.Ticket, event: events.Answered) -> model.Ticket:
    """The ticket on which nobody counts any more whose account was closed; whoever answers has theirs."""
    if not event.gone and event.by.account not in ticket.gone:
        return ticket
    gone = dict.fromkeys((*ticket.gone, *event.gone))
    return ticket.model_copy(update={"gone": tuple(one for one in gone if one != event.by.account)})


def is_mixed(policy: model.Policy) -> bool:
    """Whether it has more than one kind of place."""
    return sum(map(len, policy.needs_by_stage)) > 1


def joined(answers: tuple[model.Given, ...], given: model.Given) -> tuple[model.Given, ...]:
    """*answers* and one more. Of one person the last few stay, and the last from each account, which may be closed."""
    own = [*(one for one in answers if one.person == given.person), given]
    again = next((one for at, one in enumerate(own) if any(one.via == later.via for later in own[at + 1 :])), None)
    return (*(one for one in answers if one is not again or len(own) <= _MOST_OF_ONE), given)


def against(ticket: model.Ticket) -> tuple[model.Given, ...]:
    """The latest answers that speak against running it; a veto counts these."""
    return tuple(given for given in latest(ticket) if given.answer.verdict in _AGAINST)


def _persons(ticket: model.Ticket, names: Iterable[str]) -> tuple[str, ...]:
    """These names with the requester by name, and without `anyone`, who is nobody in particular."""
    found = (ticket.requester if name == "requester" else name for name in names)
    return tuple(dict.fromkeys(name for name in found if name and name != "anyone"))


def _matches(approver: str, ticket: model.Ticket, person: model.Person) -> bool:
    if approver == "requester":
        return person.id == ticket.requester
    return is_called(approver, person)


def is_called(name: str, person: model.Person) -> bool:
    """Whether a person is one of those whom a policy names so."""
    if name == "anyone":
        return person.member
    if name.startswith(people.ON_CALL):
        return name in person.groups
    if name.startswith("group:"):
        return name.removeprefix("group:") in person.groups
    return person.id == name


def _is_barred(ticket: model.Ticket, person: model.Person) -> bool:
    if person.delegate is None:
        return is_barred(ticket, person.id)
    # nobody's own request goes through by somebody who stands in, whatever the policy says of self-approval
    return _is_judged(ticket) and ticket.requester in (person.id, person.delegate)


def _other_face(ticket: model.Ticket, person: model.Person) -> model.Given | None:
    """What the same human allowed for somebody else, or as themselves."""
    mine = (one for one in latest(ticket) if one.human == person.human and one.person != person.id)
    return next((one for one in mine if one.answer.verdict == "allow"), None)


def _fits(ticket: model.Ticket, person: model.Person, needs: Iterable[model.Need]) -> bool:
    for need in needs:
        for name in need.who:
            if _matches(name, ticket, person):
                return True
    return False


def kinds(ticket: model.Ticket, person: model.Person) -> tuple[int, ...]:
    """The numbers of the kinds of places of the open stage that this person could fill."""
    needs = open_needs(ticket)
    return tuple(number for number, need in enumerate(needs) if _fits(ticket, person, (need,)))


def open_needs(ticket: model.Ticket) -> tuple[model.Need, ...]:
    """What is needed at this stage."""
    stages = escalation.needs(ticket)
    return stages[min(ticket.stage, len(stages) - 1)]


def _all_needs(ticket: model.Ticket) -> tuple[model.Need, ...]:
    return tuple([need for needs in escalation.needs(ticket) for need in needs])


def _turn_of(ticket: model.Ticket, person: model.Person) -> tuple[str, ...]:
    """Those of whom this person is one, in another stage."""
    return tuple(name for name in ticket.policy.everybody if _matches(name, ticket, person))


def unsure(person: model.Person, names: Iterable[str]) -> errors.MembershipUnknown | None:
    """That nobody could find out whether this person is one of these."""
    name = next((name for name in names if name.removeprefix("group:") in person.unknown), None)
    if name is None:
        return None
    rota, group = name.removeprefix(people.ON_CALL), name.removeprefix("group:")
    what = f"whether you are in the group {group}" if rota == name else f"who is on call for {rota}"
    return errors.MembershipUnknown(f"could not find out {what}, so nothing was counted", hint=_TRY_AGAIN)

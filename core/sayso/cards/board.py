"""The board of places: who has allowed, which places are free, what comes next, and who sat where in the end. Pure.

The rule: what a place is called comes from the settings, who fills it is a name of a platform and so foreign.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sayso import model
from sayso.cards import card, naming, phrases
from sayso.content import text, wording
from sayso.machine import approvers, people, places, schedule

Trusted = text.Trusted

_DOT = Trusted(" · ")


def terms(ticket: model.Ticket, directory: people.Directory) -> Iterable[card.Line]:
    """By when and by whom it is decided, and the board of places."""
    if ticket.decision is None:
        by_when = (Trusted("Expires "), _by_when(ticket))
        yield card.Line((*by_when, Trusted(" · May decide: "), *naming.who_may(ticket, directory)))
    yield from lines(ticket, directory)


def _by_when(ticket: model.Ticket) -> card.Inline:
    if ticket.stopped is None:
        return card.Moment(schedule.ends(ticket), relative=True)
    # where time stands still, a countdown would be wrong
    return Trusted(f"{phrases.duration(schedule.ends(ticket) - ticket.stopped.since)} after the stop is lifted")


def lines(ticket: model.Ticket, directory: people.Directory) -> Iterable[card.Line]:
    """Who has answered and who is missing, if several have to agree; nothing once it is decided."""
    if ticket.decision is not None:
        return
    if approvers.is_mixed(ticket.policy):
        yield _open(ticket)
    elif ticket.policy.most_needed > 1:
        yield _alike(ticket, directory)


def words(ticket: model.Ticket) -> text.Trusted:
    """The free and filled places in plain words, without people; nothing where one allow decides."""
    if ticket.decision is not None or ticket.policy.most_needed == 1 or ticket.request.kind != "permission":
        return Trusted("")
    spans = _places(ticket, with_people=False)
    if any(isinstance(span, text.Foreign) for span in spans):
        # a name of another form than settings take
        return Trusted(wording.so_far(places.board(ticket).seated, str(ticket.policy.most_needed), "allowed it"))
    return Trusted("".join(map(card.words_of, spans)))


def still_needed(ticket: model.Ticket) -> text.Trusted:
    """The free places of the open stage, such as *1 of release and 1 of security*."""
    board = places.board(ticket)
    free = [seats for seats in board.stages[min(board.open, len(board.stages) - 1)] if seats.missing]
    return Trusted(wording.in_a_row([f"{one.missing} of {card_words(label(one.need, ticket))}" for one in free]))


def label(need: model.Need, ticket: model.Ticket) -> tuple[card.Inline, ...]:
    """What a place is called: the names of those who may fill it."""
    spans: list[card.Inline] = []
    for index, name in enumerate(need.who):
        on_call = name.startswith(people.ON_CALL)
        spans += [wording.between(index, len(need.who), "or"), Trusted("on call for " if on_call else "")]
        spans.append(_called(name.removeprefix(people.ON_CALL), ticket))
    return tuple(span for span in spans if span != "") or (Trusted("nobody"),)


def card_words(spans: Iterable[card.Inline]) -> str:
    """Pieces of a line as plain words."""
    return "".join(map(card.words_of, spans))


def _called(name: str, ticket: model.Ticket) -> card.Inline:
    if name == "requester":
        return naming.given_name(ticket.requester) if ticket.requester else Trusted("the requester")
    return naming.given_name(name.removeprefix("group:"))


def _open(ticket: model.Ticket) -> card.Line:
    against = approvers.against(ticket)
    denied = (Trusted(" · denied by "), *_names(against)) if against else ()
    return card.Line((*_places(ticket, with_people=True), *denied, *_gone(ticket)))


def _places(ticket: model.Ticket, *, with_people: bool) -> tuple[card.Inline, ...]:
    """The places of the open stage, and whose turn comes after it."""
    board = places.board(ticket)
    count, here = len(board.stages), min(ticket.stage, len(board.stages) - 1)
    spans: list[card.Inline] = [Trusted(f"Stage {here + 1} of {count}: ")] if count > 1 else []
    for index, seats in enumerate(board.stages[here]):
        filled = Trusted(f" {len(seats.by)} of {seats.need.count}")
        spans += [*([_DOT] if index else []), *label(seats.need, ticket), filled]
        spans += [Trusted(" ("), *_names(seats.by), Trusted(")")] if seats.by and with_people else []
    for stage in board.stages[here + 1 :]:
        spans.append(Trusted(" · then "))
        for index, seats in enumerate(stage):
            several = Trusted(f"{seats.need.count} of " if seats.need.count > 1 else "")
            spans += [wording.between(index, len(stage)), several, *label(seats.need, ticket)]
    before = [seats for stage in board.stages[:here] for seats in stage] if with_people else []
    for index, seats in enumerate(before):
        spans += [Trusted(", " if index else " · before: "), *label(seats.need, ticket), Trusted(" (")]
        spans += [*_names(seats.by), Trusted(")")]
    return tuple(span for span in spans if span != "")


def seated(ticket: model.Ticket, decision: model.Decision) -> Iterable[card.Line]:
    """Who sat where, once it was allowed, and where it is reviewed if the glass was broken."""
    if ticket.review is not None and decision.break_glass:
        yield card.Line((Trusted(f"Others review it: {ticket.review}"),))
        return
    if decision.outcome != "allowed" or not approvers.is_mixed(ticket.policy):
        return
    spans: list[card.Inline] = []
    for stage in places.board(ticket).stages:
        for seats in stage:
            if seats.by:
                spans += [*([_DOT] if spans else []), *label(seats.need, ticket), Trusted(": "), *_names(seats.by)]
    if spans:
        yield card.Line(tuple(spans))


def _alike(ticket: model.Ticket, directory: people.Directory) -> card.Line:
    """All places are of one kind: people are counted, and those who are missing have names."""
    allowed, against = approvers.allows_by(ticket), approvers.against(ticket)
    needed = wording.people_counted(ticket.policy.most_needed)
    spans: list[card.Inline] = [Trusted(wording.so_far(len(allowed), needed, "allowed this"))]
    spans += [Trusted(": "), *_names(allowed)] if allowed else []
    spans += [Trusted(" · denied by "), *_names(against)] if against else []
    spans += _gone(ticket)
    if missing := _missing(ticket, directory):
        spans += [Trusted(" · missing: "), *naming.listed([(naming.given_name(one),) for one in missing])]
    return card.Line(tuple(spans))


def _missing(ticket: model.Ticket, directory: people.Directory) -> Sequence[str]:
    """People who may answer and have not; none if the settings alone do not say who may."""
    names = approvers.named(ticket)
    groups = [directory.groups.get(name.removeprefix("group:")) for name in names if name.startswith("group:")]
    anyone = "anyone" in approvers.names_of(approvers.open_needs(ticket))
    if anyone or any(name.startswith(people.ON_CALL) for name in names):
        return ()
    if any(group is None or group.platform_groups for group in groups):
        return ()
    answered = {given.person for given in approvers.latest(ticket)}
    asked = directory.members(names)
    return [person for person in asked if person not in answered and not approvers.is_barred(ticket, person)]


def _gone(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    """Those who allowed it from an account that was closed since."""
    closed = places.closed(ticket)
    gone = [one for one in approvers.latest(ticket) if one.human in closed and one.answer.verdict == "allow"]
    return (Trusted(" · account closed since: "), *_names(gone)) if gone else ()


def _names(by: Sequence[model.Given]) -> tuple[card.Inline, ...]:
    return naming.listed([_who(one) for one in by])


def _who(one: model.Given) -> tuple[card.Inline, ...]:
    stands_in = (Trusted(" for "), text.line(one.person)) if one.delegate else ()
    return (text.line(one.name), *stands_in)

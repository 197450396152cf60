"""What a card says of who looks after a request: to whom it was put, who has taken it on, who has put it off. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sayso import attention, model
from sayso.cards import board, card, naming
from sayso.content import text, wording
from sayso.machine import approvers, rounds

Trusted = text.Trusted


def lines(ticket: model.Ticket) -> Iterable[card.Line]:
    """One line each, while it is open."""
    attending = ticket.attending
    if ticket.decision is not None:
        return
    for one in ticket.plan:
        if one.does == "open":
            whose = (Trusted("Quiet hours of "), naming.given_name(one.to)) if one.to else (Trusted("Quiet hours"),)
            yield card.Line((*whose, Trusted(" until "), card.Moment(one.at)))
    if attending is None:
        return
    for claim in attending.claims:
        coming = (*_place(ticket, claim.needs), Trusted(" · "), card.Moment(claim.at))
        which = min(claim.needs, default=0)
        yield card.Line((text.line(claim.name), Trusted(" has taken this on"), *coming, *_next(ticket, which)))
    for need, person in _put_to(ticket):
        if person is None:
            place = _place(ticket, (need,))
            yield card.Line((Trusted("Nobody has taken this on"), *place, Trusted(": it is put to everybody now")))
        else:
            spans = (Trusted("Put to "), naming.somebody(person), *_place(ticket, (need,)))
            yield card.Line((*spans, *_next(ticket, need)))
    for off in attending.snoozed:
        yield card.Line((text.line(off.name), Trusted(" has put this off until "), card.Moment(off.until)))


def _put_to(ticket: model.Ticket) -> Iterable[tuple[int, str | None]]:
    """The kinds of places that nobody has taken on, and to whom each was put; None is everybody."""
    asked = rounds.put_to(ticket)
    taken = {need for need in asked for one in (ticket.attending or _NOBODY).claims if one.covers(need)}
    return [(need, person) for need, person in asked.items() if need not in taken]


_NOBODY = attention.Attending()


def _place(ticket: model.Ticket, needs: Sequence[int]) -> Iterable[card.Inline]:
    """For which kinds of places, if there are several."""
    every = approvers.open_needs(ticket)
    if len(every) == 1 or not needs:
        return
    yield Trusted(" for ")
    for index, need in enumerate(needs):
        yield from (wording.between(index, len(needs)), *board.label(every[need], ticket))


def _next(ticket: model.Ticket, need: int) -> Iterable[card.Inline]:
    """To whom it goes next, and when."""
    planned = next((one for one in ticket.plan if one.does == "turn" and one.need == need), None)
    if planned is not None:
        after = rounds.following(ticket, need)
        yield from (Trusted(" · goes to "), naming.somebody(after) if after else Trusted("everybody"), Trusted(" "))
        yield card.Moment(planned.at, relative=True)


def words(ticket: model.Ticket) -> str:
    """The same in a list, in a few words; empty if there is nothing to say."""
    attending = ticket.attending
    if attending is None or ticket.decision is not None:
        return ""
    off = [f"put off by {one.person}" for one in attending.snoozed]
    taken = [f"taken on by {one.person}" for one in attending.claims]
    asked = [f"put to {person}" for _, person in _put_to(ticket) if person]
    return ", ".join([*taken, *asked, *off])


def told(ticket: model.Ticket, before: model.Ticket | None, account: str) -> card.Line | None:
    """What whoever has just taken it on, or put it off, is told; None if they did neither."""
    now, then = ticket.attending, before.attending if before else None
    if now is None or before is None or now == then:
        return None
    if now.claim and now.claim.via == account and now.claim != (then.claim if then else None):
        return card.Line((Trusted("You have taken this on. Others see that, and can still answer."),))
    mine = next((one for one in now.snoozed if one.via == account and one not in (then.snoozed if then else ())), None)
    if mine is None:
        return None
    return card.Line((Trusted("You are not reminded of this before "), card.Moment(mine.until), Trusted(".")))

"""A press on a card that stands for several requests: the window that opens, or one answer for all that are open.

The rule: the answer goes to each request by the one door, `Desk.answer`. What is refused there is not counted, and
whoever pressed is told how many and why.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Collection, Sequence
from typing import Protocol

from sayso import aside, errors, model
from sayso.cards import batch_tokens, batch_windows, card, demanded, dialog, masked, telling
from sayso.content import text
from sayso.desk.admission import together
from sayso.desk.answering import identity, pressing, reading, wholes
from sayso.desk.posting import batching
from sayso.desk.shell import Shell
from sayso.machine import approvers, demands, holding, people

Trusted = text.Trusted
_CHANGED = "this was shown to somebody else, or more was asked since; please look at all of it again"


class Answering(Protocol):
    """`Desk.answer`."""

    def __call__(
        self, id: str, answer: model.Answer, actor: people.Actor, *, shown: Collection[str] = ()
    ) -> Awaitable[model.Ticket]:
        """Answer one request."""
        ...


_DONE = {"allow": "Allowed", "deny": "Denied"}


async def press(
    shell: Shell,
    answering: Answering,
    token: str,
    actor: people.Actor,
    limits: dialog.WindowLimits,
    message: pressing.PressedMessage | None,
    draft: dialog.Draft | None,
) -> dialog.Dialog | card.Line:
    """The window that opens, or what the answer for all came to.

    Raises:
        InvalidToken: it is not a button of this card.
        Refused: it was made for another person, or for other requests.
        NotAllowed: this person may answer none of them.
        AlreadyDecided: all of them are decided.
    """
    pressed = batch_tokens.read(token)
    found = await batching.load(shell.store, pressed.ref)
    tickets = await batching.tickets_of(shell.store, found) if found else []
    if found is None or not tickets:
        raise errors.InvalidToken("this button is not one of ours")
    if not batch_tokens.fits(shell.mint, pressed, batch_tokens.digest_of(tickets), actor.account):
        raise errors.Refused(_CHANGED)
    if message is not None:
        await _seated(shell, found, message)
    seen = [masked.of(one, shell.mint) for one in tickets]
    reader = batch_windows.Reader(pressed.ref, seen, actor.account, shell.mint, limits, shell.setup.directory)
    if pressed.act == "page":
        return await _show(shell, reader, actor, pressed.index)
    waiting = await _answerable(shell, tickets, actor)
    verdict: model.Verdict = pressed.act
    if draft is None and pressed.act == "deny":
        return batch_windows.why(reader, pressed.act, waiting)
    reason = str((draft or {}).get(demanded.REASON) or "").strip()[: model.MAX_REASON] or None
    if reason is None and any(demands.wants_reason(one, verdict) for one in waiting):
        return batch_windows.why(reader, pressed.act, waiting)
    said = await _answer(answering, waiting, model.Answer(verdict=verdict, reason=reason), actor)
    # the number in the token is how many were open when the window was shown
    return _tell(verdict, said, max(0, pressed.index - len(waiting)))


def proof(shell: Shell, ticket: model.Ticket, account: str) -> str:
    """What a surface hands out beside all of a request: whoever brings it was shown that request."""
    return batch_tokens.write(shell.mint, ticket.ref, batch_tokens.digest_of([ticket]), "allow", 1, account)


async def proven(shell: Shell, proofs: Sequence[str], account: str) -> list[model.Ticket]:
    """The requests that this person was shown.

    Raises:
        InvalidToken: one of them was not shown, or to somebody else.
    """
    shown: list[model.Ticket] = []
    for one in dict.fromkeys(proofs):
        pressed = batch_tokens.read(one)
        try:
            ticket = await shell.store.load_by_ref(pressed.ref)
        except errors.NotFound as error:
            raise errors.InvalidToken("this request is not known any more") from error
        if not batch_tokens.fits(shell.mint, pressed, batch_tokens.digest_of([ticket]), account):
            raise errors.InvalidToken("this request was not shown to you")
        shown.append(ticket)
    return shown


async def answer_shown(
    answering: Answering, shown: Sequence[model.Ticket], answer: model.Answer, actor: people.Actor
) -> card.Line:
    """One answer for requests that are `proven`, and what it came to."""
    waiting = [one for one in shown if one.decision is None]
    said = await _answer(answering, waiting, answer, actor)
    return _tell(answer.verdict or "deny", said, len(shown) - len(waiting))


async def _seated(shell: Shell, found: batching.Batch, pressed: pressing.PressedMessage) -> None:
    """As `pressing.seated`, for the card of a batch."""
    posted = await shell.store.find_card(pressed.channel, pressed.conversation, pressed.message)
    if posted is None and await _may_stand(shell, found, pressed):
        posted = model.PostedCard(found.id, found.place, pressed.channel, pressed.conversation, pressed.message)
        await shell.store.add_card(posted)
    if posted is None or posted.ticket_id != found.id:
        raise errors.InvalidToken("this card was not posted here by sayso")


async def _may_stand(shell: Shell, found: batching.Batch, pressed: pressing.PressedMessage) -> bool:
    """Whether a message that nobody noted may be the card of a batch: it is in the room of its place."""
    cards = await shell.store.cards(found.id)
    beside = any((one.channel, one.conversation) == (pressed.channel, pressed.conversation) for one in cards)
    return beside or await pressing.is_at(shell, found.place, pressed)


async def _show(shell: Shell, reader: batch_windows.Reader, actor: people.Actor, index: int) -> dialog.Dialog:
    if any(one.decision is None for one in reader.tickets):
        await _answerable(shell, reader.tickets, actor)
    elif not actor.member:
        raise errors.NotAllowed("only full members of this place may read it again")
    opened, page = await aside.run(batch_windows.page, reader, index)
    for one in page.shown:
        if demands.reading_time(one) and one.decision is None:
            await reading.begun(shell, one, await identity.find(shell, one, actor))
    return opened


async def _answerable(shell: Shell, tickets: Sequence[model.Ticket], actor: people.Actor) -> list[model.Ticket]:
    """What is open, for somebody who may answer at least one of them; otherwise it raises why not."""
    waiting = [one for one in tickets if one.decision is None]
    if not waiting:
        raise errors.AlreadyDecided(tickets[-1])
    refusals: list[errors.Refused] = []
    for one in waiting:
        person = await identity.find(shell, one, actor)
        refused = approvers.refused(one, person, None, shell.setup.directory)
        if refused is None:
            holding.check(one)
            return waiting
        if not refusals:
            await shell.record_refusal(one.id, person, refused)
        refusals.append(refused)
    raise refusals[0]


async def _answer(
    answering: Answering, waiting: Sequence[model.Ticket], answer: model.Answer, actor: people.Actor
) -> list[model.Ticket | errors.Refused]:
    shown = [one.id for one in waiting]
    # of those that are decided together one is answered, for all
    firsts = {wholes.key_of(one): one for one in reversed(waiting) if together.is_whole(one)}
    asked = [one for one in waiting if not together.is_whole(one)] + list(firsts.values())
    found = await asyncio.gather(*(_one(answering, one, answer, actor, shown) for one in asked))
    by_id = {one.id: said for one, said in zip(asked, found, strict=True)}
    return [by_id[(firsts[wholes.key_of(one)] if together.is_whole(one) else one).id] for one in waiting]


async def _one(
    answering: Answering, ticket: model.Ticket, answer: model.Answer, actor: people.Actor, shown: Collection[str]
) -> model.Ticket | errors.Refused:
    try:
        return await answering(ticket.id, answer, actor, shown=shown)
    except errors.Refused as refused:
        return refused


def _tell(verdict: model.Verdict, said: Sequence[model.Ticket | errors.Refused], gone: int) -> card.Line:
    """How many were decided, how many others have to agree on, and what was not counted and why."""
    done = [one for one in said if isinstance(one, model.Ticket)]
    decided = sum(one.decision is not None for one in done)
    verb = _DONE[verdict]
    spans: list[card.Inline] = [Trusted(f"{verb} {decided}.")] if decided or not done else []
    if waiting := len(done) - decided:
        spans.append(Trusted(f"{' ' if spans else ''}{waiting} counted: others have to agree."))
    refused = [one for one in said if isinstance(one, errors.Refused)]
    late = gone + sum(isinstance(one, errors.AlreadyDecided) for one in refused)
    spans += [Trusted(f" {late} {'was' if late == 1 else 'were'} decided meanwhile.")] if late else []
    for why, count in Counter(
        telling.refusal(one).text for one in refused if not isinstance(one, errors.AlreadyDecided)
    ).items():
        spans += [Trusted(f" {count} not counted: "), *why]
    return card.Line(tuple(spans))

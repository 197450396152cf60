"""A ticket becomes a card: which parts stand on it and which buttons it has. Pure."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from sayso import model
from sayso.cards import (
    arguments,
    asked,
    attached,
    board,
    buttons,
    card,
    closed,
    controls,
    cutting,
    history,
    inputs,
    masked,
    naming,
    notification,
    oddities,
    prose,
    recalled,
    reminding,
    risks,
    shelf,
    tokens,
    urgency,
    values,
)
from sayso.content import schema, text
from sayso.machine import approvers, people

Trusted = text.Trusted

_SESSION, _LINK = Trusted("Session"), Trusted("Link given by the agent")
_OFFERED = {"rule": "Rule {}", "folder": "Folder {}", "mode": "Mode {}"}

_SHELF, _PAGES, _GLANCES = shelf.Shelf(), shelf.Shelf(), shelf.Glances()


def card_of(
    ticket: model.Ticket, maker: tokens.TokenMaker, directory: people.Directory = people.NOBODY_KNOWN
) -> card.Card:
    """The card of a ticket: pending with its buttons, closed without any. What did not change is drawn once.

    *directory* says who is in the groups that may answer.
    """
    return _SHELF.card(ticket, (maker, directory), lambda: draw_card(ticket, maker, directory))


def posted_card_of(
    ticket: model.Ticket, maker: tokens.TokenMaker, directory: people.Directory = people.NOBODY_KNOWN
) -> card.Card:
    """The card for a message in a chat: of a closed request a few lines, without drawing all that these leave out."""
    if ticket.decision is None:
        return card_of(ticket, maker, directory)
    return _draw_brief(masked.of(ticket, maker), maker)


def glance_of(
    ticket: model.Ticket,
    maker: tokens.TokenMaker,
    longest: int,
    room: int,
    directory: people.Directory,
) -> card.Card | None:
    """The card in *room* characters and without buttons, for a list; None if it has no more than *longest*."""
    return _GLANCES.card(ticket, lambda: _draw_glance(card_of(ticket, maker, directory), longest, room))


def _draw_glance(drawn: card.Card, longest: int, room: int) -> card.Card | None:
    if cutting.whole(drawn, longest):
        return None
    return dataclasses.replace(cutting.fit(dataclasses.replace(drawn, review=None, brief=()), room), controls=())


def pages_of(
    ticket: model.Ticket,
    maker: tokens.TokenMaker,
    room: int | cutting.Paper,
    directory: people.Directory = people.NOBODY_KNOWN,
) -> shelf.Pages:
    """The whole card in pages of *room*."""
    return _PAGES.pages(ticket, (maker, directory), lambda: draw_card(ticket, maker, directory), room)


def draw_card(
    ticket: model.Ticket, maker: tokens.TokenMaker, directory: people.Directory = people.NOBODY_KNOWN
) -> card.Card:
    """Draw the card of a ticket anew; `card_of` does so once."""
    ticket = masked.of(ticket, maker)
    at_rest = ticket.decision is not None or ticket.held
    risky = risks.of(ticket)
    offered = () if at_rest else tuple(controls.of(ticket, maker, risky))
    return card.Card(
        **_of_any(ticket, risky.level),
        parts=tuple(_all_parts(ticket, directory, () if ticket.decision else risky.parts)),
        controls=offered,
        review=None if at_rest else controls.button(ticket, buttons.REVIEW, 0, maker),
        brief=closed.brief_parts(ticket),
        details=controls.details_of(ticket, maker),
        hint=asked.hint_of(ticket),
        form=inputs.sizes_of(ticket) if ticket.request.kind == "form" and ticket.decision is None else (),
        risk=None if ticket.decision else risky.level,
        notify=approvers.to_notify(ticket),
    )


def _draw_brief(ticket: model.Ticket, maker: tokens.TokenMaker) -> card.Card:
    details = controls.details_of(ticket, maker)
    more = (details,) if details else ()
    return card.Card(**_of_any(ticket, None), parts=closed.brief_parts(ticket), controls=more)


def _of_any(ticket: model.Ticket, level: model.Risk | None) -> dict[str, Any]:
    """What any card of a request says of it."""
    return {
        "ticket_id": ticket.id,
        "tone": _tone(ticket),
        "summary": notification.summary_of(ticket, level),
        "subject": notification.subject_of(ticket),
        "session": naming.session_of(ticket),
        "talk": ticket.request.kind != "permission",
    }


def _all_parts(ticket: model.Ticket, directory: people.Directory, risky: Sequence[card.Risk]) -> Iterable[card.Part]:
    request, headline = ticket.request, card.Line(_headline(ticket), strong=True)
    told = [*history.outcome_parts(ticket), *history.held_parts(ticket), *history.taken_parts(ticket)]
    said = list(itertools.takewhile(lambda part: not isinstance(part, card.Code), told))
    shown = [
        *said,
        *(board.seated(ticket, ticket.decision) if ticket.decision else ()),
        *_question_parts(request),
        # what somebody answered stands below what was asked
        *told[len(said) :],
        *history.asked_back_parts(ticket),
        *_input_parts(ticket),
        *_option_parts(request),
        *(asked.field_parts(request) if ticket.decision is None else ()),
        *_agent_parts(request, answers=ticket.asked_back is not None),
        *attached.parts_of(ticket),
    ]
    shown += [card.Facts(facts)] if (facts := tuple(_facts(ticket))) else []
    yield headline
    yield from history.stopped_parts(ticket)
    yield from (*urgency.lines(ticket), *recalled.parts_of(ticket))
    yield from board.terms(ticket, directory)
    yield from reminding.lines(ticket)
    yield from risky
    yield from oddities.warnings_in([headline, *shown])
    yield from shown
    yield card.Facts(((Trusted("Asked"), card.Moment(ticket.created_at)),))
    yield card.Note(tuple(_small_print(ticket)))


def _small_print(ticket: model.Ticket) -> Iterable[card.Inline]:
    if ticket.decision is None and ticket.ruled and ticket.ruled.rule:
        yield from (Trusted("Asked by the rule "), naming.given_name(ticket.ruled.rule), Trusted(" · "))
    # by the digest of all that is asked anybody could try out a short secret
    covered = isinstance(ticket, masked.Covered)
    yield Trusted(f"Secrets are masked · {ticket.id}" if covered else f"{ticket.id} · {ticket.digest[:19]}")


def _headline(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    request, who, whose = ticket.request, naming.asker(ticket), naming.on_behalf(ticket)
    if ticket.reviews is not None:
        return (*who, Trusted(" asks others to review what "), *naming.requester(ticket), Trusted(" allowed"))
    if request.kind == "permission":
        return (*who, Trusted(" asks to run "), text.line(request.tool or ""), *whose)
    asks = " suggests a rule" if naming.suggests(ticket) else " asks"
    return (*who, Trusted(" asks you to fill in a form" if request.kind == "form" else asks), *whose)


def content_of(ticket: model.Ticket) -> Iterable[card.Part]:
    """What a permission would run, and all that its agent says and attaches: what is decided upon."""
    yield from _input_parts(ticket)
    yield from _agent_parts(ticket.request, answers=ticket.asked_back is not None)
    yield from (*history.asked_back_parts(ticket), *attached.parts_of(ticket))
    # what its card says of the session is the same for all of a batch, or stands beside the number of its row
    if facts := tuple(row for row in _facts(ticket) if row[0] not in (_SESSION, _LINK)):
        yield card.Facts(facts)


def _question_parts(request: model.Request) -> Iterable[card.Part]:
    if request.title and request.kind != "permission":
        yield card.Ask(text.literal(request.title))
    if request.json_schema is not None:
        yield from _left_out_parts(schema.left_out(request.json_schema))


def _left_out_parts(names: Sequence[str]) -> Iterable[card.Part]:
    if names:
        spans: list[card.Inline] = [Trusted("Nobody can fill these in here, so they are left out: ")]
        for index, name in enumerate(names[: values.MOST_KEYS]):
            spans += [Trusted(", " if index else ""), text.line(name[: values.LONGEST_KEY])]
        more = len(names) - values.MOST_KEYS
        yield card.Line((*spans, Trusted(f" and {more} more" if more > 0 else "")), role="words")


def _input_parts(ticket: model.Ticket) -> Iterable[card.Part]:
    asked = ticket.request.input or {}
    if ticket.request.kind != "permission":
        return
    if not asked:
        yield card.Note((Trusted("It runs without any input."),))
    edited = history.edited_input(ticket)
    # what a person changed stands above already, as it was asked and as it runs
    above = () if edited is None else arguments.changed(asked, edited)
    yield from arguments.parts_of(ticket.request.tool or "", {key: asked[key] for key in asked if key not in above})


def _option_parts(request: model.Request) -> Iterable[card.Part]:
    if request.options:
        yield card.Choices(
            tuple(
                (text.line(option.label), text.literal(option.description) if option.description else None)
                for option in request.options
            )
        )


def _agent_parts(request: model.Request, answers: bool) -> Iterable[card.Part]:
    # what the agent says about itself comes below what will really run
    told = [request.title] if request.kind == "permission" and request.title else []
    if request.body and not answers:
        told.append(request.body)
    if told:
        yield card.Says(prose.parse("\n\n".join(told)))


def _facts(ticket: model.Ticket) -> Iterable[tuple[card.Inline, card.Inline]]:
    request, source = ticket.request, ticket.request.source
    yield from risks.facts(ticket)
    if working_on := naming.project_and_session(request):
        yield _SESSION, working_on
    if source.url:
        yield _LINK, text.line(source.url)
    for index, offer in enumerate(request.offers):
        yield Trusted(_OFFERED[offer.kind].format(index + 1)), text.line(offer.effect)
    for name, value in request.context.items():
        yield text.line(name), text.line(value)


def offer_parts(request: model.Request, index: int) -> Iterable[card.Part]:
    """What an offer adds, in full, and what that means."""
    offer = request.offers[index]
    if offer.kind == "mode":
        yield card.Warn(Trusted("This changes what you are asked from now on, not only this call."))
    yield card.Code(
        (Trusted(_OFFERED[offer.kind].format(index + 1)),), text.literal(offer.effect, code=True), role="offer"
    )


def _tone(ticket: model.Ticket) -> card.Tone:
    if ticket.decision is None:
        return "pending"
    match ticket.decision.outcome:
        case "allowed" | "answered":
            return "good"
        case "denied":
            return "bad"
        case "expired" | "cancelled" | "superseded" | "undeliverable":
            return "gone"
        case _:
            assert_never(ticket.decision.outcome)

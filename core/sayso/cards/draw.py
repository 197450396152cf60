"""A ticket becomes a card: which parts stand on it and which buttons it has. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from sayso import machine, model
from sayso.cards import card, prose, said, shelf, tokens
from sayso.content import schema, text, wording
from sayso.machine import approvers

Trusted = text.Trusted

input_parts = said.input_parts
value_text = said.value_text

_OFFERED = {"rule": "Rule {}", "folder": "Folder {}", "mode": "Mode {}"}
_OFFERS = {"rule": "Allow with rule {}…", "folder": "Allow with folder {}…", "mode": "Allow and change mode {}…"}


_SHELF = shelf.Shelf()
_GLANCES = shelf.Glances()


def card_of(ticket: model.Ticket, maker: tokens.TokenMaker) -> card.Card:
    """The card of a ticket: pending with its buttons, closed without any. What did not change is drawn once."""
    return _SHELF.card(ticket, maker, lambda: _drawn(ticket, maker))


def glance_of(ticket: model.Ticket, maker: tokens.TokenMaker, longest: int, room: int) -> card.Card | None:
    """The card in *room* characters and without buttons, for a list; None where it has no more than *longest*."""
    return _GLANCES.card(ticket, lambda: _glance(ticket, maker, longest, room))


def _glance(ticket: model.Ticket, maker: tokens.TokenMaker, longest: int, room: int) -> card.Card | None:
    drawn = card_of(ticket, maker)
    if card.whole(drawn, longest):
        return None
    return dataclasses.replace(card.fit(dataclasses.replace(drawn, review=None), room), controls=())


def pages_of(ticket: model.Ticket, maker: tokens.TokenMaker, room: int) -> shelf.Pages:
    """The whole card in pages of *room* characters."""
    return _SHELF.pages(ticket, maker, lambda: _drawn(ticket, maker), room)


def _drawn(ticket: model.Ticket, maker: tokens.TokenMaker) -> card.Card:
    closed = ticket.decision is not None or ticket.held
    controls = () if closed else tuple(_controls(ticket, maker))
    review = card.Button(Trusted("Review"), maker.token(ticket, "review"), "review", "primary")
    return card.Card(
        ticket_id=ticket.id,
        tone=_tone(ticket),
        summary=_summary(ticket),
        parts=tuple(_parts(ticket)),
        controls=controls,
        review=None if closed else review,
        session=session_of(ticket),
        talk=ticket.request.kind != "permission",
        approvers=() if ticket.decision else approvers.named(ticket),
    )


def session_of(ticket: model.Ticket) -> card.Session | None:
    """The agent session that asks, where the agent named one."""
    session = ticket.request.source.session
    return card.Session(ticket.owner, session, text.line(session)) if session else None


def _parts(ticket: model.Ticket) -> Iterable[card.Part]:
    request = ticket.request
    headline = card.Line(_headline(ticket), strong=True)
    shown = [
        *said.verdict(ticket),
        *said.held(ticket),
        *said.taken(ticket),
        *_asked(request),
        *_input(request),
        *_options(request),
        *_extra(request),
    ]
    shown += [card.Facts(tuple(_facts(ticket)), request.risk), *_progress(ticket)]
    yield headline
    yield from _warnings([headline, *shown])
    yield from shown
    yield card.Note(tuple(_small_print(ticket)))


def _headline(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    request = ticket.request
    agent: card.Inline = text.line(request.source.agent) if request.source.agent else Trusted("An agent")
    if request.kind == "permission":
        return (agent, Trusted(" asks to run "), text.line(request.tool or ""))
    return (agent, Trusted(" asks you to fill in a form" if request.kind == "form" else " asks"))


def _asked(request: model.Request) -> Iterable[card.Part]:
    if request.title and request.kind != "permission":
        yield card.Ask(text.literal(request.title))
    if request.json_schema is not None:
        yield from _left_out(schema.left_out(request.json_schema))


def _left_out(names: Sequence[str]) -> Iterable[card.Part]:
    if names:
        spans: list[card.Inline] = [Trusted("Nobody can fill these in here, so they are left out: ")]
        for index, name in enumerate(names[: said.MOST_KEYS]):
            spans += [Trusted(", " if index else ""), text.line(name[: said.LONGEST_KEY])]
        more = len(names) - said.MOST_KEYS
        yield card.Line((*spans, Trusted(f" and {more} more" if more > 0 else "")))


def _input(request: model.Request) -> Iterable[card.Part]:
    if request.kind == "permission":
        arguments = request.input or {}
        yield from input_parts(arguments, "Input", "input")
        if not arguments:
            yield card.Note((Trusted("It runs without any input."),))


def _options(request: model.Request) -> Iterable[card.Part]:
    if request.options:
        yield card.Choices(
            tuple(
                (text.line(option.label), text.literal(option.description) if option.description else None)
                for option in request.options
            )
        )


def _extra(request: model.Request) -> Iterable[card.Part]:
    # what the agent says about itself comes below what will really run
    told = [request.title] if request.kind == "permission" and request.title else []
    if request.body:
        told.append(request.body)
    if told:
        yield card.Says(prose.parse("\n\n".join(told)))
    for attachment in request.attachments:
        label = (Trusted(f"Attached {attachment.kind} · "), text.line(attachment.name))
        yield card.Code(label, text.literal(attachment.text, code=True), role=attachment.kind)


def _warnings(parts: Iterable[card.Part]) -> Iterable[card.Warn]:
    seen = dict.fromkeys(warning for part in parts for warning in _warnings_of(part))
    return (card.Warn(warning) for warning in seen)


def _warnings_of(part: card.Part) -> Iterable[text.Trusted]:
    return (warning for one in part.inlines() if isinstance(one, text.Foreign) for warning in one.warnings)


def _facts(ticket: model.Ticket) -> Iterable[tuple[card.Inline, card.Inline]]:
    request, source = ticket.request, ticket.request.source
    if request.risk:
        yield Trusted("Risk"), Trusted(request.risk)
    if source.session:
        yield Trusted("Session"), text.line(source.session)
    if source.url:
        yield Trusted("Link given by the agent"), text.line(source.url)
    for index, offer in enumerate(request.offers):
        yield Trusted(_OFFERED[offer.kind].format(index + 1)), text.line(offer.effect)
    for name, value in request.context.items():
        yield text.line(name), text.line(value)
    yield Trusted("Asked"), card.Moment(ticket.created_at)
    if ticket.decision is None:
        yield Trusted("Expires"), card.Moment(ticket.expires_at)


def _progress(ticket: model.Ticket) -> Iterable[card.Part]:
    allowed = machine.allows_by(ticket)
    if ticket.decision is None and ticket.policy.quorum > 1:
        spans: list[card.Inline] = [Trusted(f"{len(allowed)} of {ticket.policy.quorum} people have allowed this")]
        for index, given in enumerate(allowed):
            spans += [Trusted(", " if index else ": "), text.line(given.name)]
        yield card.Line(tuple(spans))


def _small_print(ticket: model.Ticket) -> Iterable[card.Inline]:
    if ticket.decision is None:
        yield Trusted("May decide: ")
        yield text.line(", ".join(ticket.policy.approvers) or "nobody")
        yield Trusted(" · ")
    yield Trusted(f"{ticket.id} · {ticket.digest[:19]}")


def offer_parts(request: model.Request, index: int) -> Iterable[card.Part]:
    """What an offer adds, in full, and what that means."""
    offer = request.offers[index]
    if offer.kind == "mode":
        yield card.Warn(Trusted("This changes what you are asked from now on, not only this call."))
    yield card.Code(
        (Trusted(_OFFERED[offer.kind].format(index + 1)),), text.literal(offer.effect, code=True), role="offer"
    )


def _controls(ticket: model.Ticket, maker: tokens.TokenMaker) -> Iterable[card.Control]:
    request = ticket.request
    if ticket.taken:
        yield card.Button(Trusted("Take back"), maker.token(ticket, "undo"), "undo")
        return
    if request.kind == "permission":
        yield from _permission_controls(ticket, maker)
    elif request.kind == "choice":
        picked = tuple(maker.token(ticket, "option", index) for index in range(len(request.options)))
        labels = tuple(text.line(option.label) for option in request.options)
        yield card.Pick(labels, picked, maker.token(ticket, "pick"), request.multiple)
        if request.other:
            yield card.Button(Trusted("Other…"), maker.token(ticket, "other"), "other", deciding=True)
    else:
        label = Trusted("Answer") if request.kind == "question" else Trusted("Fill in")
        yield card.Button(label, maker.token(ticket, "fill"), "fill", "primary", deciding=True)
    if request.kind != "permission" and "deny" in request.verdicts:
        yield card.Button(Trusted("Decline"), maker.token(ticket, "deny"), "deny")
    if "respond" in request.verdicts:
        yield card.Button(Trusted("Answer instead…"), maker.token(ticket, "respond"), "respond")
    if "stop" in request.verdicts:
        deny = "Deny" if request.kind == "permission" else "Decline"
        yield card.Button(Trusted(f"{deny} and stop…"), maker.token(ticket, "stop"), "stop")


def _permission_controls(ticket: model.Ticket, maker: tokens.TokenMaker) -> Iterable[card.Control]:
    if ticket.request.confirm:
        yield card.Button(Trusted("Review and allow…"), maker.token(ticket, "review"), "review", deciding=True)
    else:
        yield card.Button(Trusted("Allow"), maker.token(ticket, "allow"), "allow", "primary", deciding=True)
    yield card.Button(Trusted("Deny"), maker.token(ticket, "deny"), "deny", "danger")
    yield card.Button(Trusted("Deny with reason…"), maker.token(ticket, "reason"), "reason")
    if ticket.request.input and ticket.request.editable and ticket.policy.quorum == 1:
        yield card.Button(Trusted("Edit and allow…"), maker.token(ticket, "edit"), "edit", deciding=True)
    if "session" in ticket.request.grants:
        yield card.Button(Trusted("Allow for the session"), maker.token(ticket, "session"), "session", deciding=True)
    if "always" in ticket.request.grants:
        yield card.Button(Trusted("Allow always"), maker.token(ticket, "always"), "always", deciding=True)
    for index, offer in enumerate(ticket.request.offers):
        yield card.Button(
            Trusted(_OFFERS[offer.kind].format(index + 1)), maker.token(ticket, "offer", index), "offer", deciding=True
        )


def _tone(ticket: model.Ticket) -> Any:
    if ticket.decision is None:
        return "pending"
    return {"allowed": "good", "answered": "good", "denied": "bad"}.get(ticket.decision.outcome, "gone")


def _summary(ticket: model.Ticket) -> text.Trusted:
    asks = {
        "permission": "An agent asks for permission to run a tool",
        "question": "An agent has a question",
        "choice": "An agent asks you to choose",
        "form": "An agent asks you to fill in a form",
    }[ticket.request.kind]
    return Trusted(asks if ticket.decision is None else f"{asks}. {wording.verdict(ticket.decision)}.")

"""The buttons and menus of a card, each with its token. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sayso import model
from sayso.cards import buttons, card, closed, demanded, masked, risks, tokens, values
from sayso.content import text

Trusted = text.Trusted


def of(ticket: model.Ticket, maker: tokens.TokenMaker, risky: risks.Risks) -> Iterable[card.Control]:
    """All that an open card offers."""
    for row, number in buttons.on(ticket):
        if row.action == "pick":
            yield _pick(ticket, row, maker)
        else:
            # a window that the press opens says the risk, and is a second press itself
            asks = None if demanded.opens(ticket, row) else risks.second_press(row, risky)
            yield button(ticket, row, number, maker, asks)
    if ticket.policy.reveal and isinstance(ticket, masked.Covered):
        yield button(ticket, buttons.row_of("reveal", ticket.request.kind), 0, maker)


def button(
    ticket: model.Ticket, row: buttons.Row, number: int, maker: tokens.TokenMaker, confirm: card.Confirm | None = None
) -> card.Button:
    """One of its buttons."""
    return card.Button(
        label=Trusted(row.label_on(ticket.request, number)),
        token=maker.token(ticket, row.action, number),
        action=row.action,
        style=row.style,
        deciding=row.deciding,
        confirm=confirm,
        flag=f"{row.flag.format(number=number + 1)}{demanded.flags(ticket, row)}",
        first=row.first,
        needs=_shortest_value(ticket.request) if row.action == "edit" else 0,
    )


def _shortest_value(request: model.Request) -> int:
    return min((len(values.text_of(value)) for value in (request.input or {}).values()), default=0)


def _pick(ticket: model.Ticket, row: buttons.Row, maker: tokens.TokenMaker) -> card.Pick:
    request = ticket.request
    picked = tuple(maker.token(ticket, "option", index) for index in range(len(request.options)))
    labels = tuple(text.line(option.label) for option in request.options)
    about = tuple(text.literal(option.description) if option.description else None for option in request.options)
    return card.Pick(labels, picked, maker.token(ticket, row.action), request.multiple, row.flag, described=about)


def details_of(ticket: model.Ticket, maker: tokens.TokenMaker) -> card.Button | None:
    """The button that opens all of a closed request; None if its few lines leave nothing out."""
    if not closed.leaves_out(ticket):
        return None
    return button(ticket, buttons.row_of("details", ticket.request.kind), 0, maker)

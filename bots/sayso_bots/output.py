"""What commands print: lines for people, or one JSON document. Foreign text is made safe before a terminal gets it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from sayso import draw, fields, model, text, tokens, wording
from sayso_bots import render, rows
from sayso_http import tickets


def as_json(document: Any) -> None:
    """One JSON document, as ASCII: its escapes cannot move a cursor."""
    click.echo(json.dumps(document, indent=2))


def ticket_json(ticket: model.Ticket) -> model.JsonObject:
    """A ticket for other programs, as the service sends it; its secret reference stays here."""
    return tickets.document(ticket).model_dump(mode="json")


def card(ticket: model.Ticket) -> None:
    """The card, as text; buttons stand there as commands, so no working token is made for it."""
    click.echo(render.render(draw.card_of(ticket, tokens.Mint(b"for showing only")), rows.columns()))
    if ticket.request.kind == "form" and ticket.decision is None:
        click.echo(render.form(fields.of_request(ticket.request), rows.columns()))


def state_of(ticket: model.Ticket) -> str:
    """In a word or two."""
    if ticket.decision is None:
        taken = f"pending, the answer of {ticket.taken.given.person} is taken" if ticket.taken else "pending"
        return "held" if ticket.held else taken
    by = f" by {wording.people(ticket.decision)}" if ticket.decision.by else ""
    used = ", used" if ticket.used_at else ""
    return wording.verdict(ticket.decision) + by + used


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under heads; no cell is read as markup, and the first one, by which a row is named, is never cut."""
    from rich import box, console, table
    from rich.text import Text

    shown = table.Table(box=box.SIMPLE_HEAD, pad_edge=False)
    widest = max((len(row[0]) for row in rows), default=0)
    shown.add_column(heads[0], no_wrap=True, min_width=widest)
    for head in heads[1:]:
        shown.add_column(head)
    for row in rows:
        shown.add_row(*(Text(text.line(cell).text) for cell in row))

    class Screen(console.Console):
        def on_broken_pipe(self) -> None:
            # rich would exit with 1, which says that somebody denied
            raise BrokenPipeError

    screen = Screen(markup=False, highlight=False, emoji=False)
    # a narrow terminal breaks the line itself, where rich would cut it
    screen.width = max(screen.width, widest + 40) if screen.is_terminal else 400
    screen.print(shown)


def say(said: str, *, err: bool = False) -> None:
    """A sentence that may hold foreign text: in a terminal no row of it begins where the service speaks."""
    stream = sys.stderr if err else sys.stdout
    # a program reads whole lines
    click.echo(render.lines(said, rows.columns()) if stream.isatty() else safe(said), err=err)


def value(given: str) -> None:
    """What somebody answered: for a program as it is, and in a terminal behind the bar."""
    shown = text.literal(given).text
    click.echo("\n".join(rows.barred(shown, rows.columns())) if sys.stdout.isatty() else shown)


def safe(raw: str) -> str:
    """Foreign text for a terminal: what would act there is spelled out."""
    return text.literal(raw).text

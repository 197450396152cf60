"""What commands print: lines for people, or one JSON document. Foreign text is made safe before a terminal gets it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Generator, Sequence
from typing import Any

import click

from sayso import errors, model
from sayso.cards import attended, board, phrases, tokens, urgency
from sayso.content import fields, text, wording
from sayso.machine import people, who
from sayso_bots.terminal import render, rows

# Columns that foreign text must have in a table; with fewer it is not a table.
_LEAST_ROOM = 20
# A program reads a row as one line, however long that is.
_NO_BREAK = 1_000_000
# Sentences are read more easily in short lines, however wide the terminal is.
_WIDEST = 100


@contextlib.contextmanager
def of(done: str) -> Generator[None]:
    """Print within it what was *done*: if that cannot be printed, the one line about it says that it was done."""
    try:
        yield
    except OSError as error:
        error.add_note(done)
        raise


def say_refused(error: errors.InvalidSettings) -> None:
    """Say what is wrong with settings that are not needed for what is done."""
    say(f"the settings are refused, and not needed for this: {error.message}", err=True)


def print_json(document: Any) -> None:
    """One JSON document, as ASCII: its escapes cannot move a cursor."""
    click.echo(json.dumps(document, indent=2))


def print_line(document: Any) -> None:
    """One JSON document on one line, for programs that read line by line."""
    click.echo(json.dumps(document))


def document_of(ticket: model.Ticket) -> model.JsonObject:
    """A ticket for other programs, as the service sends it; its secret reference stays here."""
    # for programs only
    from sayso_http import tickets

    return tickets.to_document(ticket).model_dump(mode="json")


def print_card(ticket: model.Ticket, directory: people.Directory) -> None:
    """Print the card of a ticket as it is shown; buttons stand there as commands, so no working token is made."""
    # cards are drawn by few commands
    from sayso.cards import draw

    drawn = draw.card_of(ticket, tokens.TokenMaker(b"for showing only", plain=True), directory)
    click.echo(render.render(drawn, rows.columns()))
    if ticket.policy.break_glass and ticket.decision is None:
        say(f"In an emergency, for {who.in_words(ticket.policy.break_glass.who)}:")
        click.echo(f"  sayso answer {ticket.id} --break-glass --reason TEXT")
    if ticket.request.kind == "form" and ticket.decision is None:
        click.echo(render.form(fields.of_request(ticket.request), rows.columns()))


def state_of(ticket: model.Ticket) -> str:
    """In a word or two."""
    if ticket.decision is None:
        taken = f"pending, the answer of {ticket.taken.given.person} is taken" if ticket.taken else "pending"
        so_far = ", ".join(
            said for said in (urgency.words(ticket), board.words(ticket), attended.words(ticket)) if said
        )
        return "held" if ticket.held else "stopped" if ticket.stopped else f"{taken}: {so_far}" if so_far else taken
    decision = ticket.decision
    used = ", used" if ticket.used_at else ""
    return phrases.outcome_words(ticket.request.kind, decision, wording.by_whom(decision)) + used


def print_state(ticket: model.Ticket, *, as_json: bool) -> None:
    """What became of a ticket."""
    said = f"{ticket.id}: {state_of(ticket)}"
    with of(said):
        print_json(document_of(ticket)) if as_json else say(said)


def print_stops(stops: Sequence[model.Stop], *, as_json: bool) -> None:
    """All stops that stand."""
    if as_json:
        print_json([stop.model_dump(mode="json") for stop in stops])
        return
    for stop in stops:
        say(phrases.stopped(stop) + (f": {stop.reason}" if stop.reason else ""))
    if not stops:
        say("Nothing is stopped.")


def print_table(heads: Sequence[str], cells: Sequence[Sequence[str]], *, foreign: int | None = None) -> None:
    """Rows under heads; no cell is read as markup, and the first one, by which a row is named, is never cut.

    The cells of the column *foreign* are quoted. In a terminal a cell is one row, so that nothing of it goes on below.
    """
    from rich import box, console, table
    from rich.text import Text

    class Screen(console.Console):
        def on_broken_pipe(self) -> None:
            # rich would exit with 1, which says that somebody denied
            raise BrokenPipeError

    screen = Screen(markup=False, highlight=False, emoji=False)
    shown = [
        [render.quote(one) if at == foreign else text.line(one).text for at, one in enumerate(row)] for row in cells
    ]
    widths = [max((rows.width(row[at]) for row in shown), default=0) for at in range(len(heads))]
    if screen.is_terminal:
        room = rows.columns() - sum(width + 3 for at, width in enumerate(widths) if at != foreign)
        if room < _LEAST_ROOM and shown:
            # a table that the terminal breaks would begin with others' words at its left edge
            for row in shown:
                click.echo("\n".join(rows.hang("  ".join(row), rows.columns())))
            return
        shown = [[rows.cut(one, room - 3) if at == foreign else one for at, one in enumerate(row)] for row in shown]
    made = table.Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, head in enumerate(heads):
        made.add_column(head, no_wrap=at == 0, min_width=widths[at] if at == 0 else None)
    for row in shown:
        made.add_row(*map(Text, row))
    screen.width = rows.columns() if screen.is_terminal else _NO_BREAK
    screen.print(made)


def say(said: str, *, err: bool = False) -> None:
    """A sentence that may hold foreign text: in a terminal no row of it begins like one of the service."""
    stream = sys.stderr if err else sys.stdout
    # a program reads whole lines
    click.echo(render.lines(said, rows.columns()) if stream.isatty() else make_safe(said), err=err)


def wrapped(said: str, first: str = "", others: str = "") -> str:
    """A sentence of the service in whole words."""
    return click.wrap_text(make_safe(said), min(rows.columns(), _WIDEST), first, others)


def print_value(given: str) -> None:
    """What somebody answered: for a program as it is, and in a terminal behind the bar."""
    shown = text.literal(given).text
    click.echo("\n".join(rows.put_behind_bar(shown, rows.columns())) if sys.stdout.isatty() else shown)


def make_safe(raw: str) -> str:
    """Foreign text for a terminal: what would act there is spelled out."""
    return text.literal(raw).text

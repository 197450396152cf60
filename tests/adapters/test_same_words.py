"""The inbox and the terminal show the same card with the same words: every sample, every part, in the same order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sayso import model
from sayso.cards import card, draw
from sayso.testing import samples
from sayso_bots.terminal import render as terminal
from sayso_web import render as web
from tests.adapters.web.service import Elements
from tests.tables import each

SAMPLES = [*samples.pending(), *samples.long(), *samples.closed()]


def plain(text: str) -> str:
    """The words alone: rows, bars and quotes are each surface's own."""
    rows = (re.sub(r"^\s*│ ?(↳ ?)?", "", row) for row in text.split("\n"))
    return " ".join(re.sub(r'["\\]', "", "\n".join(rows)).replace("\\n", " ").split())


def pieces(part: card.Part) -> Iterator[str]:
    """What a part says, piece by piece; moments stand in the reader's own zone."""
    for one in part.inlines():
        said = "" if isinstance(one, card.Moment) else plain(card.words_of(one))
        # bullets and frames of an agent's Markdown are drawn by each surface in its own way
        yield from re.findall(r"[^\W\d_]+", said) if isinstance(part, card.Says) else filter(None, [said])


def in_browser(ticket: model.Ticket) -> str:
    drawn = draw.card_of(ticket, samples.MINT)
    return plain("\n".join(Elements(web.render(drawn, web.Frame(expires_at=ticket.expires_at))).texts))


def in_terminal(ticket: model.Ticket) -> str:
    return plain(terminal.render(draw.card_of(ticket, samples.MINT), width=1_000_000))


def missing(said: str, ticket: model.Ticket) -> list[str]:
    drawn = draw.card_of(ticket, samples.MINT)
    packed = said.replace(" ", "")
    return [piece for part in drawn.parts for piece in pieces(part) if piece.replace(" ", "") not in packed]


def test_both_say_all_that_the_card_says() -> None:
    for row in each(range(len(SAMPLES))):
        with row as number:
            ticket = SAMPLES[number]
            assert missing(in_browser(ticket), ticket) == []
            assert missing(in_terminal(ticket), ticket) == []


def test_what_a_button_does_in_the_inbox_is_a_command_at_the_terminal() -> None:
    for row in each(range(len(SAMPLES))):
        with row as number:
            ticket = SAMPLES[number]
            drawn, shown, typed = draw.card_of(ticket, samples.MINT), in_browser(ticket), in_terminal(ticket)
            for control in drawn.controls:
                if control.flag:
                    assert f"sayso answer {ticket.id} {control.flag}" in typed
                if isinstance(control, card.Button) and ticket.request.kind not in ("question", "form"):
                    assert control.label in shown


def test_a_word_that_one_of_them_leaves_out_is_found() -> None:
    ticket = next(samples.pending())
    cut = in_terminal(ticket).replace("make deploy", "make")
    assert missing(cut, ticket) == ["make deploy"]

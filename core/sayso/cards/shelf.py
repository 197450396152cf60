"""Keeps what was drawn a moment ago: a request that did not change is drawn once, for all places, pages and people."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from sayso import model
from sayso.cards import card as cards
from sayso.cards import cutting
from sayso.content import requests

# Characters of all cards on the shelf, and how many cards.
_MOST_TEXT, _MOST_CARDS = 8 * 1_048_576, 500

Pages = tuple[tuple[cards.Part, ...], ...]


@dataclass(slots=True)
class _Drawn:
    ticket: model.Ticket
    terms: object
    drawn: cards.Card
    size: int
    pages: dict[int | cutting.Paper, Pages] = field(default_factory=dict[int | cutting.Paper, Pages])


@dataclass(slots=True)
class _Turn:
    """One at a time draws a ticket; the others wait for that card."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


class Shelf:
    """Cards by ticket and version. The ticket itself is compared, too: nobody is ever shown another's card.

    *terms* are what else a card is drawn with, such as the maker of its tokens.
    """

    def __init__(self, most_text: int = _MOST_TEXT, most_cards: int = _MOST_CARDS) -> None:
        self._most_text, self._most_cards = most_text, most_cards
        self._cards: dict[tuple[str, str, int], _Drawn] = {}
        self._text = 0
        self._turns: dict[tuple[str, str, int], _Turn] = {}
        self._lock = threading.Lock()

    def card(self, ticket: model.Ticket, terms: object, draw: Callable[[], cards.Card]) -> cards.Card:
        """The card of *ticket*, as *draw* makes it."""
        return self._find(ticket, terms, draw).drawn

    def pages(
        self, ticket: model.Ticket, terms: object, draw: Callable[[], cards.Card], room: int | cutting.Paper
    ) -> Pages:
        """The same in pages of *room*; they are cut once."""
        kept = self._find(ticket, terms, draw)
        if room not in kept.pages:
            kept.pages[room] = cutting.pages(kept.drawn.parts, room)
        return kept.pages[room]

    def _find(self, ticket: model.Ticket, terms: object, draw: Callable[[], cards.Card]) -> _Drawn:
        key = ticket.ref, ticket.id, ticket.version
        with self._turn(key):
            return self._draw_once(key, ticket, terms, draw)

    @contextlib.contextmanager
    def _turn(self, key: tuple[str, str, int]) -> Generator[None]:
        with self._lock:
            turn = self._turns.setdefault(key, _Turn())
            turn.waiting += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.waiting -= 1
                if not turn.waiting:
                    del self._turns[key]

    def _draw_once(
        self, key: tuple[str, str, int], ticket: model.Ticket, terms: object, draw: Callable[[], cards.Card]
    ) -> _Drawn:
        with self._lock:
            kept = self._cards.get(key)
        if kept is None or kept.terms != terms or kept.ticket != ticket:
            drawn = draw()
            kept = _Drawn(ticket, terms, drawn, sum(len(piece) for part in drawn.parts for piece in cards.pieces(part)))
            self._keep(key, kept)
        return kept

    def _keep(self, key: tuple[str, str, int], kept: _Drawn) -> None:
        with self._lock:
            self._drop(key)
            self._cards[key] = kept
            self._text += kept.size
            # pages hold the same text once more
            while len(self._cards) > self._most_cards or (self._text > self._most_text and len(self._cards) > 1):
                self._drop(next(iter(self._cards)))

    def _drop(self, key: tuple[str, str, int]) -> None:
        if old := self._cards.pop(key, None):
            self._text -= old.size


class Glances:
    """What a list shows of long cards. Kept apart from the cards, without their requests, since a list has many."""

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._cards: dict[tuple[str, str, int, str], tuple[dict[str, Any], cards.Card | None]] = {}
        self._lock = threading.Lock()

    def card(self, ticket: model.Ticket, make: Callable[[], cards.Card | None]) -> cards.Card | None:
        """The short card that *make* makes of *ticket*; None if the whole one is short."""
        key = ticket.ref, ticket.id, ticket.version, ticket.digest
        # the request itself is bound by the digest
        facts = {name: value for name, value in ticket if name != "request"}
        with self._lock:
            known = self._cards.get(key)
        if known and known[0] == facts:
            return known[1]
        made = make()
        if requests.is_large(facts):
            # an edited input may be a megabyte, and would be kept with each of them
            return made
        with self._lock:
            self._cards[key] = facts, made
            if len(self._cards) > self._most:
                del self._cards[next(iter(self._cards))]
        return made

"""What somebody looks for in a list by words: a bounded look, and a button that goes on behind it.

The rule: it finds among what this person may see in the list anyhow, and nothing more.
"""

from __future__ import annotations

import base64
import binascii
import functools
from typing import Literal

from sayso import errors
from sayso.chat import listing
from sayso.content import text
from sayso.desk import Desk
from sayso.desk.answering import searching, visibility
from sayso.machine import people

Trusted = text.Trusted

# What a button carries in every chat: letters, digits, dots, and so many of them.
_ROOM = 80


async def show(
    desk: Desk, name: Literal["pending", "mine", "history", "grants"], actor: people.Actor, page: str, words: str
) -> listing.Listing:
    """A page of what fits; *page* carries behind which request it goes on, and the words."""
    ref, _, carried = page.partition(".")
    words = words or _read(carried)
    last = await desk.store.load_by_ref(ref) if ref else None
    wanted = searching.Filter(
        state="decided" if name == "history" else "pending" if name == "pending" else None,
        whose="me" if name == "pending" else "mine" if name == "mine" else None,
        search=_checked(words),
    )
    reader = functools.partial(visibility.tickets, desk, actor) if name == "history" else None
    after = (last.created_at, last.id) if last else None
    found = await searching.run(desk, wanted, listing.PAGE, after, actor=actor, reader=reader)
    rows = await listing.rows_of(desk, found.tickets)
    following = f"{name}.{found.last.ref}.{_written(words)}" if found.last else ""
    turns = (listing.Turn(Trusted("Look further back"), following),) if 0 < len(following) <= _ROOM else ()
    return listing.Listing(_title(len(rows), more=found.last is not None, on=bool(turns)), rows, turns=turns)


def _title(count: int, *, more: bool, on: bool) -> text.Trusted:
    said = f"Found {count}, newest first" if count else "Nothing found"
    if not more:
        return Trusted(said)
    return Trusted(f"{said} so far" if on else f"{said} so far: fewer words go on, and the inbox does")


def _checked(words: str) -> str:
    return searching.read({"search": words}).search


def _written(words: str) -> str:
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def _read(carried: str) -> str:
    try:
        return base64.urlsafe_b64decode(carried + "=" * (-len(carried) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise errors.NotFound("this button is not known", field="page") from error

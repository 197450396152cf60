"""Progress notes: an agent says what it is doing, where its session's questions go. Nobody answers a note.

The rule: a note is told at once or refused at once. It is no request, so nothing of it is kept or repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sayso import errors, model
from sayso.cards import card, prose
from sayso.content import text
from sayso.stores import Query, Store

LONGEST = 1_500
"""Characters; more is a document, not a note."""


class Teller(Protocol):
    """A platform where sessions have threads."""

    @property
    def name(self) -> str:
        """The part of a place before the colon."""
        ...

    async def note(self, place: model.Place, session: card.Session, said: card.Says) -> None:
        """Tell it in the session's thread at *place*. Raises `ChannelError`."""
        ...


async def tell(
    tellers: Mapping[str, Teller],
    kept: Store,
    route: tuple[model.Place, ...],
    whose: tuple[str, str],
    said: str,
) -> tuple[model.Place, ...]:
    """Tell a note to the places where the newest request of *whose* owner and session went, or else of *route*.

    Raises:
        InvalidRequest: there is nothing to tell, too much, or nowhere to tell it.
        ChannelError: no place took it.
    """
    if not said.strip() or len(said) > LONGEST:
        raise errors.InvalidRequest(f"a note has 1 to {LONGEST} characters", field="text")
    owner, session = whose
    if not 1 <= len(session) <= model.MAX_NAME:
        raise errors.InvalidRequest(f"a session has 1 to {model.MAX_NAME} characters", field="session")
    asked = await kept.list(Query(owner=owner, session=session, limit=1))
    route = asked[0].route if asked else route
    places = tuple(place for place in route if place.partition(":")[0] in tellers)
    if not places:
        raise errors.InvalidRequest("there is no chat for notes here", field="session", hint="configure one")
    about = card.Session(owner, session, text.line(session))
    shown = card.Says(prose.parse(said))
    told, failed = list[model.Place](), list[errors.ChannelError]()
    for place in places:
        try:
            await tellers[place.partition(":")[0]].note(place, about, shown)
            told.append(place)
        except errors.ChannelError as error:
            failed.append(error)
    if not told:
        raise failed[0]
    return tuple(told)

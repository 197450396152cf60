"""Progress notes: an agent says what it is doing, where its session's questions go. Nobody answers a note.

The rule: a note is told at once or refused at once. It is no request, so nothing of it is kept or repeated.
"""

from __future__ import annotations

from collections.abc import Mapping

from sayso import errors, model
from sayso.cards import card, masked, naming, prose, tokens
from sayso.desk import channel
from sayso.stores import Query, Store

LONGEST = 1_500
"""Characters; more is a document, not a note."""


async def tell(
    platforms: Mapping[str, channel.Platform],
    store: Store,
    route: tuple[model.Place, ...],
    whose: tuple[str, str],
    said: str,
    maker: tokens.TokenMaker,
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
    asked = await store.list(Query(owner=owner, session=session, limit=1))
    route = asked[0].route if asked else route
    tellers = {name: one.teller for name, one in platforms.items() if one.teller}
    places = tuple(place for place in route if model.channel_of(place) in tellers)
    if not places:
        raise errors.InvalidRequest("there is no chat for notes here", field="session", hint="configure one")
    about = (naming.session_of(masked.of(asked[0], maker)) if asked else None) or naming.session(
        owner, maker.masks.text(session)
    )
    shown = card.Says(prose.parse(maker.masks.text(said)))
    told, failed = list[model.Place](), list[errors.ChannelError]()
    for place in places:
        try:
            await tellers[model.channel_of(place)].note(place, about, shown)
            told.append(place)
        except errors.ChannelError as error:
            failed.append(error)
    if not told:
        raise failed[0]
    return tuple(told)

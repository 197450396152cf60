"""Numbers that every chat chooses alike, and the words for what is over a limit."""

from __future__ import annotations

from collections.abc import Iterator

OPTION_BUTTONS = 5
"""Options that fit side by side; more become a list to choose from."""
MOST_CALLED = 20
"""A card notifies at most this many people by name: more are a crowd, and the card says whom it is for in any case."""
EDITED = 2_000
"""Characters of an argument that a window lets people edit; a longer one stays as it is."""
TITLE_SHOWN = 120
"""How much of a request's title a sentence repeats."""


def excess(what: str, size: int, most: int) -> Iterator[str]:
    """What is over a limit, in a few words; nothing if it is not."""
    if size > most:
        yield f"{what}: {size} is more than {most}"

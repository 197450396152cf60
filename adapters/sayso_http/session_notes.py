"""Notes of an agent about its session, on the wire."""

from __future__ import annotations

from typing import Annotated

import pydantic

from sayso import model
from sayso.desk.posting import notes


class Note(model.Frozen):
    """What the agent is doing, in Markdown; at most 1,500 characters."""

    text: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=notes.LONGEST, pattern=r"\S")]


class Told(model.Frozen):
    """Where a note was told."""

    places: tuple[str, ...]

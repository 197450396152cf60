"""Reads the SQL files: named queries and numbered migrations. Only the filters of a list are written elsewhere.

Queries work in both dialects as they are, or each dialect defines the same name in its own folder.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Literal

Dialect = Literal["sqlite", "postgres"]


@functools.cache
def queries(dialect: Dialect) -> dict[str, str]:
    """Every query of a dialect by name; parameters are `$1`, `$2`, numbered in the order in which they appear."""
    folder = resources.files(__name__)
    text = folder.joinpath("queries.sql").read_text() + folder.joinpath(dialect, "queries.sql").read_text()
    named = (part.partition("\n") for part in text.split("-- name: ")[1:])
    return {name.strip(): body.strip().rstrip(";") for name, _, body in named}


@functools.cache
def migrations(dialect: Dialect) -> tuple[str, ...]:
    """The steps from an empty database to the present schema; step *n* leads to schema version *n*."""
    files = sorted(resources.files(__name__).joinpath(dialect).iterdir(), key=lambda file: file.name)
    return tuple(file.read_text() for file in files if file.name[0].isdigit())

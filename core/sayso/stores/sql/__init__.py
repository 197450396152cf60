"""Reads the SQL files: named queries and numbered migrations. Only the filters of a list are written elsewhere.

Queries work in both dialects as they are, or each dialect defines the same name in its own folder.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Literal, cast, get_args

Dialect = Literal["sqlite", "postgres"]

Name = Literal[
    "add_card",
    "add_seal",
    "add_ticket",
    "append",
    "audiences",
    "cards",
    "chained",
    "change_ticket",
    "document",
    "documents",
    "done",
    "done_unless_newer",
    "due",
    "expire",
    "find_card",
    "forget_cards",
    "forget_effects",
    "get",
    "get_all",
    "head",
    "insert_record",
    "last_row",
    "last_seal",
    "leave",
    "load",
    "load_by_ref",
    "log",
    "log_after",
    "next_due",
    "next_job",
    "oldest",
    "postpone",
    "probe",
    "put_effect",
    "put_beside",
    "put_leased",
    "put_off",
    "remove",
    "remove_card",
    "renew",
    "replace_record",
    "retry",
    "scan",
    "seals",
    "summary",
    "tail",
    "take",
    "version",
]
"""Every query that there is. The type checkers refuse any other name."""

# On PostgreSQL these are in functions, in session.sql.
_IN_ONE = frozenset(
    {
        "add_ticket",
        "append",
        "change_ticket",
        "done_unless_newer",
        "head",
        "leave",
        "put_beside",
        "put_effect",
        "put_leased",
    }
)


@functools.cache
def queries(dialect: Dialect) -> dict[Name, str]:
    """Every query of a dialect by name; parameters are `$1`, `$2`, numbered in the order in which they appear.

    Raises:
        LookupError: a query is missing, or it is not in `Name`.
    """
    folder = resources.files(__name__)
    text = folder.joinpath("queries.sql").read_text() + folder.joinpath(dialect, "queries.sql").read_text()
    named = (part.partition("\n") for part in text.split("-- name: ")[1:])
    found = {name.strip(): body.strip().rstrip(";") for name, _, body in named}
    wanted = frozenset(get_args(Name)) - (_IN_ONE if dialect == "postgres" else frozenset())
    if odd := found.keys() ^ wanted:
        raise LookupError(f"queries of {dialect}: {', '.join(sorted(odd))} stand in one place only")
    return cast("dict[Name, str]", found)


@functools.cache
def session() -> str:
    """What each connection to PostgreSQL brings with it."""
    return resources.files(__name__).joinpath("postgres", "session.sql").read_text()


@functools.cache
def migrations(dialect: Dialect) -> tuple[str, ...]:
    """The steps from an empty database to the present schema; step *n* leads to schema version *n*."""
    files = sorted(resources.files(__name__).joinpath(dialect).iterdir(), key=lambda file: file.name)
    return tuple(file.read_text() for file in files if file.name[0].isdigit())

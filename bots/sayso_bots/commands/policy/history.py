"""Where `sayso policy` may look back: at the database here."""

from __future__ import annotations

from sayso import errors
from sayso_bots.settings import environment


def check_here(given: environment.Environment) -> None:
    """Refuse to look at what is kept elsewhere. Raises `InvalidSettings`."""
    if given.url:
        hint = "run it where the database is, without SAYSO_URL: with SAYSO_DATABASE_URL"
        raise errors.InvalidSettings(
            "the database of a service is not looked into from here", field="SAYSO_URL", hint=hint
        )

"""What a look at a platform's setup finds: whether each thing is right and, if not, what to click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sayso import errors
from sayso.machine import people


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    said: str
    hint: str | None = None
    enrolled: Mapping[str, people.Enrolled] = field(default_factory=dict[str, people.Enrolled])
    """Who is in a platform group that was looked up."""


def of_error(name: str, error: errors.SaysoError) -> Finding:
    """The finding that something is wrong, in the words of an error."""
    return Finding(name, False, error.message, error.hint)


def reach(error: errors.SaysoError, platform: str, status_page: str) -> str:
    """What to look at if a platform cannot be reached."""
    if "SSL" in error.message or "Certificate" in error.message:
        return f"if a proxy decrypts what is sent, set SSL_CERT_FILE to its certificate; else this is not {platform}"
    return f"look at this machine's network, at a proxy between, and at {status_page}; then run sayso doctor again"

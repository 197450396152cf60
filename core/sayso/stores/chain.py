"""What a row of the log binds: the row before it of the same request, its own text, and the ticket as it is stored.

Pure. The rule: a row whose text was erased can still be checked, because its hash covers only the digest of the text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """What a row is chained by. All digests are SHA-256 in hexadecimal digits."""

    body: str
    """Of the text of its entry."""
    state: str
    """Of the document of the ticket that was stored with it; empty if the row changed no ticket."""
    rest: str
    """What follows the hash of the row before, before both are hashed."""

    def hash_after(self, prev: str) -> str:
        """The hash of the row, after the one of the row before; empty text for the first row of a request."""
        return sha256(prev + self.rest)


def sha256(text: str) -> str:
    """The SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def link(ticket_id: str, version: int, entry: str, document: str | None) -> Link:
    """What a row is chained by whose entry is this text, stored with this document of its ticket."""
    return of_digests(ticket_id, version, sha256(entry), "" if document is None else sha256(document))


def of_digests(ticket_id: str, version: int, body: str, state: str) -> Link:
    """As `link`, from digests alone."""
    # no part but the id holds anything but digits, and an id holds no line break: two rows never give one text
    return Link(body, state, f"\n{ticket_id}\n{version}\n{body}\n{state}")

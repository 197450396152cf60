"""Tokens of a card that stands for several requests: bound to all of them, to one act, and in a window to one person.

The rule: a window hands out the token of what follows only beside what it shows. So whoever brings the one that allows
all was shown each request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from sayso import errors, model
from sayso.cards.tokens import TokenMaker

Act = Literal["page", "allow", "deny"]

_PREFIX = "batch/"
_BYTES = 16
_SHAPE = re.compile(r"b1\.([A-Za-z0-9_-]{22})\.(page|allow|deny)\.(0|[1-9][0-9]{0,5})\.([A-Za-z0-9_-]{22})")


@dataclass(frozen=True, slots=True)
class Pressed:
    """A token, read but not yet checked."""

    ref: str
    act: Act
    index: int
    code: str


def id_of(ref: str) -> str:
    """The name under which the cards of a batch are kept; no request can be called so."""
    return f"{_PREFIX}{ref}"


def ref_of(id: str) -> str | None:
    """The batch that such a name means; None if it is that of a request."""
    return id.removeprefix(_PREFIX) if id.startswith(_PREFIX) else None


def digest_of(tickets: Sequence[model.Ticket]) -> str:
    """The digest of what a batch holds: its requests with their content, in their order."""
    held = [[one.id, one.digest, one.minted] for one in tickets]
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()


def write(maker: TokenMaker, ref: str, digest: str, act: Act, index: int = 0, account: str = "") -> str:
    """The token for one act. With an *account* it is good for this person only."""
    return f"b1.{ref}.{act}.{index}.{_code(maker.secret, ref, digest, act, index, account)}"


def is_one(token: str) -> bool:
    """Whether it has the form of such a token."""
    return _SHAPE.fullmatch(token) is not None


def read(token: str) -> Pressed:
    """The parts of a token. Raises `InvalidToken`."""
    found = _SHAPE.fullmatch(token)
    if not found:
        raise errors.InvalidToken("this button is not one of ours")
    return Pressed(found[1], cast(Act, found[2]), int(found[3]), found[4])


def fits(maker: TokenMaker, pressed: Pressed, digest: str, account: str) -> bool:
    """Whether the service made it for these requests: for this person, or for a card that everybody sees."""
    shared = pressed.index == 0 and pressed.act != "allow"
    codes = (
        _code(secret, pressed.ref, digest, pressed.act, pressed.index, whose)
        for secret in maker.all
        for whose in (account, *([""] if shared else []))
    )
    return any(hmac.compare_digest(code, pressed.code) for code in codes)


def ref_from(maker: TokenMaker, *parts: str) -> str:
    """An unguessable reference that follows from *parts*: the same in every process of the service."""
    return _text(hmac.digest(maker.secret, json.dumps(["b1", *parts]).encode(), hashlib.sha256)[:_BYTES])


def _code(secret: bytes, ref: str, digest: str, act: Act, index: int, account: str) -> str:
    bound = json.dumps(["b1", ref, digest, act, index, account])
    return _text(hmac.digest(secret, bound.encode(), hashlib.sha256)[:_BYTES])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

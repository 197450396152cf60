"""Buttons carry tokens: short, unguessable, bound to one request, its digest and one action. No token, no press."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from json import encoder
from typing import get_args

from sayso import errors, model
from sayso.cards import buttons
from sayso.content import masks

Action = buttons.Action
_ACTIONS: dict[str, Action] = {action: action for action in get_args(Action)}

# 128 bits each for the reference and the code. A token stays under the 100 characters of Discord's custom_id.
_BYTES = 16
# As `urlsafe_b64encode`, without its detours.
_FOR_ADDRESSES = bytes.maketrans(b"+/", b"-_")
_SHAPE = re.compile(rf"s1\.([A-Za-z0-9_-]{{22}})\.({'|'.join(_ACTIONS)})\.(0|[1-9][0-9]{{0,5}})\.([A-Za-z0-9_-]{{22}})")


@dataclass(frozen=True, slots=True)
class Pressed:
    """A token, read but not yet checked against its ticket."""

    ref: str
    action: Action
    index: int
    code: str


@dataclass(frozen=True, slots=True)
class TokenMaker:
    """Makes and checks tokens with the service's secret."""

    secret: bytes
    older: tuple[bytes, ...] = ()
    """Secrets of before, by which nothing is made any more."""
    find: masks.Find = masks.nothing
    """Finds further secrets in what is shown."""
    plain: bool = False
    """Whether secrets in it are shown as they are."""

    @property
    def masks(self) -> masks.Masks:
        """How secrets are covered wherever the buttons of this maker stand."""
        return masks.Masks(hmac.digest(self.secret, b"sayso masks", hashlib.sha256), self.find, self.plain)

    def token(self, ticket: model.Ticket, action: Action, index: int = 0) -> str:
        """The token for one action on exactly what this ticket shows; *index* is an option, a page or a step."""
        return f"s1.{ticket.ref}.{action}.{index}.{_code(self.secret, ticket, action, index, ticket.minted)}"

    def check(self, pressed: Pressed, ticket: model.Ticket) -> None:
        """Refuse a token that this service did not make for this content.

        Raises:
            InvalidToken: it is forged, or its request has other content.
            Refused: its buttons were made anew since.
        """
        if any(self._fits(one, pressed, ticket, ticket.minted) for one in self.all):
            return
        if any(self._fits(one, pressed, ticket, earlier) for one in self.all for earlier in range(ticket.minted)):
            message = "this button is from before an older copy of the database was put back"
            raise errors.Refused(message, hint="it counts no more; use the newest card, once it has buttons")
        raise errors.InvalidToken("this button is not one of ours, or belongs to other content")

    @property
    def all(self) -> tuple[bytes, ...]:
        """The secrets by which a token may have been made, the present one first."""
        return (self.secret, *self.older)

    def _fits(self, secret: bytes, pressed: Pressed, ticket: model.Ticket, minted: int) -> bool:
        return hmac.compare_digest(_code(secret, ticket, pressed.action, pressed.index, minted), pressed.code)


def _code(secret: bytes, ticket: model.Ticket, action: Action, index: int, minted: int) -> str:
    bound = f"s1\n{ticket.ref}\n{ticket.digest}\n{action}\n{index}" + (f"\n{minted}" if minted else "")
    return _text(hmac.digest(secret, bound.encode(), hashlib.sha256)[:_BYTES])


Mint = TokenMaker  # its name until 0.2


def read(token: str) -> Pressed:
    """The parts of a token.

    Raises:
        InvalidToken: it has not the form of one.
    """
    found = _SHAPE.fullmatch(token)
    if not found:
        raise errors.InvalidToken("this button is not one of ours")
    return Pressed(ref=found[1], action=_ACTIONS[found[2]], index=int(found[3]), code=found[4])


def new_ref() -> str:
    """A reference nobody can guess."""
    return _text(secrets.token_bytes(_BYTES))


def new_salt() -> str:
    """What is hashed with a text, so that nobody finds out by trying what the text is."""
    return secrets.token_hex(_BYTES)


def new_id() -> str:
    """An id for a request that came without one."""
    return "req_" + secrets.token_hex(_BYTES)


def id_from(prefix: str, *parts: str, digits: int = 32) -> str:
    """An id that follows from *parts*: the same in every process, so that whoever comes back finds its request."""
    # as `json.dumps` writes it, without its detours
    return id_of(prefix, f"[{', '.join(map(encoder.encode_basestring_ascii, parts))}]", digits=digits)


def id_of(prefix: str, text: str, *, digits: int = 32) -> str:
    """As `id_from`, of one text."""
    return f"{prefix}-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:digits]}"


def _text(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_FOR_ADDRESSES, b"=").decode()

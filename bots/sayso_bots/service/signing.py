"""What the service signs with: keys of the environment, or one that follows from its secret."""

from __future__ import annotations

import functools
import hmac
import importlib.util
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sayso import errors
from sayso.cards import tokens
from sayso.desk import Desk, token_secret
from sayso_bots.settings import environment

if TYPE_CHECKING:
    import sayso_signing

INSTALL = "in a clone of sayso: pip install '.[receipts]'"


def is_installed() -> bool:
    """Whether the packages that sign are there."""
    return all(importlib.util.find_spec(name) is not None for name in ("cryptography", "jwt"))


def keyring(given: environment.Environment, maker: tokens.TokenMaker | None) -> sayso_signing.Keyring:
    """The private keys of the service; without *maker* only those of the environment.

    Raises:
        InvalidSettings: they cannot be read, there are none, or nothing can sign here.
    """
    if not is_installed():
        raise errors.InvalidSettings("signatures need packages that are not here", field="receipts", hint=INSTALL)
    # slow to import, and not needed by most commands
    import sayso_signing

    if given.signing_key is not None:
        return sayso_signing.Keyring.from_text(given.signing_key)
    if maker is None:
        raise errors.InvalidSettings("there is no key", field="SAYSO_SIGNING_KEY", hint="sayso keys signing --new")
    return sayso_signing.Keyring([hmac.digest(secret, b"sayso signing", "sha256") for secret in maker.all])


class _Late:
    """The keyring, loaded once something is to be signed or read: most commands do neither."""

    def __init__(self, given: environment.Environment, maker: tokens.TokenMaker) -> None:
        self._given = given
        self._maker = maker

    @functools.cached_property
    def _keyring(self) -> sayso_signing.Keyring:
        return keyring(self._given, self._maker)

    @property
    def jwks(self) -> Mapping[str, Any]:
        """The public keys."""
        return self._keyring.jwks

    def issue(self, claims: Mapping[str, Any]) -> str:
        """These claims, signed."""
        return self._keyring.issue(claims)

    def read(self, token: str, at: datetime) -> Mapping[str, Any]:
        """The claims of a token. Raises `InvalidToken`."""
        return self._keyring.read(token, at)


def equip(desk: Desk, given: environment.Environment) -> None:
    """Let a desk sign receipts, if that can be done here."""
    if is_installed():
        desk.issuer = _Late(given, desk.mint)


def describe(given: environment.Environment) -> str:
    """Where the keys come from, in words."""
    if given.signing_key is not None:
        return "SAYSO_SIGNING_KEY"
    return "follows from SAYSO_SECRET" if token_secret.given_secret() else "follows from the secret in the database"

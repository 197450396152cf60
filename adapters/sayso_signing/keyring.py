"""Private keys of a service. The first one signs receipts; all of them sign seals: an old key vouches for a new one.

A key is published while it is here: put a new one in front, and take the old one away once its receipts are over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from sayso import errors
from sayso_signing import tokens

VARIABLE = "SAYSO_SIGNING_KEY"
"""Where private keys come from, the newest first, with commas between them."""

_BYTES = 32
_MOST = 8
_HINT = "make one with: sayso keys signing --new"


class Keyring:
    """Some private keys. Raises `InvalidSettings` if there is none, or if one is no key."""

    def __init__(self, seeds: Sequence[bytes]) -> None:
        if not 1 <= len(seeds) <= _MOST or any(len(seed) != _BYTES for seed in seeds):
            raise errors.InvalidSettings(f"{VARIABLE} has 1 to {_MOST} keys of 32 bytes", field=VARIABLE, hint=_HINT)
        keys = [ed25519.Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds]
        self._keys = {_id_of(_public(key)): key for key in keys}
        self._first = next(iter(self._keys))

    @classmethod
    def from_text(cls, text: str) -> Keyring:
        """The keys of a text, as the environment gives them. Raises `InvalidSettings`, which shows nothing of it."""
        try:
            return cls([_decode(part.strip()) for part in text.split(",")])
        except (ValueError, binascii.Error):
            raise errors.InvalidSettings(f"{VARIABLE} is no list of keys", field=VARIABLE, hint=_HINT) from None

    @property
    def public(self) -> Mapping[str, str]:
        """The public keys in base64url, by their ids."""
        return {name: _public(key) for name, key in self._keys.items()}

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517, RFC 8037)."""
        return {
            "keys": [
                {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": name, "use": "sig", "alg": "EdDSA"}
                for name, x in self.public.items()
            ]
        }

    def sign(self, data: bytes) -> Mapping[str, str]:
        """The signatures of all keys in base64url, by the ids of the keys."""
        return {name: _encode(key.sign(data)) for name, key in self._keys.items()}

    def issue(self, claims: Mapping[str, Any]) -> str:
        """These claims as a compact JWS, signed by the first key."""
        headers = {"kid": self._first, "typ": "sayso-receipt+jwt"}
        return jwt.encode(dict(claims), self._keys[self._first], algorithm="EdDSA", headers=headers)

    def read(self, token: str, at: datetime) -> Mapping[str, Any]:
        """The claims of a token that one of these keys signed, for whomever. Raises `InvalidToken`."""
        return tokens.decode(token, self.jwks, None, at)


def new_key() -> str:
    """A new private key, as the environment takes it."""
    return _encode(secrets.token_bytes(_BYTES))


def check(public: str, data: bytes, signature: str) -> bool:
    """Whether a signature over *data* is by the private key of a public one."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(_decode(public)).verify(_decode(signature), data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _public(key: ed25519.Ed25519PrivateKey) -> str:
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return _encode(key.public_key().public_bytes(*raw))


def _id_of(public: str) -> str:
    # the thumbprint of RFC 7638: whoever has the key finds the id
    document = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": public}, separators=(",", ":"))
    return _encode(hashlib.sha256(document.encode()).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

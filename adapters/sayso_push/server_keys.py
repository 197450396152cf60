"""The key pair by which push services know this service again (VAPID): given, or made once and kept in the store."""

from __future__ import annotations

import base64
import binascii
import contextlib
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from webpush.vapid import VAPID  # type: ignore[import-untyped]

from sayso import errors
from sayso.stores import Record, Store

# webpush has types, and does not say so.
# pyright: reportMissingTypeStubs=false

VARIABLE = "SAYSO_PUSH_KEY"
"""Where the private key comes from, if it is not the one in the store."""

_KIND, _NAME = "push-keys", "ours"
_BYTES = 32
# Of P-256: a private key is a number below it.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The key pair, in the forms in which it is needed."""

    private: bytes = field(repr=False)
    """PEM."""
    public: bytes
    """PEM."""
    application: str
    """What a browser subscribes with."""


async def open_keys(store: Store, given: str | None = None) -> ServerKeys:
    """The key pair of this service.

    Raises:
        InvalidSettings: what was given is no private key.
    """
    if given is not None:
        return _read(given)
    number = 1 + secrets.randbelow(_ORDER - 1)
    made = base64.urlsafe_b64encode(number.to_bytes(_BYTES, "big")).decode()
    with contextlib.suppress(errors.Conflict):
        await store.put(Record(_KIND, _NAME, {"private": made}))
    record = await store.get(_KIND, _NAME)
    assert record is not None  # it was put above, here or by another process
    return _read(record.value["private"])


def _read(text: str) -> ServerKeys:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        number = int.from_bytes(raw, "big")
        if len(raw) != _BYTES or not 0 < number < _ORDER:
            raise ValueError("not a number of this curve")
    except (ValueError, binascii.Error) as error:
        hint = "the private half of a VAPID key pair: 32 bytes as base64url; or leave it out, and one is made"
        raise errors.InvalidSettings(f"{VARIABLE} is no private key", field=VARIABLE, hint=hint) from error
    private = ec.derive_private_key(number, ec.SECP256R1())
    public = private.public_key()
    return ServerKeys(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        VAPID.get_application_server_key(public),
    )

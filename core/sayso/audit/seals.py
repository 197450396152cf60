"""Seals: what the log held at a moment, as one signed line that is kept elsewhere as well.

The rule: a seal binds the seal before it, so a trusted one vouches for all that came before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

import pydantic

from sayso import model
from sayso.content import digest
from sayso.stores import chain
from sayso.stores.auditing import StoredSeal

Sha256 = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{64}$")]

CheckSignature = Callable[[str, bytes, str], bool]
"""Whether a signature fits: the public key, the bytes, the signature; key and signature in base64url."""


class Signer(Protocol):
    """Signs with Ed25519. During a change of keys it has several, and signs with each."""

    @property
    def public(self) -> Mapping[str, str]:
        """The public keys in base64url, by their ids."""
        ...

    def sign(self, data: bytes) -> Mapping[str, str]:
        """Return the signatures in base64url, by the ids of their keys."""
        ...


class Seal(model.Frozen):
    """One seal. Its canonical JSON (RFC 8785) without `signatures` is what is signed."""

    type: Literal["sayso.seal"] = "sayso.seal"
    number: int
    """Counts from 1 without a gap."""
    first: int
    """Number of the first row that it covers."""
    last: int
    count: int
    root: Sha256
    """See `merkle.Tree`."""
    prev: Sha256 | Literal[""]
    """SHA-256 of the whole line of the seal before it."""
    at: datetime
    keys: Mapping[str, str]
    """The public keys that sign."""
    signatures: Mapping[str, str] = pydantic.Field(default_factory=dict)

    @property
    def signed_bytes(self) -> bytes:
        """What its signatures are over."""
        return digest.canonical(self.model_dump(mode="json", exclude={"signatures"}), "seal")


def signed(seal: Seal, signer: Signer) -> StoredSeal:
    """The seal with its signatures, as the line that is kept."""
    whole = seal.model_copy(update={"signatures": dict(signer.sign(seal.signed_bytes))})
    line = digest.canonical(whole.model_dump(mode="json"), "seal").decode()
    return StoredSeal(seal.number, seal.last, line)


def read(line: str) -> Seal:
    """The seal of a line. Raises ValueError."""
    return Seal.model_validate_json(line)


def follow(before: StoredSeal | None, **facts: Any) -> Seal:
    """The seal after *before*, not signed yet."""
    number, prev = (before.number + 1, chain.sha256(before.document)) if before else (1, "")
    return Seal(number=number, prev=prev, **facts)


def signers_of(seal: Seal, check: CheckSignature) -> frozenset[str]:
    """The public keys whose signatures on it are right."""
    found = ((seal.keys[name], signature) for name, signature in seal.signatures.items() if name in seal.keys)
    return frozenset(key for key, signature in found if check(key, seal.signed_bytes, signature))

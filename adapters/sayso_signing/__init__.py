"""Signatures with Ed25519: of the seals of the log, and of receipts as compact JWS."""

import importlib.util

if importlib.util.find_spec("cryptography") is None or importlib.util.find_spec("jwt") is None:
    raise ImportError("sayso_signing needs cryptography and PyJWT: in a clone of sayso, pip install '.[receipts]'")

from sayso_signing.keyring import Keyring, check, new_key
from sayso_signing.tokens import decode

__all__ = ["Keyring", "check", "decode", "new_key"]

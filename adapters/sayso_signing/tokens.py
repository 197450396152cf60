"""Reads a compact JWS: its signature, its time and whom it is for. What it says beyond that is not judged here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt

from sayso import errors
from sayso.content import wording

# Longer than any receipt that a service makes.
_LONGEST = 16_384
# Seconds by which two clocks may differ.
_LEEWAY = 5.0


def decode(token: str, keys: Mapping[str, Any], audience: str | None, at: datetime) -> dict[str, Any]:
    """The claims of a token that one of *keys* signed (a JSON Web Key Set), and that is good *at* this moment.

    Without an *audience* it may be for anybody.

    Raises:
        InvalidToken: it is not by one of these keys, altered, over, not good yet, or for somebody else.
    """
    try:
        if len(token) > _LONGEST:
            raise jwt.InvalidTokenError("it is too long")
        key = _key_of(token, keys)
        options: Any = {"require": ["exp", "iat", "jti", "sub", "aud"], "verify_aud": audience is not None}
        # time is the caller's, so that a test can move it
        options |= {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["EdDSA"], audience=audience, options=options)
        now, issued, ends = at.timestamp(), float(claims["iat"]), float(claims["exp"])
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        said = f"this receipt is not good: {wording.of_error(error)}"
        raise errors.InvalidToken(said, field="receipt", hint="do not act on it") from error
    if not issued - _LEEWAY <= now < ends:
        raise errors.InvalidToken("this receipt is over, or not good yet", field="receipt", hint="ask again")
    return claims


def _key_of(token: str, keys: Mapping[str, Any]) -> jwt.PyJWK:
    name = jwt.get_unverified_header(token).get("kid")
    found = [one for one in jwt.PyJWKSet.from_dict(dict(keys)).keys if one.key_id == name]
    if not found or found[0].key_type != "OKP":
        raise jwt.InvalidTokenError("its key is not one of the service")
    return found[0]

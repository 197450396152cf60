"""How failures cross the wire: each error of the service is the same one at the client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import sayso
from sayso import errors
from sayso_http import wire_errors
from tests.adapters.http.test_document import FULL
from tests.tables import each

# One of each, as it is raised; whoever adds an error adds it here.
RAISED: list[errors.SaysoError] = [
    errors.InvalidRequest("m"),
    errors.InvalidSettings("m"),
    errors.NotFound("m"),
    errors.AlreadyExists("m"),
    errors.Refused("m"),
    errors.AlreadyDecided(FULL),
    errors.AlreadyTaken(FULL),
    errors.NotAllowed("m"),
    errors.MembershipUnknown("m"),
    errors.Altered(FULL),
    errors.InvalidAnswer("m"),
    errors.InvalidToken("m"),
    errors.AlreadyUsed(FULL),
    errors.NotUsable("m"),
    errors.Unauthorized("m"),
    errors.TooMany("m"),
    errors.DigestMismatch("m"),
    errors.StoreUnavailable("m"),
    errors.Unreadable("m"),
    errors.Conflict("m"),
    errors.ChannelError("m"),
    errors.NotYet("m", 1.0),
    wire_errors.Encoded("m"),
    wire_errors.Slow("m"),
]


def test_every_error_of_the_tree_is_known_to_the_client() -> None:
    assert {type(error) for error in RAISED} == set(wire_errors.KNOWN.values())
    tree = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SaysoError)]
    assert {kind.code for kind in tree} - {errors.SaysoError.code} <= set(wire_errors.KNOWN)


def test_an_error_that_is_new_in_the_tree_is_known_without_being_named() -> None:
    code = """
from sayso import errors
class Newer(errors.Refused):
    code = "newer"
    def __init__(self, number: int) -> None:
        super().__init__(str(number))
Newer.__module__ = errors.__name__
from sayso_http import wire_errors
error = wire_errors.error_of(wire_errors.Failure(code="newer", message="m", hint="h"))
assert type(error) is Newer and (error.message, error.hint) == ("m", "h"), error
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_error_is_the_same_one_at_the_client() -> None:
    for row in each(RAISED):
        with row as raised:
            failure = wire_errors.Failure(code=raised.code, message=raised.message, field="a", hint="h")
            error = wire_errors.error_of(failure)
            assert (str(error), error.message, error.hint, error.code) == (
                raised.message,
                raised.message,
                "h",
                raised.code,
            )
            if raised.code in wire_errors.MADE_OF_TICKET:
                assert isinstance(error, errors.Refused)
                remade: Callable[[Any], errors.SaysoError] = wire_errors.MADE_OF_TICKET[raised.code]
                assert type(remade(FULL)) is type(raised)
                continue
            assert type(error) is type(raised)
            assert error.field == "a"
            # nothing that an error of this kind always has is missing
            assert [name for name in vars(raised) if not hasattr(error, name)] == []


def test_the_code_of_an_error_that_is_not_known_is_kept() -> None:
    error = wire_errors.error_of(wire_errors.Failure(code="of_tomorrow", message="m"))
    assert (type(error), error.code, sayso.SaysoError.code) == (sayso.SaysoError, "of_tomorrow", "error")

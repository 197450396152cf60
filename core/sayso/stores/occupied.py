"""What a store says of a row that somebody else holds: whoever goes through many rows goes on with the next one."""

from __future__ import annotations

from sayso import errors


class Occupied(errors.StoreUnavailable):
    """Somebody else holds one row, or changes it all the time. Nothing was stored; all others can be changed."""

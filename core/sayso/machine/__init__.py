"""The rules: an event in, a new ticket and effects out. Who may answer, what an answer must be, what it comes to.

Pure: no I/O, no clock, no platform. A rule that stands anywhere else is in the wrong place.
"""

from typing import TYPE_CHECKING

from sayso import late

if TYPE_CHECKING:
    from sayso.machine.audiences import audience, concerns
    from sayso.machine.awaiting import Awaited, may_be_void
    from sayso.machine.transitions import (
        DEFAULT_EXPIRES_IN,
        INBOX,
        Step,
        Terms,
        allows_by,
        first,
        in_line,
        may_answer,
        next_wake,
        open_ticket,
        read,
        refusal,
        step,
        valid_until,
    )
else:
    # what only reads stored requests needs no rules
    __getattr__ = late.names(
        __name__,
        {
            "sayso.machine.audiences": "audience concerns",
            "sayso.machine.awaiting": "Awaited may_be_void",
            "sayso.machine.transitions": """
                DEFAULT_EXPIRES_IN INBOX Step Terms allows_by first in_line
                may_answer next_wake open_ticket read refusal step valid_until
            """,
        },
    )

__all__ = [
    "DEFAULT_EXPIRES_IN",
    "INBOX",
    "Awaited",
    "Step",
    "Terms",
    "allows_by",
    "audience",
    "concerns",
    "first",
    "in_line",
    "may_answer",
    "may_be_void",
    "next_wake",
    "open_ticket",
    "read",
    "refusal",
    "step",
    "valid_until",
]

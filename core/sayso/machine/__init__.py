"""The rules: an event in, a new ticket and effects out. Who may answer, what an answer must be, what it comes to.

Pure: no I/O, no clock, no platform. A rule that stands anywhere else is in the wrong place.
"""

from typing import TYPE_CHECKING

from sayso import late

if TYPE_CHECKING:
    from sayso.content.binding import Terms
    from sayso.machine.approvers import may_answer, refusal
    from sayso.machine.audiences import audience, concerns
    from sayso.machine.awaiting import Awaited, may_be_void
    from sayso.machine.events import INBOX
    from sayso.machine.outcomes import read, valid_until
    from sayso.machine.schedule import next_wake
    from sayso.machine.standstill import in_line
    from sayso.machine.transitions import Step, first, open_ticket, said_before, step
else:
    # what only reads stored requests needs no rules
    __getattr__ = late.names(
        __name__,
        {
            "sayso.content.binding": "Terms",
            "sayso.machine.approvers": "may_answer refusal",
            "sayso.machine.audiences": "audience concerns",
            "sayso.machine.awaiting": "Awaited may_be_void",
            "sayso.machine.events": "INBOX",
            "sayso.machine.outcomes": "read valid_until",
            "sayso.machine.schedule": "next_wake",
            "sayso.machine.standstill": "in_line",
            "sayso.machine.transitions": "Step first open_ticket said_before step",
        },
    )

__all__ = [
    "INBOX",
    "Awaited",
    "Step",
    "Terms",
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
    "said_before",
    "step",
    "valid_until",
]

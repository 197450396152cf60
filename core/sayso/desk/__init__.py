"""The shell around the machine: the one way in (the desk), the one way out (the courier), and who may come in.

It loads, steps and stores; it decides nothing.
"""

from typing import TYPE_CHECKING

from sayso import late

if TYPE_CHECKING:
    from sayso.desk.desk import DEFAULT, Caller, Desk, House, PressedMessage, Seat, Setup
else:
    # what only reads requests, such as `sayso list`, has no use for the desk itself
    __getattr__ = late.names(__name__, {"sayso.desk.desk": "DEFAULT Caller Desk House PressedMessage Seat Setup"})

__all__ = ["DEFAULT", "Caller", "Desk", "House", "PressedMessage", "Seat", "Setup"]

"""The shell around the machine: the one way in (the desk), the one way out (the courier), and who may come in.

It loads, steps and stores; it decides nothing.
"""

from sayso.desk.desk import DEFAULT, Caller, Desk, House, PressedMessage, Seat, Setup

__all__ = ["DEFAULT", "Caller", "Desk", "House", "PressedMessage", "Seat", "Setup"]

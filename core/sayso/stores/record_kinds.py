"""The kinds of records that several modules know. A kind of one module alone stands in that module."""

from __future__ import annotations

KEY = "key"
"""An API key, by the hash of its secret."""
SIGN_IN = "signin"
"""A link that signs a person in once."""
SESSION = "session"
"""A person who is signed in."""
RESUME = "resume"
"""A one-time address that answers a request."""
RETURN = "return"
"""How often the caller of a request came back."""
WAITER = "waiter"
"""Somebody who waits for a request in a process."""
ASKED_BACK = "askback"
"""What an agent session was asked back, until its next request."""
PAST = "past"
"""What was decided on some of an agent's calls."""
RISKY = "risky"
"""What an agent was allowed lately that is risky."""
STOP = "stop"
"""A stop of everything or of one agent, until it is lifted."""
STOPPED = "stopped"
"""The stops with which all open requests were brought in line last."""

FLEETING = (SIGN_IN, SESSION, RESUME, RETURN, WAITER)
"""What a copy of the database would bring back to life, though it was used or ended since."""

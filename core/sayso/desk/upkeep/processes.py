"""Which process this is, and whether another one of this machine has ended: who was killed is not waited for."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

from sayso.cards import tokens

# What this process called itself: a number of a process says nothing of two in one.
_here: set[str] = set()


def introduce(name: str = "") -> dict[str, Any]:
    """A name for something in this process, a new one if none is given, with what others can tell its end by."""
    name = name or tokens.new_ref()
    _here.add(name)
    return {"process": name, "machine": machine(), "pid": os.getpid()}


def leave(one: Mapping[str, Any]) -> None:
    """Forget a name."""
    _here.discard(one["process"])


def has_ended(holder: Mapping[str, Any]) -> bool:
    """Whether a process of this machine is gone: nobody waits for one that was killed a moment ago."""
    if holder.get("machine") != machine() or holder["process"] in _here:
        return False
    if holder["pid"] == os.getpid():
        return True  # one that was here before this one
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def machine() -> str:
    """Where a number of a process means the same one: in containers each has processes of its own."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {sys.platform}"

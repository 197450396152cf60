"""In which trace something is asked: a `traceparent` as W3C says, kept with its ticket.

What follows hours later, in another process, is linked to it.

The rule: without a library for traces in this process nothing is looked for, and nothing is kept.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.metadata
import re
import sys
from collections.abc import Generator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, cast

from sayso import machine
from sayso.desk.upkeep.watching import Watcher

if TYPE_CHECKING:
    from sayso.desk.shell import Shell

GROUP = "sayso.traces"
HEADER = "traceparent"
_MODULE = "opentelemetry"
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_received: ContextVar[str | None] = ContextVar("received", default=None)


class Library(Protocol):
    """A library for traces, as an adapter brings it."""

    def current(self) -> str | None:
        """Return the `traceparent` of what this process is doing now."""
        ...

    def watcher(self) -> Watcher | None:
        """Return what writes our traces; None where the library is not set up, so that nobody would get them."""
        ...


@contextlib.contextmanager
def received(given: str | None) -> Generator[None]:
    """Answer a call inside, whose caller sent this `traceparent`, or something that is none."""
    token = _received.set(_read(given))
    try:
        yield
    finally:
        _received.reset(token)


def current() -> str | None:
    """The trace in which this process is asked something, or asks it."""
    if (sent := _received.get()) is not None:
        return sent
    return None if (library := _library()) is None else _read(library.current())


def keep(step: machine.Step) -> machine.Step:
    """The step of a new request, with the trace in which it is asked, if there is one."""
    if (trace := current()) is None:
        return step
    return dataclasses.replace(step, ticket=step.ticket.model_copy(update={"trace": trace}))


def attach(shell: Shell) -> None:
    """Let traces be written of what happens at this desk, if this process uses a library for them."""
    if (library := _library()) is not None and (watcher := library.watcher()) is not None:
        shell.watched.add(watcher)


def _read(given: str | None) -> str | None:
    return given if given and _FORM.fullmatch(given) else None


def _library() -> Library | None:
    # to look for adapters costs milliseconds, and hardly any process has imported this
    return _load() if _MODULE in sys.modules else None


@functools.cache
def _load() -> Library | None:
    for entry in importlib.metadata.entry_points(group=GROUP):
        return cast(Library, entry.load())
    return None

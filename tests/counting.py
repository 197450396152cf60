"""Counts work instead of time: turns of loops, calls, those into C by what they hold, and the text that is copied."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

import pydantic

from sayso import errors
from tests.conftest import require

_MONITORING: Any = getattr(sys, "monitoring", None)  # since Python 3.12
# Methods of what is built in: of one object, and of all of them.
_BOUND, _UNBOUND = type(len), type(str.join)
_SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset)


class Work:
    """How much was done."""

    def __init__(self) -> None:
        self.done = 0


# These look at no more than one place, or go on from where they are told to.
_CHEAP = frozenset(
    {*("append", "extend", "get", "add", "pop", "items", "keys", "values", "setdefault")}
    | {"startswith", "endswith", "find", "rfind"}
)


class Text(str):
    """A text that counts what is copied out of it, and what it is compared with."""

    work: Work | None = None

    def __getitem__(self, index: Any) -> Text:
        return _counted(super().__getitem__(index))

    def __contains__(self, other: object) -> bool:
        _count(len(self))
        return super().__contains__(cast("str", other))

    def find(self, *given: Any) -> int:
        found = super().find(*given)
        _count((len(self) if found < 0 else found) - (given[1] if len(given) > 1 else 0))
        return found

    def __eq__(self, other: object) -> bool:
        _count(1)
        return super().__eq__(other)

    def __hash__(self) -> int:
        return super().__hash__()

    def __add__(self, other: str) -> Text:
        return _counted(super().__add__(other))


class List(list[Any]):
    """A list that counts what is looked for in it."""

    def __contains__(self, wanted: object) -> bool:
        _count(len(self))
        return super().__contains__(wanted)

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        if isinstance(index, slice):
            _count(len(found))
            return List(found)
        return found


def counting(value: Any) -> Any:
    """*value*, all texts and lists of which count."""
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, Mapping):
        return {Text(name): counting(inner) for name, inner in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return List(counting(inner) for inner in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


_REFUSALS = (errors.SaysoError, pydantic.ValidationError)


def work_of(function: Callable[[], object]) -> int:
    """How much *function* does; a refusal is part of it."""
    with _watched() as work, suppress(*_REFUSALS):
        function()
    return work.done


MOST = 15
"""Ten times the text costs ten times the work, and something for what is done only once."""


def grows(make: Callable[[int], Any], function: Callable[[Any], object], small: int = 400) -> float:
    """How many times the work is that ten times the input takes; a refusal is part of the work, too."""
    one, ten = counting(make(small)), counting(make(10 * small))
    with suppress(*_REFUSALS):
        # what is made once and kept is no work of the input's; of another size, since what is found is kept, too
        function(counting(make(5 * small)))
    return work_of(lambda: function(ten)) / work_of(lambda: function(one))


def grows_too_fast(
    texts: Mapping[str, Callable[[int], Any]], function: Callable[[Any], object], small: int = 400, most: float = MOST
) -> dict[str, float]:
    """The *texts* that take more than *most* times the work when there is ten times as much of them, and how much."""
    grown = {name: grows(make, function, small) for name, make in texts.items()}
    return {name: times for name, times in grown.items() if times >= most}


def _count(much: int) -> None:
    if Text.work is not None:
        Text.work.done += much


def _counted(made: str) -> Text:
    _count(len(made))
    return Text(made)


@contextmanager
def _watched() -> Generator[Work]:
    require(_MONITORING, "Python 3.12, which tells what it runs")
    work, tool, events = Work(), _MONITORING.PROFILER_ID, _MONITORING.events
    turns = (events.JUMP, events.PY_START, events.PY_RESUME)
    done = 0  # and not the attribute: this is called for each turn
    here = threading.get_ident()

    def turn(*_: object) -> None:
        """Every turn of a loop is one, and every call: what is done between them does not grow."""
        nonlocal done
        # others work as well: the thread by which a worker of the tests is told what to run
        if threading.get_ident() == here:
            done += 1

    def call(code: object, offset: int, function: Any, first: object) -> None:
        """A method of a text or a list may look at all of it."""
        nonlocal done
        kind = type(function)
        if (kind is _BOUND or kind is _UNBOUND) and threading.get_ident() == here:
            owner = function.__self__ if kind is _BOUND else first
            done += len(cast("str", owner)) if isinstance(owner, _SIZED) and function.__name__ not in _CHEAP else 1

    Text.work = work
    # what earlier tests left may have finalizers of its own
    gc.disable()
    _MONITORING.use_tool_id(tool, __name__)
    for event in turns:
        _MONITORING.register_callback(tool, event, turn)
    _MONITORING.register_callback(tool, events.CALL, call)
    _MONITORING.set_events(tool, sum(turns, events.CALL))
    try:
        yield work
    finally:
        _MONITORING.set_events(tool, 0)
        _MONITORING.free_tool_id(tool)
        gc.enable()
        Text.work = None
        work.done += done

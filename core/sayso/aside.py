"""Runs what takes its time beside the event loop, a few at once; everybody else is served meanwhile."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent import futures
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")

LARGE = 65_536
"""Characters or bytes of JSON from which on reading it takes its time."""
SMALL = 2_000
"""Characters up to which a ticket is drawn, or pressed on, faster than it is handed to a thread."""

# What is drawn holds the interpreter's lock most of the time: more threads would only take turns, and more memory.
_AT_ONCE = 2
_POOL = futures.ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sayso-aside")


async def run_large(large: bool, function: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
    """The same for what is *large*; anything else is done at once."""
    return await run(function, *given, **named) if large else function(*given, **named)


async def run(function: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
    """What *function* returns, or raises; it must not touch anything that belongs to the loop."""
    work = functools.partial(function, *given, **named)
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)

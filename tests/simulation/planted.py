"""Faults that are planted on purpose, so that the simulation itself is tested: each is one that somebody could make."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from tests.simulation import plans, planted_beside, planted_rules, planted_settings, planted_work, runs

FAULTS = {
    one.__name__.strip("_").replace("_", " "): one
    for one in (*planted_rules.ALL, *planted_work.ALL, *planted_settings.ALL, *planted_beside.ALL)
}
"""By what is wrong with them."""


@contextlib.contextmanager
def planting(name: str | None) -> Generator[None]:
    """With this fault, until the block ends."""
    with FAULTS[name]() if name else contextlib.nullcontext():
        yield


def find(name: str, first: int, most: int) -> runs.Result | None:
    """The first run that finds a fault."""
    with planting(name):
        results = (runs.Run(plans.plan(str(seed)), hasty=True).play() for seed in range(first, first + most))
        return next((one for one in results if one.wrong), None)

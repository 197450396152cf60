"""The short form of the loops; `python -m tests.loops` runs them for as long as anybody wants."""

from pathlib import Path

import pytest

from tests.fakes.pg import pg_server, pg_url
from tests.loops.loop import Given, Loop

__all__ = ["pg_server", "pg_url"]

pytestmark = pytest.mark.once


async def test_two_services_under_every_fault_lose_and_double_nothing(pg_url: str, tmp_path: Path) -> None:
    given = Given(pg_url, tmp_path, seconds=2, pace=(0.3, 0.6), lease=1.0, expires=4, quiet=20)
    report = await Loop(given).run()
    assert report.wrong == []
    assert set(report.faults) == set(given.kinds)


async def test_one_service_on_a_file_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    database, kinds = f"sqlite:///{tmp_path}/sayso.db", ("kill", "freeze", "restart")
    given = Given(
        database, tmp_path, seconds=1, services=1, kinds=kinds, pace=(0.3, 0.6), lease=1.0, expires=4, quiet=20
    )
    report = await Loop(given).run()
    assert report.wrong == []
    assert set(report.faults) == set(given.kinds)

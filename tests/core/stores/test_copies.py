"""Several copies on one PostgreSQL: killing, freezing and cutting them off loses nothing and doubles nothing."""

import pytest

from tests.core.stores.copies import Copies
from tests.fakes.pg import pg_server, pg_url

pytestmark = pytest.mark.once

__all__ = ["pg_server", "pg_url"]


async def test_copies_that_are_killed_frozen_and_cut_off_lose_and_double_nothing(pg_url: str) -> None:
    report = await Copies(pg_url, count=2, seed=185).run(seconds=2.0)
    assert (report.lost, report.doubled, report.deaf) == ([], [], [])
    assert len(report.decided) > 10

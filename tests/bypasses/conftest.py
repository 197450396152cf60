"""These cases ask what Claude Code does, not what Python does: once is enough, with the newest Python."""

import sys
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.bypasses import attempt
from tests.fakes import claude_runs

collect_ignore_glob = [] if sys.version_info >= (3, 12) else ["test_*.py"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cli(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[claude_runs.Cli]:
    """The process of those attempts that ask nothing about how a process starts."""
    async with attempt.opened(tmp_path_factory.mktemp("agent")) as opened:
        yield opened

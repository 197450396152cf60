"""What every test may lean on: a clean environment, bounded waits, and no silent skips."""

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import hypothesis
import hypothesis.strategies
import pytest

from tests import workers

Found = TypeVar("Found")

BOUND = 15.0
"""Seconds that any wait in a test may last: generous, since a busy machine is no bug, and free when all is well."""

STRICT = bool(os.environ.get("SAYSO_TESTS_STRICT"))
"""A skipped test fails the run. Read once: the variable itself is cleared before the first test."""

LONG = bool(os.environ.get("SAYSO_TESTS_LONG"))
"""Whether what is drawn at random is drawn many times more often: for a change of what is drawn, and now and then."""

_LEAKS = ("SAYSO_", "SLACK_", "DISCORD_", "ANTHROPIC_", "CLAUDE", "PG")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

MEMORY = "/dev/shm"
"""Where the folders of tests stand, if it is large: being sure of a disk is most of the wait for a database."""

LONGEST = 50
"""Characters of a temporary folder: sockets stand in it, and their paths end at 107."""

# Hundreds of processes read the same files: they are compiled once, also where the shell forbids to keep that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No deadline: a shared machine that stalls for a moment is not a bug in the code under test.
hypothesis.settings.register_profile(
    "setup",
    deadline=None,
    max_examples=1000 if LONG else 50,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("setup")


def require(condition: object, what: str) -> None:
    """Skip the calling test when *what* is missing on this machine; where SAYSO_TESTS_STRICT is set, fail it."""
    if condition:
        return
    if STRICT:
        pytest.fail(f"missing here, and SAYSO_TESTS_STRICT is set: {what}", pytrace=False)
    pytest.skip(f"NOT TESTED, missing here: {what}")


async def until(condition: Callable[[], Found], within: float = BOUND) -> Found:
    """What *condition* returns once that is true; fails the test after *within* seconds."""
    try:
        async with asyncio.timeout(within):
            while not (found := condition()):  # noqa: ASYNC110 (what is waited for often lives in another process)
                await asyncio.sleep(0.002)
    except TimeoutError:
        pytest.fail(f"still not true after {within} s: {condition}")
    return found


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """No setting, secret or proxy of the developer's own shell reaches a test, nor a process that a test starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_LEAKS) or name.upper() in _PROXIES:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Processes that a test starts can be interrupted, also where this run itself was started in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    """Let folders of tests stand in memory. Not where this is imported: what a bench measures stands on the disk."""
    if len(os.environ.get("TMPDIR", "")) > LONGEST:
        del os.environ["TMPDIR"]
        tempfile.tempdir = None
    if os.path.isdir(MEMORY) and "TMPDIR" not in os.environ:
        found = os.statvfs(MEMORY)
        if found.f_bavail * found.f_frsize > 2 << 30 and not found.f_flag & (os.ST_RDONLY | os.ST_NOEXEC):
            # asked again, so that one that cannot be written to is passed over
            os.environ["TMPDIR"], tempfile.tempdir = MEMORY, None


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: half of a test of real processes is waiting, and a worker has several in a row."""
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") or (os.cpu_count() or 1) + 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[object]) -> None:
    """Workers of a whole run have the frameworks from the start."""
    if sys.platform == "linux" and config.args_source is config.ArgsSource.TESTPATHS:  # Macs forbid such forks
        config.add_cleanup(workers.forked(specs))


def _make_once(config: pytest.Config) -> None:
    """Each worker begins at another file: in a fresh clone it compiles its own part, and reads what the others did.

    The tables of signs of hypothesis are made meanwhile by the process that has no tests of its own.
    """
    worker = getattr(config, "workerinput", None)
    if worker and config.args_source is config.ArgsSource.TESTPATHS:
        files = sorted((config.rootpath / "tests").rglob("test_*.py"))
        first = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        for file in files[first:] + files[:first]:
            with contextlib.suppress(Exception):  # told when it is collected, if it is
                importlib.import_module(".".join(file.relative_to(config.rootpath).with_suffix("").parts))
    elif not worker and config.getoption("dist") != "no":
        hypothesis.strategies.text().validate()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What ten thousand tests are made of stays until the end: no collection of garbage walks through it."""
    gc.disable()
    try:
        _make_once(session.config)
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real processes come first: no worker is left alone with one of them at the end, while the others have no more.

    What is drawn at random is not counted for coverage: it reaches other lines each time, at a high price.
    """
    items.sort(key=lambda item: "tests/bots/" not in item.nodeid)
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


_failed: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.append(report.nodeid)


def pytest_runtest_logfinish() -> None:
    """What a failed test has left open is its own: else some later test is told of it, and fails as well."""
    if _failed:
        _failed.clear()
        for kept in ("last_type", "last_value", "last_traceback", "last_exc"):
            if hasattr(sys, kept):
                delattr(sys, kept)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says why a strict run fails although no test did."""
    if STRICT and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("SAYSO_TESTS_STRICT is set: skipped tests fail this run", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Catches skips that did not go through `require`."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = bool(reporter and reporter.stats.get("skipped"))
    if STRICT and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

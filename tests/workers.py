"""Runs the tests in several processes at once: they are gathered once, then each worker is a fork that has them all.

A worker goes on through its own range of the tests, so that what a module shares is made once. Whoever has none left
takes half of what the slowest one has before it. One that dies fails the test that it ran, and another goes on for it.
"""

import atexit
import contextlib
import multiprocessing
import os
import pickle
import selectors
import signal
import sys
import warnings
from typing import Any, BinaryIO, NamedTuple

import pytest

AT, NEXT, END = range(3)
"""What is known of each worker: the test that it runs, the one after that, which nobody takes from it, and its end."""

_Message = tuple[str, Any]


class Ranges:
    """Which worker runs which tests. It stands in memory that all of them share."""

    def __init__(self, tests: int, workers: int) -> None:
        self._shared = multiprocessing.get_context("fork").Array("i", 3 * workers)
        self._workers = range(workers)
        for worker in self._workers:
            self._set(worker, -1, tests * worker // workers, tests * (worker + 1) // workers)

    def get(self, worker: int) -> list[int]:
        """Its test, its next one, and its end."""
        return self._shared[3 * worker : 3 * worker + 3]

    def _set(self, worker: int, *values: int) -> None:
        self._shared[3 * worker : 3 * worker + 3] = values

    def take(self, worker: int) -> tuple[int, int | None] | None:
        """The test that *worker* runs now, and the one that it runs then; None if nothing is left."""
        with self._shared.get_lock():
            _, now, end = self.get(worker)
            if now == end:
                self._set(worker, -1, now, end)
                return None
            self._set(worker, now, now + 1, end)
            if now + 1 == end:
                self._steal(worker, now)
            _, then, end = self.get(worker)
            return now, then if then < end else None

    def _steal(self, worker: int, now: int) -> None:
        """Half of what the one has before it that has most; what that one was told to run next stays its own."""
        slowest = max(self._workers, key=lambda other: self.get(other)[END] - self.get(other)[NEXT])
        at, then, end = self.get(slowest)
        half = (end - then) // 2
        if half:
            self._set(slowest, at, then, end - half)
            self._set(worker, now, end - half, end)

    def clear(self) -> None:
        """Nobody begins another test, but for the one that they were told."""
        with self._shared.get_lock():
            for worker in self._workers:
                at, then, end = self.get(worker)
                self._set(worker, at, then, min(end, then + 1))


class _Teller:
    """Tells the main process what a worker sees."""

    def __init__(self, config: pytest.Config, out: BinaryIO) -> None:
        self._config = config
        self._out = out
        self._held: list[_Message] = []

    def forget(self) -> None:
        """Nothing has been seen yet: pytest tells each new plugin of earlier warnings."""
        self._held.clear()

    def tell(self, kind: str, what: object) -> None:
        self._held.append((kind, what))

    def flush(self) -> None:
        pickle.dump(self._held, self._out)
        self._out.flush()
        self._held.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tell("report", self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self.tell("finish", {"nodeid": nodeid, "location": location})
        self.flush()

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: tuple[str, int, str] | None
    ) -> None:
        text = f"{warning_message.category.__name__}: {warning_message.message}"
        place = (warning_message.filename, warning_message.lineno)
        self.tell("warning", {"said": (text, *place), "when": when, "nodeid": nodeid, "location": location})


def _run(session: pytest.Session, ranges: Ranges, worker: int, teller: _Teller) -> None:
    plugins = session.config.pluginmanager
    plugins.unregister(name="terminalreporter")
    plugins.register(teller)
    teller.forget()
    capturing: Any = plugins.get_plugin("capturemanager")
    capturing.stop_global_capturing()  # its files are the main process's
    capturing.start_global_capturing()
    while taken := ranges.take(worker):
        now, then = taken
        following = None if then is None else session.items[then]
        session.config.hook.pytest_runtest_protocol(item=session.items[now], nextitem=following)


def _work(session: pytest.Session, ranges: Ranges, worker: int, out: int) -> None:
    """The whole life of a worker."""
    code = 1
    teller = _Teller(session.config, os.fdopen(out, "wb"))
    try:
        _run(session, ranges, worker, teller)
        teller.tell("end", None)
        code = 0
    except BaseException as failed:
        teller.tell("broken", f"{type(failed).__name__}: {failed}")
        with contextlib.suppress(BaseException):  # what has been told is what matters
            session._setupstate.teardown_exact(None)
    finally:
        with contextlib.suppress(BrokenPipeError):
            teller.flush()
        if measured := sys.modules.get("coverage"):
            for measuring in filter(None, [measured.Coverage.current()]):
                measuring.stop()
                measuring.save()
        atexit._run_exitfuncs()
        os._exit(code)


class _Worker(NamedTuple):
    number: int
    pid: int
    said: BinaryIO


class Workers:
    """The main process's view: it starts the workers and reports what they tell."""

    def __init__(self, session: pytest.Session, number: int) -> None:
        self._session = session
        self._hook = session.config.hook
        self._ranges = Ranges(len(session.items), number)
        self._living = selectors.DefaultSelector()
        for worker in range(number):
            self._start(worker)

    def _start(self, number: int) -> None:
        said, out = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            os.close(said)
            _work(self._session, self._ranges, number, out)
        os.close(out)
        file = os.fdopen(said, "rb")
        self._living.register(file, selectors.EVENT_READ, _Worker(number, pid, file))

    def follow(self) -> None:
        """Report until all have ended."""
        try:
            while self._living.get_map():
                for key, _ in self._living.select():
                    self._hear(key.data)
                if self._session.shouldfail or self._session.shouldstop:
                    self._ranges.clear()
        finally:
            for key in list(self._living.get_map().values()):
                os.kill(key.data.pid, signal.SIGINT)
                self._end(key.data)

    def _hear(self, worker: _Worker) -> None:
        try:
            messages: list[_Message] = pickle.load(worker.said)
        except (EOFError, pickle.UnpicklingError):
            self._bury(worker)
            return
        for kind, what in messages:
            if kind == "report":
                report = self._hook.pytest_report_from_serializable(config=self._session.config, data=what)
                self._hook.pytest_runtest_logreport(report=report)
            elif kind == "finish":
                self._hook.pytest_runtest_logfinish(**what)
            elif kind == "warning":
                text, filename, line = what.pop("said")
                said = warnings.WarningMessage(text, pytest.PytestWarning, filename, line)
                self._hook.pytest_warning_recorded.call_historic(kwargs=what | {"warning_message": said})
            elif kind == "end":
                self._end(worker)
            else:
                raise RuntimeError(f"a worker of the tests broke: {what}")

    def _end(self, worker: _Worker) -> int:
        self._living.unregister(worker.said)
        worker.said.close()
        _, status = os.waitpid(worker.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def _bury(self, worker: _Worker) -> None:
        code = self._end(worker)
        at = self._ranges.get(worker.number)[AT]
        if at < 0:
            raise RuntimeError(f"a worker of the tests died with code {code} outside a test")
        item = self._session.items[at]
        said = f"the process that ran this test died with code {code}"
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", said, "call")
        self._hook.pytest_runtest_logreport(report=report)
        self._hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        self._start(worker.number)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `-n`."""
    said = "how many tests run at once: 0 is in this process, for a debugger; auto is one more than there are cores"
    # pytest keeps the small letters for itself, and whoever knows other projects types this one
    parser.getgroup("workers")._addoption("-n", dest="workers", default="auto", metavar="N", help=said)


def _count(config: pytest.Config, tests: int) -> int:
    if config.option.usepdb or config.option.collectonly:
        return 0
    asked = str(config.option.workers)
    if asked == "auto":  # one more than there are cores: half of a test of real processes is waiting
        asked = os.environ.get("SAYSO_WORKERS") or str(min(4, (os.cpu_count() or 1) + 1))
    return min(int(asked), tests)


def _name_no_files(config: pytest.Config) -> None:
    """No file stands before its dots: they come from several at once."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    if terminal and config.option.verbose <= 0:
        terminal.showfspath = False


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Instead of pytest's own loop, if there is to be more than this process."""
    workers = _count(session.config, len(session.items))
    broken = session.testsfailed and not session.config.option.continue_on_collection_errors
    if workers < 1 or broken:
        return None  # pytest's own loop says what is broken
    folders: Any = session.config._tmp_path_factory  # type: ignore[attr-defined]
    folders.getbasetemp()  # one for all of them: the main process deletes it at the end
    _name_no_files(session.config)
    Workers(session, workers).follow()
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    return True

"""Starts Python programs as forks of one process that has imported our code: that takes milliseconds, not a second.

Each is a process of its own, with its own folder, environment and pipes, that any signal may end. Tests of what a
program imports use `subprocess`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence

import pydantic

_code = 0


def _leave() -> None:
    """Take no module apart: the copies of what is shared cost more than most programs do."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_code)


if __name__ == "__main__":  # whoever imports this ends with a code of their own
    atexit.register(_leave)  # before all that is imported: it runs last

LARGEST = 1 << 20
"""Bytes of one order: arguments and environment."""
LATE = (
    "asyncpg",
    "rich.table",
    "sayso.cards.markdown",
    "sayso.stores.postgres",
    "sayso.stores.sqlite",
    "sayso_http.agent_calls",
    "sayso_otel.watcher",
    "sayso_signing.tokens",
)
"""What the command imports only where it is needed: that is often."""
HURRY = "TESTS_SECONDS"
"""The variable that says what a program waits for otherwise than it would."""


def imported() -> None:
    """All that the command may need."""
    package = importlib.import_module("sayso_bots")
    for module in pkgutil.walk_packages(package.__path__, "sayso_bots."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for group in ("sayso.chats", "sayso.renderers"):
        for point in importlib.metadata.entry_points(group=group):
            point.load()
    for name in LATE:
        importlib.import_module(name)


def rehearse() -> None:
    """Import what a service imports only when it needs it: one is played in a fork, and says at its end what it had."""
    with tempfile.TemporaryDirectory() as folder:
        seen, out = os.pipe()
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            try:
                nothing = os.open(os.devnull, os.O_RDWR)
                become(["-m", "sayso_bots", "serve", "--port", "0"], folder, {}, (nothing, out, nothing))
            finally:
                os.write(out, ("\n" + " ".join(sys.modules)).encode())
                os._exit(0)
        os.close(out)
        with os.fdopen(seen) as said:
            if any("listens" in line for line in said):
                os.kill(pid, signal.SIGTERM)
            names = said.read().rpartition("\n")[2]
        os.waitpid(pid, 0)
    for name in names.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def build() -> None:
    """Build the models that build themselves when they are first used: none of them knows what it is used for."""
    found = [pydantic.BaseModel]
    for model in found:
        found += model.__subclasses__()
        if model.__module__.startswith("sayso"):
            model.model_rebuild()


def hurry(seconds: str) -> None:
    """Let constants of modules be other numbers in this process: `{"sayso_bots.service.reloading._LOOK": 0.02}`."""
    for name, number in json.loads(seconds or "{}").items():
        module, _, constant = name.rpartition(".")
        here = importlib.import_module(module)
        if not isinstance(getattr(here, constant), float):
            raise TypeError(f"{name} is no number of seconds")
        setattr(here, constant, number)


def become(line: Sequence[str], folder: str, environment: Mapping[str, str], streams: Sequence[int]) -> None:
    """Be the program that *line* names: a module, a piece of code, or a file."""
    hurry(environment.get(HURRY, ""))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for fd, stream in enumerate(streams):
        os.dup2(stream, fd)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode, closefd=False) for fd, mode in enumerate("rww"))
    path = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [*path, *(entry for entry in sys.path if entry not in path)]
    kind, *rest = line
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = list(line)
        sys.path.insert(0, os.path.dirname(os.path.abspath(kind)))
        runpy.run_path(kind, run_name="__main__")


def main(control: socket.socket) -> None:
    """Fork for each order, and tell each how its process ended; when the test's process is gone, end them all."""
    told: dict[int, socket.socket] = {}
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _tell_ends(told)
            continue
        order, fds, *_ = socket.recv_fds(control, LARGEST, 4)
        if not order:
            for pid in told:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        status, *streams = fds
        given = json.loads(order)
        for name in given.pop("imports"):  # the process after a kill has it already
            importlib.import_module(name)
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (control, woken, wakes, *told.values()):
                other.close()
            os.close(status)
            _be(**given, streams=streams)
            return
        for stream in streams:
            os.close(stream)
        told[pid] = socket.socket(fileno=status)
        told[pid].sendall(b"%d\n" % pid)


def _be(line: Sequence[str], folder: str, environment: Mapping[str, str], streams: Sequence[int]) -> None:
    """`become`, with the exit code that Python gives."""
    global _code
    _code = 1
    try:
        become(line, folder, environment, streams)
    except SystemExit as ended:
        _code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise
    except KeyboardInterrupt:
        atexit.unregister(_leave)  # Python ends itself by the signal
        raise
    _code = 0


def _tell_ends(told: dict[int, socket.socket]) -> None:
    while told:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with told.pop(pid) as ended, contextlib.suppress(BrokenPipeError):
            ended.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    imported()
    rehearse()
    build()
    gc.collect()
    gc.freeze()
    main(socket.socket(fileno=int(sys.argv[1])))

"""Starts Python programs as forks of one process that has imported our code: that takes milliseconds, not a second.

Each is a process of its own, with its own folder, environment and pipes, that any signal may end. Tests of what a
program imports use `subprocess`.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.metadata
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence

import pydantic

from tests.fakes.forker import Forker

_code = 0


def _leave() -> None:
    """Take no module apart: the copies of what is shared cost more than most programs do."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_code)


if __name__ == "__main__":  # whoever imports this ends with a code of their own
    atexit.register(_leave)  # before all that is imported: it runs last

LATE = (
    "asyncpg",
    "click._textwrap",
    "rich.table",
    "sayso.cards.markdown",
    "sayso.machine.audiences",
    "sayso.machine.transitions",
    "sayso.stores.postgres",
    "sayso.stores.sqlite",
    "sayso_claude.unseen",
    "sayso_http.agent_calls",
    "sayso_http.client",
    "sayso_http.operator_calls",
    "sayso_shell.reading",
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
    for point in importlib.metadata.entry_points(group="sayso.renderers"):
        point.load()
    for name in LATE:
        importlib.import_module(name)
    # what is installed is looked for by each program once
    importlib.import_module("sayso_bots.settings.schema").with_chats()
    importlib.import_module("sayso.content.tools").find("")


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


if __name__ == "__main__":
    imported()
    rehearse()
    build()
    Forker(_be, listener=socket.socket(fileno=int(sys.argv[1]))).run()

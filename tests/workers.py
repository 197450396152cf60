"""Workers of pytest-xdist as forks of one process that has imported the frameworks: each would take seconds for them.

`forked` names this file as the Python of the workers. Run so, it hands its pipes to that process, which forks, and
stays as long as the fork does. Nothing of our own is imported beforehand: pytest rewrites tests, coverage counts lines.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from typing import Any

FRAMEWORKS = (
    "agents",
    "agentapprovalprotocol",
    "ai",
    "aiohttp.web",
    "asyncpg",
    "claude_agent_sdk",
    "discord",
    "hypothesis.strategies",
    "icalendar",
    "jinja2",
    "jwt",
    "langchain.agents",
    "markdown_it",
    "opentelemetry.sdk.metrics",
    "playwright.async_api",
    "prometheus_client",
    "pydantic_ai.models.function",
    "simcord",
    "slack_bolt.adapter.socket_mode.async_handler",
    "vercel.workflow",
    "yaml",
)
"""What takes more than ten milliseconds to import."""


def forked(specs: Iterable[Any], names: Iterable[str] = FRAMEWORKS) -> Callable[[], None]:
    """Let the workers of *specs* be forks; what is returned ends the process that forks them."""
    folder = tempfile.TemporaryDirectory()
    path = os.path.join(folder.name, "door")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        fd = door.fileno()
        line = [sys.executable, __file__, str(fd), *names]
        server = subprocess.Popen(line, stdin=subprocess.PIPE, pass_fds=[fd])
    for spec in specs:
        spec.python = shlex.join([sys.executable, "-I", "-S", __file__, path])

    def end() -> None:
        server.communicate()
        folder.cleanup()

    return end


def stand_in(path: str, code: str) -> None:
    """Be a Python that runs *code*, in the eyes of whoever started this."""
    with socket.socket(socket.AF_UNIX) as fork:
        fork.connect(path)
        socket.send_fds(fork, [code.encode()], [0, 1])
        os.close(0)
        os.close(1)
        fork.recv(1)


def prepare(names: Iterable[str]) -> None:
    """Import what has these names. What warns or fails is left to the tests, where that is told."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in names:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()


def serve(door: socket.socket) -> str:
    """Fork for each that comes, until standard input ends; in a fork, the code that it shall run."""
    forks = list[int]()
    while door in select.select([door, sys.stdin], [], [])[0]:
        stand_in, _ = door.accept()
        code, pipes, *_ = socket.recv_fds(stand_in, 4096, 2)
        if pid := os.fork():
            forks.append(pid)
            stand_in.close()
        else:
            door.close()
            stand_in.detach()  # closed when this process is gone
            for fd, pipe in enumerate(pipes):
                os.dup2(pipe, fd)
        for pipe in pipes:
            os.close(pipe)
        if not pid:
            return code.decode()
    for pid in forks:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    shutil.rmtree(os.path.dirname(door.getsockname()))  # also when the run was killed
    sys.exit()


def _leave() -> None:
    """Take no module apart: that copies what is shared, and warns of what stays open until the end of a run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.argv[1].isdigit():
        atexit.register(_leave)  # before all that is imported: it runs last
        prepare(sys.argv[2:])
        code = serve(socket.socket(fileno=int(sys.argv[1])))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv, sys.stdin = ["-c"], os.fdopen(0, closefd=False)
        exec(code, {"__name__": "__main__"})
    else:
        stand_in(sys.argv[1], sys.argv[-1])

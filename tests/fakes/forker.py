"""The process that forks: one for all workers of a run of tests, which give it orders."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

LARGEST = 1 << 20
"""Bytes of one order: arguments and environment."""
RUN = "PYTEST_XDIST_TESTRUNUID"
_RUN = os.environ.get(RUN) or uuid.uuid4().hex


@contextlib.contextmanager
def _alone() -> Generator[None]:
    """Whoever starts or ends the process that forks is the only one that does so."""
    with open(__file__, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def joined(way: str, folder: Path, environment: Mapping[str, str]) -> socket.socket:
    """Where to give orders to the process that has this PYTHONPATH.

    Whoever is first starts it, and it ends when the last one is gone.
    """
    address = os.path.join(tempfile.gettempdir(), f"sayso-{_RUN}-{zlib.crc32(way.encode()):x}")
    orders = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    orders.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * LARGEST)
    atexit.register(_part, orders, address)
    with _alone():
        if not os.path.exists(address):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.bind(address)
                listener.listen()
                fd = listener.fileno()
                line = [sys.executable, "-m", "tests.fakes.forking", str(fd)]
                given = {**environment, RUN: _RUN}
                nothing = subprocess.DEVNULL
                started = subprocess.Popen(line, pass_fds=[fd], cwd=folder, env=given, stdin=nothing)
                started.returncode = 0  # nobody waits for its end: it may come after that of this process
        orders.connect(address)
    return orders


def _part(orders: socket.socket, address: str) -> None:
    """Leave; one that was killed did not take its address away."""
    if orders.fileno() < 0:
        return
    gone = select.poll()
    gone.register(orders, 0)
    if gone.poll(0):
        Path(address).unlink(missing_ok=True)
    orders.close()


class Forker:
    """Forks for each order, tells whoever gave it how its process ended, and ends what nobody waits for any more.

    What only a few programs import is imported by a branch: a process like this one, forked when it is first needed.
    """

    def __init__(
        self, become: Callable[..., None], *callers: socket.socket, listener: socket.socket | None = None
    ) -> None:
        self._become = become
        self._callers = [*callers]
        self._listener = listener
        self._told: dict[int, socket.socket] = {}
        self._branches: dict[str, socket.socket] = {}
        self._woken, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno())

    def run(self) -> None:
        """Take orders until nobody is left to give one. In a process that was forked: be what was ordered."""
        gc.collect()
        gc.freeze()
        while not self._over():
            ready, _, _ = select.select([self._woken, *self._opened(), *self._callers, *self._told.values()], [], [])
            for one in ready:
                if one is self._woken:
                    one.recv(4096)
                    self._tell_ends()
                elif one is self._listener:
                    self._callers.append(one.accept()[0])
                elif one not in self._callers:
                    self._end(one)
                elif (ordered := self._obey(one)) is not None:
                    ordered()
                    return
        for status in [*self._told.values()]:
            self._end(status)

    def _opened(self) -> list[socket.socket]:
        return [] if self._listener is None else [self._listener]

    def _over(self) -> bool:
        if self._callers or self._listener is None:
            return not self._callers
        with _alone():
            if select.select([self._listener], [], [], 0)[0]:
                return False
            os.unlink(self._listener.getsockname())
            return True

    def _obey(self, caller: socket.socket) -> Callable[[], None] | None:
        order, fds, *_ = socket.recv_fds(caller, LARGEST, 4)
        if not order:
            self._callers.remove(caller)
            caller.close()
            return None
        given = json.loads(order)
        try:
            if imports := given.pop("imports"):
                return self._pass_on(imports, given, fds)
            pid = os.fork()
            if not pid:
                self._leave_to_parent()
                return functools.partial(self._become, **given, streams=[os.dup(fd) for fd in fds[1:]])
            self._told[pid] = socket.socket(fileno=os.dup(fds[0]))
            self._say(self._told[pid], pid)
        finally:
            for fd in fds:
                os.close(fd)
        return None

    def _pass_on(
        self, imports: Sequence[str], given: Mapping[str, object], fds: Sequence[int]
    ) -> Callable[[], None] | None:
        name = " ".join(imports)
        if name not in self._branches:
            self._branches[name], theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._branches[name].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * LARGEST)
            if not os.fork():
                self._leave_to_parent()
                return functools.partial(self._branch, imports, theirs)
            theirs.close()
        # one that could not import it is gone: its caller is told so by the end of what it waits at
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._branches[name], [json.dumps({**given, "imports": []}).encode()], fds)
        return None

    def _branch(self, imports: Sequence[str], orders: socket.socket) -> None:
        for name in imports:
            importlib.import_module(name)
        Forker(self._become, orders).run()

    def _leave_to_parent(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        others = [*self._opened(), *self._callers, *self._told.values(), *self._branches.values()]
        for one in (*others, self._woken, self._wakes):
            one.close()

    def _end(self, status: socket.socket) -> None:
        for pid in [pid for pid, one in self._told.items() if one is status]:
            os.kill(pid, signal.SIGKILL)
            self._told.pop(pid).close()

    def _tell_ends(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if status := self._told.pop(ended[0], None):
                    with status:
                        self._say(status, os.waitstatus_to_exitcode(ended[1]))

    def _say(self, status: socket.socket, number: int) -> None:
        with contextlib.suppress(BrokenPipeError):  # who does not wait any more is seen by what can be read there
            status.sendall(b"%d\n" % number)

"""`sayso` as a command that starts at once, for pages full of examples: forked from a process that has imported it all.

Each command is a process of its own all the same, with its own folder, environment, streams and exit code.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

_CLIENT = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    said = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(line, [len(said).to_bytes(4)], [0, 1, 2])
    line.sendall(said)
    sys.exit(line.recv(1)[0])
"""


@contextlib.contextmanager
def sayso(folder: Path) -> Generator[Path]:
    """The command, in *folder*."""
    # an address of this kind is short, and the folders of tests are deep
    short = tempfile.TemporaryDirectory(prefix="sayso-")
    address, client, command = f"{short.name}/socket", folder / "client.py", folder / "sayso"
    client.write_text(_CLIENT.format(address=address))
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS {shlex.quote(str(client))} "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join(filter(None, sys.path))
    with short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        line = [sys.executable, "-m", "tests.fakes.quick", str(listener.fileno())]
        server = subprocess.Popen(line, env={**os.environ, "PYTHONPATH": path}, pass_fds=[listener.fileno()])
        try:
            yield command
        finally:
            server.terminate()
            server.wait()


def serve(listener: socket.socket) -> None:
    """Fork a process for every caller, until killed."""
    package = importlib.import_module("sayso_bots")
    for module in pkgutil.walk_packages(package.__path__, "sayso_bots."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        line, _ = listener.accept()
        with line:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _answer(line)


def _answer(line: socket.socket) -> None:
    head, streams, _, _ = socket.recv_fds(line, 4, 3)
    said = b""
    while len(said) < int.from_bytes(head):
        said += line.recv(1 << 16)
    child = os.fork()
    if child == 0:
        line.close()
        arguments, variables, folder = json.loads(said)
        _run(arguments, variables, folder, streams)
    for stream in streams:
        os.close(stream)
    line.sendall(bytes([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) % 256]))
    os._exit(0)


def _run(arguments: list[str], variables: dict[str, str], folder: str, streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["sayso", *arguments]
    code = 70
    try:
        importlib.import_module("sayso_bots").main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
    finally:
        for output in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                output.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

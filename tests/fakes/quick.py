"""`sayso` as a command that starts at once, for pages full of examples: a fork, as all that a test starts.

Each command is a process of its own all the same, with its own folder, environment, streams and exit code.
"""

import contextlib
import json
import os
import shlex
import socket
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from pathlib import Path

from tests.fakes.processes import Child

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
def sayso(folder: Path, *imports: str) -> Generator[Path]:
    """The command, in *folder*; what it *imports* beside what all commands do is imported once."""
    # an address of this kind is short, and the folders of tests are deep
    short = tempfile.TemporaryDirectory(prefix="sayso-")
    address, client, command = f"{short.name}/socket", folder / "client.py", folder / "sayso"
    client.write_text(_CLIENT.format(address=address))
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS {shlex.quote(str(client))} "$@"\n')
    command.chmod(0o755)
    with short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        threading.Thread(target=_serve, args=(listener, imports), daemon=True).start()
        try:
            yield command
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, imports: Sequence[str]) -> None:
    """A thread for every caller, until the socket is shut."""
    with contextlib.suppress(OSError):
        while True:
            caller, _ = listener.accept()
            threading.Thread(target=_answer, args=(caller, imports), daemon=True).start()


def _answer(caller: socket.socket, imports: Sequence[str]) -> None:
    with caller:
        head, (reads, *writes), _, _ = socket.recv_fds(caller, 4, 3)
        said = b""
        while len(said) < int.from_bytes(head):
            said += caller.recv(1 << 16)
        arguments, variables, folder = json.loads(said)
        # what is imported is here already
        del variables["PYTHONPATH"]
        line = [sys.executable, "-m", "sayso_bots", *arguments]
        child = Child(line, Path(folder), variables, reads=reads, writes=(writes[0], writes[1]), imports=imports)
        for stream in (reads, *writes):
            os.close(stream)
        with contextlib.suppress(BrokenPipeError):
            caller.sendall(bytes([child.wait(None) % 256]))

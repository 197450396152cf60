"""What systemd is told, on a real socket."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso_bots.service import supervisor
from tests.bots.conftest import Command


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "n"))
        line.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        yield line


async def test_the_service_says_when_it_is_ready_that_it_lives_and_when_it_ends(
    heard: socket.socket, command: Command, tmp_path: Path
) -> None:
    given = {"SAYSO_PORT": "0", "NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "100000"}
    async with command.started("serve", **given) as running:
        said = [await asyncio.to_thread(heard.recv, 100) for _ in range(3)]
        assert said == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        running.process.terminate()
        while (last := await asyncio.to_thread(heard.recv, 100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"


def test_an_address_in_no_folder_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        name = f"sayso-test-{os.getpid()}"
        line.bind(f"\0{name}")
        line.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        supervisor.tell("READY=1")
        assert line.recv(100) == b"READY=1"


def test_a_supervisor_that_is_gone_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    supervisor.tell("READY=1")
    assert "cannot be told" in caplog.text


@pytest.mark.parametrize(("wanted", "watched"), [(None, None), ("0", None), ("soon", None), ("1000", "1")])
async def test_no_sign_of_life_where_none_is_wanted(
    heard: socket.socket, monkeypatch: pytest.MonkeyPatch, wanted: str | None, watched: str | None
) -> None:
    for name, value in (("WATCHDOG_USEC", wanted), ("WATCHDOG_PID", watched)):
        if value is not None:
            monkeypatch.setenv(name, value)
    await supervisor.beat()
    heard.setblocking(False)
    with pytest.raises(BlockingIOError):
        heard.recv(100)

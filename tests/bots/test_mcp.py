"""The command `sayso mcp`: what it takes, how it fails, and that its output is the protocol's alone."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bots.conftest import Call
from tests.fakes.processes import Child, environment

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        ([], {"SAYSO_URL": "http://127.0.0.1:9"}, "the service needs a key"),
        ([], {"SAYSO_URL": "ftp://x"}, "SAYSO_URL"),
        ([], {"SAYSO_URI": "http://127.0.0.1:9"}, "did you mean SAYSO_URL?"),
        ([], {"MCP_TOOL_TIMEOUT": "soon"}, "MCP_TOOL_TIMEOUT is no time"),
        (["--patience", "soon"], {}, "50s, 15m, 2h"),
        (["--patience", "0"], {}, "50s, 15m, 2h"),
        (["--limit", "31d"], {}, "50s, 15m, 2h"),
    ],
)
def test_a_wrong_setting_stops_the_start_in_words_and_says_nothing_to_the_client(
    inside: Call, arguments: list[str], variables: dict[str, str], said: str
) -> None:
    done = inside("mcp", *arguments, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_the_package_it_says_what_to_install(inside: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mcp", "sayso_mcp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    done = inside("mcp")
    assert done.returncode == 2
    assert "pip install '.[mcp]'" in done.stderr


def test_standard_output_carries_the_protocol_alone_and_its_end_ends_the_process(tmp_path: Path) -> None:
    ask: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "get_decision", "arguments": {"request_id": "nothing"}},
    }
    lines = "".join(f"{json.dumps(line)}\n" for line in (INITIALIZE, PING, "no JSON-RPC", ask))
    # test_mcp_end_to_end starts the command by itself; it makes no database, as a client may start it in any folder
    sqlite3.connect(tmp_path / "sayso.db").close()
    (reads, to), (back, writes) = os.pipe(), os.pipe()
    with open(to, "w") as said, open(back) as answers, open(tmp_path / "stderr", "wb") as errors:
        line = [sys.executable, "-m", "sayso_bots", "mcp"]
        server = Child(line, tmp_path, {}, reads=reads, writes=(writes, errors.fileno()), imports=("sayso_mcp.stdio",))
        os.close(reads)
        os.close(writes)
        said.write(lines)
        said.flush()
        answered: list[Any] = []
        # its end cuts off what is not answered yet
        while not {line["id"] for line in answered} >= {0, 1}:
            answered.append(json.loads(answers.readline()))
        said.close()
        answered += [json.loads(line) for line in answers]
        assert server.wait() == 0, (tmp_path / "stderr").read_text()
    assert all(line["jsonrpc"] == "2.0" for line in answered)


@pytest.mark.once
def test_a_service_and_other_commands_never_load_what_nobody_configured(tmp_path: Path) -> None:
    script = (
        "import sys, click; from sayso_bots import cli\n"
        "for name in ('mcp', 'list', 'ask'): cli.tree.get_command(click.Context(cli.tree), name)\n"
        "import sayso_bots.service.service, sayso_bots.commands.doctor.findings\n"
        "print(sorted({'mcp', 'mcp_types', 'starlette', 'uvicorn', 'discord'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment({}), capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"

"""`sayso doctor` and `sayso serve` look at the same things: what stops the one is named by the other."""

import json
import socket
from pathlib import Path

import pytest

from tests.bots.conftest import Call, Command


def findings(done_stdout: str) -> dict[str, dict[str, str | bool]]:
    return {found["name"]: found for found in json.loads(done_stdout)}


@pytest.mark.parametrize(
    ("name", "toml", "variables", "told"),
    [
        ("secret", "", {"SAYSO_SECRET": "short"}, "SAYSO_SECRET is too short"),
        ("address", "", {"SAYSO_HOST": "0.0.0.0"}, "the service has no name there"),
        ("address", '[service]\nhosts = ["x"]', {"SAYSO_HOST": "203.0.113.1"}, "cannot listen on 203.0.113.1"),
        ("database", "", {"SAYSO_DATABASE_URL": "sqlite:///no/such/folder/sayso.db"}, "cannot be made"),
        (
            "settings",
            '[people.ann]\n[groups.g]\nmembers = ["ann"]\n[policies.default]\napprovers = ["group:g"]\nquorum = 2',
            {},
            "policies.default.quorum is 2",
        ),
    ],
)
def test_what_stops_the_service_is_named_by_doctor(
    inside: Call, command: Command, tmp_path: Path, name: str, toml: str, variables: dict[str, str], told: str
) -> None:
    (tmp_path / "sayso.toml").write_text(toml)
    done = inside("doctor", "--json", **variables)
    found = findings(done.stdout)[name]
    assert (done.returncode, found["ok"]) == (2, False)
    assert told in str(found["said"])
    refused = command("serve", **{"SAYSO_PORT": "0", **variables})
    assert refused.returncode == 2
    assert told in refused.stderr


def test_doctor_says_who_has_the_port_and_makes_no_database(inside: Call, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = inside("doctor", "--json", SAYSO_PORT=port)
    found = findings(done.stdout)
    assert (found["address"]["ok"], found["address"]["said"]) == (False, f"port {port} is taken (SAYSO_PORT)")
    assert (found["database"]["ok"], (tmp_path / "sayso.db").exists()) == (True, False)
    assert f"sayso serve makes {tmp_path / 'sayso.db'}" in str(found["database"]["said"])


async def test_doctor_beside_a_running_service_finds_nothing_wrong(command: Command) -> None:
    async with command.started("serve", SAYSO_PORT="0") as service:
        url = (await service.line("sayso listens on ")).split()[-1]
        done = command("doctor", "--json", SAYSO_PORT=url.rpartition(":")[2])
    assert done.returncode == 0, done.stdout
    assert findings(done.stdout)["address"]["said"] == f"{url} answers there now"


def test_doctor_goes_on_when_the_package_of_a_chat_is_missing(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[slack]\nchannel = "#ops"\n[discord]\nchannel = "910"')
    (tmp_path / "slack_bolt.py").write_text("raise ImportError('slack_bolt is not here')")
    done = command("doctor", "--json", PYTHONPATH=str(tmp_path))
    found = findings(done.stdout)
    assert done.returncode == 2
    assert "pip install '.[slack]'" in str(found["chats"]["hint"])
    assert "discord" in found, "what comes after Slack is looked at, too"

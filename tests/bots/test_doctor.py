"""`sayso doctor` and `sayso serve` look at the same things: what stops the one is named by the other."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from sayso_bots.commands.doctor import command as doctor
from sayso_bots.commands.doctor.finding import Finding
from tests.bots.conftest import Call, Command

Ended = subprocess.CompletedProcess[str]


def findings(done_stdout: str) -> dict[str, dict[str, str | bool]]:
    return {found["name"]: found for found in json.loads(done_stdout)}


@pytest.mark.parametrize(
    ("name", "toml", "variables", "told"),
    [
        ("secret", "", {"SAYSO_SECRET": "short"}, "SAYSO_SECRET is too short"),
        (
            "settings",
            '[people.ann]\n[groups.g]\nmembers = ["ann"]\n[policies.default]\napprovers = ["group:g"]\nquorum = 2',
            {},
            "policies.default.quorum: 2 people must allow",
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


@pytest.mark.once
def test_doctor_goes_on_when_the_package_of_a_chat_is_missing(command: Command, tmp_path: Path) -> None:
    chats = {"slack": '[slack]\nchannel = "#ops"\n[discord]\nchannel = "910"', "discord": '[discord]\nchannel = "910"'}
    told: dict[str, str] = {}
    for extra, package in {"slack": "slack_bolt", "discord": "discord"}.items():
        (tmp_path / f"{extra}.toml").write_text(chats[extra])
        told[extra] = missing(tmp_path, package)
    lines = [[*words, "--config", f"{extra}.toml"] for extra in chats for words in (["doctor", "--json"], ["serve"])]
    done = command.in_turn(*lines, PYTHONPATH=str(tmp_path), SAYSO_PORT="0")
    for extra, looked, refused in zip(chats, done[::2], done[1::2], strict=True):
        found = names_it(extra, "chats", looked, refused)
        assert told[extra] in str(found["chats"]["said"])
        assert "discord" in found, "what comes after is looked at, too"


@pytest.mark.once
def test_doctor_goes_on_when_the_package_of_the_database_is_missing(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[slack]\nchannel = "#ops"\n[discord]\nchannel = "910"')
    missing(tmp_path, "asyncpg")
    variables = {"SAYSO_PORT": "0", "SAYSO_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x"}
    looked, refused = command.in_turn(["doctor", "--json"], ["serve"], PYTHONPATH=str(tmp_path), **variables)
    assert {"slack", "discord"} < set(names_it("postgres", "database", looked, refused)), "what comes after, too"


def missing(folder: Path, package: str) -> str:
    """Let a package be missing where PYTHONPATH is this folder; returns what whoever imports it is told."""
    told = f"{package} is not here"
    (folder / f"{package}.py").write_text(f"raise ImportError('{told}', name='{package}')")
    return told


def names_it(extra: str, name: str, looked: Ended, refused: Ended) -> dict[str, dict[str, str | bool]]:
    """What doctor found, once it is seen that it and the service say by what the missing package is installed."""
    found = findings(looked.stdout)
    assert (looked.returncode, looked.stderr) == (2, "")
    assert f"pip install '.[{extra}]'" in str(found[name]["hint"])
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert str(found[name]["hint"]) in refused.stderr
    return found


def test_what_doctor_says_stands_in_columns_that_fit_the_window() -> None:
    found = [
        Finding("settings", True, "sayso.toml"),
        Finding("slack groups.release.slack_group", False, "word " * 30, "do " * 40),
        Finding("slack people", False, "\x1b[2J\x07 is no command to a terminal"),
    ]
    lines = list(doctor._format(found, 80))  # pyright: ignore[reportPrivateUsage]
    assert max(len(line) for line in lines) <= 80
    starts = {line.index(word) for line, word in zip(lines, ("sayso.toml", "word"), strict=False)}
    assert len(starts) == 1, "one column for all that is said"
    assert all(line.startswith(" " * min(starts)) for line in lines[2:4]), "and what goes on, goes on there"
    assert lines[-1] == "2 things are wrong"
    assert "\x1b" not in "".join(lines)
    (whole,) = [line for line in doctor._format(found, None) if "word" in line]  # pyright: ignore[reportPrivateUsage]
    assert whole.count("word") == 30, "a program reads one line for each"

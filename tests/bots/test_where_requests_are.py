"""Which database a command uses, and which request an id means: said in words, and never guessed."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.bots.conftest import Call, Command
from tests.fakes.processes import Child, environment

LONG = "a-request-whose-name-is-much-longer-than-the-screen-of-a-telephone-is-wide"


def asked(inside: Call, id: str) -> None:
    assert inside("ask", "question", "Which customer?", "--id", id).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("show", "r1"),
        ("answer", "r1", "--allow"),
        ("cancel", "r1"),
        ("link",),
        ("keys", "list"),
        ("keys", "add", "bot", "--role", "agent"),
        ("keys", "revoke", "bot"),
        ("keys", "callback"),
    ],
    ids=" ".join,
)
def test_a_command_that_reads_makes_no_database_and_names_the_file_that_is_missing(
    inside: Call, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    refused = inside(*arguments, SAYSO_PORT="1")
    assert refused.returncode == 2
    assert f"there is no database at {tmp_path / 'sayso.db'}" in refused.stderr
    assert "folder of the service" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("keys", "add", "bot", "--role", "agent"), ("link",), ("purge",)])
def test_what_needs_the_database_makes_none_for_whoever_uses_a_service(
    inside: Call, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    refused = inside(*arguments, SAYSO_URL="http://127.0.0.1:8700", SAYSO_KEY="sayso_agent_x")
    assert refused.returncode == 2
    assert "beside the service at http://127.0.0.1:8700, not through it: run it in the folder of that" in refused.stderr
    assert list(tmp_path.iterdir()) == []


async def test_a_service_that_runs_elsewhere_is_named(command: Command, tmp_path: Path) -> None:
    elsewhere = Command(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    async with elsewhere.started("serve", SAYSO_PORT="0") as service:
        url = (await service.line("sayso listens on ")).split()[-1]
        port = url.rpartition(":")[2]
        refused = command("list", SAYSO_PORT=port)
        assert f"a service answers at http://127.0.0.1:{port}: to use it set SAYSO_URL" in refused.stderr
        # no key is made through a service
        refused = command("keys", "add", "bot", "--role", "agent", SAYSO_PORT=port)
        assert f"a service answers at http://127.0.0.1:{port}: run this in the folder where" in refused.stderr
        made = command("ask", "question", "Which customer?", "--id", "r1", SAYSO_PORT=port)
        assert (made.returncode, made.stdout) == (0, "r1\n")
        assert f"made {tmp_path / 'sayso.db'}" in made.stderr
        assert "a service answers at" in made.stderr


def test_whoever_asks_first_is_told_where_the_requests_are_and_only_then(inside: Call, tmp_path: Path) -> None:
    first = inside("ask", "question", "Which customer?", SAYSO_PORT="1")
    assert f"made {tmp_path / 'sayso.db'}" in first.stderr
    assert inside("ask", "question", "Which customer?", SAYSO_PORT="1").stderr == ""


def test_an_unknown_id_says_in_which_file_it_was_looked_for(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1")
    assert f"this looked in {tmp_path / 'sayso.db'}" in inside("show", "nope").stderr


def test_an_id_of_bytes_that_are_no_text_is_an_id_that_is_not_there(inside: Call) -> None:
    asked(inside, "r1")
    for command in (("show",), ("cancel",), ("answer", "--deny"), ("purge",)):
        done = inside(*command, "\udcff\udcfe")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert "there is no request" in done.stderr


def test_the_beginning_of_an_id_is_enough_where_only_one_begins_so(inside: Call) -> None:
    for id in ("deploy-42", "deploy-43", "refund-1"):
        asked(inside, id)
    assert json.loads(inside("show", "ref", "--json").stdout)["id"] == "refund-1"
    assert inside("answer", "refund", "--text", "Acme").returncode == 0
    assert inside("cancel", "deploy-43").returncode == 0  # whole, though longer ones could begin so
    several = inside("answer", "deploy", "--text", "Acme")
    assert several.returncode == 2
    assert "deploy-42" in several.stderr
    assert "deploy-43" in several.stderr
    assert json.loads(inside("show", "deploy-42", "--json").stdout)["state"] == "pending"


def test_an_id_that_is_the_beginning_of_another_one_means_itself(inside: Call) -> None:
    for id in ("r1", "r10"):
        asked(inside, id)
    assert json.loads(inside("show", "r1", "--json").stdout)["id"] == "r1"


def test_a_list_never_cuts_an_id_on_a_narrow_screen(inside: Call, tmp_path: Path) -> None:
    asked(inside, LONG)
    master, screen = pty.openpty()
    line = [sys.executable, "-m", "sayso_bots", "list"]
    assert Child(line, tmp_path, {"COLUMNS": "40", "TERM": "xterm"}, writes=(screen, screen)).wait() == 0
    os.close(screen)
    shown = os.read(master, 1 << 16).decode()
    os.close(master)
    assert LONG in re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_a_closed_pipe_is_no_denial(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1")
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "sayso_bots"]
    # a fork does not end as Python itself does, which flushes what is left: one is a process from the start
    done = subprocess.run(
        [*line, "list"],
        cwd=tmp_path,
        env=environment({}),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (141, b"")
    for words in (["list"], ["show", "r1"], ["answer", "r1", "--text", "Acme"]):
        said = tmp_path / "said"
        with said.open("wb") as errors:
            assert Child([*line, *words], tmp_path, {}, writes=(writer, errors.fileno())).wait() == 141, words
        assert said.read_bytes() == b""
    os.close(writer)


async def test_a_new_sign_in_link_needs_no_restart(command: Command) -> None:
    (command.folder / "sayso.toml").write_text('[people.ann]\nterminal = "ann"\n')
    async with command.started("serve", SAYSO_PORT="0") as service:
        url = (await service.line("sayso listens on ")).split()[-1]
        made = command("link", "ann", "--json")
        found = json.loads(made.stdout)
        assert found["person"] == "ann"
        assert found["link"].startswith(f"{url}/signin#")
        code = found["link"].partition("#")[2]
        async with (
            aiohttp.ClientSession(headers={"Origin": url}) as browser,
            browser.post(f"{url}/signin", data={"code": code, "next": "/"}, allow_redirects=False) as signed_in,
        ):
            assert (signed_in.status, signed_in.headers["Location"]) == (303, "/")
    unknown = command("link", "bob")
    assert unknown.returncode == 2
    assert "add [people.bob]" in unknown.stderr


def test_init_writes_where_config_says(inside: Call, tmp_path: Path) -> None:
    done = inside("init", "--config", "team.toml")
    assert "sayso doctor --config team.toml" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["team.toml"]
    assert "team.toml is there already" in inside("init", "--config", "team.toml").stderr


def test_init_says_in_one_line_that_it_cannot_write(inside: Call) -> None:
    refused = inside("init", "--config", "no/such/folder/sayso.toml")
    assert refused.returncode == 2
    assert refused.stderr.startswith("sayso: no/such/folder/sayso.toml cannot be written: No such file or directory")
    assert len(refused.stderr.splitlines()) == 1


def test_what_init_prints_needs_no_package_of_the_chat(command: Command, tmp_path: Path) -> None:
    for hidden in ("slack_sdk", "discord"):
        (tmp_path / f"{hidden}.py").write_text("raise ImportError('not here')")
    done = command.in_turn(["init", "slack"], ["init", "discord", "123"], PYTHONPATH=str(tmp_path))
    assert [one.returncode for one in done] == [0, 0]

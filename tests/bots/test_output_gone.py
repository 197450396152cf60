"""What a command prints may not arrive: a full disk is told in one line, and a reader that is gone is no fault."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso_bots import cli
from tests.bots.conftest import Call
from tests.conftest import require
from tests.fakes.processes import Child, environment

# Each prints something in a folder with a database, settings, a request that waits and one that is decided.
PRINTS = """
--help
--version
list
list --json
list --help
show r1
show r1 --json
ask question Why? --id r2
ask question Why? --id r3 --json
answer r2 --text because
cancel r3 --json
review --help
stop --json
resume --json
grants list
grants list --json
people
people --json
stats
stats --json
link ann --json
keys list
keys list --json
keys add bot --role agent
audit verify
audit verify --json
audit export -
audit export --csv -
purge --content 30d
purge --help
policy lint
policy lint --json
policy list
policy versions
policy explain r1
policy replay
backup copy.db
doctor
doctor --json
init slack
init discord 123456789012345678
hook claude-code --help
reload --help
restore --help
serve --help
demo --help
mcp --help
""".strip().splitlines()
HINT = "make room, or write elsewhere"
# What of these is done by then, as the line about the full disk says.
ALL_THE_SAME = """
ask question Why? --id r2: r2 is asked
ask question Why? --id r3 --json: r3 is asked
answer r2 --text because: r2: Answered by ann
cancel r3 --json: r3: Withdrawn before it was decided
stop --json: everything is stopped
resume --json: the stop of everything is lifted
keys add bot --role agent: the key bot has a new secret, which is lost; another one: sayso keys rotate bot --overlap 0
purge --content 30d: 0 requests erased, 0 traces forgotten, 0 records removed
backup copy.db: copy.db written
"""
SETTINGS = f"""
[people.ann]
terminal = "{getpass.getuser()}"
[policies.default]
approvers = ["ann"]
[[rules]]
id = "peek"
effect = "allow"
match = {{ tool = "Read" }}
"""


@pytest.fixture
def folder(inside: Call, tmp_path: Path) -> Path:
    (tmp_path / "sayso.toml").write_text(SETTINGS)
    for id in ("r1", "r0"):
        assert inside("ask", "question", "Which customer?", "--id", id).returncode == 0
    assert inside("answer", "r0", "--text", "Acme").returncode == 0
    return tmp_path


def ended(folder: Path, words: str, output: int, error: int | None = None) -> tuple[int, str]:
    """The exit code of a command with this output, and what it said on standard error."""
    said = folder / "stderr"
    with said.open("wb") as told:
        line = [sys.executable, "-m", "sayso_bots", *words.split()]
        code = Child(
            line, folder, {"SAYSO_PORT": "1"}, writes=(output, told.fileno() if error is None else error)
        ).wait()
    return code, said.read_text()


@pytest.fixture
def full() -> Iterator[int]:
    require(Path("/dev/full").exists(), "/dev/full")
    opened = os.open("/dev/full", os.O_WRONLY)
    yield opened
    os.close(opened)


@pytest.fixture
def unread() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_every_command_is_tried() -> None:
    assert {line.split()[0] for line in PRINTS} - {"--help", "--version"} == set(cli._COMMANDS)  # pyright: ignore[reportPrivateUsage]


def test_a_full_disk_is_told_in_one_line_and_is_no_answer(folder: Path, full: int) -> None:
    told = {words: ended(folder, words, full) for words in PRINTS}
    done = {words: what for words, _, what in (line.partition(": ") for line in ALL_THE_SAME.strip().splitlines())}
    said = {words: f"it was done all the same: {done[words]}" if words in done else HINT for words in told}
    line = "sayso: nothing more can be written: No space left on device — {}\n"
    wrong = {words: one for words, one in told.items() if one[0] != 2 or not one[1].endswith(line.format(said[words]))}
    assert wrong == {}
    assert [words for words, (_, err) in told.items() if "Traceback" in err or "Exception" in err] == []


def test_a_reader_that_is_gone_is_no_denial_and_no_fault(folder: Path, unread: int) -> None:
    told = {words: ended(folder, words, unread) for words in PRINTS}
    wrong = {words: one for words, one in told.items() if one[0] != 141 or "Traceback" in one[1] or "sayso:" in one[1]}
    assert wrong == {}


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_one_of_which_nothing_is_wanted(folder: Path, inside: Call, closed: str) -> None:
    line = f'exec "$0" -m sayso_bots answer r1 --text because {closed}'
    done = subprocess.run(["sh", "-c", line, sys.executable], cwd=folder, env=environment({}), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"" if ">&-" in closed.split() else b"r1: Answered by ")
    assert json.loads(inside("show", "r1", "--json").stdout)["decision"]["text"] == "because"


def test_where_nothing_can_be_told_at_all_the_exit_code_says_it(folder: Path, full: int) -> None:
    assert [ended(folder, words, full, full)[0] for words in ("list", "show nobody", "--help", "nonsense")] == [2] * 4

"""What the service finds in an input: the table of risks, read row by row, and the reader of command lines below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies

from sayso import asking
from sayso.content import command_line, credentials, findings, programs, risk, statements
from sayso.content.risk import Call
from tests.counting import grows_too_fast
from tests.tables import each

PAGE = Path(__file__).parents[3] / "docs" / "risk.md"
ROWS = pytest.mark.parametrize("row", risk.TABLE, ids=[row.name for row in risk.TABLE])


def bash(command: str, folder: str = "") -> Call:
    return Call("Bash", {"command": command}, folder)


def named(call: Call) -> list[str]:
    return list(dict.fromkeys(mark.name for mark in risk.find(call)))


@ROWS
def test_an_ordinary_example_triggers_nothing_at_all(row: risk.Row) -> None:
    assert named(row.ordinary) == []


@ROWS
def test_a_risky_example_and_a_deceiving_one_trigger_their_row(row: risk.Row) -> None:
    for call in (row.risky, row.deceiving):
        found = [mark for mark in risk.find(call) if mark.name == row.name]
        assert found, call
        assert {(mark.level, mark.words) for mark in found} == {(row.level, row.words)}
        assert all(mark.trigger for mark in found)


def _lines() -> Iterator[str]:
    """Each program that the rows know, with each argument that they know."""
    calls = (call for row in risk.TABLE for call in (row.ordinary, row.risky, row.deceiving))
    words = {word for call in calls for word in str(call.input.get("command", "")).split() if len(word) < 100}
    several = {
        "stop backup",
        "reset --hard",
        "push -f",
        "clean -f",
        "clean --force",
        "-exec rm -r",
        "-r x",
        "-f x",
        "-delete",
    }
    names = set[str]().union(
        *(row.among for row in risk.TABLE), programs.WRAPPERS, ["crontab", "dd", "mkfs", "npm", "x"]
    )
    for name in sorted({*names, *(word for word in words if word.isalpha())} - {findings.OPTION}):
        yield from (f"{name} {one}" for one in sorted({*several, *(word for word in words if not word.isalpha())}))


def test_what_a_row_looks_among_leaves_out_nothing_that_it_finds() -> None:
    found = set[str]()
    for line in _lines():
        seen = findings.see(bash(line))
        for row in risk.TABLE:
            if row.among and list(row.find(seen)):
                found.add(row.name)
                assert not seen.names.isdisjoint(row.among), line
    assert found == {row.name for row in risk.TABLE if row.among}


@ROWS
def test_a_row_asks_for_no_program_that_it_does_not_name(row: risk.Row, monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(_seen: findings.Seen, *names: str) -> list[programs.Program]:
        asked.update(names)
        return []

    asked = set[str]()
    monkeypatch.setattr(findings.Seen, "run", noted)
    assert not list(row.find(findings.see(bash("x")))) or not row.among
    assert asked <= row.among or not row.among


def test_a_copy_of_a_disk_that_writes_outside_the_folder_is_marked() -> None:
    assert named(bash("dd if=a of=/etc/x", "/srv/app")) == ["outside"]


def test_what_a_variable_is_set_to_hides_no_program() -> None:
    for row in each(["$HOME", "*", "${B:-x}", "$(date)", '"$B"']):
        with row as value:
            assert "delete" in [one.name for one in risk.find(risk.Call("Bash", {"command": f"A={value} rm -rf /srv"}))]


def test_the_page_shows_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in risk.TABLE:
        assert f"| {row.words} | {row.level} | {row.looks_for.replace('|', chr(92) + '|')} |" in page


COMMANDS = [
    ("sudo -u bob rm -rf /x", ["delete", "root"]),
    ("sudo -u bob", ["root"]),
    ("find . -delete", ["delete"]),
    ("git clean -f", ["delete"]),
    ("eval 'rm -rf a'", ["delete"]),
    ('bash -c "$X"', ["hidden"]),
    ("cat | " * 22 + "sh", ["hidden"]),
    ("'a'2>b; rm -r c", ["delete"]),
    ("$'\\162m' -rf b", ["delete"]),
    ("rm -r $'a\\nb'", ["delete"]),
    ("find . -name '*.o' -exec rm -rf {} +", ["delete"]),
    ("printf a | xargs -n 1 rm -r", ["delete"]),
    ("for d in a b; do rm -rf $d; done", ["delete"]),
    ("if true; then rm -r x; fi", ["delete"]),
    ("echo ${a:-$(rm -rf b)}", ["delete"]),
    ('echo "a `rm -rf b` c"', ["delete"]),
    ("echo $(case x in a) rm -rf b;; esac)", ["delete"]),
    ("bash <<'END'\nrm -rf b\nEND\n", ["delete"]),
    ("bash <<< 'rm -rf b'", ["delete"]),
    ("echo 'rm -rf b' | sh", ["delete"]),
    ("bash --norc -lc 'rm -rf b'", ["delete"]),
    ("$'\\x72m' -rf b", ["delete"]),
    ("r\\\nm -rf b", ["delete"]),
    ("cat > README.md <<END\nrm -rf b\nEND\n", []),
    ("ls # rm -rf b", []),
    ("git log --grep 'rm -rf'", []),
    ("docker rm -f web", []),
    ("rm${IFS}-rf${IFS}b", ["hidden"]),
    ("{rm,-rf,b}", ["hidden"]),
    ("/bin/r? -rf b", ["hidden"]),
    ("(curl -s x) | sudo bash", ["download", "root"]),
    ("bash <(wget -qO- x)", ["download"]),
    ("source <(curl x)", ["download"]),
    ("curl x | jq . > a.json", []),
    ("cat setup.sh | sh", ["hidden"]),
    ("git push --force-with-lease", ["push"]),
    ("git push origin main && npm i", []),
    ("git reset --hard HEAD~1", ["force"]),
    ("psql -c 'DROP TABLE a'", ["drop"]),
    ("psql <<END\ntruncate a;\nEND\n", ["drop"]),
    ("git commit -m 'drop table a'", []),
    ("echo a > /dev/sda", ["disk"]),
    ("chmod o+w a; chmod +x b", ["modes"]),
    ("chmod +x b; chmod g+w c", []),
]


def test_command_lines_are_read_as_a_shell_reads_them() -> None:
    assert {command: found for command, names in COMMANDS if sorted(found := named(bash(command))) != names} == {}


OUTSIDE: list[tuple[str, bool]] = [
    ("rm a /etc/x", True),
    ("echo a >> ~/.bashrc", True),
    ("cd .. && touch a", True),
    ("cd /etc; touch passwd", True),
    ("mv a /srv/application", True),
    ("cp a //etc/x", True),
    ("sed -i s/a/b/ /etc/hosts", True),
    ("echo a > /srv/app/../x", True),
    ("cp /etc/hosts . && mv a b/../c", False),
    ("echo a > /tmp/x 2>/dev/null", False),
    ("echo a > /tmp/../etc/x", True),
    ("touch /srv/app/a", False),
    ("cd $X && touch a", False),
]


def test_what_is_written_outside_the_folder_of_the_project() -> None:
    for row in each(OUTSIDE):
        with row as (command, outside):
            assert ("outside" in named(bash(command, "/srv/app"))) is outside
            assert "outside" not in named(bash(command))


def test_the_folder_comes_from_the_context_of_the_request_and_tools_for_files_are_read_too() -> None:
    def of(path: str, folder: str) -> list[str]:
        request = asking.Permission(tool="Edit", input={"file_path": path}, context={"Folder": folder})
        return [mark.trigger for mark in risk.marks_of(request)]

    assert of("/srv/app/a.py", "/srv/app") == of("/etc/x", "not a path") == []
    assert of("/srv/app/../x", "/srv/app") == ["/srv/app/../x"]
    assert risk.marks_of(asking.Question("rm -rf /")) == ()


def test_words_that_no_shell_reads_any_more_are_read_as_words() -> None:
    assert named(Call("shell", {"command": ["bash", "-lc", "rm -rf a"]})) == ["delete"]
    assert named(Call("shell", {"command": ["echo", "; rm -rf a"]})) == []
    assert named(Call("batch", {"steps": [{"cmd": "rm -rf a"}]})) == ["delete"]


def test_a_mark_shows_the_words_and_no_credential() -> None:
    secret = "ghp_0123456789abcdef0123456789abcdef0123"
    found = risk.find(Call("x", {"api_key": "abcdefgh12345", "note": f"use {secret} as password: hunter2hunter"}))
    assert [mark.trigger for mark in found] == ["api_key=••••", "ghp_••••"]
    assert risk.find(bash("cd /a && rm -rf 'b c'; ls"))[0].trigger == "rm -rf 'b c'"
    assert len(risk.find(bash(f"rm -rf {'a' * 500}"))[0].trigger) == 120
    assert len(risk.find(bash("rm -rf a; rm -rf b; rm -rf c; rm -rf b"))) == 2


def test_the_highest_stands_first_and_a_level_is_never_lowered() -> None:
    assert [mark.level for mark in risk.find(bash("sudo rm -rf a"))] == ["high", "medium"]
    assert risk.highest([None, "low", "high", "medium"]) == "high"
    assert (risk.highest([]), risk.highest([None])) == (None, None)


def test_what_stands_too_deep_is_said_to_be_unread() -> None:
    command = "rm -rf a"
    for _ in range(8):
        command = "bash -c '" + command.replace("'", "'\\''") + "'"
    assert "hidden" in named(bash(command))
    assert "hidden" in named(bash("sudo " * 9 + "rm -rf a"))


HOSTILE = (
    *("$(", "`", "'", '"', '"$(', "\\", "(", "{", "|", ">a ", "a ", "#", "${", "<<A ", "<<<a "),
    *("sudo ", "sh|", "eval ", "cd a;", "case a in ", "rm -rf a;", "token=", "a_", "/*", "--"),
    *("drop table a;", "a://", "a://a:", "eyJa.", "-----BEGIN ", "curl|sh;", "$x ", "x=y "),
)


@pytest.mark.once
@pytest.mark.parametrize(
    "function",
    [
        lambda raw: risk.find(bash(raw, "/srv")),
        lambda raw: list(statements.find(raw)),
        lambda raw: list(credentials.find("command", raw)),
    ],
    ids=["a command", "statements", "credentials"],
)
def test_hostile_text_is_read_in_linear_work(function: Callable[[str], object]) -> None:
    texts = {sign: lambda n, sign=sign: sign * (n // len(sign)) for sign in HOSTILE}
    assert grows_too_fast(texts, function) == {}


@hypothesis.given(strategies.text(alphabet="ab \n\\'\"$()`{}<>|&;#=-/~*", max_size=60))
def test_any_text_is_read(raw: str) -> None:
    read = command_line.read(raw)
    assert all(command.written in raw for command in read)
    assert isinstance(programs.read(raw).hidden, list)


@hypothesis.given(strategies.lists(strategies.text(max_size=8), min_size=1, max_size=5))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    raw = " ".join("'" + word.replace("'", "'\\''") + "'" for word in ["echo", *words])
    (command,) = command_line.read(raw)
    assert [word.text for word in command.words] == ["echo", *words]
    assert all(word.known for word in command.words)


SIGNS = (
    """make|rm -r x|A=1|a=b c|then|! x|time a|case|fi|}|{|done|x # y|\t|  | |-|'|\n|$X|*|é|\u00a0|\x1f|~/a|b+=1|%|z\r"""
)


@hypothesis.given(
    strategies.lists(strategies.sampled_from([*SIGNS.split("|"), " ", "|", "y" * 299]), max_size=5).map("".join)
)
def test_a_line_of_words_alone_is_read_as_any_other_line(raw: str) -> None:
    # behind a blank, the line is read sign by sign; of a long one not all is kept
    quick, slow = (
        [(one.words, one.written[:290].strip()) for one in command_line.read(line)] for line in (raw, f" {raw}")
    )
    assert quick == slow

"""Answering at the keyboard: a real terminal, a real process, and whoever is first."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import struct
import sys
import tempfile
import termios
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.bots.conftest import PATIENCE, Call
from tests.fakes.processes import Child

SAYSO = (sys.executable, "-m", "sayso_bots")
ASK = ("ask", "permission", "--tool", "Bash", "--id", "r1", "--wait")


@dataclass(frozen=True)
class Terminal:
    """Somebody's screen and keyboard, with `sayso` running in it."""

    process: Child
    ours: int
    piped: IO[bytes]
    unread: bytearray = field(default_factory=bytearray)

    def until(self, shown: str) -> None:
        """Read on up to *shown*."""
        while shown.encode() not in self.unread:
            ready, _, _ = select.select([self.ours], [], [], PATIENCE)
            assert ready, f"{shown!r} was not shown, but {self.unread.decode()!r}"
            self.unread.extend(os.read(self.ours, 4096))
        del self.unread[: self.unread.index(shown.encode()) + len(shown.encode())]

    def type(self, line: str) -> None:
        os.write(self.ours, line.encode() + b"\n")

    def ended(self) -> tuple[int, str]:
        """Exit code, and what a script would have read."""
        code = self.process.wait()
        self.piped.seek(0)
        return code, self.piped.read().decode()


@contextmanager
def terminal(folder: Path, *arguments: str) -> Generator[Terminal]:
    ours, theirs = os.openpty()
    with tempfile.TemporaryFile() as piped:
        process = Child([*SAYSO, *arguments], folder, {}, reads=theirs, writes=(piped.fileno(), theirs))
        try:
            yield Terminal(process, ours, piped)
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)


def test_yes_allows(tmp_path: Path) -> None:
    with terminal(tmp_path, *ASK) as screen:
        screen.until("Allow?")
        screen.type("y")
        assert screen.ended()[0] == 0


RISKY = (*ASK, "--input", '{"command": "rm -rf /srv/app"}')


def test_high_risk_is_allowed_by_a_second_yes_only(tmp_path: Path) -> None:
    with terminal(tmp_path, *RISKY) as screen:
        screen.until("Allow?")
        screen.type("y")
        screen.until("High risk. Deletes folders. Allow? Type yes:")
        screen.type("y")
        screen.until("only yes allows it")
        screen.until("Allow?")
        screen.type("y")
        screen.until("Type yes:")
        screen.type("yes")
        assert screen.ended()[0] == 0


def test_a_denial_of_high_risk_is_not_asked_about(tmp_path: Path) -> None:
    with terminal(tmp_path, *RISKY) as screen:
        screen.until("Allow?")
        screen.type("n")
        assert screen.ended()[0] == 1


def test_the_allow_of_a_command_is_asked_about_at_a_terminal(tmp_path: Path, inside: Call) -> None:
    inside("ask", *RISKY[1:-3], *RISKY[-2:])
    with terminal(tmp_path, "answer", "r1", "--allow") as screen:
        screen.until("Type yes:")
        screen.type("no")
        screen.until("only yes allows it")
        assert screen.ended()[0] == 2
    with terminal(tmp_path, "answer", "r1", "--allow") as screen:
        screen.until("Type yes:")
        screen.type("yes")
        assert screen.ended()[0] == 0


def test_an_unclear_key_is_asked_again_and_words_are_the_reason_of_a_denial(tmp_path: Path) -> None:
    with terminal(tmp_path, *ASK) as screen:
        for unclear in ("", "a", "ok", "allow", "yes please", "?"):
            screen.until("Allow?")
            screen.type(unclear)
        screen.until("Please write yes or no")
        screen.until("Allow?")
        screen.type("too risky")
        code, out = screen.ended()
    assert code == 1
    assert "Reason: too risky" in out


def test_a_no_may_come_with_its_reason(tmp_path: Path) -> None:
    with terminal(tmp_path, *ASK) as screen:
        screen.until("Allow?")
        screen.type("no, not on a Friday")
        code, out = screen.ended()
    assert code == 1
    assert out.rstrip().endswith("Reason: not on a Friday")


def test_a_list_is_typed_one_item_a_line_and_a_label_may_hold_a_comma(tmp_path: Path, inside: Call) -> None:
    tags = {"type": "array", "items": {"enum": ["a, b", "c"]}}
    schema = {"properties": {"names": {"type": "array", "items": {"type": "string"}}, "tags": tags}}
    inside("ask", "form", "Fill", "--schema", json.dumps(schema), "--id", "f2")
    with terminal(tmp_path, "answer", "f2") as screen:
        for prompt, typed in (("at the end): ", "x, y"), ("and: ", "z"), ("and: ", ""), ("numbers): ", "a, b")):
            screen.until(prompt)
            screen.type(typed)
        assert screen.ended()[0] == 0
    values = json.loads(inside("show", "f2", "--json").stdout)["decision"]["values"]
    assert values == {"names": ["x, y", "z"], "tags": ["a, b"]}


def test_somebody_elsewhere_may_be_first(tmp_path: Path, inside: Call) -> None:
    with terminal(tmp_path, *ASK) as screen:
        screen.until("Allow?")
        assert inside("answer", "r1", "--deny").returncode == 0
        assert screen.ended()[0] == 1


def test_a_closed_keyboard_leaves_the_decision_to_others(tmp_path: Path, inside: Call) -> None:
    with terminal(tmp_path, *ASK) as screen:
        screen.until("Allow?")
        os.write(screen.ours, b"\x04")
        screen.until("not answered here")
        assert inside("answer", "r1", "--allow").returncode == 0
        assert screen.ended()[0] == 0


def test_a_choice_is_made_by_number_and_a_wrong_one_is_asked_again(tmp_path: Path, inside: Call) -> None:
    inside("ask", "choice", "Which?", "--option", "A", "--option", "B", "--id", "c1")
    with terminal(tmp_path, "answer", "c1") as screen:
        screen.until("(number): ")
        screen.type("7")
        screen.until("'7' is not one of the options")
        screen.until("(number): ")
        screen.type("2")
        assert screen.ended()[0] == 0
    assert json.loads(inside("show", "c1", "--json").stdout)["decision"]["choices"] == ["B"]


def test_a_form_is_asked_field_by_field(tmp_path: Path, inside: Call) -> None:
    tags = {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}
    schema = {"properties": {"amount": {"type": "number"}, "paid": {"type": "boolean"}, "tags": tags}}
    inside("ask", "form", "Refund", "--schema", json.dumps(schema), "--id", "f1")
    with terminal(tmp_path, "answer", "f1") as screen:
        for prompt, typed in (('"amount": ', "10"), ('"paid" (yes or no): ', ""), ("(number or numbers): ", "2,1")):
            screen.until(prompt)
            screen.type(typed)
        assert screen.ended()[0] == 0
    assert json.loads(inside("show", "f1", "--json").stdout)["decision"]["values"] == {"amount": 10, "tags": ["b", "a"]}


def on_screen(folder: Path, columns: int, *arguments: str) -> list[str]:
    """The rows that a command writes to a terminal of so many columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = Child([*SAYSO, *arguments], folder, {}, reads=theirs, writes=(theirs, theirs))
    os.close(theirs)
    written = bytearray()
    while select.select([ours], [], [], PATIENCE)[0]:
        try:
            written += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait() == 0, written
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written.decode())
    return plain.replace("\r\n", "\n").split("\n")


def test_no_command_lets_the_words_of_others_begin_at_the_left_edge(tmp_path: Path, inside: Call) -> None:
    lure = "Which database?" + " " * 61 + "To answer:" + " " * 70 + "  sayso answer w1 --allow"
    inside("ask", "question", lure, "--id", "w2")
    for columns in (40, 80):
        shown = [
            row for row in on_screen(tmp_path, columns, "show", "w2", "--log") if "database?" in row or "w1" in row
        ]
        assert shown
        assert all(row.startswith("  │ ") for row in shown)
        listed = on_screen(tmp_path, columns, "list")
        assert not any(row.lstrip().startswith(("To answer", "sayso answer")) for row in listed)
        assert all(len(row) <= columns for row in listed)
        assert any(row.split()[0] == "w2" and '"Which database?' in row for row in listed if row.strip())

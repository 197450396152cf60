"""Programs that open one SQLite file at the same moment: none of them is turned away."""

# The way that a connection is set up is nobody's interface.
# pyright: reportPrivateUsage=false

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from sayso import errors
from sayso.desk.upkeep import restoring
from sayso.stores import sqlite, sqlite_file, sqlite_worker
from tests.fakes.processes import Forked

ROUNDS = 10

TOGETHER = """
import pathlib, sys, threading
from sayso.stores import sqlite_file
from sayso.desk.upkeep import restoring

def at_once(path):
    def open(): sqlite_file.open_file(path, 10.0).close()
    def read(): pathlib.Path(path).exists() and sqlite_file.quick_check(path)
    def copy(): pathlib.Path(path).exists() and restoring.backup(pathlib.Path(path), pathlib.Path(path + sys.argv[1]))

    def run(work):
        gate.wait()
        try:
            work()
        except Exception as error:
            faults.append(f"{work.__name__}: {error}")

    works, faults = [open, open, read, copy], []
    gate = threading.Barrier(len(works))
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return faults

for line in sys.stdin:
    print(at_once(line.strip()), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sayso.db"


async def test_processes_and_threads_that_make_one_new_file_at_the_same_moment_all_get_it(tmp_path: Path) -> None:
    programs, told, faults = list[Forked](), list[int](), list[str]()
    for number in range(2):
        reads, tells = os.pipe()
        line = [sys.executable, "-c", TOGETHER, f".copy-{number}"]
        programs.append(await Forked.start(line, tmp_path, {}, reads=reads))
        os.close(reads)
        told.append(tells)
    for number in range(ROUNDS):
        for tells in told:
            os.write(tells, f"{tmp_path}/{number}.db\n".encode())
        for program in programs:
            faults += [said for said in [(await program.stdout.readline()).decode().strip()] if said != "[]"]
    for program, tells in zip(programs, told, strict=True):
        os.close(tells)
        await program.communicate()
    assert faults == []
    for number in range(ROUNDS):
        sqlite_file.quick_check(f"{tmp_path}/{number}.db")


def test_opening_a_file_again_leaves_the_locks_of_the_same_process(path: Path) -> None:
    held = apsw.Connection(str(path))
    sqlite_worker.rows(held, "create table other (name text)")
    sqlite_worker.rows(held, "begin immediate")
    with pytest.raises(errors.SaysoError):
        sqlite_file.open_file(str(path), 0.01)
    other = "import apsw, sys; apsw.Connection(sys.argv[1]).execute('begin immediate')"
    asked = subprocess.run([sys.executable, "-c", other, str(path)], capture_output=True, text=True, check=False)
    assert "BusyError" in asked.stderr
    held.close()


def test_whoever_holds_the_file_for_longer_than_the_patience_of_another_is_named(path: Path) -> None:
    sqlite_file.open_file(str(path), 1.0).close()
    held = apsw.Connection(str(path))
    sqlite_worker.rows(held, "begin immediate")
    with pytest.raises(errors.StoreUnavailable) as refused:
        sqlite_file.open_file(str(path), 0.1)
    assert refused.value.hint == "another program holds it; try again"
    held.close()


async def test_a_file_that_cannot_be_written_is_said_to_be(path: Path) -> None:
    await (await sqlite.SqliteStore.open(str(path))).close()
    with pytest.raises(errors.InvalidSettings, match="cannot be written"):
        sqlite_file.prepare(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY), str(path), 0.01)


@pytest.mark.parametrize("reading", ["check", "backup"])
def test_whoever_reads_the_whole_file_waits_while_another_program_has_it(path: Path, reading: str) -> None:
    sqlite_file.open_file(str(path), 1.0).close()
    with contextlib.closing(apsw.Connection(str(path))) as held:
        sqlite_worker.rows(held, "pragma journal_mode = delete")
        sqlite_worker.rows(held, "begin exclusive")
        leaving = threading.Timer(0.1, lambda: sqlite_worker.rows(held, "commit"))
        leaving.start()
        if reading == "check":
            sqlite_file.quick_check(str(path))
        else:
            restoring.backup(path, path.with_name("copy.db"))
        leaving.join()

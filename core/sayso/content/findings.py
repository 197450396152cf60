"""What the rows of the table of risks find in a call, as the words that triggered them. Pure.

The rule: each search goes over what was read once; nothing here says how bad it is.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayso.content import command_line, credentials, outside, programs, statements, tools
from sayso.content.programs import Program

# This many characters of an input are read: a card must be drawn in milliseconds, whatever an agent sends.
READ = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """A tool's call, as far as the rows of the table look at it."""

    tool: str
    input: Mapping[str, Any]
    folder: str = ""
    """The folder of the project, if the request's context names it."""


OPTION = "-"
"""Stands among the names of the programs if any of them has an option."""


@dataclass(slots=True)
class Seen:
    """What was read of a call."""

    # a type that is called, as `list[str]`, takes ten times as long: this is made for each call that is allowed
    call: Call
    lines: list[programs.Line] = field(default_factory=lambda: [])
    texts: list[tuple[str, str]] = field(default_factory=lambda: [])
    """Every string with the name of its argument."""
    cut: bool = False
    """Whether there is more of it."""

    programs: list[Program] = field(default_factory=lambda: [])
    """All programs of all lines."""
    names: set[str] = field(default_factory=lambda: set())
    """Of these programs, and `OPTION`."""

    def run(self, *names: str) -> Sequence[Program]:
        """The programs of these names."""
        # asked by most rows, and hardly ever is there one
        return () if self.names.isdisjoint(names) else [one for one in self.programs if one.name in names]


DELETERS = frozenset(("rm", "find", "git"))
GUARDED = frozenset(("systemctl", "service", "ufw", "setenforce"))
ROOT = frozenset(("sudo", "doas", "su", "pkexec"))

COMMANDS = frozenset(("command", "cmd", "script", "commands"))
"""Arguments that hold what runs, whatever the tool is called."""


def see(call: Call) -> Seen:
    """Read a call."""
    seen, left = Seen(call), READ
    runs = _running(call.tool)
    waiting: list[tuple[str, Any]] = [("", call.input)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, str):
            seen.cut = seen.cut or len(value) > left
            said, left = value[:left], max(0, left - len(value))
            seen.texts.append((name, said))
            if name in runs:
                seen.lines.append(programs.read(said))
        elif isinstance(value, dict | Mapping):
            waiting += reversed(list(value.items()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        elif isinstance(value, list):
            words = list[Any](value)  # pyright: ignore[reportUnknownArgumentType]
            if name in runs and all(isinstance(word, str) for word in words):
                words = [command_line.joined(words)]
            waiting += [(name, one) for one in reversed(words)]
    seen.programs = [one for line in seen.lines for one in line.programs]
    seen.names = {one.name for one in seen.programs}
    if any(word.text[:1] == "-" for one in seen.programs for word in one.arguments):
        seen.names.add(OPTION)
    return seen


@functools.lru_cache(maxsize=256)
def _running(tool: str) -> frozenset[str]:
    """The arguments of a tool that hold what runs."""
    return COMMANDS | {tools.find(tool).command}


def deletes(seen: Seen) -> Iterator[str]:
    """Find what deletes folders."""
    for one in seen.run("rm"):
        if "r" in one.flags.casefold() or "--recursive" in one.texts:
            yield one.written
    for one in seen.run("find"):
        if "-delete" in one.texts:
            yield one.written
    for one in seen.run("git"):
        if "clean" in one.texts and ("f" in one.flags or "--force" in one.texts):
            yield one.written


def overwrites(seen: Seen) -> Iterator[str]:
    """Find pushes that overwrite."""
    for one in seen.run("git"):
        texts = list(one.texts)
        forced = any(text.startswith(("--force", "--mirror", "+")) for text in texts) or "f" in one.flags
        if "push" in texts and forced:
            yield one.written


def forces(seen: Seen) -> Iterator[str]:
    """Find checks that are skipped."""
    for one in seen.programs:
        texts = list(one.texts)
        forced = "--force" in texts or (one.name == "git" and "reset" in texts and "--hard" in texts)
        if forced and one.name and one.first and "push" not in texts:
            yield one.written


def drops(seen: Seen) -> Iterator[str]:
    """Find statements that delete data."""
    for name, said in seen.texts:
        if name.casefold() in ("query", "sql", "statement", "statements"):
            yield from statements.find(said)
    for one in seen.run(*statements.CLIENTS):
        feeder = one.command.feeder
        piped = (word.text for word in (feeder.words[1:] if feeder else ()))
        for text in (*one.texts, *one.command.fed, *piped):
            yield from statements.find(text)


def runs_downloads(seen: Seen) -> Iterator[str]:
    """Find what is downloaded and run."""
    for one in seen.run(*programs.INTERPRETERS):
        if programs.downloaded(one.command):
            feeder = one.command.feeder
            yield f"{feeder.written} | {one.written}" if feeder else one.written


_GUARDS = ("backup", "snapshot", "audit", "firewall", "ufw", "fail2ban", "apparmor", "monitor", "watchdog", "cron")
_SKIPS = frozenset(("--no-verify", "--no-backup", "--skip-backup", "--no-gpg-check", "--backup-retention-period=0"))


def switches_off(seen: Seen) -> Iterator[str]:
    """Find safeguards that are switched off."""
    for one in seen.programs:
        texts = [text.casefold() for text in one.texts]
        wiped = one.name == "crontab" and "r" in one.flags
        if wiped or _stops_a_guard(one.name, texts) or not _SKIPS.isdisjoint(texts) or _keeps_no_backup(texts):
            yield one.written


def _stops_a_guard(name: str, texts: list[str]) -> bool:
    match name:
        case "systemctl" | "service":
            stops = not {"stop", "disable", "mask"}.isdisjoint(texts)
            return stops and any(guard in text for text in texts for guard in _GUARDS)
        case "ufw":
            return "disable" in texts
        case "setenforce":
            return "0" in texts
        case _:
            return False


def _keeps_no_backup(texts: list[str]) -> bool:
    named = "--backup-retention-period" in texts
    return named and ("--backup-retention-period", "0") in itertools.pairwise(texts)


def opens(seen: Seen) -> Iterator[str]:
    """Find rights to write for everybody."""
    for one in seen.run("chmod"):
        modes = [text.lstrip("0") for text in one.texts]
        if any(mode in ("777", "666", "1777") or _for_all(mode) for mode in modes):
            yield one.written


def _for_all(mode: str) -> bool:
    who, sign, rights = mode.partition("+")
    return bool(sign) and "w" in rights and set(who) <= set("ugoa") and (not who or "o" in who or "a" in who)


def overwrites_disks(seen: Seen) -> Iterator[str]:
    """Find what writes to a disk."""
    for one in seen.programs:
        to = [word.text for word in one.command.into] if one.first else []
        if one.name == "dd":
            to += [text.partition("=")[2] for text in one.texts if text.startswith("of=")]
        disk = [path for path in to if path.startswith("/dev/") and not outside.is_harmless(path)]
        if disk or one.name.startswith("mkfs") or one.name in ("wipefs", "fdisk", "parted", "sgdisk"):
            yield one.written


def as_root(seen: Seen) -> Iterator[str]:
    """Find what runs as an administrator."""
    return (one.written for one in seen.run(*ROOT))


def writes_outside(seen: Seen) -> Iterator[str]:
    """Find paths outside the folder of the project."""
    call = seen.call
    if call.folder:
        given = call.input.get("cwd") or call.input.get("workdir")
        start = given if isinstance(given, str) and given.startswith("/") else call.folder
        for line in seen.lines:
            yield from outside.by_programs(line.programs, call.folder, start)
        yield from outside.by_tool(call.tool, call.input, call.folder)


def shows_credentials(seen: Seen) -> Iterator[str]:
    """Find credentials."""
    for name, said in seen.texts:
        yield from credentials.find(name, said)


def hides(seen: Seen) -> Iterator[str]:
    """Find what nobody can read here."""
    return (said for line in seen.lines for said in line.hidden)


def goes_on(seen: Seen) -> Iterator[str]:
    """Find out whether all of it was read."""
    return iter([f"{READ:,} characters were read"] if seen.cut else [])

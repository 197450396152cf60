"""`sayso doctor`: prints what was found, and what to do about it."""

from __future__ import annotations

import asyncio
import logging
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from sayso.content import wording
from sayso_bots.commands.doctor import finding, findings
from sayso_bots.terminal import output, rows


@click.command("doctor", epilog="\b\nExample:\n  sayso doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--hitl-port", type=click.IntRange(0, 65535), help="As `sayso serve` would get it.")
def command(as_json: bool, hitl_port: int | None) -> None:
    """Check settings, database, service and chat; exits with 2 if something is wrong."""
    # what is logged on the way is among the findings
    logging.disable(logging.WARNING)
    try:
        found = asyncio.run(findings.find_all(hitl_port))
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        output.print_json([asdict(one) for one in found])
    else:
        for line in _format(found, rows.columns() if sys.stdout.isatty() else None):
            click.echo(line)
    sys.exit(0 if all(one.ok for one in found) else 2)


def _format(found: Sequence[finding.Finding], columns: int | None) -> Iterator[str]:
    """What was found, in two columns; what to do stands below what is wrong."""
    wide = max(len(one.name) for one in found)
    for one in found:
        level = "FAIL" if not one.ok else "warn" if one.warn else "ok  "
        yield from _wrap(f"{level}  {one.name:<{wide}}  ", one.said, columns)
        if one.hint:
            yield from _wrap(" " * (wide + 6) + "  → ", one.hint, columns)
    wrong = sum(not one.ok for one in found)
    yield ""
    yield "all is well" if not wrong else wording.counted(wrong, "thing is wrong", "things are wrong")


def _wrap(before: str, said: str, columns: int | None) -> Iterator[str]:
    safe = output.make_safe(said)
    room = None if columns is None else columns - len(before)
    # in a narrow window the terminal itself breaks lines
    parts = textwrap.wrap(safe, room, break_long_words=False, break_on_hyphens=False) if room and room > 30 else [safe]
    yield before + (parts[0] if parts else "")
    yield from (" " * len(before) + part for part in parts[1:])

"""`sayso audit`: whether the log is what was written, and copies of it for those who look later."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import click

from sayso import clock, errors
from sayso.audit import checking, exporting, gathering
from sayso.content import wording
from sayso.desk import token_secret
from sayso.desk.upkeep import sealing
from sayso.stores import Store
from sayso.stores.auditing import ChainedRow
from sayso_bots.service import database, masking, signing
from sayso_bots.settings import environment, toml
from sayso_bots.terminal import output

_SHOWN = 50


@click.group("audit", epilog="\b\nExample:\n  sayso audit verify")
def command() -> None:
    """The log of all that happened: check it, and hand it out."""


@command.command(
    "verify",
    epilog="\b\nExample:\n  sayso audit verify --against /mnt/elsewhere/seals.jsonl\n"
    "  sayso audit verify log.jsonl --key 3q2-7w…",
)
@click.argument("export", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Seals that were kept elsewhere, one a line: what `audit.file` writes.",
)
@click.option("--key", "keys", multiple=True, help="A public key that the last seal must be signed by.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(export: Path | None, against: Path | None, keys: tuple[str, ...], as_json: bool) -> None:
    """Check the log here, or an EXPORT of it; exits with 1 if anything is not as it was written.

    Without --key the keys of this service are trusted. What the service itself is made to write is not found here: keep
    seals where nobody of this machine can write, and name them with --against.
    """
    report, trusted = asyncio.run(_verify(export, against, keys))
    if as_json:
        output.print_json({**asdict(report), "trusted": trusted, "ok": not report.findings})
    else:
        _print_report(report, trusted)
    sys.exit(1 if report.findings else 0)


@command.command("export", epilog="\b\nExample:\n  sayso audit export log.jsonl\n  sayso audit export --csv log.csv")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="A table for people: what happened, and no content.")
@click.option("--without-content", is_flag=True, help="No text of requests and answers; it can still be checked.")
def export(file: Path, as_csv: bool, without_content: bool) -> None:
    """Write the whole log to FILE, as lines of JSON that anybody can check; `-` is standard output."""
    if as_csv and without_content:
        raise click.UsageError("a table never holds content: leave --without-content out")
    count = asyncio.run(_export(file, as_csv, not without_content))
    click.echo(f"{wording.counted(count, 'row')} written to {file}", err=True)


async def _verify(
    export: Path | None, against: Path | None, keys: tuple[str, ...]
) -> tuple[checking.Report, Sequence[str]]:
    given = environment.read()
    if not signing.is_installed():
        message = "signatures cannot be checked here"
        raise errors.InvalidSettings(message, field="receipts", hint=signing.INSTALL)
    import sayso_signing

    async with contextlib.AsyncExitStack() as stack:
        store = None if export else await stack.enter_async_context(database.connect(given))
        trusted = keys or await _own_keys(given, store)
        checker = checking.Checker(sayso_signing.check, trusted)
        if store is not None:
            async for item in gathering.everything(store):
                gathering.hand_in(checker, item)
        elif export is not None:
            with export.open(encoding="utf-8", errors="replace") as lines:
                exporting.check_lines(lines, checker)
        if against is not None:
            for line in _lines(against):
                checker.elsewhere(line)
    return checker.finish(), trusted


async def _own_keys(given: environment.Environment, store: Store | None) -> tuple[str, ...]:
    """The keys of the service here; none for an export, unless the environment names some."""
    if store is None and given.signing_key is None:
        return ()
    maker = None if store is None else await token_secret.mint(store)
    return tuple(signing.keyring(given, maker).public.values())


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            yield line.rstrip("\n")


def _print_report(report: checking.Report, trusted: Sequence[str]) -> None:
    for finding in report.findings[:_SHOWN]:
        output.say(f"WRONG  {finding.where}: {finding.said}")
    if (more := len(report.findings) - _SHOWN) > 0:
        click.echo(f"WRONG  and {more} more")
    sums = (report.rows, "row"), (report.seals, "seal"), (report.requests, "request")
    click.echo(", ".join(wording.counted(count, of) for count, of in sums))
    for count, one, several, said in (
        (report.unsealed, "row", "rows", "after the last seal: only the chains of requests were checked there"),
        (report.older, "row", "rows", "of before there were hashes: nothing vouches for that"),
        (report.erased, "row", "rows", "whose content was erased, as the log says"),
        (report.masked, "text is", "texts are", "masked: nothing vouches for what stands there"),
    ):
        if count:
            click.echo(f"{wording.counted(count, one, several)} {said}")
    if report.seals and not trusted:
        click.echo("no key was named: the signatures say only that the seals belong together (--key)")
    click.echo("the log is NOT what was written" if report.findings else "the log is what was written")


async def _export(file: Path, as_csv: bool, content: bool) -> int:
    given = environment.read()
    async with database.connect(given) as store:
        if signing.is_installed() and not as_csv:
            # so that nothing of it is left without a seal
            now = clock.SystemClock()
            await sealing.Sealer(store, now, signing.keyring(given, await token_secret.mint(store))).seal()
        with _opened(file) as target:
            return await (_write_table if as_csv else _write_lines)(store, target.write, content)


async def _write_lines(store: Store, write: Callable[[str], object], content: bool) -> int:
    maker = masking.equip(await token_secret.mint(store), toml.load(environment.read().config))
    lines = exporting.Lines(content, maker.masks)
    write(lines.head(clock.SystemClock().now()))
    async for item in gathering.everything(store):
        write(lines.line(item))
    write(lines.end())
    return lines.counts["rows"]


async def _write_table(store: Store, write: Callable[[str], object], _: bool) -> int:
    count = 0
    write(exporting.table_head())
    async with contextlib.aclosing(_rows(store)) as rows:
        async for row in rows:
            write(exporting.table_row(row))
            count += 1
    return count


async def _rows(store: Store) -> AsyncGenerator[ChainedRow]:
    number = 0
    while found := await store.chained(number):
        for row in found:
            yield row
        number = found[-1].number


@contextlib.contextmanager
def _opened(file: Path) -> Generator[TextIO]:
    if str(file) == "-":
        yield sys.stdout
        return
    try:
        # it may hold what only some may read
        with open(file, "x", encoding="utf-8", newline="", opener=_private) as target:
            try:
                yield target
            except BaseException:
                # half an export is none, and would be in the way of the next one
                file.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise errors.InvalidSettings(f"{file} is there already", field="FILE", hint="name a new file") from error
    except OSError as error:
        said = f"{file} cannot be written: {error.strerror}"
        raise errors.InvalidSettings(said, field="FILE", hint="name a file in a folder of yours") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

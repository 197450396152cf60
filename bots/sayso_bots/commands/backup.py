"""`sayso backup`: a copy of the database here."""

from __future__ import annotations

from pathlib import Path

import click

from sayso import errors
from sayso.desk.upkeep import restoring
from sayso_bots.service import database
from sayso_bots.settings import environment
from sayso_bots.terminal import output


@click.command("backup", epilog="\b\nExample:\n  sayso backup monday.db")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(file: Path, as_json: bool) -> None:
    """Write a copy of the database to FILE, also while the service runs.

    Copying sayso.db alone loses what is in sayso.db-wal. On PostgreSQL use pg_dump.
    """
    if str(file) == "-":
        raise errors.InvalidSettings("a copy is a file, and cannot be printed", field="FILE", hint="name a new file")
    restoring.backup(database.required_file(environment.read(), "pg_dump"), file)
    with output.of(f"{file} written"):
        output.print_json({"file": str(file), "bytes": file.stat().st_size}) if as_json else click.echo(
            f"{file} written"
        )

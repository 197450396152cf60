"""`sayso hook` as the tree of commands shows it; `sayso_bots.main` runs `hook` without loading this."""

from __future__ import annotations

import sys

import click

from sayso_bots.commands.hook import hook


@click.command(
    "hook",
    context_settings={"ignore_unknown_options": True},
    epilog="\b\nExample:\n  sayso hook claude-code    (as a hook command; sayso init claude-code shows the settings)",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="claude-code")
@click.option(
    "--timeout", metavar="SECONDS", help="How long people have; 590 by default. Claude Code must wait longer."
)
@click.option("--url", help="The service, in place of SAYSO_URL; http://127.0.0.1:8700 by default.")
@click.option("--policy", metavar="NAME", help="The policy that decides, in place of the default one.")
def command(arguments: tuple[str, ...], **options: str | None) -> None:
    """Ask about the event on standard input, and print the decision: a command hook of Claude Code.

    SAYSO_KEY is the agent's key. Whatever goes wrong is a denial.
    """
    words = [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]
    sys.exit(hook.main([*arguments, *words]))

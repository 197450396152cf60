"""`sayso mcp`: the MCP server on standard input and output, which carry the protocol and nothing else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sayso import errors, model
from sayso_bots.settings import environment
from sayso_bots.terminal import access, logs, options

if TYPE_CHECKING:
    from sayso_mcp import settings

# Claude Code, which starts us, hands its environment on: its limit for a tool call, in milliseconds, and its session.
_CLIENT_LIMIT = "MCP_TOOL_TIMEOUT"
_CLIENT_SESSION = "CLAUDE_CODE_SESSION_ID"


@click.command("mcp", epilog="\b\nExample:\n  claude mcp add sayso -- sayso mcp")
@click.option(
    "--patience", metavar="TIME", default="50s", callback=options.time, help="Answer `pending` after this time."
)
@click.option("--limit", metavar="TIME", callback=options.time, help="How long the client waits for permission_prompt.")
@click.option("--policy", help="A policy of the service, for all that is asked.")
@click.option("--route", multiple=True, metavar="PLACE", help="Where to ask, such as slack:#ops. Repeatable.")
@click.option("--session", help="The agent's session: one thread for all that is asked.")
def command(
    patience: float, limit: float | None, policy: str | None, route: tuple[str, ...], session: str | None
) -> None:
    """Ask people from any MCP client, on standard input and output.

    Tools: ask_permission, ask_question, ask_choice, ask_form, get_decision; permission_prompt for Claude Code.
    SAYSO_URL and SAYSO_KEY name the service; without them it asks at the database here.
    """
    given = environment.read()
    logs.start(given)
    # slow to import, and no other command needs it
    from sayso_mcp import settings

    chosen = settings.Settings(
        patience=patience,
        limit=limit or _client_limit() or settings.Settings().limit,
        policy=policy,
        route=route,
        session=model.name_of(session or os.environ.get(_CLIENT_SESSION) or "") or None,
        context={"Folder": str(Path.cwd())},
    )
    asyncio.run(_serve(given, chosen))


def _client_limit() -> float | None:
    value = os.environ.get(_CLIENT_LIMIT)
    if value is None:
        return None
    try:
        # the client itself takes everything below a second for one
        return max(float(value) / 1000, 1.0)
    except ValueError:
        raise errors.InvalidSettings(f"{_CLIENT_LIMIT} is no time", field=_CLIENT_LIMIT, hint="milliseconds") from None


async def _serve(given: environment.Environment, chosen: settings.Settings) -> None:
    from sayso_claude import beside, questions
    from sayso_mcp import stdio, tools

    # a hook of the client's settings may ask about the same call at the same moment
    both = beside.Beside(chosen.session) if chosen.session else None
    async with access.connect(given) as desk:
        await stdio.serve(tools.Tools(lambda _: desk, chosen, {questions.TOOL: questions}, both))

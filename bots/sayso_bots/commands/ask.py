"""`sayso ask`: a request from a shell or a script; with `--wait`, its exit code is the decision."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

import click

from sayso import asking, errors, model
from sayso.content import digest
from sayso.machine import progress
from sayso_bots.service import database
from sayso_bots.settings import environment
from sayso_bots.terminal import access, local_desk, options, output, prompt

# Seconds between two looks at what goes on while somebody waits at a terminal.
_LOOK_EVERY = 5.0
# Sooner at first: by then it is known whether a card can be shown.
_FIRST_LOOKS = 5


def _parse_json(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    try:
        found = None if value is None else json.loads(value)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"this is not JSON: {error}") from error
    if value is not None and not isinstance(found, dict):
        raise click.BadParameter("this is JSON, and not an object")
    return found  # pyright: ignore[reportUnknownVariableType]


# Every other outcome is no decision: 3.
_CODES = {"allowed": 0, "answered": 0, "denied": 1}


@click.group("ask", epilog='\b\nExample:\n  sayso ask permission --tool Bash --input \'{"command": "ls"}\' --wait')
def command() -> None:
    """Ask people; print the request's id, or with --wait the decision."""


_COMMON = (
    click.option("--wait", is_flag=True, help="Wait for the decision; it is the exit code, too."),
    click.option("--id", help="Your own id; asking the same again finds the same request."),
    click.option("--body", help="An explanation, in Markdown."),
    click.option("--policy", help="A policy of sayso.toml."),
    click.option("--route", multiple=True, metavar="PLACE", help="Where to ask, such as slack:#ops. Repeatable."),
    click.option("--expires-in", metavar="TIME", callback=options.time, help="How long to wait at most: 15m, 2h."),
    click.option("--agent", help="Who asks."),
    click.option("--session", help="The agent's session."),
    click.option("--risk", type=click.Choice(["low", "medium", "high"])),
    click.option("--priority", type=click.Choice(["low", "normal", "urgent"]), help="How urgent it is, as you say."),
    click.option("--json", "as_json", is_flag=True, help="Print the request, or the decision, as JSON."),
)


def _request_command(function: Callable[..., model.Request]) -> Callable[..., None]:
    """A command whose function turns its own options into a request; the common ones are the same everywhere."""

    @functools.wraps(function)
    def run(wait: bool, as_json: bool, agent: str | None, session: str | None, **given: Any) -> None:
        source = model.Source(agent=agent, session=session)
        own = {name: value for name, value in given.items() if value not in (None, ())}
        sys.exit(asyncio.run(_ask(function(source=source, **own), wait=wait, as_json=as_json)))

    return functools.reduce(lambda made, option: option(made), reversed(_COMMON), run)


@command.command(
    epilog='\b\nExample:\n  sayso ask permission --tool Bash --input \'{"command": "make deploy"}\' --wait'
)
@click.option("--tool", required=True, help="The tool that wants to run.")
@click.option("--input", metavar="JSON", callback=_parse_json, help="Its input, a JSON object.")
@click.option("--title", help="What it is for, in a few words.")
@_request_command
def permission(**given: Any) -> model.Request:
    """May this tool run with this input?"""
    return asking.Permission(**given)


@command.command(epilog='\b\nExample:\n  name=$(sayso ask question "Which customer is this for?" --wait)')
@click.argument("title", required=False)
@click.option("--title", "option_title", metavar="TEXT", help="The question, in place of the argument.")
@_request_command
def question(**given: Any) -> model.Request:
    """A question that is answered in free text."""
    return asking.Question(_take_title(given), **given)


@command.command(
    epilog='\b\nExample:\n  sayso ask choice "Which database?" --option PostgreSQL --option SQLite --other --wait'
)
@click.argument("title", required=False)
@click.option("--title", "option_title", metavar="TEXT", help="The question, in place of the argument.")
@click.option("--option", "options", multiple=True, required=True, metavar="LABEL", help="Repeatable.")
@click.option("--multiple", is_flag=True, help="Several may be chosen.")
@click.option("--other", is_flag=True, help="Free text may be given instead.")
@_request_command
def choice(options: Sequence[str], **given: Any) -> model.Request:
    """A question with options."""
    return asking.Choice(_take_title(given), list(options), **given)


@command.command(
    epilog='\b\nExample:\n  sayso ask form Refund --schema \'{"properties": {"amount": {"type": "number"}}}\' --wait'
)
@click.argument("title", required=False)
@click.option("--title", "option_title", metavar="TEXT", help="The title, in place of the argument.")
@click.option("--schema", metavar="JSON", callback=_parse_json, help="A JSON schema of the values.")
@click.option("--schema-file", type=click.Path(path_type=Path), help="The same, in a file.")
@_request_command
def form(**given: Any) -> model.Request:
    """Several fields at once; prints their values as JSON."""
    schema, file = given.pop("schema", None), given.pop("schema_file", None)
    if (schema is None) == (file is None):
        raise click.UsageError("give --schema or --schema-file, one of the two")
    return asking.Form(_take_title(given), _require_object(_read_schema(file) if file else schema), **given)


def _take_title(given: dict[str, Any]) -> str:
    titles: list[str | None] = [given.pop(name, None) for name in ("title", "option_title")]
    found = [title for title in titles if title]
    if len(found) != 1:
        raise click.UsageError("give one title, as the argument or by --title")
    return found[0]


def _read_schema(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise click.UsageError(f"--schema-file cannot be read: {error}") from error


def _require_object(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise click.UsageError("the schema is not a JSON object")
    return schema  # pyright: ignore[reportUnknownVariableType]


async def _ask(request: model.Request, *, wait: bool, as_json: bool) -> int:
    given = environment.read()
    made = database.missing_file(given)
    async with access.connect(given, create=True) as desk:
        ticket = await desk.open(request)
        if made:
            elsewhere = "".join(f"; {said}" for said in [await database.hint_at_service(given)] if said)
            click.echo(f"sayso: made {made}, where requests of this folder are kept{elsewhere}", err=True)
        if not wait:
            with output.of(f"{ticket.id} is asked"):
                output.print_json(output.document_of(ticket)) if as_json else click.echo(ticket.id)
            return 0
        decided = await _wait(desk, ticket)
        allowed = decided.outcome == "allowed"
        unseen = allowed and not digest.same(decided.input or {}, request.input or {}) and not as_json
        if allowed and not unseen:
            # exit code 0 lets the tool run, so it is the use
            await desk.use(ticket.id)
    with output.of(f"{ticket.id} is {decided.outcome}" + (", and used" if allowed and not unseen else "")):
        _print_decision(decided, as_json=as_json)
    if unseen:
        # a script that reads only the exit code would run what nobody allowed
        hint = f"ask again with --json and --id {ticket.id}, and use that input"
        raise errors.DigestMismatch("it was allowed with an edited input", field="input", hint=hint)
    return _CODES.get(decided.outcome, 3)


async def _wait(desk: access.CommandDesk, ticket: model.Ticket) -> model.Decision:
    if ticket.decision is None:
        if isinstance(desk, local_desk.LocalDesk) and sys.stdin.isatty() and sys.stderr.isatty():
            return await prompt.decide(desk, ticket)
        where = (
            "in the chat or the inbox"
            if not isinstance(desk, local_desk.LocalDesk)
            else f"with: sayso answer {ticket.id}"
        )
        click.echo(f"waiting for {ticket.id}; answer it {where}", err=True)
    async with _telling(desk, ticket):
        return await desk.wait(ticket.id)


@contextlib.asynccontextmanager
async def _telling(desk: access.CommandDesk, ticket: model.Ticket) -> AsyncGenerator[None]:
    """Say meanwhile what goes on with it, whenever that has changed."""
    telling = asyncio.create_task(_tell(desk, ticket))
    try:
        yield
    finally:
        telling.cancel()


async def _tell(desk: access.CommandDesk, ticket: model.Ticket) -> None:
    told = progress.said(ticket)
    for looks in itertools.count():
        await asyncio.sleep(_LOOK_EVERY / _FIRST_LOOKS if looks < _FIRST_LOOKS else _LOOK_EVERY)
        # who waits learns of it if the service is gone
        with contextlib.suppress(errors.SaysoError):
            ticket = await desk.get(ticket.id)
        if (now := progress.said(ticket)) not in (told, None):
            told = now
            click.echo(now, err=True)


def _print_decision(decided: model.Decision, *, as_json: bool) -> None:
    """Print on standard output what a script wants to keep, and the rest on standard error."""
    if as_json:
        output.print_json(decided.model_dump(mode="json"))
    elif decided.outcome != "answered":
        output.say(decided.model_text, err=decided.outcome not in _CODES)
    elif decided.values is not None:
        output.print_json(decided.values)
    else:
        for value in decided.choices or (decided.text or "",):
            output.print_value(value)

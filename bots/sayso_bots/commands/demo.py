"""`sayso demo`: a service, an agent that asks four things, and whoever opens the link. No account, no settings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import click

import sayso
from sayso import errors, model
from sayso.desk import keys
from sayso_bots.demo import questions
from sayso_bots.service import lifetime
from sayso_bots.settings import environment, schema
from sayso_bots.terminal import output

# Seconds in which whoever pressed last still sees what came of it.
LINGERS = 20.0


@click.command("demo", epilog="\b\nExample:\n  sayso demo\n  sayso demo --auto    (a scripted person answers)")
@click.option("--auto", is_flag=True, help="Let a scripted person answer, over the same doors.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep the database here.")
def command(auto: bool, folder: Path | None) -> None:
    """An agent asks; answer it in the inbox. Ends soon after all four requests are decided."""
    sys.exit(asyncio.run(_run(auto, folder)))


async def _run(auto: bool, folder: Path | None) -> int:
    from sayso_bots.demo import scripted
    from sayso_bots.service import service

    stopped = lifetime.watch_signals()
    with _make_folder(folder) as place, _listen() as listener:
        given = environment.Environment(database=f"sqlite:///{(place / 'sayso.db').absolute()}")
        async with service.run(given, schema.Settings(), listener) as running:
            chain = keys.Keys(running.desk.store)
            agent_key = await _renew_key(chain, "demo-agent", "agent")
            link = await running.link("owner")
            if listener.getsockname()[1] != environment.Environment().port:
                click.echo(f"Port {environment.Environment().port} is taken, so another one is used.")
            click.echo(f"The inbox waits at {running.url}. Open this link and answer (it works once):\n\n  {link}\n")
            work = [_run_agent(running.url, agent_key)]
            if auto:
                approver_key = await _renew_key(chain, "demo-approver", "approver")
                work.append(scripted.answer_all(running.url, link, approver_key, len(questions.requests())))
            everybody = asyncio.gather(*work)
            ends: set[asyncio.Future[Any]] = {everybody, running.failed, stopped}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not everybody.done():
                everybody.cancel()
                await asyncio.gather(everybody, return_exceptions=True)
                raise errors.SaysoError("the demo was stopped before everything was decided")
            if not auto:
                click.echo(f"All are decided. The inbox stays open for {LINGERS:.0f} s; Ctrl-C ends it now.")
                await asyncio.wait({running.failed, stopped}, timeout=LINGERS, return_when=asyncio.FIRST_COMPLETED)
            return max(everybody.result())


async def _run_agent(url: str, key: str) -> int:
    """The agent: asks over the service, as any program would, and tells what it was told."""
    async with sayso.open(url, key=key) as desk:
        codes = await asyncio.gather(*(_ask(desk, request) for request in questions.requests()))
    return max(codes)


async def _ask(desk: sayso.Asker, request: model.Request) -> int:
    about = f"{request.tool}: {(request.input or {}).get('command')}" if request.tool else request.title
    click.echo(f"asked    {request.kind:<10}  {about}")
    decided = await desk.ask(request)
    output.say(f"decided  {request.kind:<10}  {_describe(request, decided)}")
    return 0 if decided.by else 3


def _describe(request: model.Request, decided: model.Decision) -> str:
    """What the agent was told."""
    edited = decided.allowed and decided.input != request.input
    given = decided.text or ", ".join(decided.choices or ()) or (decided.value if decided.values else "")
    given = given or decided.reason or decided.question or (f"edited to {json.dumps(decided.input)}" if edited else "")
    by = ", ".join(one.person for one in decided.by) or "nobody"
    return f"{decided.outcome} by {by}" + (f": {given}" if given else "")


async def _renew_key(chain: keys.Keys, name: str, role: keys.Role) -> str:
    # a kept folder has the keys of the last time, of which only the hashes are left
    with contextlib.suppress(errors.NotFound):
        await chain.revoke(name)
    return await chain.add(name, role, sayso.SystemClock().now())


@contextlib.contextmanager
def _make_folder(folder: Path | None) -> Generator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="sayso-demo-") as made:
            yield Path(made)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


def _listen() -> socket.socket:
    """The usual port, or any that is free."""
    from sayso_bots.service import listening

    given = environment.Environment()
    try:
        return listening.bind(given.host, given.port)
    except errors.InvalidSettings:
        return listening.bind(given.host, 0)

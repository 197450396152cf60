"""What a service that runs here has noticed and told: which settings are in force, and whether those on disk are."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from sayso import errors
from sayso.cards import phrases
from sayso.clock import SystemClock
from sayso.content import wording
from sayso.desk.upkeep import reloads, stops
from sayso.stores import Query, Store
from sayso_bots.commands.doctor import stranded
from sayso_bots.commands.doctor.finding import Finding
from sayso_bots.service import database, reloading
from sayso_bots.settings import environment, schema, toml

_NAME = "settings in force"
# Open requests that are looked at, newest first: those that a copy had are held together.
_MOST = 200


async def look(chosen: schema.Settings | None) -> AsyncGenerator[Finding]:
    """How each copy of the service stands to the settings on disk; without *chosen* those cannot be read."""
    try:
        given = environment.read()
    except errors.InvalidSettings:
        return
    async with open_records(given) as store:
        stands = await reloads.stands(store, SystemClock().now()) if store else ()
        stopped = (await stops.standing(store)).all if store else ()
        waiting = await store.list(Query(state="pending", limit=_MOST)) if store else ()
    for one in stands:
        yield _finding_of(one, chosen)
    for stop in stopped:
        agent = f" --agent {stop.agent}" if stop.agent else ""
        yield Finding("stop", True, phrases.stopped(stop), f"nothing is allowed until: sayso resume{agent}", warn=True)
    if held := sum(one.held for one in waiting):
        said = f"{wording.counted(held, 'open request is', 'open requests are')} held since a copy was put back"
        yield Finding("held", True, said, "see: sayso list; then sayso restore --release, or --cancel", warn=True)
    for finding in stranded.look(toml.setup(chosen).directory, waiting) if chosen else ():
        yield finding


def _finding_of(one: reloads.Stand, chosen: schema.Settings | None) -> Finding:
    since = f"those of {one.since:%Y-%m-%d %H:%M} UTC are in force"
    if one.refused:
        return Finding(_NAME, False, f"{one.copy}: {one.warning}", "mend them, then run: sayso reload")
    if one.restart:
        return Finding(_NAME, False, f"{one.copy}: {one.warning}", "start the service anew")
    if chosen is None or reloading.digest_of(chosen) != one.digest:
        return Finding(_NAME, False, f"{one.copy}: the settings on disk are others; {since}", "run: sayso reload")
    return Finding(_NAME, True, f"{one.copy}: those on disk, since {one.since:%Y-%m-%d %H:%M} UTC")


@contextlib.asynccontextmanager
async def open_records(given: environment.Environment) -> AsyncGenerator[Store | None]:
    """The database here, with what a service noticed; None if it is elsewhere, or cannot be opened."""
    async with contextlib.AsyncExitStack() as stack:
        records = None
        # a database that cannot be opened is told of by its own check
        with contextlib.suppress(errors.SaysoError):
            records = None if given.url else await stack.enter_async_context(database.connect(given))
        yield records

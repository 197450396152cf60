"""Takes up a change of the settings while the service runs: whole, or not at all.

The rule: the new file is held to all that a start is held to. What cannot change while it runs is named, and stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import socket
from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from sayso import errors, machine
from sayso.desk import Desk, Setup, keys
from sayso.desk.upkeep import reloads, versions
from sayso_bots.service import checks
from sayso_bots.settings import environment, kept, on_call, reach, schema, toml

log = logging.getLogger(__name__)

_OF_SERVICE = ("policy", "grace", "tell_requester", "pending_per_key", "asks_per_minute", "owner", "stop")
TAKEN_UP = frozenset(
    {
        "people",
        "groups",
        "policies",
        "calendars",
        "delegations",
        "rules",
        "stats",
        "receipts",
        "retention",
        "suggestions",
    }
    | {f"service.{name}" for name in _OF_SERVICE}
)
"""What only the desk's set-up is made of. Everything else was built in at the start: addresses, chats, workers."""
# Seconds between two looks for a change that somebody asked for.
_LOOK = 1.0
# Seconds after which a copy says again that it runs.
_AGAIN = timedelta(seconds=30)
_REPORT = "report it with the log of the service"


def make_setup(given: environment.Environment, chosen: schema.Settings) -> Setup:
    """What the desk of a service needs of the settings."""
    channels = [machine.INBOX, *(chat.name for chat in checks.configured_chats(given, chosen))]
    made = toml.setup(chosen, channels, callbacks=True)
    return dataclasses.replace(made, rotas=on_call.open_rotas(given, chosen), push=chosen.service.push is not None)


def digest_of(chosen: schema.Settings) -> str:
    """By which settings are known again, whatever their file looks like."""
    return toml.setup(chosen).digest or ""


class Reloader:
    """The settings of one copy of the service."""

    def __init__(self, given: environment.Environment, chosen: schema.Settings, desk: Desk) -> None:
        self._given = given
        self._in_force = chosen
        self._desk = desk
        self._hung_up = asyncio.Event()
        name = f"{socket.gethostname()} (process {os.getpid()})"
        self.stand = reloads.Stand(name, desk.clock.now(), digest_of(chosen))
        """How this copy stands to its settings."""

    def wake(self) -> None:
        """Read the settings again, soon; for a signal."""
        self._hung_up.set()

    @contextlib.asynccontextmanager
    async def there(self) -> AsyncGenerator[None]:
        """This copy says that it runs until the block ends, and knows inside how many there are."""
        await self._tell(self._desk.clock.now())
        try:
            yield
        finally:
            await reloads.leave(self._desk.store, self.stand.copy)

    async def run(self) -> None:
        """Take up what is asked for, for ever."""
        store, clock = self._desk.store, self._desk.clock
        await self.keep(self._in_force, f"the start of {self.stand.copy}")
        self.stand = dataclasses.replace(self.stand, heard=await reloads.asked(store))
        await self._tell(told := clock.now())
        while True:
            await clock.within(clock.now() + timedelta(seconds=_LOOK), self._hung_up.wait())
            # it may have come just as the wait was over
            woken = self._hung_up.is_set()
            self._hung_up.clear()
            number = await reloads.asked(store)
            due = woken or number != self.stand.heard
            if due:
                await self.reload(number, "" if woken else await reloads.asker(store))
            if due or clock.now() - told >= _AGAIN:
                await self._tell(told := clock.now())

    async def _tell(self, at: datetime) -> None:
        await reloads.tell(self._desk.store, self.stand, at)
        # together they keep to what a platform allows one app
        self._desk.copies = max(1, len(await reloads.stands(self._desk.store, at)))

    async def keep(self, chosen: schema.Settings, by: str) -> None:
        """Keep these settings among those that were taken up."""
        # also where people see secrets: this is written down for good
        cover = dataclasses.replace(self._desk.mint.masks, off=False)
        at, said = self._desk.clock.now(), kept.parts(chosen)
        await versions.keep(self._desk.store, digest_of(chosen), said, by, at, cover)

    async def reload(self, number: int, by: str = "") -> None:
        """Take up the settings on disk, if all of them are right; *by* whom, if it was no signal."""
        try:
            found, setup = await asyncio.to_thread(self._read)
            reach.check(setup)
            reach.check_keys(setup, await keys.Keys(self._desk.store).list())
        except errors.StoreUnavailable:
            raise
        except errors.SaysoError as error:
            self._refuse(number, f"{error.message} ({error.hint})" if error.hint else error.message)
        except Exception as error:
            log.exception("settings cannot be read")
            self._refuse(number, f"{type(error).__name__} while they were read; {_REPORT}")
        else:
            self._take_up(number, found, setup)
            await self.keep(self._in_force, by or f"a SIGHUP to {self.stand.copy}")

    def _read(self) -> tuple[schema.Settings, Setup]:
        """The settings on disk, with what stays as it is, and the set-up that they make."""
        found = toml.load(self._given.config)
        on_call.require(self._given, found)
        # checked with all of the file; made with what this process was built with
        make_setup(self._given, found)
        return found, make_setup(self._given, _kept(self._in_force, found))

    def _take_up(self, number: int, found: schema.Settings, setup: Setup) -> None:
        kept = _kept(self._in_force, found)
        changed = tuple(_changes(self._in_force, kept))
        restart = tuple(_changes(kept, found))
        self._desk.setup, self._in_force = setup, kept
        since = self._desk.clock.now() if changed or self.stand.refused else self.stand.since
        self.stand = reloads.Stand(self.stand.copy, since, digest_of(kept), number, "", changed, restart)
        log.info("settings taken up", extra={"changed": list(changed)})
        if restart:
            log.warning("settings need a new start", extra={"keys": list(restart)})

    def _refuse(self, number: int, why: str) -> None:
        self.stand = dataclasses.replace(self.stand, heard=number, refused=why, changed=(), restart=())
        log.error("settings refused; those from before are in force", extra={"error": why})


def _kept(old: schema.Settings, new: schema.Settings) -> schema.Settings:
    """The new settings, with what cannot change while the service runs as it was."""
    tables = {name for name in type(new).model_fields if name not in TAKEN_UP and name != "service"}
    keys = {name for name in schema.Service.model_fields if f"service.{name}" not in TAKEN_UP}
    service = new.service.model_copy(update={name: getattr(old.service, name) for name in keys})
    return new.model_copy(update={**{name: getattr(old, name) for name in tables}, "service": service})


def _changes(old: schema.Settings, new: schema.Settings) -> Iterator[str]:
    """The keys that differ, as far down as a table has a name."""
    before, after = _tables(old), _tables(new)
    return (name for name in sorted({*before, *after}) if before.get(name) != after.get(name))


def _tables(settings: schema.Settings) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.model_dump(mode="json").items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": inner for key, inner in cast("dict[str, Any]", value).items()}
        else:
            found[name] = value
    return found

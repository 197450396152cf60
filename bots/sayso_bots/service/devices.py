"""Web Push, plugged together: devices in the store, keys, and calls to push services."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sayso import errors
from sayso.desk import Desk
from sayso.machine import people
from sayso_bots.settings import environment, schema
from sayso_http import outbound

if TYPE_CHECKING:
    import sayso_push


class Devices:
    """What the inbox and the courier need of Web Push."""

    def __init__(self, desk: Desk, pusher: sayso_push.Pusher, kept: sayso_push.Subscriptions, key: str) -> None:
        self._desk = desk
        self._kept = kept
        self.pusher = pusher
        self.key = key

    async def add(self, actor: people.Actor, endpoint: str, p256dh: str, auth: str) -> None:
        """Subscribe a device. Raises `InvalidRequest`."""
        await self._kept.add(actor, endpoint, p256dh, auth, self._desk.clock.now())

    async def remove(self, actor: people.Actor, endpoint: str) -> None:
        """Forget a device."""
        await self._kept.remove(actor, endpoint)


async def open_devices(
    desk: Desk, given: environment.Environment, service: schema.Service, hosts: Sequence[str]
) -> Devices | None:
    """Web Push, if the settings switch it on; *hosts* may be private.

    Raises:
        InvalidSettings: its package is missing, or its key is none.
    """
    if service.push is None:
        return None
    if importlib.util.find_spec("webpush") is None:
        hint = "in a clone of sayso: pip install '.[push]'"
        raise errors.InvalidSettings("service.push: a package is missing: webpush", field="service.push", hint=hint)
    import sayso_push

    keys = await sayso_push.open_keys(desk.store, given.push_key)
    poster = outbound.Poster(hosts)
    kept = sayso_push.Subscriptions(desk.store, poster.check)
    return Devices(desk, sayso_push.Pusher(desk, kept, keys, service.push, poster.post), kept, keys.application)

"""Devices that are told by push: a browser subscribes by the button of the inbox, for whoever is signed in there."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from sayso import errors
from sayso.machine import people
from sayso_web.guard import Guard


class Devices(Protocol):
    """Who keeps devices; the inbox knows no more of push than this."""

    @property
    def key(self) -> str:
        """What a browser subscribes with."""
        ...

    async def add(self, actor: people.Actor, endpoint: str, p256dh: str, auth: str) -> None:
        """Subscribe a device. Raises `InvalidRequest`."""
        ...

    async def remove(self, actor: people.Actor, endpoint: str) -> None:
        """Forget a device."""
        ...


class PushCalls:
    """Handlers for `/push`, `/push/on` and `/push/off`."""

    def __init__(self, guard: Guard, devices: Devices | None) -> None:
        self._guard = guard
        self._devices = devices

    async def key(self, request: web.Request) -> web.Response:
        """Hand out what a browser subscribes with; null where nobody is told by push."""
        await self._guard.session_of(request)
        return web.json_response({"key": self._devices.key if self._devices else None})

    async def on(self, request: web.Request) -> web.Response:
        """Subscribe this browser. Raises `InvalidRequest`."""
        session, form = await self._guard.read_post(request)
        given = [form.first(name) for name in ("endpoint", "p256dh", "auth")]
        await self._known.add(session.actor, *given)
        return web.Response(status=204)

    async def off(self, request: web.Request) -> web.Response:
        """Forget this browser."""
        session, form = await self._guard.read_post(request)
        await self._known.remove(session.actor, form.first("endpoint"))
        return web.Response(status=204)

    @property
    def _known(self) -> Devices:
        if self._devices is None:
            raise errors.NotFound("this service tells nobody by push", hint="service.push switches it on")
        return self._devices

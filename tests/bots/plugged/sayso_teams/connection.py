"""The chat, connected: cards go out over HTTP, presses come in signed, at an address of the service."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from sayso import card, errors, model
from sayso.cards import dialog
from sayso.channel import Platform
from sayso.chat.finding import Finding
from sayso.desk import Desk, PressedMessage
from sayso.machine import people

if TYPE_CHECKING:
    from .plugin import Configured

ROOM = dialog.WindowLimits(content=4000, inputs=10, typed=3000)


def render(drawn: card.Card) -> dict[str, Any]:
    shown = card.fit(drawn, 4000)
    text = [piece for part in shown.parts for piece in card.pieces(part)]
    buttons = {one.label: one.token for one in shown.controls if isinstance(one, card.Button)}
    return {"summary": shown.summary, "text": text, "buttons": buttons}


@dataclass(frozen=True)
class TeamsChannel:
    """Posts cards."""

    api: aiohttp.ClientSession
    name: str = "teams"

    async def post(self, place: model.Place, drawn: card.Card, *, again: bool) -> model.PostedCard:
        room = place.partition(":")[2]
        body = {"room": room, "key": drawn.ticket_id, **render(drawn)}
        async with self.api.post("/messages", json=body) as response:
            found = await response.json()
        return model.PostedCard(drawn.ticket_id, place, self.name, room, found["id"])

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        async with self.api.put(f"/messages/{posted.message}", json=render(drawn)):
            pass


@dataclass(frozen=True)
class Teams:
    """A connection."""

    api: aiohttp.ClientSession

    async def check_ready(self) -> None:
        async with self.api.get("/me") as response:
            if response.status != 200:
                raise errors.ChannelError("the token is not taken any more")

    async def lost(self) -> None:
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def connect(desk: Desk, configured: Configured, routes: web.Application) -> AsyncGenerator[Teams]:
    async with _api(configured) as api:
        for finding in await check(configured):
            if not finding.ok:
                raise errors.InvalidSettings(finding.said, field=finding.name, hint=finding.hint)
        desk.platforms["teams"] = Platform(TeamsChannel(api))

        async def pressed(request: web.Request) -> web.Response:
            body = await request.read()
            if not hmac.compare_digest(request.headers.get("Signature", ""), _signature(configured, body)):
                return web.Response(status=401)
            press = await request.json()
            actor = people.Actor(account=f"teams:{press['user']}", name=press["user"], member=True)
            message = PressedMessage("teams", press["room"], press["message"])
            try:
                await desk.press(press["token"], actor, ROOM, message)
            except errors.Refused as refused:
                return web.json_response({"said": refused.message}, status=403)
            return web.json_response({})

        routes.router.add_post("/teams/presses", pressed)
        yield Teams(api)


async def check(configured: Configured) -> list[Finding]:
    async with _api(configured) as api, api.get("/me") as me, api.get(f"/rooms/{configured.channel}") as room:
        signed_in, there = me.status == 200, room.status == 200
    return [
        Finding("TEAMS_TOKEN", signed_in, "signed in" if signed_in else "not taken", "make a new one"),
        Finding("channel", there, configured.channel if there else f"there is no {configured.channel}", "make it"),
    ]


def _api(configured: Configured) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(configured.api_url, headers={"Authorization": f"Bearer {configured.token}"})


def _signature(configured: Configured, body: bytes) -> str:
    return hmac.digest(configured.secret.encode(), body, "sha256").hex()

"""Something on the way answers in place of a chat, with JSON that is nested deeply: that is said, with what to do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from discord import http, utils

# pyright: reportPrivateUsage=false
from sayso import errors
from tests.adapters import discord_scene, slack_scene

DEEP = 100_000
# As deep as a library reads it, and deeper than it can go through it.
REFUSAL = '{"code": 50035, "message": "Invalid Form Body", "errors": ' + '{"a": ' * 1_500 + "1" + "}" * 1_501


@pytest.fixture(params=[(400, REFUSAL), (200, "[" * DEEP), (400, "[" * DEEP)])
async def between(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of whatever answers so."""
    status, body = request.param

    async def answer(_: web.Request) -> web.Response:
        # as Discord writes it, without a charset
        return web.Response(status=status, body=body.encode(), headers={"Content-Type": "application/json"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_in_place_of_discord(between: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with discord_scene.scene("http") as there:
        monkeypatch.setattr(http.Route, "BASE", between)
        # the library reads with another one where that is installed, which stops by itself
        monkeypatch.setattr(utils, "_from_json", json.loads)
        with pytest.raises(errors.ChannelError) as refused:
            await there.link.channel._api.get("/users/@me")
    assert "look at the proxy" in (refused.value.hint or "")


async def test_in_place_of_slack(between: str) -> None:
    async with slack_scene.scene("http") as there:
        api = there.link.channel._api
        api.client.base_url = f"{between}/"
        with pytest.raises(errors.ChannelError) as refused:
            await api.post("chat.postMessage", channel="C1")
    assert "deep" not in refused.value.message
    assert "Slack" in refused.value.message

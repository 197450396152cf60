"""Signed interactions over HTTP, as the fake Discord posts them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.fakes.discord import FakeDiscord, spec
from tests.fakes.discord import stage as discord_stage
from tests.fakes.discord.errors import Json
from tests.fakes.discord.stage import OPS, Stage, label

MODAL: Json = {"title": "Deny", "custom_id": "deny-form", "components": [label("Why", type=4, style=2)]}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with discord_stage.stage() as made:
        yield made


async def test_signed_http_is_answered_in_the_body_and_forgeries_are_seen_through(stage: Stage) -> None:
    answers: list[Any] = [{"type": 4, "data": {"content": "Noted", "flags": 64}}, {"type": 9, "data": MODAL}]
    async with endpoint(stage.discord, answers) as url:
        http = stage.discord.use_http(url)
        assert (await http.ping()).answer == {"type": 1}
        assert [forged.status for forged in await http.probe()] == [401] * 6
        seen = await stage.pressed("Allow", press="Allow")
        opened = await stage.pressed("Deny", press="Deny")
    assert [hidden.content for hidden in seen.ephemerals] == ["Noted"]
    assert [modal.content["title"] for modal in opened.modals] == ["Deny"]
    assert spec.problems_of("MessageResponse", (await stage.call("GET", last(stage)))[1]) == []


async def test_an_endpoint_that_is_away_or_answers_nonsense_is_a_failure(stage: Stage) -> None:
    async with endpoint(stage.discord, [{"type": 4, "data": {"content": "x" * 2001}}]) as url:
        stage.discord.use_http(url)
        nonsense = await stage.pressed("Allow", press="Allow")
    away = await stage.pressed("Deny", press="Deny")
    assert [seen.trouble for seen in (nonsense, away)] == ["This interaction failed"] * 2
    assert [delivery.status for delivery in stage.discord.deliveries] == [200, 0]
    assert stage.discord.refusals[0][0] == "interactions_endpoint"


class endpoint:  # noqa: N801 (reads as a verb where it is used)
    """A small interactions endpoint that verifies and then answers from a list."""

    def __init__(self, fake: FakeDiscord, answers: list[Any]) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(fake.public_key))
        self._answers = answers
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        raw, headers = await request.read(), request.headers
        try:
            stamp = headers["X-Signature-Timestamp"].encode()
            self._key.verify(bytes.fromhex(headers["X-Signature-Ed25519"]), stamp + raw)
        except (KeyError, ValueError, InvalidSignature):
            return web.Response(status=401)
        ping = (await request.json())["type"] == 1
        return web.json_response({"type": 1} if ping else self._answers.pop(0))


def last(stage: Stage) -> str:
    return f"/channels/{OPS}/messages/{stage.discord.messages(OPS)[-1].id}"

"""How interactions reach the app: over the gateway, or as signed HTTP posts to its interactions endpoint.

Rule: delivers once and says what came back; whether that is a good answer is judged in `interactions`.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.discord.errors import Json
from tests.fakes.discord.world import APP, World


@dataclass(frozen=True)
class Delivery:
    """One payload and what became of it: the HTTP status (0 for none, 200 on the gateway) and the JSON answer."""

    payload: Json
    status: int
    answer: Json | None = None
    why: str = ""


class Route(Protocol):
    """One way to the app."""

    async def send(self, payload: Json) -> Delivery:
        """Deliver once."""
        ...


class ByGateway:
    """INTERACTION_CREATE to every session; the answer comes by the callback route."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def send(self, payload: Json) -> Delivery:
        """Sent and forgotten: a session without a connection gets it after RESUME."""
        channel = self._world.channels[payload["channel_id"]]
        self._world.emit("INTERACTION_CREATE", payload, channel)
        return Delivery(payload, 200)


class Http:
    """Posts to an interactions endpoint, signed as Discord signs."""

    def __init__(self, url: str, within: float, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._within = aiohttp.ClientTimeout(total=within)
        self._session = session

    async def send(self, payload: Json) -> Delivery:
        """One post with a good signature."""
        body = json.dumps(payload)
        return await self.post(payload, body, signature(body))

    async def ping(self) -> Delivery:
        """What Discord asks when the address is set: the app must answer with type 1."""
        return await self.send({"id": "1", "application_id": APP, "type": 1, "token": "t", "version": 1})

    async def probe(self) -> list[Delivery]:
        """Posts with bad signatures, as Discord sends them now and then: each must be answered 401."""
        payload: Json = {"id": "1", "application_id": APP, "type": 1, "token": "t", "version": 1}
        body = json.dumps(payload)
        good, other = signature(body), signature(body + " ")
        forgeries: list[dict[str, str]] = [
            other,
            {**good, "X-Signature-Timestamp": "1"},
            {**good, "X-Signature-Ed25519": "not hexadecimal"},
            {**good, "X-Signature-Ed25519": ""},
            {"X-Signature-Ed25519": good["X-Signature-Ed25519"]},
            {},
        ]
        return list(await asyncio.gather(*(self.post(payload, body, headers) for headers in forgeries)))

    async def post(self, payload: Json, body: str, headers: dict[str, str]) -> Delivery:
        """One post with any headers."""
        sent = {**headers, "Content-Type": "application/json", "User-Agent": "Discord-Interactions/1.0"}
        try:
            async with self._session.post(self.url, data=body, headers=sent, timeout=self._within) as response:
                text = await response.text()
        except TimeoutError:
            return Delivery(payload, 0, why="timeout")
        except aiohttp.ClientError as error:
            return Delivery(payload, 0, why=type(error).__name__)
        answer: Any = json.loads(text) if text.startswith("{") else None
        return Delivery(payload, response.status, answer)


# The same in every run: a test may write the public key down.
_KEY = Ed25519PrivateKey.from_private_bytes(b"fake discord, no secret at all!!")
PUBLIC_KEY = _KEY.public_key().public_bytes_raw().hex()
"""What the developer portal shows."""


def signature(body: str, *, age: float = 0.0) -> dict[str, str]:
    """The two signature headers over the raw body; uses the real time because an app may compare with it."""
    stamp = str(int(time.time() - age))
    return {
        "X-Signature-Ed25519": _KEY.sign(stamp.encode() + body.encode()).hex(),
        "X-Signature-Timestamp": stamp,
    }

"""A push service on loopback, and the browsers behind it: they read messages as browsers do, and it checks senders."""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """One browser with its keys, which nobody else has."""

    endpoint: str
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def point(self) -> bytes:
        raw = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        return self.private.public_key().public_bytes(*raw)

    @property
    def keys(self) -> tuple[str, str]:
        return encode(self.point), encode(self.secret)

    def read(self, body: bytes) -> Any:
        """A message, by RFC 8291 and RFC 8188; raises where it is not for this browser."""
        salt, size, length = body[:16], struct.unpack("!L", body[16:20])[0], body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        about = b"WebPush: info\x00" + self.point + theirs
        secret = HKDF(hashes.SHA256(), 32, self.secret, about).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        return json.loads(plain.rstrip(b"\x00").removesuffix(b"\x02"))


@dataclass
class Pushed:
    """One message as it came."""

    browser: Browser
    body: bytes
    headers: dict[str, str]

    @property
    def said(self) -> Any:
        return self.browser.read(self.body)


@dataclass
class PushService:
    """What browsers name as their push service."""

    url: str = ""
    came: list[Pushed] = field(default_factory=list[Pushed])
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list[tuple[int, dict[str, str]]])
    """What the next messages are answered with; 201 after that."""
    browsers: dict[str, Browser] = field(default_factory=dict[str, Browser])

    def browser(self, name: str) -> Browser:
        return self.browsers.setdefault(name, Browser(f"{self.url}/push/{name}"))

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._check(request.headers)
        if self.answers:
            status, headers = self.answers.pop(0)
            return web.Response(status=status, headers=headers)
        browser = self.browsers[request.match_info["name"]]
        self.came.append(Pushed(browser, body, {name.lower(): value for name, value in request.headers.items()}))
        return web.Response(status=201)

    def _check(self, headers: Any) -> None:
        """The token of VAPID, by RFC 8292: signed with the key that it names, for this origin, and not for ever."""
        scheme, _, rest = headers["Authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(parts["k"]))
        # the library leaves the port out, which push services do not have
        origin = self.url.rpartition(":")[0]
        claims = jwt.decode(parts["t"], public, algorithms=["ES256"], audience=origin)
        assert claims["sub"] == "mailto:ops@example.com"
        self.key = parts["k"]


@asynccontextmanager
async def push_service() -> AsyncGenerator[PushService]:
    made = PushService()
    app = web.Application()
    app.router.add_post("/push/{name}", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()

"""Agents that know HTTP and nothing else: they ask, wait, come back after every cut, and run what was allowed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from sayso import model
from sayso.testing import oracle

Json = dict[str, Any]

# A frozen service answers nobody: who asked goes to the next one after so long.
_PATIENCE = aiohttp.ClientTimeout(total=6)


class Agents:
    """All of them."""

    def __init__(self, urls: Sequence[str], key: str, seen: oracle.Witnessed, chance: random.Random) -> None:
        self._urls, self._seen, self._chance = urls, seen, chance
        self._headers = {"Authorization": f"Bearer {key}"}
        self.woken = Counter[str]()
        """How often the agent of a request was told of its decision."""
        self.ran = Counter[str]()
        """How often it was told to run what was allowed."""
        self.called = dict[str, set[str]]()
        """The calls to the address of a request, by their ids: a receiver takes each once."""
        self.address = ""

    @asynccontextmanager
    async def receiving(self) -> AsyncGenerator[None]:
        """Take calls at an address."""
        app = web.Application()
        app.router.add_post("/done", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(headers=self._headers, timeout=_PATIENCE) as self._http:
            yield
        await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.called.setdefault(str(said["data"]["id"]), set()).add(request.headers["webhook-id"])
        return web.Response()

    async def run(self, request: Json) -> None:
        """Go about one request until its end."""
        if self._chance.random() < 0.3:
            request = {**request, "callback_url": f"http://{self.address}/done"}
        id = str(request["id"])
        asked = await self._persist("POST", "/v1/requests", request)
        self._seen.asked[id] = asked["digest"]
        while (found := (await self._persist("GET", f"/v1/requests/{id}?wait=5"))["decision"]) is None:
            pass
        decision = model.Decision.model_validate(found)
        self._seen.decided[id] = decision
        self.woken[id] += 1
        if decision.allowed:
            # two programs heard of it, and each is stubborn
            await asyncio.gather(*(self._use(id, attempt) for attempt in ("first", "second")))

    async def _use(self, id: str, attempt: str) -> None:
        used = await self._persist("POST", f"/v1/requests/{id}/use", {"attempt": attempt}, refused=409)
        self.ran[id] += "error" not in used

    async def _persist(self, method: str, path: str, body: Json | None = None, refused: int | None = None) -> Json:
        """Try until one of the services says something."""
        while True:
            # cut off, or no answer: nothing is known, so it asks again
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                url = self._chance.choice(self._urls)
                async with self._http.request(method, f"{url}{path}", json=body) as got:
                    if got.status < 300 or got.status == refused:
                        answer: Json = await got.json()
                        return answer
                    if got.status not in (429, 503):
                        raise AssertionError(f"{method} {path}: {got.status} {await got.text()}")
            await asyncio.sleep(0.1)

"""The least that takes a click durably, as a process of its own: what `tests.bench.clicks` holds the service against.

A row is written for what is asked, a signed click changes it, and whoever waits for it is told: each after a commit on
the disk. "own" is a handler of a few lines that commits all that waits at once; "bolt" is Slack's own framework without
its sleep, with aiosqlite, as most people would write it; "posting" is "own" that also posts what is asked as a message,
and draws that again once it is decided.

    python -m tests.bench.floors own|bolt|posting FILE SLACK_API TOKEN
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
import aiosqlite
import yarl
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

SECRET = "only for a benchmark"

_TABLE = "create table t (id text primary key, state text, body text)"
_INSERT = "insert into t values (?, 'pending', ?)"
_UPDATE = "update t set state = 'decided' where id = ? and state = 'pending'"


class Rows(Protocol):
    """Where what is asked is kept."""

    async def write(self, text: str, *values: str) -> None:
        """Run one statement, and return once it is on the disk."""
        ...


class Grouped:
    """All that waits is committed at once, by a thread."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for text in ("pragma journal_mode=wal", "pragma synchronous=full", _TABLE):
            self._db.execute(text)
        self._waiting = list[tuple[str, tuple[str, ...]]]()
        self._committing: asyncio.Task[None] | None = None

    async def write(self, text: str, *values: str) -> None:
        """See `Rows`."""
        self._waiting.append((text, values))
        if self._committing is not None:
            # what comes during a commit waits for the next one
            running = self._committing
            await asyncio.shield(running)
            if self._committing is running:
                self._committing = None
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit())
        await asyncio.shield(self._committing)

    async def _commit(self) -> None:
        group, self._waiting = self._waiting, []
        await asyncio.to_thread(self._run, group)

    def _run(self, group: list[tuple[str, tuple[str, ...]]]) -> None:
        self._db.execute("begin")
        for text, values in group:
            self._db.execute(text, values)
        self._db.execute("commit")


class Each:
    """Each change is a commit, by aiosqlite."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    async def write(self, text: str, *values: str) -> None:
        """See `Rows`."""
        await self._db.execute(text, values)
        await self._db.commit()


class Waits:
    """Who waits for which row."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._waiting = dict[str, asyncio.Future[None]]()

    async def ask(self, request: web.Request) -> web.Response:
        """Keep what is asked."""
        await self._rows.write(_INSERT, request.match_info["id"], await request.text())
        return web.Response(status=201)

    async def wait(self, request: web.Request) -> web.Response:
        """Answer once it is decided."""
        await self._waiting.setdefault(request.match_info["id"], asyncio.get_running_loop().create_future())
        return web.json_response({"decision": {"outcome": "allowed"}})

    async def decide(self, payload: Any) -> None:
        """Keep the decision, and tell who waits."""
        id = str(payload["actions"][0]["value"])
        await self._rows.write(_UPDATE, id)
        self._waiting.setdefault(id, asyncio.get_running_loop().create_future()).set_result(None)


class Posts(Waits):
    """What is asked is a message: it is posted by aiohttp once it is kept, and put there again once it is decided."""

    def __init__(self, rows: Rows, slack: aiohttp.ClientSession) -> None:
        super().__init__(rows)
        self._slack = slack
        self._posted = dict[str, asyncio.Task[Any]]()

    async def ask(self, request: web.Request) -> web.Response:
        """See `Waits.ask`."""
        kept = await super().ask(request)
        self._posted[request.match_info["id"]] = asyncio.create_task(
            self._call("chat.postMessage", await request.json())
        )
        return kept

    async def decide(self, payload: Any) -> None:
        """See `Waits.decide`."""
        await super().decide(payload)
        id = str(payload["actions"][0]["value"])
        self._posted[id] = asyncio.create_task(self._draw_again(self._posted[id], payload["message"]["blocks"]))

    async def _draw_again(self, posting: asyncio.Task[Any], blocks: Any) -> None:
        posted = await posting
        await self._call("chat.update", {"channel": posted["channel"], "ts": posted["ts"], "blocks": blocks})

    async def _call(self, method: str, message: Any) -> Any:
        async with self._slack.post(method, json=message) as answer:
            told = await answer.json()
        assert told["ok"], told
        return told


def own(decide: Callable[[Any], Awaitable[None]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler that verifies, reads and decides."""

    async def click(request: web.Request) -> web.Response:
        body = await request.read()
        signed = b"v0:%s:%s" % (request.headers["x-slack-request-timestamp"].encode(), body)
        found = "v0=" + hmac.digest(SECRET.encode(), signed, hashlib.sha256).hex()
        if not hmac.compare_digest(found, request.headers["x-slack-signature"]):
            return web.Response(status=401)
        form = yarl.URL.build(query_string=body.decode(), encoded=True).query
        await decide(json.loads(form["payload"]))
        return web.Response()

    return click


def bolt(decide: Callable[[Any], Awaitable[None]]) -> web.Application:
    """The same with Slack's framework."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_id="B1", bot_user_id="U1")

    async def click(ack: Any, body: dict[str, Any]) -> None:
        await decide(body)
        await ack()

    app = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)
    app.action({"type": "block_actions", "action_id": "allow"})(click)  # pyright: ignore[reportUnknownMemberType]
    return app.web_app("/slack/interactions")


async def main(kind: str, path: str, api: str, token: str) -> None:
    """Serve until it is killed; the first line says where."""
    async with aiohttp.ClientSession(api, headers={"Authorization": f"Bearer {token}"}) as slack:
        if kind == "bolt":
            db = await aiosqlite.connect(path)
            for text in ("pragma journal_mode=wal", "pragma synchronous=full", _TABLE):
                await db.execute(text)
            waits = Waits(Each(db))
            app = bolt(waits.decide)
        else:
            waits = Waits(Grouped(path)) if kind == "own" else Posts(Grouped(path), slack)
            app = web.Application()
            app.router.add_post("/slack/interactions", own(waits.decide))
        app.router.add_post("/ask/{id}", waits.ask)
        app.router.add_get("/wait/{id}", waits.wait)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

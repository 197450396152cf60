"""The gateway: sessions that outlive their connections, replay after RESUME, intents, and everything that can go wrong.

Rule: knows opcodes; who wants which event is in `intents`, what it means is none of its business.
"""

import asyncio
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.discord import intents as discord_intents
from tests.fakes.discord import payloads
from tests.fakes.discord.errors import Json
from tests.fakes.discord.payloads import GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT
from tests.fakes.discord.permissions import VIEW
from tests.fakes.discord.world import APP, BOT, GUILD, Channel, World

CONNECT, RESUME = "/gateway/", "/gateway/resume/"
_PRIVILEGED = MESSAGE_CONTENT | GUILD_MEMBERS | GUILD_PRESENCES
_EVERY_INTENT = (1 << 26) - 1
_HEARTBEAT = 41_250  # milliseconds; discord.py gives up after 60 seconds
_PAYLOAD = 4096  # bytes a client may send in one frame
_SENDS_PER_MINUTE = 120
_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)


@dataclass
class Session:
    """What survives a broken connection: every event since READY, and who listens now."""

    id: str
    intents: int
    shard: list[int] | None = None
    log: list[Json] = field(default_factory=list[Json])
    connection: "Connection | None" = None


class Connection:
    """One websocket; frames leave through a queue so that their order is the order of what happened."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._queue: asyncio.Queue[Json] = asyncio.Queue()
        packed = request.query.get("compress") == "zlib-stream"
        self._packer = zlib.compressobj() if packed else None
        self.session: Session | None = None
        self.sends: list[float] = []

    def send(self, frame: Json) -> None:
        """Queue one frame."""
        self._queue.put_nowait({"s": None, "t": None, **frame})

    async def write(self) -> None:
        """Send what is queued, for ever."""
        while True:
            text = json.dumps(await self._queue.get())
            try:
                await self._write(text)
            except ConnectionError:
                return  # dropped: the session keeps its events for RESUME

    async def close(self, code: int) -> None:
        """End with a close code, at once for everything sent from now on."""
        self.leave()
        await self._socket.close(code=code)

    def abort(self) -> None:
        """Let the TCP connection die."""
        self.leave()
        if self._request.transport:
            self._request.transport.abort()

    def leave(self) -> None:
        """From now on the session has no listener."""
        if self.session and self.session.connection is self:
            self.session.connection = None

    async def _write(self, text: str) -> None:
        if self._packer is None:
            await self._socket.send_str(text)
        else:
            data = self._packer.compress(text.encode()) + self._packer.flush(zlib.Z_SYNC_FLUSH)
            await self._socket.send_bytes(data)


class Gateway:
    """All sessions of the app. `shut` has the paths that answer 503, `twice` the events that are sent two times;
    without `acks` heartbeats stay unanswered, `silent` says nothing at all any more."""

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token
        self._held: list[Callable[[], None]] | None = None
        self.sessions: dict[str, Session] = {}
        self.open: list[Connection] = []
        self.identifies: list[Json] = []
        self.resumes: list[Json] = []
        self.closed: list[int | None] = []
        self.shut: set[str] = set()
        self.twice: set[str] = set()
        self.acks = True
        self.silent = False

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def drop(self) -> None:
        """Every TCP connection dies; the sessions live on."""
        for connection in [*self.open]:
            connection.abort()

    async def close(self, code: int) -> None:
        """Close every connection with a code."""
        for connection in [*self.open]:
            await connection.close(code)

    def reconnect(self) -> None:
        """Opcode 7: ask every client to come again."""
        self._all({"op": 7, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Opcode 9: the session is no good, for ever unless resumable."""
        if not resumable:
            self.forget()
        self._all({"op": 9, "d": resumable})

    def forget(self) -> None:
        """Lose all sessions: nothing can be resumed, clicks made meanwhile are lost."""
        self.sessions.clear()

    def hold(self) -> None:
        """Keep events back until `release`."""
        self._held = []

    def release(self, *, backwards: bool = False) -> None:
        """Let the events go that were kept back, the last one first if wanted."""
        held, self._held = self._held or [], None
        for deliver in reversed(held) if backwards else held:
            deliver()

    # -- what goes out ---------------------------------------------------------------------------------------------

    def emit(self, name: str, data: Json, channel: Channel | None) -> None:
        """Tell every session that wants to know and may."""
        if channel is not None and name != "INTERACTION_CREATE" and not self._world.permissions(BOT, channel) & VIEW:
            return
        for session in self.sessions.values():
            if discord_intents.wants(session.intents, session.shard, name, channel):
                self._dispatch(
                    session, name, discord_intents.shown(session.intents, data), times=2 if name in self.twice else 1
                )

    def _dispatch(self, session: Session, name: str, data: Json, times: int = 1) -> None:
        # A copy as of now.
        frame = {"op": 0, "t": name, "s": len(session.log) + 1, "d": json.loads(json.dumps(data))}
        session.log.append(frame)

        def deliver() -> None:
            for _ in range(times):
                if session.connection and not self.silent:
                    session.connection.send(frame)

        if self._held is None or name in ("READY", "RESUMED", "GUILD_CREATE"):
            deliver()
        else:
            self._held.append(deliver)

    def _all(self, frame: Json) -> None:
        for connection in self.open:
            connection.send(frame)

    # -- what comes in ---------------------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The websocket handler."""
        if request.path in self.shut:
            return web.Response(status=503)
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        connection = Connection(socket, request)
        writer = asyncio.create_task(connection.write())
        self.open.append(connection)
        if not self.silent:
            connection.send({"op": 10, "d": {"heartbeat_interval": _HEARTBEAT, "_trace": []}})
        self._world.changed()
        try:
            async for frame in socket:
                code = self._take(connection, frame.data) if frame.type in _DATA else 0
                self._world.changed()
                if code:
                    await connection.close(code)
        finally:
            self._gone(connection, socket.close_code)
            writer.cancel()
        return socket

    def _gone(self, connection: Connection, code: int | None) -> None:
        # A client that closes with 1000 or 1001 gives its session up; one that just dies may come back.
        if connection.session and connection.session.connection is connection and code in (1000, 1001):
            self.sessions.pop(connection.session.id, None)
        connection.leave()
        self.open.remove(connection)
        self.closed.append(code)
        self._world.changed()

    def _take(self, connection: Connection, raw: Any) -> int:
        now = self._world.clock()
        connection.sends = [at for at in connection.sends if at > now - 60] + [now]
        if len(connection.sends) > _SENDS_PER_MINUTE:
            return 4008
        try:
            frame: Json = json.loads(raw)
        except ValueError:
            return 4002
        if len(raw) > _PAYLOAD:
            return 4002
        match frame.get("op"):
            case 1:
                return self._beat(connection)
            case 2:
                return self._identify(connection, frame["d"])
            case 6:
                return self._resume(connection, frame["d"])
            case 3 | 4 | 8 | 31:
                return 0 if connection.session else 4003
            case _:
                return 4001

    def _beat(self, connection: Connection) -> int:
        if self.acks and not self.silent:
            connection.send({"op": 11, "d": None})
        return 0

    def _identify(self, connection: Connection, asked: Json) -> int:
        self.identifies.append(asked)
        if connection.session:
            return 4005
        if asked.get("token") != self._token:
            return 4004
        intents = asked.get("intents")
        if not isinstance(intents, int) or intents & ~_EVERY_INTENT:
            return 4013
        if intents & _PRIVILEGED & ~self._world.privileged:
            return 4014
        session = Session(f"session-{self._world.snowflake()}", intents, asked.get("shard"), connection=connection)
        self.sessions[session.id] = connection.session = session
        self._dispatch(session, "READY", self._ready(session))
        if discord_intents.on_shard(session.shard):
            self._dispatch(session, "GUILD_CREATE", payloads.guild(self._world))
        return 0

    def _ready(self, session: Session) -> Json:
        guilds = [{"id": GUILD, "unavailable": True}] if discord_intents.on_shard(session.shard) else []
        resume = f"{self._world.base_url.replace('http', 'ws', 1)}{RESUME}"
        me = payloads.user(self._world.users[BOT])
        flags = payloads.application(self._world, "")["flags"]
        ready: Json = {"v": 10, "user": me, "guilds": guilds, "session_id": session.id, "resume_gateway_url": resume}
        shard: Json = {"shard": session.shard} if session.shard else {}
        return {**ready, "application": {"id": APP, "flags": flags}, **shard}

    def _resume(self, connection: Connection, asked: Json) -> int:
        self.resumes.append(asked)
        if asked.get("token") != self._token:
            return 4004
        session, seen = self.sessions.get(asked.get("session_id") or ""), asked.get("seq")
        if session is None or seen is None:
            connection.send({"op": 9, "d": False})
            return 0
        if seen > len(session.log):
            return 4007
        connection.session, session.connection = session, connection
        for frame in session.log[seen:]:
            connection.send(frame)
        self._dispatch(session, "RESUMED", {"_trace": []})
        return 0

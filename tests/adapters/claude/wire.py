"""The other end of the Agent SDK's control protocol, in this process: a CLI that says what a test tells it to."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import claude_agent_sdk

import sayso
from sayso import model
from sayso.desk import token_secret
from sayso.machine import people
from sayso.stores import Query, memory

Json = dict[str, Any]
ANN = people.Actor(account="test:ann", name="Ann", member=True)


@dataclass
class Line(claude_agent_sdk.Transport):
    """A transport with a script at the other end."""

    session: str = "s-1"
    answers: dict[str, Json] = field(default_factory=dict[str, Json])
    hooks: Json = field(default_factory=Json)
    _said: asyncio.Queue[Json | None] = field(default_factory=asyncio.Queue[Json | None])
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    async def connect(self) -> None: ...

    def is_ready(self) -> bool:
        return True

    async def end_input(self) -> None: ...

    async def close(self) -> None:
        self._said.put_nowait(None)

    async def read_messages(self) -> AsyncIterator[Json]:
        while (said := await self._said.get()) is not None:
            yield said

    async def write(self, data: str) -> None:
        message = json.loads(data)
        if message["type"] == "control_request":
            self.hooks = message["request"].get("hooks") or self.hooks
            known = {"hook_on_failure_supported": True, "hooks_applied": True}
            response = {"subtype": "success", "request_id": message["request_id"], "response": known}
            self._said.put_nowait({"type": "control_response", "response": response})
        elif message["type"] == "control_response":
            async with self._heard:
                self.answers[message["response"]["request_id"]] = message["response"]
                self._heard.notify_all()

    def send(self, **request: Any) -> str:
        """A control request; its id."""
        id = f"r{next(self._ids)}"
        self._said.put_nowait({"type": "control_request", "request_id": id, "request": request})
        return id

    def withdraw(self, id: str) -> None:
        self._said.put_nowait({"type": "control_cancel_request", "request_id": id})

    async def answer(self, id: str) -> Json:
        """What the SDK answered; an error is one, too."""
        async with asyncio.timeout(10), self._heard:
            await self._heard.wait_for(lambda: id in self.answers)
        response: Json = self.answers[id].get("response", self.answers[id])
        return response

    def ask(self, tool: str, input: Json, call: str = "toolu_1", **more: Any) -> str:
        """May this tool run?"""
        return self.send(subtype="can_use_tool", tool_name=tool, input=input, tool_use_id=call, **more)

    async def before(self, tool: str, input: Json, call: str = "toolu_1", **more: Any) -> list[Json]:
        """The hooks before a tool; what each answered."""
        told = {"session_id": self.session, "cwd": "/home/dev/shop", "transcript_path": "/t", "permission_mode": "plan"}
        named = {"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": input, "tool_use_id": call}
        ids = [id for matcher in self.hooks["PreToolUse"] for id in matcher["hookCallbackIds"]]
        sent = {"subtype": "hook_callback", "input": {**told, **named, **more}, "tool_use_id": call}
        return [await self.answer(self.send(**sent, callback_id=id)) for id in ids]

    async def loads(self, command: str, **more: Any) -> Json:
        """The hook of a skill that runs a shell command; what it answered."""
        told = {"session_id": self.session, "cwd": "/home/dev/shop", "transcript_path": "/t", "command_name": "tidy"}
        named = {"hook_event_name": "PreSkillShellCommand", "tool_name": "Bash", "tool_input": {"command": command}}
        [matcher] = self.hooks["PreSkillShellCommand"]
        sent = {"subtype": "hook_callback", "input": {**told, **named, **more}, "tool_use_id": "toolu_1:preamble-0"}
        output: Json = (await self.answer(self.send(**sent, callback_id=matcher["hookCallbackIds"][0])))[
            "hookSpecificOutput"
        ]
        return output


@dataclass
class Desk:
    """A desk in this process, and Ann at it."""

    desk: sayso.Desk

    async def asked(self, count: int = 1) -> model.Ticket:
        """The newest request that is open, once there have been *count*."""
        async with asyncio.timeout(10):
            changes = self.desk.store.changes()
            while len(found := await self.desk.store.list(Query())) < count:
                await anext(changes)
        return next((ticket for ticket in found if ticket.decision is None), found[0])

    async def answer(self, count: int = 1, **answer: Any) -> model.Ticket:
        ticket = await self.asked(count)
        return await self.desk.answer(ticket.id, model.Answer(**answer), ANN)

    async def count(self) -> int:
        return len(await self.desk.store.list(Query()))


async def desk() -> Desk:
    store = memory.MemoryStore()
    return Desk(sayso.Desk(store, await token_secret.mint(store)))


@asynccontextmanager
async def connected(options: claude_agent_sdk.ClaudeAgentOptions, session: str = "s-1") -> AsyncGenerator[Line]:
    """An SDK client with these options at this end."""
    line = Line(session)
    async with claude_agent_sdk.ClaudeSDKClient(options, transport=line):
        yield line

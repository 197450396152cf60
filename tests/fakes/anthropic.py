"""A loopback Messages API that plays a script, so that the real Claude Code CLI runs with no network and no key.

It speaks only the wire format and knows nothing of the product: what the model says is scripted, what it read is kept.
"""

import itertools
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]

_MODEL = "claude-fake"
_USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
_MAX_BODY = 64 * 1024**2  # a test may feed the model a large file; aiohttp stops at 1 MiB


@dataclass(frozen=True)
class Text:
    """Something the model says."""

    text: str


@dataclass(frozen=True)
class ToolUse:
    """A tool the model calls; without an `id` it gets `toolu_1`, `toolu_2` .. in the order of the script."""

    name: str
    input: Mapping[str, Any]
    id: str = ""


class ToolResult(NamedTuple):
    """What the model was told about one of its tool calls."""

    tool_use_id: str
    text: str
    is_error: bool


Turn = Text | ToolUse | Sequence[Text | ToolUse]


@dataclass
class FakeAnthropic:
    """The scripted model; the n-th request that offers tools is answered with the n-th turn of the script."""

    url: str = ""
    requests: list[Json] = field(default_factory=list[Json])
    """Every body posted to /v1/messages, auxiliary ones (titles, classifiers: no tools offered) included."""
    _turns: list[list[Json]] = field(default_factory=list[list[Json]])
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def script(self, turns: Sequence[Turn]) -> None:
        """Append turns; a request beyond the last one is refused with HTTP 400, which ends the run visibly."""
        for turn in turns:
            self._turns.append([self._block(part) for part in ([turn] if isinstance(turn, Text | ToolUse) else turn)])

    def forget(self) -> None:
        """Begin again for another run of the same client: no turns, nothing read. Calls are counted on."""
        self.requests.clear()
        self._turns.clear()

    def conversation(self) -> list[Json]:
        """The requests of the main conversation, that is those which offer tools."""
        return [body for body in self.requests if body.get("tools")]

    def tool_results(self) -> list[ToolResult]:
        """Every tool result the model has read, each once, in the order it was first sent."""
        found: dict[str, ToolResult] = {}
        for body in self.conversation():
            for result in _results(body):
                found.setdefault(result.tool_use_id, result)
        return list(found.values())

    def _block(self, part: Text | ToolUse) -> Json:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        name = part.id or f"toolu_{next(self._ids)}"
        return {"type": "tool_use", "id": name, "name": part.name, "input": dict(part.input)}

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body: Json = await request.json()
        self.requests.append(body)
        blocks = self._next(body)
        if blocks is None:
            return _refusal(f"the script has {len(self._turns)} turns; request {len(self.conversation())} is beyond it")
        message = _message(f"msg_{len(self.requests)}", blocks)
        return await _stream(request, message) if body.get("stream") else web.json_response(message)

    def _next(self, body: Json) -> list[Json] | None:
        if not body.get("tools"):
            return [{"type": "text", "text": "ok"}]
        index = len(self.conversation()) - 1
        return self._turns[index] if index < len(self._turns) else None


@asynccontextmanager
async def serve() -> AsyncGenerator[FakeAnthropic, None]:
    """Serve a fake on 127.0.0.1 for as long as the block lasts; give its `url` to the client as ANTHROPIC_BASE_URL."""
    fake = FakeAnthropic()
    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_post("/v1/messages", fake._messages)  # pyright: ignore[reportPrivateUsage]
    app.router.add_post("/v1/messages/count_tokens", _count_tokens)
    app.router.add_get("/", _alive)  # the CLI probes the address with HEAD, which aiohttp derives from GET
    async with TestServer(app, host="127.0.0.1") as server:
        fake.url = str(server.make_url("/")).rstrip("/")
        yield fake


def _results(body: Json) -> list[ToolResult]:
    contents = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    blocks = [block for block in itertools.chain.from_iterable(contents) if block["type"] == "tool_result"]
    return [ToolResult(b["tool_use_id"], _text(b.get("content")), bool(b.get("is_error"))) for b in blocks]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in cast("list[Json]", content))
    return str(content or "")


def _message(name: str, blocks: list[Json]) -> Json:
    stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
    return {
        "id": name,
        "type": "message",
        "role": "assistant",
        "model": _MODEL,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": _USAGE,
    }


async def _stream(request: web.Request, message: Json) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in _events(message):
        await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    return response


def _events(message: Json) -> list[Json]:
    start: Json = {**message, "content": [], "stop_reason": None}
    parts = [event for index, block in enumerate(message["content"]) for event in _block_events(index, block)]
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    end: list[Json] = [{"type": "message_delta", "delta": delta, "usage": _USAGE}, {"type": "message_stop"}]
    return [{"type": "message_start", "message": start}, *parts, *end]


def _block_events(index: int, block: Json) -> list[Json]:
    # A block starts with its one growing field empty; the whole of it then comes as a single delta.
    if block["type"] == "text":
        empty: Json = {"text": ""}
        delta: Json = {"type": "text_delta", "text": block["text"]}
    else:
        empty = {"input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    return [
        {"type": "content_block_start", "index": index, "content_block": {**block, **empty}},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_stop", "index": index},
    ]


def _refusal(text: str) -> web.Response:
    return web.json_response({"type": "error", "error": {"type": "invalid_request_error", "message": text}}, status=400)


async def _count_tokens(_: web.Request) -> web.Response:
    return web.json_response({"input_tokens": 10})


async def _alive(_: web.Request) -> web.Response:
    return web.Response()

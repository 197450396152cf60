"""The event stream: in order, from any row on, only to whoever may see it, and over within a moment when it must be."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest

import sayso
from sayso import model
from sayso.desk import Caller
from sayso.machine import events
from sayso.stores import Row
from sayso.testing.clock import ManualClock
from sayso.testing.samples import NOW
from sayso_http.server import event_stream
from tests.adapters.http.service import RESTRICTED, Service, permission, running
from tests.adapters.http.witness import lies
from tests.conftest import until
from tests.tables import each


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path) as running_service:
        yield running_service


def person() -> model.Person:
    return model.Person(id="ann", name="Ann", account="key:ann")


@dataclass
class Reader:
    response: aiohttp.ClientResponse

    async def block(self) -> str:
        async with asyncio.timeout(5):
            return (await self.response.content.readuntil(b"\n\n")).decode()

    async def event(self) -> dict[str, Any]:
        block = await self.block()
        fields = dict(line.split(": ", 1) for line in block.strip().split("\n"))
        row: dict[str, Any] = json.loads(fields["data"])
        assert (int(fields["id"]), fields["event"]) == (row["number"], row["entry"]["type"])
        return row

    async def ended(self) -> bool:
        async with asyncio.timeout(5):
            return await self.response.content.read() == b""


@contextlib.asynccontextmanager
async def stream(service: Service, key: str, query: str = "", last: str | None = None) -> AsyncGenerator[Reader, None]:
    assert service.session is not None
    headers = {"Authorization": f"Bearer {service.secrets[key]}"} | ({"Last-Event-ID": last} if last else {})
    async with service.session.get(f"{service.url}/v1/events{query}", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield Reader(response)


async def test_a_stream_tells_what_happens_from_now_on(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission("before"))
    async with stream(service, "op") as reader:
        await until(lambda: service.front.broadcast.listening)
        await service.call("POST", "/v1/requests", "bot", permission())
        await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
        opened, answered = await reader.event(), await reader.event()
    assert [(row["request"], row["entry"]["type"]) for row in (opened, answered)] == [
        ("r1", "opened"),
        ("r1", "answered"),
    ]
    assert answered["entry"]["by"]["id"] == "ann"


async def test_a_stream_goes_on_where_another_was_cut(service: Service) -> None:
    for number in range(5):
        await service.call("POST", "/v1/requests", "bot", permission(f"r{number}"))
    async with stream(service, "op", "?after=0") as reader:
        first = [await reader.event() for _ in range(2)]
    async with stream(service, "op", last=str(first[-1]["number"])) as reader:
        rest = [await reader.event() for _ in range(3)]
    assert [row["request"] for row in (*first, *rest)] == ["r0", "r1", "r2", "r3", "r4"]


async def test_the_last_event_id_counts_more_than_the_address(service: Service) -> None:
    for number in range(3):
        await service.call("POST", "/v1/requests", "bot", permission(f"r{number}"))
    async with stream(service, "op", "?after=0", last="2") as reader:
        assert (await reader.event())["request"] == "r2"


async def test_more_rows_than_fit_one_read_all_come_once_and_in_order(service: Service) -> None:
    asked = [sayso.Permission(id=f"r{number}", tool="Bash") for number in range(230)]
    await asyncio.gather(*(service.front.open(one, Caller("bot")) for one in asked))
    async with stream(service, "bot", "?after=0") as reader:
        numbers = [(await reader.event())["number"] for _ in range(230)]
    assert numbers == list(range(1, 231))


async def test_each_key_hears_only_of_what_it_may_see(tmp_path: Path) -> None:
    async with running(tmp_path, setup=RESTRICTED) as service:
        await service.call("POST", "/v1/requests", "bot", permission("mine"))
        await service.call("POST", "/v1/requests", "other", permission("theirs"))
        await service.call("POST", "/v1/requests", "other", permission("both", policy="two"))
        await service.call("POST", "/v1/requests", "bot", permission("last", policy="two"))
        for key, expected in (
            ("bot", ["mine", "last"]),
            ("other", ["theirs", "both"]),
            ("bob", ["both", "last"]),
            ("ann", ["mine", "theirs", "both", "last"]),
        ):
            async with stream(service, key, "?after=0") as reader:
                assert [(await reader.event())["request"] for _ in expected] == expected


async def test_a_stream_without_news_says_that_it_lives(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, now=clock) as service, stream(service, "op") as reader:
        for _ in range(3):
            await until(lambda: service.front.broadcast.listening)
            clock.advance(15)
            assert (await reader.block()).startswith(":")
        await service.call("POST", "/v1/requests", "bot", permission())
        assert (await reader.event())["request"] == "r1"


async def test_a_revoked_key_hears_nothing_more(service: Service) -> None:
    async with stream(service, "bot") as reader:
        await until(lambda: service.front.broadcast.listening)
        await service.keys.revoke("bot")
        await service.call("POST", "/v1/requests", "op", permission())
        assert await reader.ended()


async def test_a_key_that_is_revoked_while_it_catches_up_gets_no_more_rows(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    for number in range(400):
        tried = events.AnswerRefused(at=NOW, by=person(), code="not_allowed", message=f"try {number}")
        await service.store.append("r1", 0, tried)
    read, revoked = service.store.log_after, list[int]()

    async def reading(number: int, limit: int = 100) -> Sequence[Row]:
        if number >= 100 and not revoked:
            revoked.append(await service.keys.revoke("op"))
        return await read(number, limit)

    monkeypatch.setattr(service.store, "log_after", reading)
    async with stream(service, "op", "?after=0") as reader:
        told = (await asyncio.wait_for(reader.response.content.read(), 5)).decode()
    assert told.count("id: ") == 100


@pytest.mark.parametrize("key", ["bot", "ann", "op"])
async def test_a_revoked_key_ends_its_stream_though_nothing_else_happens(service: Service, key: str) -> None:
    async with stream(service, key) as reader:
        await until(lambda: service.front.broadcast.listening)
        await service.keys.revoke(key)
        assert await reader.ended()


async def test_only_an_operator_reads_that_a_key_was_revoked(service: Service) -> None:
    async with stream(service, "op") as reader, stream(service, "ann") as other:
        await until(lambda: service.front.broadcast.listening == 2)
        await service.keys.revoke("other")
        assert (await reader.event())["entry"]["key"] == "other"
        await service.call("POST", "/v1/requests", "bot", permission())
        assert (await other.event())["request"] == "r1"


async def test_a_stopping_service_ends_its_streams_at_once(service: Service) -> None:
    async with stream(service, "op") as reader:
        await until(lambda: service.front.broadcast.listening)
        async with asyncio.timeout(5):
            await service.stop()
        assert await reader.ended()
    assert service.store.waiting == 0


async def test_a_row_number_that_is_none_is_422(service: Service) -> None:
    rows: list[str] = ["-1", "x", "1.5", "9" * 19, "9" * 30, "+1", "1_0"]
    for row in each(rows):
        with row as number:
            for answered, field in (
                (await service.call("GET", f"/v1/events?after={number.replace('+', '%2B')}", "op"), "after"),
                (await service.call("GET", "/v1/events", "op", headers={"Last-Event-ID": number}), "Last-Event-ID"),
            ):
                assert (answered.status, answered.error["field"]) == (422, field)


async def test_a_stream_needs_a_key(service: Service) -> None:
    assert (await service.call("GET", "/v1/events")).status == 401


def test_the_witness_of_the_document_sees_a_lie() -> None:
    response = aiohttp.web.json_response({"id": 1})
    assert lies("/v1/requests/{id}", "get", response)
    assert lies("/v1/requests/{id}", "put", response)
    assert lies("/healthz", "get", aiohttp.web.Response(status=418))
    assert lies("/healthz", "get", aiohttp.web.Response(text="fine"))


async def test_a_caller_that_goes_away_before_the_first_line_is_no_error(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(*_: object) -> None:
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(aiohttp.web.StreamResponse, "prepare", gone)
    with pytest.raises(aiohttp.ClientError):
        async with stream(service, "op"):
            pass
    assert caplog.text == ""


async def test_a_long_row_is_not_kept_for_everybody_who_reads_slowly(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, write = list[int](), event_stream.EventStream._write_at_once

    def counted(self: event_stream.EventStream, *given: Any) -> bool:
        done = write(self, *given)
        written.append(done)
        return done

    monkeypatch.setattr(event_stream.EventStream, "_write_at_once", counted)
    async with stream(service, "op") as reader:
        await until(lambda: service.front.broadcast.listening)
        await service.call("POST", "/v1/requests", "bot", permission())
        opened = await reader.event()
        await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow", "input": {"x": "y" * 50_000}})
        answered = await reader.event()
    assert (opened["entry"]["type"], answered["entry"]["type"], written) == ("opened", "answered", [True, False])

"""Decisions that are handed over: signed, once per decision, retried on the schedule, and only to whom it is safe."""

import asyncio
import base64
import contextlib
import itertools
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from aiohttp import abc, web

import sayso
from sayso import errors, stores
from sayso.desk import Desk, Setup, courier, token_secret
from sayso.machine import people
from sayso.testing.clock import ManualClock
from sayso_http import callback
from tests.conftest import until
from tests.tables import each

SECRET = b"0123456789abcdef0123456789abcdef"
HERE = ("127.0.0.1",)


@dataclass
class Receiver:
    """A receiver on loopback that answers with the statuses it was given, the last one for ever."""

    statuses: list[int] = field(default_factory=lambda: [200])
    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list[tuple[dict[str, str], bytes]])
    silent: bool = False

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.taken.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        if self.silent:
            await asyncio.Event().wait()
        status = self.statuses[min(len(self.taken), len(self.statuses)) - 1]
        return web.Response(status=status, headers={"Location": "/elsewhere"} if 300 <= status < 400 else {})


@contextlib.asynccontextmanager
async def receiving(*statuses: int, silent: bool = False) -> AsyncGenerator[Receiver, None]:
    receiver = Receiver(list(statuses) or [200], silent=silent)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
def clock() -> ManualClock:
    # signatures are compared with the real time
    return ManualClock(datetime.now(UTC))


@pytest.fixture
async def front(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Desk]:
    store = await stores.connect(f"sqlite:///{tmp_path}/sayso.db")
    yield Desk(store, await token_secret.mint(store), Setup(callbacks=True), clock)
    await store.close()


async def decided(front: Desk, url: str) -> sayso.Ticket:
    await front.open(sayso.Permission(tool="Bash", id="a.b:c", callback_url=url, metadata={"run": 7}))
    ann = people.Actor(account="web:ann", member=True, person="ann")
    return await front.answer("a.b:c", sayso.Answer(verdict="allow"), ann)


def resumer(front: Desk, **more: Any) -> callback.CallbackResumer:
    known: dict[str, Any] = {"allow": HERE, "clock": front.clock, "chance": lambda: 0.0, **more}
    return callback.CallbackResumer(SECRET, **known)


def courier_of(front: Desk, **more: Any) -> courier.Courier:
    return courier.Courier(front, [], resumer(front, **more))


async def test_a_decision_arrives_signed_and_whole(front: Desk) -> None:
    async with receiving() as receiver:
        ticket = await decided(front, receiver.url)
        await courier_of(front).deliver()
    [(headers, body)] = receiver.taken
    found = callback.verify(body, headers, SECRET)
    assert found.data.decision == ticket.decision
    assert (found.data.id, found.data.digest, found.data.metadata) == (ticket.id, ticket.digest, {"run": 7})
    assert found.type == "request.decided"
    assert json.loads(body)["data"]["decision"]["by"][0]["person"] == "ann"
    assert headers["content-type"] == "application/json"
    assert callback.verify(body, headers, callback.secret_text(SECRET)) == found


async def test_a_delivered_decision_is_on_record_and_not_delivered_again(front: Desk, clock: ManualClock) -> None:
    async with receiving() as receiver:
        await decided(front, receiver.url)
        for _ in range(3):
            await courier_of(front).deliver()
            clock.advance(86_400)
    assert len(receiver.taken) == 1
    assert [row.entry.type for row in await front.store.log("a.b:c")] == ["opened", "answered", "delivered"]


async def test_a_receiver_that_fails_is_tried_ten_times_over_75_hours(front: Desk, clock: ManualClock) -> None:
    async with receiving(500) as receiver:
        await decided(front, receiver.url)
        moments: list[datetime] = []
        while True:
            tries = len(receiver.taken)
            await courier_of(front).deliver()
            moments += [clock.now()] * (len(receiver.taken) - tries)
            due = await front.store.next_job(["callback"])
            if due is None:
                break
            clock.advance((due - clock.now()).total_seconds())
    gaps = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(moments)]
    assert gaps == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert moments[-1] - moments[0] == timedelta(hours=75, minutes=35, seconds=5)
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 1
    assert len({body for _, body in receiver.taken}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.taken}) == 10


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503, 304])
async def test_anything_but_success_is_tried_again_and_a_redirect_is_not_followed(front: Desk, status: int) -> None:
    async with receiving(status, 204) as receiver:
        await decided(front, receiver.url)
        await courier_of(front).deliver()
        assert await front.store.next_job(["callback"]) == front.clock.now() + timedelta(seconds=5)
        front.clock.advance(5)  # type: ignore[attr-defined] # pyright: ignore
        await courier_of(front).deliver()
    assert len(receiver.taken) == 2
    assert await front.store.next_job(["callback"]) is None


async def test_a_receiver_that_is_gone_is_left_alone(front: Desk) -> None:
    async with receiving(410) as receiver:
        await decided(front, receiver.url)
        await courier_of(front).deliver()
    assert await front.store.next_job(["callback"]) is None


async def test_a_receiver_that_is_silent_or_away_is_tried_again(front: Desk) -> None:
    async with receiving(silent=True) as receiver:
        ticket = await decided(front, receiver.url)
        with pytest.raises(errors.ChannelError) as late:
            await resumer(front, patience=0.2).resume(ticket)
    with pytest.raises(errors.ChannelError) as away:
        await resumer(front).resume(ticket)
    assert (late.value.final, away.value.final) == (False, False)


async def test_a_receiver_that_never_stops_talking_does_not_hold_the_courier(front: Desk) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    ticket = await decided(front, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    async with asyncio.timeout(5):
        await resumer(front).resume(ticket)
    server.close()


async def test_a_proxy_of_the_environment_is_not_used(front: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await resumer(front).resume(await decided(front, receiver.url))
    assert (len(receiver.taken), len(proxy.taken)) == (1, 0)


async def test_an_address_that_must_not_be_called_is_given_up_at_once(front: Desk) -> None:
    async with receiving() as receiver:
        await decided(front, receiver.url)
        await courier_of(front, allow=()).deliver()
    assert receiver.taken == []
    assert await front.store.next_job(["callback"]) is None


class Names(abc.AbstractResolver):
    """Name service that answers every name with the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[abc.ResolveResult]:
        self.asked.append(host)
        return [
            abc.ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


INSIDE = [
    ["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["192.168.1.1"], ["172.16.0.1"], ["100.64.0.1"], ["0.0.0.0"],
    ["255.255.255.255"], ["224.0.0.1"], ["::1"], ["::"], ["fe80::1"], ["fc00::1"], ["::ffff:127.0.0.1"],
    ["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["2001:0:4136:e378::"], ["10.0.0.1", "127.0.0.1", "::1"],
]  # fmt: skip


async def test_a_public_name_that_leads_inside_is_not_connected_to(front: Desk) -> None:
    ticket = await decided(front, "https://hooks.example.com:8443/")
    for row in each(INSIDE):
        with row as addresses:
            names = Names(*addresses)
            with pytest.raises(errors.ChannelError) as refused:
                await resumer(front, allow=(), resolver=names).resume(ticket)
            assert refused.value.final
            assert "not public" in refused.value.message
            assert names.asked == ["hooks.example.com"]


async def test_a_name_that_the_operator_allows_may_lead_inside(front: Desk) -> None:
    async with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "hooks.internal")
        ticket = await decided(front, url)
        port = url.split(":")[2].split("/")[0]
        await resumer(front, allow=(f"hooks.internal:{port}",), resolver=Names("127.0.0.1")).resume(ticket)
    assert len(receiver.taken) == 1


async def test_what_a_newer_service_says_beyond_it_is_passed_over(front: Desk) -> None:
    async with receiving() as receiver:
        ticket = await decided(front, receiver.url)
        await courier_of(front).deliver()
    [(_, body)] = receiver.taken
    said = json.loads(body)
    for part in (said, said["data"], said["data"]["decision"], said["data"]["decision"]["by"][0]):
        part["weight"] = [1]
    newer, now = json.dumps(said).encode(), datetime.now(UTC)
    assert callback.verify(newer, signed(newer, now), SECRET).data.decision == ticket.decision


async def test_while_a_secret_is_changed_both_sign(front: Desk) -> None:
    older = b"f" * 32
    async with receiving() as receiver:
        await resumer(front, older=[older]).resume(await decided(front, receiver.url))
    [(headers, body)] = receiver.taken
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (SECRET, older):
        assert callback.verify(body, headers, secret).data.id == "a.b:c"


async def test_jitter_adds_up_to_a_tenth(front: Desk) -> None:
    late = callback.CallbackResumer(SECRET, chance=lambda: 1.0)
    ticket = await decided(front, "https://hooks.example.com/")
    assert [late.next_try(ticket, number) for number in (1, 9, 10)] == [pytest.approx(5.5), pytest.approx(95_040), None]


def test_a_secret_of_another_length_stops_the_start() -> None:
    rows: list[bytes] = [b"", b"x" * 23, b"x" * 65]
    for row in each(rows):
        with row as secret:
            with pytest.raises(sayso.InvalidSettings) as refused:
                callback.CallbackResumer(secret)
            assert not secret or secret.decode() not in refused.value.message


def signed(body: bytes, at: datetime, secret: bytes = SECRET) -> dict[str, str]:
    name = "dec_1"
    signature = standardwebhooks.Webhook(secret).sign(name, at, body.decode())
    return {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


async def genuine(front: Desk) -> tuple[bytes, dict[str, str]]:
    async with receiving() as receiver:
        await resumer(front).resume(await decided(front, receiver.url))
    headers, body = receiver.taken[0]
    return body, {name: value for name, value in headers.items() if name.startswith("webhook-")}


async def test_a_forged_old_or_changed_callback_is_refused(front: Desk) -> None:
    body, headers = await genuine(front)
    now = datetime.now(UTC)
    flipped = bytearray(base64.b64decode(headers["webhook-signature"].removeprefix("v1,")))
    flipped[0] ^= 1
    forged: list[tuple[bytes, dict[str, str]]] = [
        (body.replace(b"allowed", b"denied "), headers),
        (body + b" ", headers),
        (b"", headers),
        (b"\xff", headers),
        (body, {}),
        *((body, {name: value for name, value in headers.items() if name != missing}) for missing in headers),
        (body, {**headers, "webhook-id": "dec_2"}),
        (body, {**headers, "webhook-timestamp": str(int(now.timestamp()) + 1000)}),
        *((body, {**headers, "webhook-timestamp": at}) for at in ("", "x", "nan", "inf", "1e400", "-1", "9" * 400)),
        (body, {**headers, "webhook-signature": "v1," + base64.b64encode(flipped).decode()}),
        *(
            (body, {**headers, "webhook-signature": text})
            for text in (
                "",
                "v1",
                "v1,",
                "v1,!",
                "v1,é",
                "v1,a,b",
                "v2" + headers["webhook-signature"][2:],
                " ",
                "v1,AAAA v1",
            )
        ),
        (body, signed(body, now, b"another secret, as long as it")),
        (body, signed(body, now - timedelta(minutes=6))),
        (body, signed(body, now + timedelta(minutes=6))),
        (b"{}", signed(b"{}", now)),
        (b'"x"', signed(b'"x"', now)),
    ]
    for changed, given in forged:
        with pytest.raises(errors.InvalidToken):
            callback.verify(changed, given, SECRET)
    assert callback.verify(body, {name.upper(): value for name, value in headers.items()}, SECRET)


async def test_a_replayed_callback_is_taken_once(front: Desk) -> None:
    body, headers = await genuine(front)
    seen: set[str] = set()
    callback.verify(body, headers, SECRET, seen=seen)
    with pytest.raises(errors.InvalidToken) as again:
        callback.verify(body, headers, SECRET, seen=seen)
    assert again.value.hint == "answer 200"
    assert seen == {headers["webhook-id"]}


async def test_the_courier_that_runs_delivers_without_being_called(front: Desk) -> None:
    async with receiving() as receiver:
        running = asyncio.create_task(courier_of(front).run())
        await decided(front, receiver.url)
        await until(lambda: receiver.taken)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

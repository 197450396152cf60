"""A browser subscribes for push: only whoever is signed in, by the form of their own session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sayso import errors
from sayso.machine import people
from tests.adapters.web.service import Service, serving


class Devices:
    """Keeps what it is given, and refuses a wrong address, as the real one does."""

    key = "BPublic"

    def __init__(self) -> None:
        self.known: list[tuple[str, ...]] = []

    async def add(self, actor: people.Actor, endpoint: str, p256dh: str, auth: str) -> None:
        if not endpoint:
            raise errors.InvalidRequest("this push address cannot be used", field="endpoint")
        self.known.append((actor.account, endpoint, p256dh, auth))

    async def remove(self, actor: people.Actor, endpoint: str) -> None:
        self.known = [one for one in self.known if one[:2] != (actor.account, endpoint)]


@pytest.fixture
def devices() -> Devices:
    return Devices()


@pytest.fixture
async def service(devices: Devices) -> AsyncIterator[Service]:
    async with serving(devices=devices) as built:
        yield built


async def test_whoever_is_signed_in_subscribes_and_leaves(service: Service, devices: Devices) -> None:
    ann = await service.signed_in("ann")
    assert '"BPublic"' in (await ann.get("/push")).text
    csrf = await ann.csrf()
    given = {"endpoint": "https://push.example.com/x", "p256dh": "P", "auth": "A"}
    assert (await ann.post("/push/on", {"csrf": csrf, **given})).status == 204
    assert devices.known == [("web:ann", "https://push.example.com/x", "P", "A")]
    assert (await ann.post("/push/on", {"csrf": csrf})).status == 422
    assert (await ann.post("/push/off", {"csrf": csrf, "endpoint": given["endpoint"]})).status == 204
    assert devices.known == []


async def test_nobody_else_does(service: Service, devices: Devices) -> None:
    ann, stranger = await service.signed_in("ann"), service.browser()
    given = {"endpoint": "https://push.example.com/x", "p256dh": "P", "auth": "A"}
    for path in ("/push/on", "/push/off"):
        assert (await stranger.post(path, given)).status == 401
        assert (await ann.post(path, given)).status == 403
        assert (await ann.post(path, {"csrf": await ann.csrf(), **given}, Origin="https://x.example")).status == 403
    assert (await stranger.get("/push")).status == 401
    assert devices.known == []


async def test_a_service_without_push_says_so_and_takes_none() -> None:
    async with serving() as service:
        ann = await service.signed_in("ann")
        assert (await ann.get("/push")).text == '{"key": null}'
        assert (await ann.post("/push/on", {"csrf": await ann.csrf(), "endpoint": "x"})).status == 404

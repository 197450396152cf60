"""Images of 5 MB over HTTP: taken from a caller who is known and says how much it is, and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import sayso
from sayso import model
from sayso.content import images
from sayso_http import routes
from tests.adapters.http.service import Service, permission, running
from tests.core.content.test_images import png

RAW = png() + bytes(images.MAX_BYTES - len(png()))
ATTACHED = {"name": "shop.png", "kind": "image", "data": base64.b64encode(RAW).decode()}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path) as there:
        yield there


async def test_an_image_of_5_mb_is_taken_and_named_by_its_hash(service: Service) -> None:
    sent = permission(attachments=[ATTACHED])
    answered = await service.call("POST", "/v1/requests", "bot", sent)
    assert answered.status == 201
    assert len(answered.text) < 5_000
    (kept,) = answered.json["request"]["attachments"]
    assert (kept["data"], kept["size"], kept["media_type"]) == (None, images.MAX_BYTES, "image/png")
    again = await service.call("POST", "/v1/requests", "bot", sent)
    assert (again.status, again.json["digest"]) == (200, answered.json["digest"])


async def test_a_program_asks_with_two_of_them(service: Service) -> None:
    attached = [model.Attachment.model_validate({**ATTACHED, "name": name}) for name in ("a", "b")]
    async with service.remote("bot") as desk:
        asked = sayso.Permission(tool="Bash", input={"command": "ls"}, id="r9", attachments=attached)
        ticket = await desk.open(asked)
        assert [one.size for one in ticket.request.attachments] == [images.MAX_BYTES] * 2
        assert await desk.open(asked) == ticket


async def test_a_caller_who_is_not_known_sends_none(service: Service) -> None:
    service.secrets["nobody"] = "sayso_agent_" + "0" * 64
    answered = await service.call("POST", "/v1/requests", "nobody", permission(attachments=[ATTACHED]))
    assert answered.status == 401
    assert await service.store.last_row() == 0


async def test_who_does_not_say_how_much_it_is_sends_no_more_than_others(service: Service) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 65_536

    data: Any = pieces()
    answered = await service.call("POST", "/v1/requests", "bot", data=data)
    assert answered.status == 413


async def test_no_other_call_takes_so_much(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    body = {"verdict": "deny", "reason": "x" * (routes.BODY_LIMIT + 1)}
    assert (await service.call("POST", "/v1/requests/r1/answers", "ann", body)).status == 413
    assert (await service.call("POST", "/v1/requests/r1/cancel", "bot", body)).status == 413

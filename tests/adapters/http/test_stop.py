"""Stop over HTTP: who may, what the other calls answer meanwhile, and the client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import sayso
from sayso import errors
from tests.adapters.http.service import RESTRICTED, Service, permission, running

ALLOW = {"verdict": "allow"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path, setup=RESTRICTED) as running_service:
        yield running_service


async def test_under_a_stop_nothing_is_allowed_or_used_and_afterwards_it_goes_on(service: Service) -> None:
    for id in ("open", "given"):
        await service.call("POST", "/v1/requests", "bot", permission(id))
    await service.call("POST", "/v1/requests/given/answers", "ann", ALLOW)
    stopped = await service.call("POST", "/v1/stop", "op", {"reason": "a key leaked"})
    assert stopped.status == 200
    (stop,) = stopped.json["stops"]
    assert (stop["by"], stop["via"], stop["agent"], stop["reason"]) == ("op", "key:op", None, "a key leaked")
    refused = await service.call("POST", "/v1/requests/open/answers", "ann", ALLOW)
    assert (refused.status, refused.error["message"]) == (409, "op has stopped everything: it can only be denied now")
    used = await service.call("POST", "/v1/requests/given/use", "bot")
    assert (used.status, used.error["code"]) == (409, "not_usable")
    late = await service.call("POST", "/v1/requests", "bot", permission("late"))
    assert (late.status, late.json["stopped"]["stop"]) == (201, stop)
    denied = await service.call("POST", "/v1/requests/late/answers", "ann", {"verdict": "deny"})
    assert denied.json["decision"]["outcome"] == "denied"
    assert (await service.call("POST", "/v1/resume", "ann")).json == {"stops": []}
    assert (await service.call("POST", "/v1/requests/given/use", "bot")).status == 200
    assert (await service.call("POST", "/v1/requests/open/answers", "ann", ALLOW)).status == 200


async def test_one_agent_is_stopped_by_the_name_of_its_key(service: Service) -> None:
    for who in ("bot", "other"):
        await service.call("POST", "/v1/requests", who, permission(who))
    assert (await service.call("POST", "/v1/stop", "ann", {"agent": "bot"})).json["stops"][0]["by"] == "ann"
    assert (await service.call("POST", "/v1/requests/bot/answers", "ann", ALLOW)).status == 409
    assert (await service.call("POST", "/v1/requests/other/answers", "ann", ALLOW)).status == 200
    wrong = await service.call("POST", "/v1/stop", "op", {"agent": "bto"})
    assert (wrong.status, wrong.error["field"]) == (422, "agent")
    nothing = await service.call("POST", "/v1/resume", "op")
    assert (nothing.status, nothing.error["hint"]) == (404, "stopped now: bot")
    assert (await service.call("POST", "/v1/resume", "op", {"agent": "bot"})).json == {"stops": []}


async def test_the_client_stops_and_lifts(service: Service) -> None:
    async with service.remote("op") as desk:
        await desk.stop(reason="leak")
        (both, one) = sorted(await desk.stop("bot"), key=lambda stop: stop.agent or "")
        assert (both.agent, both.reason, one.agent) == (None, "leak", "bot")
        assert await desk.resume() == (one,)
        assert await desk.stops() == (one,)
        await desk.resume("bot")
        with pytest.raises(errors.NotFound):
            await desk.resume("bot")
    async with service.remote("bot") as desk:
        with pytest.raises(errors.NotAllowed, match="a key of role agent cannot stop"):
            await desk.stop()
        assert not (await desk.open(sayso.Permission(tool="Bash"))).stopped

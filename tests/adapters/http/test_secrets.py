"""What keys are shown of secrets over HTTP: who asked sees them, others masks, and some by a call of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sayso import model
from sayso.desk import Setup
from sayso.machine import people
from tests.adapters.http.service import Service, running

SECRET = "ghp_" + "a1B2" * 9
ASKED = {"kind": "permission", "id": "r1", "tool": "Bash", "input": {"command": f"TOKEN={SECRET} make"}}
DIRECTORY = people.Directory({name: people.Profile() for name in ("ann", "bob")})
SETUP = Setup({"default": model.Policy(approvers=("ann", "bob"), reveal=("bob",))}, DIRECTORY)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path, setup=SETUP) as there:
        await there.call("POST", "/v1/requests", "bot", ASKED)
        yield there


async def test_who_asked_reads_the_secret_and_everybody_else_a_mask(service: Service) -> None:
    for path in ("/v1/requests/r1", "/v1/requests"):
        for who in ("bot", "ann", "bob", "op"):
            said = (await service.call("GET", path, who)).text
            assert (SECRET in said) == (who == "bot"), (path, who)
            assert ("••••36:" in json.dumps(json.loads(said), ensure_ascii=False)) == (who != "bot")
            assert '"salt"' not in said


async def test_an_edit_of_what_was_read_runs_with_the_secret(service: Service) -> None:
    seen = (await service.call("GET", "/v1/requests/r1", "ann")).json["request"]["input"]
    edited = {"command": seen["command"].replace("make", "make test")}
    answer = {"verdict": "allow", "input": edited, "reason": f"not {SECRET}"}
    answered = await service.call("POST", "/v1/requests/r1/answers", "ann", answer)
    assert answered.status == 200
    assert SECRET not in answered.text
    used = await service.call("POST", "/v1/requests/r1/use", "bot")
    assert used.json["decision"]["input"] == {"command": f"TOKEN={SECRET} make test"}
    for who in ("ann", "op"):
        assert SECRET not in (await service.call("GET", "/v1/requests/r1/log", who)).text
    assert SECRET in (await service.call("GET", "/v1/requests/r1/log", "bot")).text


async def test_a_mask_of_elsewhere_is_refused_and_nothing_is_decided(service: Service) -> None:
    forged = {"verdict": "allow", "input": {"command": "TOKEN=••••6:0123abcd•••• make"}}
    answered = await service.call("POST", "/v1/requests/r1/answers", "ann", forged)
    assert (answered.status, answered.error["field"]) == (422, "input")
    assert (await service.call("GET", "/v1/requests/r1", "bot")).json["state"] == "pending"


async def test_whoever_may_reveals_it_on_record(service: Service) -> None:
    for who, status in {"bob": 200, "op": 200, "bot": 200, "ann": 403, "other": 404}.items():
        shown = await service.call("POST", "/v1/requests/r1/reveal", who)
        assert shown.status == status, who
        assert (SECRET in shown.text) == (status == 200)
    rows = (await service.call("GET", "/v1/requests/r1/log", "op")).json["rows"]
    assert [row["entry"]["by"]["id"] for row in rows if row["entry"]["type"] == "revealed"] == ["bob", "op"]


async def test_a_program_reveals_and_lists_alike(service: Service) -> None:
    async with service.remote("bob") as desk:
        assert SECRET not in (await desk.get("r1")).model_dump_json()
        assert SECRET in (await desk.reveal("r1")).model_dump_json()


async def test_the_stream_of_events_gives_each_its_own(service: Service) -> None:
    answer = {"verdict": "deny", "reason": f"never with {SECRET}"}
    await service.call("POST", "/v1/requests/r1/answers", "ann", answer)
    assert service.session is not None
    for who in ("op", "bot", "ann"):
        headers = {"Authorization": f"Bearer {service.secrets[who]}"}
        async with service.session.get(f"{service.url}/v1/events?after=0", headers=headers) as response:
            said = ""
            while "event: answered" not in said:
                said += (await response.content.readuntil(b"\n\n")).decode()
        assert (SECRET in said) == (who == "bot"), who

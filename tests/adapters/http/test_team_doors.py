"""Every actor at every door: over HTTP, by a press, by a one-time address, at the desk the same counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from sayso import errors, model
from sayso.cards import dialog
from sayso.desk import Caller, Setup
from sayso.machine import people
from tests.adapters.http.service import Service, permission, running
from tests.tables import each

Door = Literal["http", "press", "desk", "address"]
ROOM = dialog.WindowLimits(content=2000, inputs=5, typed=2000)
NAMES = ("ann", "bob", "sue", "del", "rob", "eve")
GLASS = model.BreakGlass(who=("group:sre",), review=("group:security",))
DIRECTORY = people.Directory(
    {name: people.Profile() for name in NAMES},
    {
        "release": people.Group(frozenset({"ann", "rob"})),
        "security": people.Group(frozenset({"bob"})),
        "sre": people.Group(frozenset({"sue", "rob"})),
    },
    (people.Delegation("ann", frozenset({"del"}), datetime(2100, 1, 1, tzinfo=UTC)),),
)
SETUP = Setup(
    policies={
        "needs": model.Policy(
            needs=(model.Need(who=("group:release",)), model.Need(who=("group:security",))), break_glass=GLASS
        ),
        "stages": model.Policy(
            stages=(model.Stage(approvers=("group:release",)), model.Stage(approvers=("group:security",)))
        ),
    },
    directory=DIRECTORY,
)
ALLOW, DENY = {"verdict": "allow"}, {"verdict": "deny"}
BREAK = {"verdict": "allow", "break_glass": True, "reason": "the site is down"}

# Rob asked: nothing of his counts. Del acts for Ann. Eve is known, and named by nobody.
MATRIX: list[tuple[str, dict[str, Any], set[str]]] = [
    ("needs", ALLOW, {"ann", "bob", "del"}),
    ("needs", DENY, {"ann", "bob", "del"}),
    ("needs", BREAK, {"sue"}),
    ("stages", ALLOW, {"ann", "del"}),
    # out of turn one can deny
    ("stages", DENY, {"ann", "bob", "del"}),
    ("stages", BREAK, set()),
]
DOORS: tuple[Door, ...] = ("http", "press", "desk", "address")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path, setup=SETUP) as there:
        for name in set(NAMES) - set(there.secrets):
            await there.key(name, "approver", name)
        yield there


async def counts(service: Service, door: Door, who: str, answer: dict[str, Any], ticket: model.Ticket) -> bool:
    """Whether an answer of somebody counts at a door."""
    actor = people.Actor(f"key:{who}", who, member=True, person=who)
    if door == "http":
        return (await service.call("POST", f"/v1/requests/{ticket.id}/answers", who, answer)).status == 200
    if door == "address":
        made = await service.call("POST", f"/v1/requests/{ticket.id}/resume", who, {"name": "ci"})
        return made.status == 201 and (await service.call("POST", made.json["path"], body=answer)).status == 200
    try:
        if door == "desk":
            await service.front.answer(ticket.id, model.Answer.model_validate(answer), actor)
            return True
        action: Any = "glass" if answer.get("break_glass") else answer["verdict"]
        draft = {"reason": answer["reason"]} if action == "glass" else None
        token = service.front.mint.token(ticket, action)
        return isinstance(await service.front.press(token, actor, ROOM, None, draft), model.Ticket)
    except errors.Refused:
        return False


@pytest.mark.parametrize("door", DOORS)
async def test_every_door_lets_the_same_people_in(service: Service, door: Door) -> None:
    for number, row in enumerate(each(MATRIX)):
        with row as (policy, answer, may):
            found = set[str]()
            for who in NAMES:
                asked = model.Request.model_validate({**permission(f"r{number}-{who}"), "policy": policy})
                ticket = await service.front.open(asked, Caller("bot", requester="rob"))
                if await counts(service, door, who, answer, ticket):
                    found.add(who)
                else:
                    assert (await service.front.get(ticket.id)).answers == ()
            # an address is made by those who may answer: breaking a glass wants a person at a keyboard
            assert found == (set[str]() if door == "address" and answer is BREAK else may)


async def test_who_may_break_the_glass_knows_of_the_request_and_others_do_not(service: Service) -> None:
    for policy in ("needs", "stages"):
        asked = model.Request.model_validate({**permission(f"of-{policy}"), "policy": policy})
        await service.front.open(asked, Caller("bot", requester="rob"))
    seen = {
        who: {one["id"] for one in (await service.call("GET", "/v1/requests", who)).json["requests"]} for who in NAMES
    }
    both = {"of-needs", "of-stages"}
    # rob sees what was asked for him
    assert seen == {"ann": both, "bob": both, "del": both, "rob": both, "sue": {"of-needs"}, "eve": set()}


async def test_an_agent_and_an_operator_answer_nothing(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission(policy="needs"))
    for who in ("bot", "op"):
        for answer in (ALLOW, DENY, BREAK):
            assert (await service.call("POST", "/v1/requests/r1/answers", who, answer)).status == 403


async def test_what_a_policy_wants_is_named_over_http(service: Service) -> None:
    service.front.setup = Setup(
        {"default": model.Policy(approvers=("ann",), reason="both", confirm="input.command")}, DIRECTORY
    )
    await service.call("POST", "/v1/requests", "bot", permission())
    bare = await service.call("POST", "/v1/requests/r1/answers", "ann", ALLOW)
    assert (bare.status, bare.error["code"], bare.error["field"]) == (422, "invalid_answer", "reason")
    wrong = await service.call("POST", "/v1/requests/r1/answers", "ann", {**ALLOW, "reason": "x", "confirm": "make"})
    assert (wrong.status, wrong.error["field"]) == (422, "confirm")
    right = {**ALLOW, "reason": "x", "confirm": "make deploy"}
    assert (await service.call("POST", "/v1/requests/r1/answers", "ann", right)).json["state"] == "decided"


@pytest.mark.parametrize("policy", ["needs", "stages"])
async def test_only_who_may_answer_asks_somebody_else_who_may(service: Service, policy: str) -> None:
    found = set[str]()
    for who in NAMES:
        asked = model.Request.model_validate({**permission(f"p-{who}"), "policy": policy})
        ticket = await service.front.open(asked, Caller("bot", requester="rob"))
        to = "bob" if who == "ann" or policy == "needs" else "ann"
        reply = await service.call("POST", f"/v1/requests/{ticket.id}/pass", who, {"to": to})
        if reply.status == 200:
            found.add(who)
            assert [(one["by"], one["to"]) for one in reply.json["passed"]] == [("ann" if who == "del" else who, to)]
    # in turn only: nobody asks Bob before his stage, and nobody asks himself
    assert found == ({"ann", "del"} if policy == "needs" else {"bob"})


async def test_an_agent_asks_nobody_in_place_of_a_person(service: Service) -> None:
    asked = model.Request.model_validate({**permission("mine"), "policy": "needs"})
    await service.front.open(asked, Caller("bot"))
    assert (await service.call("POST", "/v1/requests/mine/pass", "bot", {"to": "bob"})).status == 403
    assert (await service.call("POST", "/v1/requests/mine/pass", "ann", {"to": "eve"})).status == 409
    assert (await service.call("POST", "/v1/requests/mine/pass", "ann", {})).status == 422
    assert (await service.call("POST", "/v1/requests/gone/pass", "ann", {"to": "bob"})).status == 404

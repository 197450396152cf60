"""`sayso_hitl.client` in place of the dashboard's own helper: the same names and results, and silence is no."""

import asyncio
import importlib
import inspect
import json
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

import sayso
from sayso import stores
from sayso.desk import token_secret
from sayso.machine import people
from sayso.stores import Query
from sayso_hitl import client

ANN = people.Actor(account="test:ann", name="Ann", member=True)
SESSION = {"source_app": "shop", "session_id": "s-1"}


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[sayso.Desk]:
    """People who answer at the database that the helper finds by its environment."""
    monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{tmp_path}/sayso.db")
    store = await stores.connect(f"sqlite:///{tmp_path}/sayso.db")
    yield sayso.Desk(store, await token_secret.mint(store))
    await store.close()


async def asked(desk: sayso.Desk) -> sayso.Ticket:
    async with asyncio.timeout(10):
        changes = desk.store.changes()
        while not (found := await desk.store.list(Query(state="pending"))):
            await anext(changes)
    return found[0]


async def answered(desk: sayso.Desk, ask: Callable[[], Any], **answer: Any) -> Any:
    """What *ask* gives a hook, once Ann has answered."""
    hook = asyncio.create_task(asyncio.to_thread(ask))
    await desk.answer((await asked(desk)).id, sayso.Answer(**answer), ANN)
    return await hook


async def test_each_function_gives_what_a_person_said(desk: sayso.Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert await answered(desk, lambda: client.ask_question("Which?", SESSION), text="Acme") == "Acme"
    assert await answered(desk, lambda: client.ask_choice("Which?", ["A", "B"], SESSION), choice="B") == "B"
    assert await answered(desk, lambda: client.ask_permission("May I?", SESSION), verdict="allow") is True
    assert await answered(desk, lambda: client.ask_permission("May I?", SESSION), verdict="deny") is False
    assert capsys.readouterr().out == ""


async def test_a_request_of_its_own_event_and_payload_comes_back_with_both(desk: sayso.Desk) -> None:
    request = client.HITLRequest("May I?", hitl_type="permission", timeout=60)
    event = {"hook_event_type": "DecisionPoint", "payload": {"permission_type": "env"}}
    said = await answered(desk, lambda: request.send_and_wait(event, SESSION), verdict="allow")
    assert (said["permission"], said["respondedBy"], said["hookEvent"]["payload"]) == (True, "Ann", event["payload"])
    assert request.response_data == said
    [ticket] = await desk.store.list(Query())
    assert (ticket.request.tool, ticket.request.context) == ("DecisionPoint", {"Permission type": "env"})
    assert ticket.used_at is not None


async def test_it_can_be_called_inside_a_running_loop(desk: sayso.Desk) -> None:
    async def hook() -> bool:
        return client.ask_permission("May I?", SESSION)

    assert await answered(desk, lambda: asyncio.run(hook()), verdict="allow") is True


async def test_when_the_time_is_over_nobody_said_anything(desk: sayso.Desk) -> None:
    results = await asyncio.gather(
        asyncio.to_thread(client.ask_question, "Which?", SESSION, 0.1),
        asyncio.to_thread(client.ask_permission, "May I?", SESSION, 0.1),
        asyncio.to_thread(client.ask_choice, "Which?", ["A", "B"], SESSION, 0.1),
        asyncio.to_thread(client.HITLRequest("May I?", "permission", timeout=1).send_and_wait, {}, {}),
    )
    assert list(results) == [None, False, None, None]
    decided = await desk.store.list(Query(state="decided"))
    assert [ticket.decision and ticket.decision.outcome for ticket in decided] == ["expired"] * 3


@pytest.mark.parametrize(
    "session",
    [{}, {"source_app": "shop"}, {"source_app": "shop", "session_id": ""}, {"source_app": 7, "session_id": 1}],
)
async def test_what_cannot_be_asked_is_no_without_an_error(
    desk: sayso.Desk, session: dict[str, Any], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert await asyncio.to_thread(client.ask_permission, "May I?", session) is False
    assert await asyncio.to_thread(client.ask_choice, "Which?", [], SESSION) is None
    assert "no consent: Which? needs 1 to 100 options" in caplog.text
    assert "Traceback" not in caplog.text
    assert capsys.readouterr().out == ""
    assert await desk.store.list(Query()) == []


def test_a_desk_that_cannot_be_used_is_no_and_says_why_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SAYSO_URL", "http://127.0.0.1:8700")
    assert client.ask_permission("May I?", SESSION) is False
    assert "the service needs a key" in caplog.text


async def test_a_second_use_that_fails_does_not_return_the_first_answer(desk: sayso.Desk) -> None:
    request = client.HITLRequest("May I?", "permission")
    assert await answered(desk, lambda: request.send_and_wait({}, SESSION), verdict="allow")
    assert await asyncio.to_thread(request.send_and_wait, {}, {}) is None


def test_the_parameters_are_those_of_the_helper_it_replaces() -> None:
    def named(function: Any) -> dict[str, Any]:
        parameters = inspect.signature(function).parameters
        return {name: None if one.default is one.empty else one.default for name, one in parameters.items()}

    assert named(client.ask_question) == {"question": None, "session_data": None, "timeout": 300}
    assert named(client.ask_permission) == {"question": None, "session_data": None, "timeout": 300}
    assert named(client.ask_choice) == {"question": None, "choices": None, "session_data": None, "timeout": 300}
    own = {"question": None, "hitl_type": "question", "choices": None, "timeout": 300}
    assert named(client.HITLRequest) == {**own, "observability_url": "http://localhost:4000"}
    assert named(client.HITLRequest("Hm?").send_and_wait) == {"hook_event_data": None, "session_data": None}
    told = client.HITLRequest("Hm?", "choice", ["A"], 5).get_hitl_data()
    assert json.loads(json.dumps(told)) == {
        "question": "Hm?",
        "type": "choice",
        "choices": ["A"],
        "timeout": 5,
        "requiresResponse": True,
    }


def test_the_old_address_is_the_same_module_and_says_so() -> None:
    sys.modules.pop("sayso.hitl", None)
    with pytest.warns(DeprecationWarning, match="sayso_hitl.client"):
        assert importlib.import_module("sayso.hitl") is client

"""Hooks of the dashboard, asked as its own helper asks: a person's answer arrives, once, or nothing does."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiohttp import web

import sayso
from sayso.cards import draw
from sayso.desk import keys
from sayso.stores import Query
from sayso_hitl import dial, server, wire
from tests.adapters.hitl import scene as hitl_scene
from tests.adapters.hitl.scene import ANN, Json, Scene, waiting
from tests.conftest import BOUND
from tests.tables import each

PORT = 50123


@pytest.fixture
async def scene() -> AsyncGenerator[Scene]:
    async with hitl_scene.scene() as built:
        yield built


def event(kind: str = "permission", port: int = PORT, **more: Any) -> Json:
    return hitl_scene.Agent("", port=port).event(kind, "Delete 500 records?", **more)


async def test_a_question_comes_back_as_text(scene: Scene) -> None:
    asked = asyncio.create_task(asyncio.to_thread(scene.agent().question, "Which customer?"))
    await scene.answer(text="Acme & Söhne")
    assert await asked == "Acme & Söhne"


@pytest.mark.parametrize(("verdict", "said"), [("allow", True), ("deny", False)])
async def test_a_permission_comes_back_as_a_boolean(scene: Scene, verdict: str, said: bool) -> None:
    asked = asyncio.create_task(asyncio.to_thread(scene.agent().permission, "Delete 500 records?"))
    await scene.answer(verdict=verdict)
    assert await asked is said


async def test_a_yes_is_used_for_the_hook_that_hears_it_and_stays_what_the_person_said(scene: Scene) -> None:
    agent = scene.agent()
    asked = asyncio.create_task(asyncio.to_thread(agent.permission, "Drop the database?"))
    await waiting(agent)
    await scene.answer(verdict="allow")
    assert await asked is True
    assert (await scene.ticket()).used_at is not None
    assert (await scene.status())["response"]["permission"] is True


async def test_a_choice_comes_back_as_one_of_the_options(scene: Scene) -> None:
    asked = asyncio.create_task(asyncio.to_thread(scene.agent().choice, "Which one?", ["Jest", "Mocha"]))
    await scene.answer(choice="Mocha")
    assert await asked == "Mocha"


async def test_the_frame_says_who_answered_when_and_which_event(scene: Scene) -> None:
    agent, payload = scene.agent(), {"permission_type": "env_file_access"}
    asked = asyncio.create_task(asyncio.to_thread(agent.ask, "permission", "May I?", payload=payload))
    ticket = await scene.answer(verdict="allow")
    said = await asked
    assert said is not None
    assert agent.saved is not None
    assert ticket.decision is not None
    told = said.pop("hookEvent")
    assert {**told, "humanInTheLoopStatus": {"status": "pending"}} == agent.saved
    assert (told["payload"], type(told["id"])) == (payload, int)
    at = int(ticket.decision.decided_at.timestamp() * 1000)
    assert said == {"permission": True, "respondedAt": at, "respondedBy": "Ann"}
    await scene.delivered()
    assert await scene.status() == {"status": "responded", "respondedAt": at, "response": said}


async def test_the_card_shows_question_payload_permission_type_and_source_and_offers_no_edit(scene: Scene) -> None:
    payload = {"permission_type": "env_file_access", "path": ".env"}
    code, saved = await scene.call("POST", "/events", event(payload=payload))
    assert (code, saved["humanInTheLoopStatus"]) == (200, {"status": "pending"})
    ticket = await scene.ticket()
    assert ticket.request.input == {"question": "Delete 500 records?", "payload": payload}
    assert ticket.request.context == {"Permission type": "env_file_access"}
    assert ticket.request.source == sayso.Source(agent="shop", session="s-1")
    assert (ticket.expires_at - ticket.created_at).total_seconds() == 299
    labels = [str(getattr(one, "label", "")) for one in draw.card_of(ticket, scene.desk.mint).controls]
    assert "Allow" in labels
    assert not any("Edit" in label for label in labels)


async def test_long_questions_and_payloads_are_shown_whole(scene: Scene) -> None:
    asked = hitl_scene.Agent("", port=PORT).event("question", "long " * 200, payload={"path": "é.env"})
    assert (await scene.call("POST", "/events", asked))[0] == 200
    request = (await scene.ticket()).request
    assert (request.title or "").endswith("…")
    assert request.body == "long " * 200
    assert json.loads(request.attachments[0].text or "") == {"path": "é.env"}


async def test_an_event_that_asks_nothing_is_answered_and_forgotten(scene: Scene) -> None:
    sent = {"source_app": "shop", "session_id": "s-1", "hook_event_type": "PostToolUse", "payload": {"a": 1}}
    code, saved = await scene.call("POST", "/events", {**sent, "chat": ["x" * 3_000_000]})
    assert (code, saved["payload"], type(saved["id"]), "humanInTheLoopStatus" in saved) == (200, {"a": 1}, int, False)
    assert await scene.desk.store.list(Query()) == []


async def test_an_event_without_a_required_field_is_refused(scene: Scene) -> None:
    rows: list[str] = ["source_app", "session_id", "hook_event_type", "payload"]
    for row in each(rows):
        with row as missing:
            sent = event()
            del sent[missing]
            assert await scene.call("POST", "/events", sent) == (400, {"error": f"the event has no {missing}"})


async def test_only_an_address_of_this_machine_is_taken(scene: Scene) -> None:
    rows: list[str | None] = [
        None,
        "http://localhost:50123",
        "wss://localhost:50123",
        "ws://example.com:50123",
        "ws://localhost.example.com:50123",
        "ws://localhost@example.com:50123",
        "ws://169.254.169.254:50123",
        "ws://0.0.0.0:50123",
        "ws://127.1:50123",
        "ws://localhost",
        "ws://localhost:22",
        "ws://localhost:70000",
        "ws://localhost:50123/?next=ws://example.com",
        "ws://localhost:50123\n",
    ]
    for row in each(rows):
        with row as address:
            sent = event()
            sent["humanInTheLoop"]["responseWebSocketUrl"] = address
            code, said = await scene.call("POST", "/events", sent)
            assert (code, said) == (400, {"error": "responseWebSocketUrl is not ws://localhost:PORT"})
            assert await scene.desk.store.list(Query()) == []


async def test_what_cannot_be_asked_is_refused_before_anybody_waits(scene: Scene) -> None:
    rows: list[Json] = [
        {"question": ""},
        {"type": "poll"},
        {"type": "choice", "choices": None},
        {"type": "choice", "choices": ["A", "A"]},
        {"type": "choice", "choices": [1, 2]},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": "300"},
        {"timeout": 1e9},
        {"question": "\ud800"},
    ]
    for row in each(rows):
        with row as wrong:
            sent = event()
            sent["humanInTheLoop"] |= wrong
            code, said = await scene.call("POST", "/events", sent)
            assert (code, list(said)) == (400, ["error"])
            assert await scene.desk.store.list(Query()) == []


async def test_what_is_no_event_is_refused(scene: Scene) -> None:
    rows: list[bytes] = [b"", b"no", b"[]", b"[" * 100_000, b'{"source_app": "\xff"}']
    for row in each(rows):
        with row as body:
            code, said = await scene.call("POST", "/events", body)
            assert (code, list(said)) == (400, ["error"])


async def test_a_page_in_a_browser_can_neither_ask_nor_rebind_its_name(scene: Scene) -> None:
    assert (await scene.call("POST", "/events", event(), **{"Content-Type": "text/plain"}))[0] == 415
    assert (await scene.call("POST", "/events", event(), Host="evil.example"))[0] == 421
    assert (await scene.call("OPTIONS", "/events"))[0] == 405
    assert await scene.desk.store.list(Query()) == []


async def test_only_an_approvers_key_answers(scene: Scene) -> None:
    _, saved = await scene.call("POST", "/events", event())
    path = f"/events/{saved['id']}/respond"
    said = {"permission": True, "respondedBy": "somebody else"}
    assert (await scene.call("POST", path, said))[0] == 401
    assert (await scene.call("POST", path, said, role="agent"))[0] == 403
    assert (await scene.call("POST", path, said, role="operator"))[0] == 403
    assert (await scene.ticket()).decision is None
    code, answered = await scene.call("POST", path, said, role="approver")
    assert (code, answered["humanInTheLoopStatus"]["response"]["respondedBy"]) == (200, "approver")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("permission", {"permission": "false"}),
        ("permission", {"permission": 1}),
        ("permission", {"response": "yes"}),
        ("permission", {"choice": "true"}),
        ("permission", {}),
        ("permission", {"permission": True, "response": "yes"}),
        ("choice", {"choice": "Vitest"}),
        ("choice", {"choice": ["Jest"]}),
        ("choice", {"response": "Jest"}),
        ("question", {"response": ""}),
        ("question", {"permission": True}),
        ("question", {"response": 7}),
    ],
)
async def test_an_answer_of_another_kind_is_never_taken(scene: Scene, kind: str, said: Json) -> None:
    _, saved = await scene.call("POST", "/events", event(kind, choices=["Jest", "Mocha"] if kind == "choice" else None))
    code, told = await scene.call("POST", f"/events/{saved['id']}/respond", said, role="approver")
    assert (code, told["error"]["code"]) == (422, "invalid_answer")
    assert (await scene.ticket()).decision is None


async def test_an_unknown_event_is_not_found_nor_is_what_others_asked(scene: Scene) -> None:
    ticket = await scene.desk.open(sayso.Permission(tool="Bash", id="hitl-7"), sayso.Caller(owner="bot"))
    for number in ("12345", "7"):
        code, _ = await scene.call("POST", f"/events/{number}/respond", {"permission": True}, role="approver")
        assert code == 404
    assert (await scene.desk.get(ticket.id)).decision is None


async def test_of_many_answers_at_once_one_is_taken_and_the_agent_hears_that_one(scene: Scene) -> None:
    agent = scene.agent()
    asked = asyncio.create_task(asyncio.to_thread(agent.choice, "Which one?", [str(n) for n in range(8)]))
    saved = await waiting(agent)
    path = f"/events/{saved['id']}/respond"
    calls = [scene.call("POST", path, {"choice": str(number)}, role="approver") for number in range(8)]
    codes = [code for code, _ in await asyncio.gather(*calls)]
    assert sorted(codes) == [200, *[409] * 7]
    assert await asked == str(codes.index(200))
    await scene.delivered()
    assert len(agent.heard) == 1


async def test_an_answer_from_elsewhere_closes_the_route_as_well(scene: Scene) -> None:
    agent = scene.agent()
    asked = asyncio.create_task(asyncio.to_thread(agent.permission, "May I?"))
    await scene.answer(verdict="deny")
    saved = await waiting(agent)
    code, told = await scene.call("POST", f"/events/{saved['id']}/respond", {"permission": True}, role="approver")
    assert (code, told["error"]["code"], await asked) == (409, "already_decided", False)


@pytest.mark.parametrize("kind", ["question", "permission"])
async def test_when_the_time_is_over_the_agent_has_no_answer_and_the_status_says_so(scene: Scene, kind: str) -> None:
    agent = scene.agent()
    asked = await asyncio.to_thread(getattr(agent, kind), "Anybody?", timeout=0.4)
    assert asked is (None if kind == "question" else False)
    async with asyncio.timeout(BOUND):
        # the agent's own clock may be over a moment before the service's
        while (found := await scene.status()) == {"status": "pending"}:
            await scene.delivered()
    assert found == {"status": "timeout"}
    late = {"permission": True} if kind == "permission" else {"response": "yes"}
    path = f"/events/{(await waiting(agent))['id']}/respond"
    assert (await scene.call("POST", path, late, role="approver"))[0] == 409


async def test_a_withdrawn_question_ends_the_wait_without_an_answer(scene: Scene) -> None:
    asked = asyncio.create_task(asyncio.to_thread(scene.agent().permission, "May I?"))
    await scene.desk.cancel((await scene.ticket()).id, sayso.Caller("op", operator=True))
    assert await asked is False
    await scene.delivered()
    assert await scene.status() == {"status": "error"}


async def test_an_agent_that_has_gone_turns_the_status_to_error(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        _, saved = await scene.call("POST", "/events", event(port=taken.getsockname()[1]))
    await scene.call("POST", f"/events/{saved['id']}/respond", {"permission": True}, role="approver")
    await scene.delivered()
    assert (await scene.status())["status"] == "error"


async def test_an_agent_that_is_slow_to_listen_is_dialled_again(scene: Scene) -> None:
    agent = scene.agent(slow=True)
    asked = asyncio.create_task(asyncio.to_thread(agent.permission, "May I?"))
    await scene.answer(verdict="allow")
    agent.may_listen.set()
    assert await asked is True
    await scene.delivered()
    assert (await scene.status())["status"] == "responded"


async def test_another_agent_at_the_same_port_never_hears_an_older_answer(scene: Scene) -> None:
    agent = scene.agent(session={"source_app": "shop", "session_id": "s-2"})
    _, older = await scene.call("POST", "/events", event(port=agent.port))
    asked = asyncio.create_task(asyncio.to_thread(agent.permission, "Drop the database?"))
    await waiting(agent)
    await scene.call("POST", f"/events/{older['id']}/respond", {"permission": True}, role="approver")
    await scene.delivered()
    assert agent.heard == []
    await scene.desk.answer((await scene.ticket()).id, sayso.Answer(verdict="deny"), ANN)
    assert await asked is False


async def test_only_what_hooks_asked_is_dialled(scene: Scene) -> None:
    asked = sayso.Permission(tool="Bash", id="hitl-7", callback_url="ws://localhost:50123")
    await scene.desk.open(asked, sayso.Caller(owner="bot"))
    await scene.answer(verdict="allow")
    await scene.delivered()
    lost = [row.entry for row in await scene.desk.store.log("hitl-7") if row.entry.type == "undelivered"]
    assert [one.reason for one in lost] == ["no hook asked this"]
    # what failed within the patience is never tried again
    dialer = dial.Dialer(scene.desk.store, scene.desk.clock)
    assert dialer.next_try(await scene.desk.get("hitl-7"), 1) is None


async def test_an_agent_cannot_send_the_dialler_on_to_another_machine(scene: Scene) -> None:
    asked: list[str] = []

    async def away(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPFound("http://192.0.2.1:8080/")

    app = web.Application()
    app.router.add_get("/", away)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await scene.call("POST", "/events", event(port=runner.addresses[0][1]))
    await scene.answer(verdict="allow")
    await scene.delivered()
    rows = await scene.desk.store.log((await scene.ticket()).id)
    assert asked
    assert "the agent does not listen any more" in rows[-1].entry.model_dump_json()
    assert (await scene.status())["status"] == "error"
    await runner.cleanup()


def test_no_socket_is_ever_made_to_another_machine() -> None:
    rows: list[str] = ["192.0.2.1", "10.0.0.1", "0.0.0.0", "::", "fe80::1"]
    for row in each(rows):
        with row as host:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with pytest.raises(PermissionError):
                dial._loopback_socket((family, socket.SOCK_STREAM, 6, "", (host, 80)))  # pyright: ignore[reportPrivateUsage]


async def test_nobody_reads_what_was_asked_without_a_key_that_may(scene: Scene) -> None:
    await scene.call("POST", "/events", event())
    assert (await scene.call("GET", "/events/recent"))[0] == 401
    assert (await scene.call("GET", "/events/recent", role="agent"))[0] == 403
    assert (await scene.call("GET", "/events/recent?limit=-1", role="operator"))[0] == 422
    for role in ("approver", "operator"):
        code, [found] = await scene.call("GET", "/events/recent?limit=5", role=role)
        assert (code, found["humanInTheLoop"]["question"]) == (200, "Delete 500 records?")


async def test_an_approver_reads_only_what_they_may_answer() -> None:
    setup = sayso.Setup(policies={"default": sayso.Policy(approvers=("ann",))}, callbacks=True)
    async with hitl_scene.scene(setup) as scene:
        _, saved = await scene.call("POST", "/events", event())
        assert await scene.call("GET", "/events/recent", role="approver") == (200, [])
        code, _ = await scene.call("POST", f"/events/{saved['id']}/respond", {"permission": True}, role="approver")
        assert code == 403
        allowed = await scene.desk.answer(wire.ticket_id(saved["id"]), sayso.Answer(verdict="allow"), ANN)
        assert allowed.state == "decided"


async def test_hooks_cannot_bury_people_in_questions(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server._MOST_PENDING <= 100
    monkeypatch.setattr(server, "_MOST_PENDING", 10)
    codes = [(await scene.call("POST", "/events", event()))[0] for _ in range(11)]
    assert codes == [*[200] * 10, 409]


async def test_no_key_of_an_agent_owns_what_hooks_asked(scene: Scene) -> None:
    await scene.call("POST", "/events", event())
    ticket = await scene.ticket()
    with pytest.raises(sayso.InvalidRequest):
        await keys.Keys(scene.desk.store).add(ticket.owner, "agent", ticket.created_at)

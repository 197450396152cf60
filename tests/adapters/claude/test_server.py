"""`POST /claude/hooks` over loopback and a real store: it waits, answers in time, and never fails open."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import sayso
from sayso import errors, model, stores
from sayso.content import digest
from sayso.desk import Caller, keys
from sayso.stores import Query
from sayso.testing.clock import ManualClock
from sayso_claude import forms, hooks, passes, presence
from tests.adapters import claude_service
from tests.adapters.claude_service import Json, Service, call
from tests.conftest import until


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(tmp_path: Path, clock: ManualClock) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path, now=clock) as running:
        yield running


def post(service: Service, payload: Json | bytes | None = None, **headers: str) -> asyncio.Task[tuple[int, Json]]:
    return asyncio.create_task(service.post(call() if payload is None else payload, **headers))


def denial(answer: tuple[int, Json], status: int = 200) -> str:
    """The reason that the model reads, of a denial in either form."""
    assert answer[0] == status
    output = answer[1]["hookSpecificOutput"]
    if output["hookEventName"] == "PermissionRequest":
        assert output["decision"]["behavior"] == "deny"
        return str(output["decision"]["message"])
    assert output["permissionDecision"] == "deny"
    return str(output["permissionDecisionReason"])


async def test_a_press_on_allow_reaches_the_waiting_hook(service: Service) -> None:
    waiting = post(service)
    ticket = await service.answer(verdict="allow")
    status, body = await waiting
    assert (status, body["hookSpecificOutput"]["permissionDecision"]) == (200, "allow")
    assert body["hookSpecificOutput"]["updatedInput"] == {"command": "make deploy"}
    assert (ticket.owner, ticket.requester) == ("agent", "bob")


async def test_a_denial_with_a_reason_reaches_the_model(service: Service) -> None:
    waiting = post(service)
    await service.answer(verdict="deny", reason="not on a Friday")
    assert denial(await waiting).endswith("Reason: not on a Friday")


async def test_an_edited_input_replaces_the_one_that_was_asked(service: Service) -> None:
    waiting = post(service)
    await service.answer(verdict="allow", input={"command": "make test"})
    _, body = await waiting
    assert body["hookSpecificOutput"]["updatedInput"] == {"command": "make test"}


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
async def test_silence_is_a_denial_before_the_callers_limit(service: Service, clock: ManualClock, event: str) -> None:
    waiting = post(service, call(event), Sayso_Timeout="100")
    ticket = await service.asked()
    assert (ticket.expires_at - ticket.created_at).total_seconds() == 90
    await service.waiting()
    clock.advance(90)
    assert "Silence is not consent" in denial(await waiting)


@pytest.mark.parametrize(("limit", "seconds"), [(None, 590), ("40", 30), ("8", 6)])
async def test_a_request_expires_before_its_caller_gives_up(service: Service, limit: str | None, seconds: int) -> None:
    waiting = post(service, payload=None, **({"Sayso_Timeout": limit} if limit else {}))
    ticket = await service.answer(verdict="deny")
    assert (ticket.expires_at - ticket.created_at).total_seconds() == seconds
    await waiting


@pytest.mark.parametrize("limit", ["", "0", "-1", "nan", "inf", "soon", "1e12"])
async def test_a_limit_that_is_no_time_is_a_denial(service: Service, limit: str) -> None:
    assert "Sayso-Timeout" in denial(await service.post(call(), Sayso_Timeout=limit))


async def test_a_withdrawn_request_is_a_denial(service: Service) -> None:
    waiting = post(service)
    ticket = await service.asked()
    await service.desk.cancel(ticket.id)
    assert "withdrawn" in denial(await waiting)


async def test_a_chosen_offer_becomes_a_rule_for_the_session(service: Service) -> None:
    waiting = post(service, call("PermissionRequest"))
    await service.answer(verdict="allow", grant="s0")
    _, body = await waiting
    (update,) = body["hookSpecificOutput"]["decision"]["updatedPermissions"]
    assert (update["type"], update["destination"]) == ("addRules", "session")
    assert update["rules"] == [{"toolName": "Bash", "ruleContent": "make deploy"}]


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
@pytest.mark.parametrize("header", ["Bearer sayso_agent_unknown", "", "Basic eA=="])
async def test_a_caller_without_a_key_is_told_to_deny_with_a_status_the_cli_reads(
    service: Service, event: str, header: str
) -> None:
    assert "key" in denial(await service.post(call(event), Authorization=header))
    assert denial(await service.post(call(event), Authorization=header, Idempotency_Key="k"), 401)


async def test_an_approvers_key_cannot_ask(service: Service, clock: ManualClock) -> None:
    secret = await keys.Keys(service.desk.store).add("ann", "approver", clock.now())
    assert "approver" in denial(await service.post(call(), Authorization=f"Bearer {secret}"))
    assert await service.count() == 0


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"hook_event_name": "PreToolUse"}', b"\xff\xfe"])
async def test_garbage_is_a_denial(service: Service, raw: bytes) -> None:
    assert denial(await service.post(raw))


@pytest.mark.parametrize("size", [2 * 1024**2, 17 * 1024**2])
async def test_a_call_too_large_to_show_is_a_denial_that_says_so(service: Service, size: int) -> None:
    assert "larg" in denial(await service.post(call(input={"content": "x" * size})))


async def test_an_input_that_is_not_plain_json_is_a_denial(service: Service) -> None:
    raw = json.dumps(call(input={"command": 1})).replace(": 1}", ": NaN}").encode()
    assert "not plain JSON" in denial(await service.post(raw))


async def test_an_unknown_policy_is_a_denial(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path, policy="strict") as service:
        assert "strict" in denial(await service.post(call()))


async def test_a_failure_inside_is_a_denial_that_shows_nothing_of_it(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        await service.desk.store.close()
        assert "Nobody has allowed this" in denial(await service.post(call()))
        assert denial(await service.post(call(), Idempotency_Key="k"), 503)


async def test_what_a_rota_did_not_say_is_a_denial_in_its_words(tmp_path: Path) -> None:
    async def unsaid(_: web.Request) -> keys.Key:
        raise errors.MembershipUnknown("could not find out who is on call for pay, so nobody was asked")

    async with claude_service.serve(tmp_path, authenticate=unsaid) as service:
        assert "could not find out who is on call for pay" in denial(await service.post(call()))


async def test_a_bug_inside_is_a_denial_that_shows_nothing_of_it(tmp_path: Path) -> None:
    async def broken(_: web.Request) -> keys.Key:
        raise RuntimeError("the password is 123")

    async with claude_service.serve(tmp_path, authenticate=broken) as service:
        told = denial(await service.post(call()))
        assert "the service failed (see its log)" in told
        assert "123" not in told
        assert denial(await service.post(call(), Idempotency_Key="k"), 500)


@pytest.mark.parametrize("event", sorted(forms.HARMLESS))
async def test_an_event_that_lets_nothing_run_gets_an_empty_answer(service: Service, event: str) -> None:
    assert await service.post({"hook_event_name": event, "session_id": "s-1"}) == (200, {})
    assert await service.count() == 0


@pytest.mark.parametrize("event", ["WorktreeCreate", "Brand" + "New", "", "CanUseTool"])
async def test_a_gate_that_is_not_ours_is_an_error_and_not_an_empty_answer(service: Service, event: str) -> None:
    status, body = await service.post({"hook_event_name": event})
    assert (status, body["error"]["field"]) == (422, "hook_event_name")


async def test_the_same_call_asked_again_finds_its_ticket(service: Service) -> None:
    first, second = post(service), post(service)
    await service.waiting()
    await until(lambda: service.desk.store.waiting == 2)
    await service.answer(verdict="allow")
    assert await first == await second
    assert await service.count() == 1


async def test_two_permission_requests_are_two_cards_even_for_the_same_command(service: Service) -> None:
    asked = [post(service, call("PermissionRequest"), Idempotency_Key=name) for name in ("a", "b")]
    await service.asked(2)
    for ticket in await service.desk.store.list(Query()):
        await service.desk.answer(ticket.id, model.Answer(verdict="deny"), claude_service.ANN)
    assert [denial(answer) for answer in await asyncio.gather(*asked)]


async def test_a_hook_answers_in_time_though_the_sdk_may_wait_longer(service: Service, clock: ManualClock) -> None:
    asked = hooks.Call.model_validate(call("PermissionRequest") | {"hook_event_name": "CanUseTool"})
    request = hooks.request(asked, id=asked.shared_call.id(0), expires_in=3600)
    ticket = await service.desk.open(request, sayso.Caller("agent"))
    waiting = post(service, call("PermissionRequest"), Sayso_Timeout="100")
    await service.waiting()
    clock.advance(95)
    assert "nobody decided within the limit of the hook" in denial(await waiting)
    assert (await service.desk.get(ticket.id)).state == "pending"
    assert await service.count() == 1


async def test_a_hook_joins_what_the_sdk_opened_and_adds_what_its_card_showed(service: Service) -> None:
    asked = hooks.Call.model_validate(call("PermissionRequest") | {"hook_event_name": "CanUseTool"})
    await service.desk.open(hooks.request(asked, id=asked.shared_call.id(0)), sayso.Caller("agent"))
    other = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
    waiting = post(service, call("PermissionRequest", permission_suggestions=[other]))
    await service.waiting()
    await service.answer(verdict="allow", grant="s0")
    _, body = await waiting
    (update,) = body["hookSpecificOutput"]["decision"]["updatedPermissions"]
    assert update["rules"] == [{"toolName": "Bash", "ruleContent": "make deploy"}]
    assert await service.count() == 1


async def test_a_call_allowed_before_the_tool_is_not_asked_about_again(service: Service) -> None:
    waiting = post(service)
    await service.answer(verdict="allow", input={"command": "make test"})
    await waiting
    status, body = await service.post(call("PermissionRequest", input={"command": "make test"}))
    assert (status, body["hookSpecificOutput"]["decision"]) == (200, {"behavior": "allow"})
    assert await service.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"input": {"command": "make deploy "}},
        {"tool": "Shell"},
        {"session_id": "s-2"},
        {"prompt_id": "p-2"},
        {"agent_id": "a-2"},
    ],
)
async def test_an_allowance_is_for_this_very_call_only(service: Service, other: dict[str, Any]) -> None:
    waiting = post(service)
    await service.answer(verdict="allow")
    await waiting
    again = post(service, call("PermissionRequest", **other))
    await service.answer(count=2, verdict="deny")
    assert denial(await again)


async def test_an_allowance_is_used_once_and_soon(service: Service, clock: ManualClock) -> None:
    async def allow(name: str, count: int) -> None:
        waiting = post(service, call(tool_use_id=name))
        await service.answer(count=count, verdict="allow")
        await waiting

    await allow("toolu_1", 1)
    await service.post(call("PermissionRequest"))
    second = post(service, call("PermissionRequest"))
    await service.answer(count=2, verdict="deny")
    assert denial(await second)
    await allow("toolu_2", 3)
    clock.advance(passes.WINDOW)
    late = post(service, call("PermissionRequest"))
    await service.answer(count=4, verdict="deny")
    assert denial(await late)


async def test_an_allowance_does_not_go_to_a_key_of_the_same_name_that_was_made_since(
    service: Service, clock: ManualClock
) -> None:
    waiting = post(service)
    await service.answer(verdict="allow")
    await waiting
    known = keys.Keys(service.desk.store)
    await known.revoke("agent", clock.now())
    service.key = await known.add("agent", "agent", clock.now(), "bob")
    again = post(service, call("PermissionRequest"))
    await service.answer(count=2, verdict="deny")
    assert denial(await again)


def test_what_no_person_allowed_gives_no_pass(clock: ManualClock) -> None:
    kept = passes.Passes()
    payload = hooks.parse(json.dumps(call()).encode())
    asked = hooks.parse(json.dumps(call("PermissionRequest")).encode())
    assert payload
    assert asked
    bound = digest.of_call("Bash", {"command": "make deploy"})
    ruled = model.Decision(
        outcome="allowed",
        input={"command": "make deploy"},
        input_digest=bound,
        digest="sha256:0",
        decided_at=clock.now(),
        model_text="By a rule.",
    )
    kept.keep("agent", payload, ruled, clock.now())
    assert kept.use("agent", asked, clock.now()) is None


async def hang_up(service: Service, task: asyncio.Task[Any], clock: ManualClock) -> None:
    """The caller goes away, and the service has seen it."""
    await service.waiting()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await service.missed(clock)


async def test_a_caller_who_hangs_up_withdraws_the_request_after_a_grace(service: Service, clock: ManualClock) -> None:
    await hang_up(service, post(service), clock)
    ticket = await service.asked()
    clock.advance(presence.GRACE - 0.1)
    assert (await service.desk.get(ticket.id)).state == "pending"
    clock.advance(0.1)
    decision = await service.decided(ticket.id)
    assert (decision.outcome, decision.reason) == ("cancelled", "the agent hung up")


async def test_a_caller_who_comes_back_in_time_gets_the_decision(service: Service, clock: ManualClock) -> None:
    await hang_up(service, post(service, Idempotency_Key="k"), clock)
    again = post(service, Idempotency_Key="k")
    await service.waiting()
    clock.advance(presence.GRACE)
    assert await service.desk.store.get("return", (await service.asked()).id)
    await service.answer(verdict="allow")
    assert (await again)[1]["hookSpecificOutput"]["permissionDecision"] == "allow"
    assert await service.count() == 1


async def test_a_hook_that_hangs_up_leaves_the_card_to_the_callback_that_waits_for_it_too(
    service: Service, clock: ManualClock
) -> None:
    asking = post(service, call("PermissionRequest"))
    ticket = await service.asked()
    async with service.desk.attending(ticket.id, Caller(owner="agent")):
        await hang_up(service, asking, clock)
        clock.advance(presence.GRACE)
        await until(lambda: not service.desk.store.waiting)
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert (await service.desk.get(ticket.id)).state == "pending"
        assert len(await service.desk.store.scan("waiter")) == 1


async def test_a_stopping_service_lets_a_hook_come_back_and_withdraws_nothing(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        waiting = post(service, call("PermissionRequest"), Idempotency_Key="k")
        await service.waiting()
        id = (await service.asked()).id
    assert "stopping" in denial(await waiting, 503)
    async with claude_service.serve(tmp_path, key=service.key) as restarted:
        again = post(restarted, call("PermissionRequest"), Idempotency_Key="k")
        await restarted.waiting()
        assert (await restarted.answer(verdict="allow")).id == id
        assert (await again)[1]["hookSpecificOutput"]["decision"] == {"behavior": "allow"}


async def test_a_stopping_service_denies_who_cannot_come_back_and_withdraws_the_card(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        waiting = post(service, call("PermissionRequest"))
        await service.waiting()
    assert "stopping" in denial(await waiting)
    async with claude_service.serve(tmp_path, key=service.key) as restarted:
        decision = (await restarted.asked()).decision
        assert decision
        assert decision.outcome == "cancelled"


async def killed(service: Service) -> None:
    """The service dies with the hooks that wait on it: nothing more is written or said."""
    beating = service.desk.attendance._beating  # pyright: ignore[reportPrivateUsage]
    assert beating is not None
    beating.cancel()


async def test_a_hook_that_died_with_its_service_leaves_no_card_after_a_start(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with claude_service.serve(tmp_path, now=clock) as service:
        waiting = post(service)
        ticket = await service.asked()
        await service.waiting()
        await killed(service)
        async with claude_service.serve(tmp_path, now=clock, key=service.key) as restarted:
            for _ in range(20):
                await asyncio.sleep(0.01)
            clock.advance(presence.GRACE - 0.5)
            assert (await restarted.desk.get(ticket.id)).state == "pending"
            clock.advance(0.5)
            assert (await restarted.decided(ticket.id)).outcome == "cancelled"
            with pytest.raises(errors.AlreadyDecided):
                await restarted.answer(verdict="allow")
        await waiting


async def test_a_hook_that_comes_back_after_a_start_keeps_its_card(tmp_path: Path, clock: ManualClock) -> None:
    async with claude_service.serve(tmp_path, now=clock) as service:
        waiting = post(service, Idempotency_Key="k")
        ticket = await service.asked()
        await service.waiting()
        await killed(service)
        async with claude_service.serve(tmp_path, now=clock, key=service.key) as restarted:
            again = post(restarted, Idempotency_Key="k")
            await restarted.waiting()
            for _ in range(8):
                clock.advance(1)
                await asyncio.sleep(0.02)
            assert (await restarted.answer(verdict="allow")).id == ticket.id
            assert (await again)[1]["hookSpecificOutput"]["permissionDecision"] == "allow"
        await waiting


async def test_a_server_that_cancels_its_handlers_withdraws_too(tmp_path: Path, clock: ManualClock) -> None:
    async with claude_service.serve(tmp_path, now=clock, cancelling=True) as service:
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {service.key}"}
            calling = session.post(f"{service.url}/claude/hooks", json=call(), headers=headers)
            task = asyncio.create_task(calling.__aenter__())
            await service.waiting()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await until(lambda: not service.desk.store.waiting)
        clock.advance(presence.GRACE)
        assert (await service.decided((await service.asked()).id)).outcome == "cancelled"


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
async def test_a_key_that_another_process_revokes_ends_the_wait_with_a_denial(
    service: Service, tmp_path: Path, event: str
) -> None:
    waiting = post(service, call(event))
    ticket = await service.asked()
    await service.waiting()
    elsewhere = await stores.connect(f"sqlite:///{tmp_path}/sayso.db")
    assert await keys.Keys(elsewhere).revoke("agent") == 1
    await elsewhere.close()
    assert "revoked" in denial(await waiting)
    decided = await service.desk.get(ticket.id)
    assert decided.decision is not None
    assert (decided.decision.outcome, decided.decision.reason) == ("cancelled", "the key agent was revoked")


async def test_a_yes_on_its_way_does_not_reach_a_key_that_is_revoked(service: Service) -> None:
    waiting = post(service)
    ticket = await service.asked()
    await service.waiting()
    record = ticket.key
    # only the key goes, as a service of an earlier version ends one; then somebody allows
    assert record is not None
    await service.desk.store.remove("key", record)
    await service.answer(verdict="allow")
    assert "revoked" in denial(await waiting)


async def test_a_hook_asks_under_what_the_operator_bound_its_key_to(service: Service) -> None:
    service.desk.setup = sayso.Setup({"default": model.Policy(), "production": model.Policy(quorum=2)})
    bound = await keys.Keys(service.desk.store).add(
        "bound", "agent", service.desk.clock.now(), policy="production", route=["web"]
    )
    waiting = post(service, Authorization=f"Bearer {bound}")
    ticket = await service.asked()
    assert (ticket.policy.quorum, ticket.route) == (2, ("web",))
    await service.desk.cancel(ticket.id)
    await waiting

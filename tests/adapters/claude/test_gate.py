"""What `POST /claude/hooks` holds to: one allow for one run, a key that counts at the end, one known agent."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

import sayso
from sayso import model
from sayso.desk import keys
from sayso.testing.clock import ManualClock
from tests.adapters import claude_service
from tests.adapters.claude.test_server import denial, post
from tests.adapters.claude_service import Json, Service, call
from tests.conftest import until

SKILL = call(
    "PreSkillShellCommand",
    tool_use_id="toolu_1:preamble-0",
    command_name="release",
    command_source="projectSettings",
    invoked_by="user",
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(tmp_path: Path, clock: ManualClock) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path, now=clock) as running:
        yield running


def decision(answer: tuple[int, Json]) -> str:
    output = answer[1]["hookSpecificOutput"]
    return str(output.get("permissionDecision") or output["decision"]["behavior"])


async def test_an_allow_is_on_record_as_used_when_the_hook_hears_of_it(service: Service) -> None:
    waiting = post(service)
    ticket = await service.answer(verdict="allow")
    assert decision(await waiting) == "allow"
    assert (await service.desk.get(ticket.id)).used_at is not None


@pytest.mark.parametrize("key", ["", "another"])
async def test_the_same_call_made_again_after_it_was_let_go_is_denied_and_told_when(service: Service, key: str) -> None:
    waiting = post(service)
    ticket = await service.answer(verdict="allow")
    await waiting
    again = await service.post(call(), **({"Idempotency_Key": key} if key else {}))
    used = (await service.desk.get(ticket.id)).used_at
    assert f"was used at {used:%Y-%m-%d %H:%M:%S} UTC" in denial(again)
    assert await service.count() == 1


async def test_two_hooks_that_wait_for_one_call_let_it_run_and_a_later_one_does_not(service: Service) -> None:
    both = [post(service, call(), Idempotency_Key=name) for name in ("a", "b")]
    await until(lambda: service.desk.store.waiting == 2)
    await service.answer(verdict="allow")
    assert [decision(answer) for answer in await asyncio.gather(*both)] == ["allow", "allow"]
    assert decision(await service.post(call(), Idempotency_Key="c")) == "deny"


async def test_a_hook_that_lost_the_answer_comes_back_for_it(service: Service) -> None:
    waiting = post(service, call(), Idempotency_Key="a")
    await service.answer(verdict="allow")
    assert await waiting == await service.post(call(), Idempotency_Key="a")


async def test_a_hook_that_comes_back_after_the_decision_is_the_first_to_use_it(service: Service) -> None:
    request = call("UserPromptSubmit", prompt="go")
    waiting = post(service, request, Idempotency_Key="a")
    ticket = await service.asked()
    waiting.cancel()
    await service.desk.answer(ticket.id, model.Answer(verdict="allow"), claude_service.ANN)
    assert await service.post(request, Idempotency_Key="a") == (200, {"continue": True})
    assert (await service.desk.get(ticket.id)).used_at is not None


async def test_an_allow_that_was_used_elsewhere_lets_nothing_run_here(service: Service) -> None:
    waiting = post(service)
    ticket = await service.asked()
    await service.waiting()
    await service.desk.answer(ticket.id, model.Answer(verdict="allow"), claude_service.ANN)
    await service.desk.use(ticket.id, sayso.Caller(owner="agent"), attempt="somebody else's")
    assert "Do not run it again" in denial(await waiting)


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest", "PreSkillShellCommand"])
@pytest.mark.parametrize("name", ["", "k"])
async def test_a_key_that_is_revoked_while_its_hook_waits_gets_no_yes(service: Service, event: str, name: str) -> None:
    waiting = post(service, call(event), **({"Idempotency_Key": name} if name else {}))
    ticket = await service.asked()
    await service.waiting()
    # without what else revoking a key does: the end of the wait looks for itself
    for record in await service.desk.store.scan("key"):
        await service.desk.store.remove("key", record.name)
    await service.desk.answer(ticket.id, model.Answer(verdict="allow"), claude_service.ANN)
    answer = await waiting
    assert "revoked" in str(answer)
    assert decision(answer) == "deny"
    assert (await service.desk.get(ticket.id)).used_at is None


async def test_a_shell_command_in_a_skill_is_asked_about_and_never_edited(service: Service) -> None:
    waiting = post(service, SKILL)
    ticket = await service.answer(verdict="allow")
    output = (await waiting)[1]["hookSpecificOutput"]
    assert (output["hookEventName"], output["permissionDecision"]) == ("PreSkillShellCommand", "allow")
    # any `updatedInput` keeps the command from running
    assert set(output) == {"hookEventName", "permissionDecision", "permissionDecisionReason"}
    assert (ticket.request.tool, ticket.request.input) == ("Bash", {"command": "make deploy"})
    assert (ticket.request.editable, ticket.request.title) == (False, "May the skill release run this?")
    facts = {"Skill": "release", "Comes from": "projectSettings", "Started by": "somebody typed its name"}
    assert facts.items() <= ticket.request.context.items()


async def test_a_denied_shell_command_in_a_skill_is_refused_in_its_own_form(service: Service) -> None:
    waiting = post(service, SKILL)
    await service.answer(verdict="deny", reason="not on a Friday")
    output = (await waiting)[1]["hookSpecificOutput"]
    assert (output["hookEventName"], output["permissionDecision"]) == ("PreSkillShellCommand", "deny")
    assert "not on a Friday" in output["permissionDecisionReason"]


async def test_a_skill_that_is_loaded_again_is_asked_about_again(service: Service) -> None:
    waiting = post(service, SKILL)
    await service.answer(verdict="allow")
    await waiting
    again = post(service, SKILL)
    await service.answer(count=2, verdict="deny")
    assert decision(await again) == "deny"


CODEX: Json = {"turn_id": "t-1", "model": "gpt-6"}


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
async def test_another_agents_call_is_refused_by_name_and_asked_of_nobody(service: Service, event: str) -> None:
    told = denial(await service.post(call(event, **CODEX)))
    assert "OpenAI's Codex CLI" in told
    assert await service.count() == 0


async def test_the_one_event_of_claude_code_that_has_a_turn_passes(service: Service) -> None:
    shown = {"hook_event_name": "MessageDisplay", "session_id": "s-1", "turn_id": "t-1", "message_id": "m-1"}
    assert await service.post(shown) == (200, {})


async def test_another_agents_prompt_is_blocked_by_name(service: Service) -> None:
    body = {"hook_event_name": "UserPromptSubmit", "session_id": "s-1", "prompt": "go", **CODEX}
    status, told = await service.post(body)
    assert (status, told["decision"]) == (200, "block")
    assert "OpenAI's Codex CLI" in told["reason"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"", "there is nothing in it"), (b" \n", "there is nothing in it"), (b"{", "not a JSON object")]
    + [(raw, "not a JSON object") for raw in (b"[]", b"null", b"\xff\xfe")]
    + [(raw, "names no event") for raw in (b"{}", b'{"hook_event_name": 5}')],
)
async def test_a_call_that_cannot_be_read_says_what_is_wrong_with_it(service: Service, raw: bytes, said: str) -> None:
    assert said in denial(await service.post(raw))


async def test_a_hook_may_name_the_policy_that_decides(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        policies = {"default": model.Policy(), "strict": model.Policy(quorum=2)}
        service.desk.setup = sayso.Setup(policies=policies)
        waiting = post(service, query="policy=strict")
        ticket = await service.asked()
        await service.desk.cancel(ticket.id)
        assert decision(await waiting) == "deny"
        assert (ticket.request.policy, ticket.policy.quorum) == ("strict", 2)
        assert "there is no policy 'soft'" in denial(await post(service, query="policy=soft"))
        assert "no query parameter 'polcy' (?policy=NAME)" in denial(await post(service, query="polcy=strict"))
        assert "policy is given twice" in denial(await post(service, query="policy=strict&policy=default"))
        assert await service.count() == 1


async def test_a_hook_cannot_choose_the_policy_of_a_key_that_is_bound_to_one(service: Service) -> None:
    service.desk.setup = sayso.Setup({"default": model.Policy(), "production": model.Policy(quorum=2)})
    chain, now = keys.Keys(service.desk.store), service.desk.clock.now()
    bearer = f"Bearer {await chain.add('bound', 'agent', now, policy='production')}"
    told = denial(await post(service, query="policy=default", Authorization=bearer))
    assert "this key cannot choose the policy 'default'" in told
    assert await service.count() == 0
    named = post(service, query="policy=production", Authorization=bearer)
    ticket = await service.asked()
    await service.desk.cancel(ticket.id)
    await named
    assert ticket.policy.quorum == 2


async def test_people_have_the_time_that_a_hook_says(service: Service) -> None:
    waiting = post(service, None, Sayso_Timeout="12", Sayso_Patience="10")
    ticket = await service.answer(verdict="allow")
    assert (ticket.expires_at - ticket.created_at).total_seconds() == 10
    assert (await waiting)[1]["hookSpecificOutput"]["updatedInput"] == {"command": "make deploy"}


@pytest.mark.parametrize("patience", ["", "0", "nan", "12", "13"])
async def test_a_patience_that_leaves_no_time_to_answer_is_a_denial(service: Service, patience: str) -> None:
    assert "Sayso-Patience" in denial(await service.post(call(), Sayso_Timeout="12", Sayso_Patience=patience))

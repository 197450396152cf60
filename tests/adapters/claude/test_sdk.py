"""The SDK's callback asks people, and what they decide goes back in the words of the control protocol."""

import asyncio
import contextlib
import functools
import gc
import importlib
import sys
from collections.abc import Collection
from typing import Any

import pytest
from claude_agent_sdk import ClaudeAgentOptions, HookMatcher
from claude_agent_sdk.types import PermissionRuleValue, PermissionUpdate

import sayso
from sayso import errors, model
from sayso_claude import sdk
from tests.adapters.claude import wire
from tests.adapters.claude.test_sdk_questions import DB, REGIONS
from tests.adapters.claude.test_sdk_suggestions import FOLDER, MODE, RULE
from tests.adapters.claude.wire import Desk, Json, connected
from tests.conftest import until

TOUCH = {"command": "touch e1.txt"}


@pytest.fixture
async def ann() -> Desk:
    return await wire.desk()


async def decided(ann: Desk, tool: str, input: Json, answer: Json, **more: Any) -> Json:
    """What goes back for one call that Ann answers."""
    async with connected(ClaudeAgentOptions(can_use_tool=sdk.ask_people(ann.desk))) as line:
        asked = line.ask(tool, input, **more)
        await ann.answer(**answer)
        return await line.answer(asked)


async def test_an_allowed_call_runs_with_its_input(ann: Desk) -> None:
    assert await decided(ann, "Bash", TOUCH, {"verdict": "allow"}) == {"behavior": "allow", "updatedInput": TOUCH}


async def test_an_edited_call_runs_as_edited(ann: Desk) -> None:
    answer = {"verdict": "allow", "input": {"command": "ls"}}
    assert (await decided(ann, "Bash", TOUCH, answer))["updatedInput"] == {"command": "ls"}


async def test_the_model_reads_why_a_call_was_denied(ann: Desk) -> None:
    back = await decided(ann, "Bash", TOUCH, {"verdict": "deny", "reason": "use make instead"})
    assert set(back) == {"behavior", "message"}
    assert back["message"].endswith("Do not run it and do not work around it. Reason: use make instead")


async def test_deny_and_stop_interrupts_the_run(ann: Desk) -> None:
    back = await decided(ann, "Bash", TOUCH, {"verdict": "stop"})
    assert (back["behavior"], back["interrupt"]) == ("deny", True)


async def test_the_card_says_what_claude_code_says_about_the_call(ann: Desk) -> None:
    said = {
        "title": "Claude wants to touch a file",
        "description": "Make an empty file",
        "decision_reason": "outside the folder",
        "blocked_path": "/etc/e1.txt",
        "agent_id": "a-7",
    }
    await decided(ann, "Bash", TOUCH, {"verdict": "allow"}, **said)
    request = (await ann.asked()).request
    assert (request.title, request.body) == ("Claude wants to touch a file", "Make an empty file")
    assert request.context == {"Why it asks": "outside the folder", "Path": "/etc/e1.txt", "Subagent": "a-7"}
    assert request.source.agent == "Claude agent"


@pytest.mark.parametrize(
    ("offer", "update"), [("s1", RULE), ("s2", FOLDER), ("s3", MODE), ("s0", {**RULE, "destination": "session"})]
)
async def test_one_suggestion_is_added_where_a_person_chose_it(ann: Desk, offer: str, update: Json) -> None:
    answer = {"verdict": "allow", "grant": offer}
    back = await decided(ann, "Bash", TOUCH, answer, permission_suggestions=[RULE, FOLDER, MODE])
    assert back == {"behavior": "allow", "updatedInput": TOUCH, "updatedPermissions": [update]}


async def test_no_suggestion_is_taken_along(ann: Desk) -> None:
    back = await decided(ann, "Bash", TOUCH, {"verdict": "allow"}, permission_suggestions=[RULE, FOLDER, MODE])
    assert "updatedPermissions" not in back
    assert [offer.kind for offer in (await ann.asked()).request.offers] == ["rule", "rule", "folder", "mode"]


async def test_the_developers_own_rules_are_offered_as_well(ann: Desk) -> None:
    def also(tool: str, _: Json) -> list[PermissionUpdate]:
        rules = [PermissionRuleValue(tool, "make:*")]
        broken = PermissionUpdate(type="addRules")
        return [broken, PermissionUpdate(type="addRules", rules=rules, behavior="allow", destination="userSettings")]

    callback = sdk.ask_people(ann.desk, also=also)
    async with connected(ClaudeAgentOptions(can_use_tool=callback)) as line:
        asked = line.ask("Bash", {"command": "make a && make b"})
        await ann.answer(verdict="allow", grant="s0")
        back = await line.answer(asked)
    rules = [{"toolName": "Bash", "ruleContent": "make:*"}]
    own = {"type": "addRules", "rules": rules, "behavior": "allow", "destination": "userSettings"}
    assert back["updatedPermissions"] == [own]


async def test_questions_come_back_answered(ann: Desk) -> None:
    asked: Json = {"questions": [DB, REGIONS]}
    back = await decided(ann, "AskUserQuestion", asked, {"values": {"q0": "SQLite", "q1": ["eu", "mars"]}})
    answers = {"Which database?": "SQLite", "Which regions?": "eu, mars"}
    assert back == {"behavior": "allow", "updatedInput": {**asked, "answers": answers}}


async def test_questions_can_be_declined(ann: Desk) -> None:
    back = await decided(ann, "AskUserQuestion", {"questions": [DB]}, {"verdict": "deny", "reason": "you decide"})
    assert back["behavior"] == "deny"
    assert "Reason: you decide" in back["message"]


async def test_malformed_questions_are_denied_with_what_is_wrong(ann: Desk) -> None:
    async with connected(ClaudeAgentOptions(can_use_tool=sdk.ask_people(ann.desk))) as line:
        back = await line.answer(line.ask("AskUserQuestion", {"questions": [DB, DB]}))
    assert back["behavior"] == "deny"
    assert "two questions have the same text" in back["message"]
    assert await ann.count() == 0


async def test_a_plan_is_read_as_text_and_runs_as_it_was_read(ann: Desk) -> None:
    input = {"plan": "# Plan\n\n1. Ship it", "allowedPrompts": [{"tool": "Bash", "prompt": "run tests"}]}
    back = await decided(ann, "ExitPlanMode", input, {"verdict": "allow"})
    request = (await ann.asked()).request
    assert (request.body, request.editable, request.confirm) == ("# Plan\n\n1. Ship it", False, True)
    assert request.input == {"allowedPrompts": [{"tool": "Bash", "prompt": "run tests"}]}
    assert back == {"behavior": "allow", "updatedInput": input}


async def test_feedback_on_a_plan_reaches_the_model(ann: Desk) -> None:
    back = await decided(ann, "ExitPlanMode", {"plan": "Ship it"}, {"verdict": "deny", "reason": "tests first"})
    assert back["message"].endswith("Reason: tests first")


async def test_a_call_that_claude_code_withdraws_is_withdrawn_on_the_card(ann: Desk) -> None:
    async with connected(sdk.options(ann.desk)) as line:
        await line.before("Bash", TOUCH)
        asked = line.ask("Bash", TOUCH)
        ticket = await ann.asked()
        line.withdraw(asked)
        async with asyncio.timeout(10):
            decision = await ann.desk.wait(ticket.id)
        assert (decision.outcome, decision.reason) == ("cancelled", "the agent stopped waiting")
        assert asked not in line.answers


async def test_an_agent_that_goes_away_withdraws_what_it_asked(ann: Desk) -> None:
    async with connected(sdk.options(ann.desk)) as line:
        line.ask("Bash", TOUCH)
        ticket = await ann.asked()
    async with asyncio.timeout(10):
        assert (await ann.desk.wait(ticket.id)).outcome == "cancelled"


async def test_a_call_nobody_decides_is_denied_in_words(ann: Desk) -> None:
    async with connected(sdk.options(ann.desk)) as line:
        asked = line.ask("Bash", TOUCH)
        await ann.desk.cancel((await ann.asked()).id, reason="closed for today")
        back = await line.answer(asked)
    assert back["behavior"] == "deny"
    assert "withdrawn before anybody decided" in back["message"]


class Down:
    """A desk that cannot be reached."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def _fail(self, *_: Any, **__: Any) -> Any:
        raise self._error

    ask = open = wait = get = cancel = note = _fail


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.StoreUnavailable("/var/lib/secret.db is locked"), "the approval service cannot be reached now"),
        (OSError("10.0.0.7 refused"), "the approval service cannot be reached now"),
        (RuntimeError("secret"), "something failed"),
        (
            errors.InvalidRequest("there is no policy 'x'", hint="policies: default"),
            "no policy 'x' (policies: default)",
        ),
    ],
)
@pytest.mark.parametrize("seen", [True, False])
async def test_a_failure_is_a_denial_that_says_why_and_no_more(error: Exception, said: str, seen: bool) -> None:
    down: Any = Down(error)
    async with connected(sdk.options(down)) as line:
        if seen:
            await line.before("Bash", TOUCH)
        back = await line.answer(line.ask("Bash", TOUCH))
    assert back["behavior"] == "deny"
    assert said in back["message"]
    assert "secret" not in back["message"]
    assert "10.0.0.7" not in back["message"]
    assert "Nobody has allowed this" in back["message"]


@pytest.mark.parametrize(
    ("error", "traced"),
    [(errors.StoreUnavailable("no answer"), False), (OSError("refused"), False), (RuntimeError("a bug"), True)],
)
async def test_a_service_that_is_down_is_one_line_in_the_log_and_a_bug_has_its_traceback(
    error: Exception, traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    down: Any = Down(error)
    async with connected(sdk.options(down)) as line:
        await line.answer(line.ask("Bash", TOUCH))
    (record,) = [record for record in caplog.records if record.message == "call denied"]
    assert bool(record.exc_info) is traced
    assert vars(record)["reason"] == str(error)


async def test_a_desk_that_closes_while_a_call_waits_leaves_no_task_behind(
    unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    unheard: list[Any] = []
    loop.set_exception_handler(lambda _, context: unheard.append(context))
    async with contextlib.AsyncExitStack() as agent:
        async with sayso.open(f"http://127.0.0.1:{unused_tcp_port}", key="sayso_agent_x") as desk:
            line = await agent.enter_async_context(connected(sdk.options(desk)))
            await line.before("Bash", TOUCH)
            asked = line.ask("Bash", TOUCH)
        back = await line.answer(asked)
        again = await line.answer(line.ask("Bash", TOUCH))
    gc.collect()
    assert (back["behavior"], again["behavior"], unheard) == ("deny", "deny", [])
    assert "cannot be reached now" in again["message"]
    assert [record for record in caplog.records if record.exc_info] == []


async def test_options_say_on_the_card_which_session_folder_and_subagent_asks(ann: Desk) -> None:
    options = sdk.options(
        ann.desk, source=sayso.Source(agent="release-bot", url="https://ci.example"), policy="default"
    )
    async with connected(options) as line:
        assert await line.before("Bash", TOUCH, agent_type="reviewer") == [{}]
        asked = line.ask("Bash", TOUCH, agent_id="a-7")
        request = (await ann.answer(verdict="allow")).request
        await line.answer(asked)
    assert request.source == model.Source(
        agent="release-bot (reviewer)", session="s-1", url="https://ci.example", project="shop"
    )
    assert request.context == {"Folder": "/home/dev/shop", "Permission mode": "plan", "Subagent": "a-7"}
    assert request.policy == "default"


async def test_the_same_call_asked_about_after_it_was_let_go_is_denied_and_told_when(ann: Desk) -> None:
    async with connected(sdk.options(ann.desk)) as line:
        await line.before("Bash", TOUCH)
        asked = line.ask("Bash", TOUCH)
        ticket = await ann.answer(verdict="allow")
        assert (await line.answer(asked))["behavior"] == "allow"
        await line.before("Bash", TOUCH)
        again = await line.answer(line.ask("Bash", TOUCH))
    used = (await ann.desk.get(ticket.id)).used_at
    assert again["behavior"] == "deny"
    assert f"was used at {used:%Y-%m-%d %H:%M:%S} UTC" in again["message"]
    assert await ann.count() == 1


async def test_a_shell_command_in_a_skill_is_asked_about_and_runs_once_it_is_allowed(ann: Desk) -> None:
    async with connected(sdk.options(ann.desk, policy="default")) as line:
        asked = asyncio.create_task(line.loads("make tidy", invoked_by="user", command_source="projectSettings"))
        ticket = await ann.answer(verdict="allow")
        told = await asked
        assert set(told) == {"hookEventName", "permissionDecision", "permissionDecisionReason"}
        assert (told["hookEventName"], told["permissionDecision"]) == ("PreSkillShellCommand", "allow")
    assert (ticket.request.tool, ticket.request.input) == ("Bash", {"command": "make tidy"})
    assert (ticket.request.title, ticket.request.editable) == ("May the skill tidy run this?", False)
    facts = {"Skill": "tidy", "Comes from": "projectSettings", "Started by": "somebody typed its name"}
    assert facts.items() <= ticket.request.context.items()
    assert (ticket.request.policy, ticket.request.offers) == ("default", ())
    assert (await ann.desk.get(ticket.id)).used_at is not None


async def test_a_denied_shell_command_in_a_skill_does_not_run_and_may_end_the_run(ann: Desk) -> None:
    async with connected(sdk.options(ann.desk)) as line:
        asked = asyncio.create_task(line.loads("make tidy"))
        await ann.answer(verdict="deny", reason="not now")
        assert "not now" in (await asked)["permissionDecisionReason"]


@pytest.mark.parametrize("error", [errors.StoreUnavailable("no answer"), RuntimeError("a bug")])
async def test_a_skill_is_denied_where_nobody_can_be_asked(error: Exception) -> None:
    down: Any = Down(error)
    async with connected(sdk.options(down)) as line:
        assert (await line.loads("make tidy"))["permissionDecision"] == "deny"
        assert (await line.loads("make tidy", session_id=5))["permissionDecision"] == "deny"


async def test_options_keep_the_developers_hooks_and_block_where_ours_fails(ann: Desk) -> None:
    async def theirs(*_: Any) -> Any:
        return {}

    given = ClaudeAgentOptions(hooks={"PreToolUse": [HookMatcher(matcher="Bash", hooks=[theirs])]}, model="opus")
    made = sdk.options(ann.desk, given)
    assert (made.model, given.can_use_tool) == ("opus", None)
    assert made.hooks is not None
    assert [(one.matcher, one.on_failure) for one in made.hooks["PreToolUse"]] == [("Bash", None), (None, "block")]


def test_two_callbacks_for_one_agent_are_refused() -> None:
    nowhere: Any = None
    with pytest.raises(errors.InvalidSettings):
        sdk.options(nowhere, sdk.options(nowhere))


def more_done(tasks: Collection[asyncio.Task[Any]], than: int) -> bool:
    return sum(task.done() for task in tasks) > than


async def test_sessions_in_one_process_are_told_apart(ann: Desk) -> None:
    async def one(session: str) -> Json:
        async with connected(sdk.options(ann.desk), session) as line:
            await line.before("Bash", {"command": f"touch {session}"})
            return await line.answer(line.ask("Bash", {"command": f"touch {session}"}))

    async with asyncio.TaskGroup() as group:
        running = {name: group.create_task(one(name)) for name in ("s-1", "s-2", "s-3")}
        await ann.asked(3)
        for number in range(3):
            ticket = await ann.asked(3)
            verdict: Any = "allow" if ticket.request.source.session == "s-2" else "deny"
            assert ticket.request.input == {"command": f"touch {ticket.request.source.session}"}
            await ann.answer(verdict=verdict)
            await until(functools.partial(more_done, running.values(), number))
    assert {name: task.result()["behavior"] for name, task in running.items()} == {
        "s-1": "deny",
        "s-2": "allow",
        "s-3": "deny",
    }


async def test_the_same_call_again_is_asked_again(ann: Desk) -> None:
    async with connected(sdk.options(ann.desk)) as line:
        for number in (1, 2):
            await line.before("Bash", TOUCH, f"toolu_{number}")
            asked = line.ask("Bash", TOUCH, f"toolu_{number}")
            await ann.answer(number, verdict="allow")
            await line.answer(asked)
    assert await ann.count() == 2


async def test_an_answer_in_place_of_the_tool_reaches_the_model_where_it_was_asked_for(ann: Desk) -> None:
    callback = sdk.ask_people(ann.desk, verdicts=("respond", "stop"))
    async with connected(ClaudeAgentOptions(can_use_tool=callback)) as line:
        asked = line.ask("Bash", TOUCH)
        await ann.answer(verdict="respond", text="it is there already")
        back = await line.answer(asked)
        question = line.ask("AskUserQuestion", {"questions": [DB]})
        await ann.answer(2, choice="SQLite")
        assert (await line.answer(question))["behavior"] == "allow"
    assert back["behavior"] == "deny"
    assert back["message"].endswith("answered in its place: it is there already")


@pytest.mark.parametrize("name", ["sdk", "defer", "wire"])
def test_without_the_sdk_it_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sdk", "defer", "wire"):
        monkeypatch.delitem(sys.modules, f"sayso_claude.{module}", raising=False)
        monkeypatch.delattr(f"sayso_claude.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[claude\]'"):
        importlib.import_module(f"sayso_claude.{name}")

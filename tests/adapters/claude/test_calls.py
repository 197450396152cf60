"""A call that Claude Code asks about twice is one request; a call that is made twice is two."""

from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.content import digest
from sayso.desk import token_secret
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso_claude import calls

ANN = people.Actor(account="test:ann", name="Ann", member=True)
BASH = calls.SharedCall("s-1", "Bash", {"command": "make"})


def asked(call: calls.SharedCall, event: str, **more: Any) -> Any:
    def request(id: str) -> model.Request:
        traced = {"claude": {"event": event, "call": digest.of_call(call.tool, call.input)}}
        source = model.Source(session=call.session)
        return sayso.Permission(tool=call.tool, input=call.input, id=id, source=source, metadata=traced, **more)

    return request


class Scene:
    """One desk; a hook and a callback that ask there."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = memory.MemoryStore()
        self.used: dict[str, calls.Used] = {
            "hook": calls.Stored("hook", self.store),
            "sdk": calls.Remembered("sdk"),
        }

    async def desk(self) -> sayso.Desk:
        return sayso.Desk(self.store, await token_secret.mint(self.store), clock=self.clock)

    async def open(self, source: str, attempt: str, call: calls.SharedCall = BASH, **more: Any) -> str:
        request = asked(call, source, **more)
        now = self.clock.now()
        return (await calls.open_shared(await self.desk(), self.used[source], call, request, attempt, now)).id

    async def decide(self, id: str) -> None:
        await (await self.desk()).answer(id, model.Answer(verdict="allow"), ANN)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_hook_and_the_callback_of_one_call_share_a_request(scene: Scene) -> None:
    assert await scene.open("hook", "h1", title="By the hook") == await scene.open("sdk", "t1", title="By the SDK")


@pytest.mark.parametrize("source", ["hook", "sdk"])
async def test_the_same_call_made_again_is_another_request(scene: Scene, source: str) -> None:
    first = await scene.open(source, "a1")
    assert await scene.open(source, "a2") != first
    await scene.decide(first)
    assert await scene.open(source, "a3") != first


async def test_both_ask_again_together_about_the_second_call(scene: Scene) -> None:
    first = await scene.open("hook", "h1")
    await scene.open("sdk", "t1")
    await scene.decide(first)
    second = await scene.open("sdk", "t2")
    assert second != first
    assert await scene.open("hook", "h2") == second


@pytest.mark.parametrize("source", ["hook", "sdk"])
async def test_an_attempt_that_comes_back_finds_its_request_however_late(scene: Scene, source: str) -> None:
    first = await scene.open(source, "a1")
    await scene.decide(first)
    scene.clock.advance(3600)
    assert await scene.open(source, "a1") == first


async def test_a_decision_reaches_the_other_source_only_while_it_is_about_the_same_moment(scene: Scene) -> None:
    first = await scene.open("hook", "h1")
    await scene.decide(first)
    assert await scene.open("sdk", "t1") == first
    other = calls.SharedCall("s-2", "Bash", {"command": "make"})
    late = await scene.open("hook", "h2", other)
    await scene.decide(late)
    scene.clock.advance(calls.WINDOW + 1)
    assert await scene.open("sdk", "t2", other) != late


async def test_a_restarted_source_never_uses_a_decision_that_it_had_asked_for(scene: Scene) -> None:
    first = await scene.open("sdk", "t1")
    await scene.decide(first)
    scene.used["sdk"] = calls.Remembered("sdk")
    assert await scene.open("sdk", "t2") != first


async def test_what_a_service_used_is_still_used_after_its_restart(scene: Scene) -> None:
    first = await scene.open("sdk", "t1")
    await scene.decide(first)
    assert await scene.open("hook", "h1") == first
    scene.used["hook"] = calls.Stored("hook", scene.store)
    assert await scene.open("hook", "h2") != first


@pytest.mark.parametrize(
    "other",
    [
        calls.SharedCall("s-1", "Bash", {"command": "make "}),
        calls.SharedCall("s-1", "Shell", {"command": "make"}),
        calls.SharedCall("s-2", "Bash", {"command": "make"}),
        calls.SharedCall("s-1", "Bash", {"command": "make"}, "agent-1"),
    ],
)
async def test_any_other_call_is_another_request(scene: Scene, other: calls.SharedCall) -> None:
    assert await scene.open("hook", "h1") != await scene.open("sdk", "t1", other)


async def test_a_request_under_our_id_that_is_about_something_else_is_left_alone(scene: Scene) -> None:
    desk = await scene.desk()
    await desk.open(sayso.Permission(tool="Bash", input={"command": "rm"}, id=BASH.id(0)))
    await desk.open(sayso.Permission(tool="Bash", input={"command": "rm"}, id=BASH.id(1)), sayso.Caller("other"))
    assert await scene.open("hook", "h1") == BASH.id(2)


async def test_a_request_that_cannot_be_asked_is_an_error(scene: Scene) -> None:
    with pytest.raises(errors.InvalidRequest):
        await scene.open("hook", "h1", policy="none")


async def test_a_use_is_forgotten_long_after_the_request(scene: Scene) -> None:
    await scene.open("hook", "h1")
    record = await scene.store.get("claude-call", BASH.id(0))
    assert record is not None
    assert record.expires_at is not None
    assert record.expires_at >= scene.clock.now() + timedelta(hours=1)

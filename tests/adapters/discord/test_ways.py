"""The ways in beside cards: `/sayso pending`, and *Answer this* in the menu of a message."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

import sayso_discord
from sayso import model
from sayso_discord import interactions, looks, ways
from tests.adapters.discord_scene import ANN, BOB, OPS, Scene, Transport, scene
from tests.conftest import until
from tests.fakes.discord import Message, Person

NAMED = model.Policy(approvers=("ann",))
HOSTILE = "**bold** @everyone <@300000000000000001> `x` ```y``` ||z|| [a](http://b.c) \u202egnp.exe"


@pytest.fixture(params=["gateway", "http"])
async def there(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    transport: Transport = request.param
    async with scene(transport, policy=NAMED) as built:
        yield built
        assert built.discord.refusals == []


def run(tool: str = "shell", **more: object) -> model.Request:
    asked = model.Request(kind="permission", tool=tool, input={"command": "make deploy"})
    return asked.model_copy(update=more)


def ann_of(there: Scene) -> Person:
    return there.discord.person(ANN, name="ann")


async def pending(there: Scene, person: Person) -> Message:
    seen = await person.command(OPS, "sayso pending")
    assert seen.acked
    (told,) = seen.ephemerals
    return told


async def test_the_command_lists_what_waits_to_the_person_alone(there: Scene) -> None:
    ann = ann_of(there)
    await there.ask(run("later", risk="high", expires_in=7200.0))
    await there.ask(run("sooner", expires_in=600.0))
    told = await pending(there, ann)
    shown = there.discord.visible_text(told)
    assert told.only_for == ANN
    assert "2 requests wait for you" in shown
    assert shown.index("sooner") < shown.index("later")
    assert "expires in 10 min" in shown
    assert "high risk · expires in 2 h" in shown
    assert there.discord.pings(told) == []


async def test_a_request_is_answered_in_the_window_that_the_list_opens(there: Scene) -> None:
    ann = ann_of(there)
    ticket = await there.ask(run())
    told = await pending(there, ann)
    seen = await ann.press(told, "Open")
    (window,) = seen.ephemerals
    assert "make deploy" in there.discord.visible_text(window)
    await ann.press(window, "Allow")
    assert (await there.decision(ticket)).allowed
    after = there.discord.visible_text(await pending(there, ann))
    assert "Nothing waits for you" in after
    assert "What you answered lately" in after


async def test_the_menu_of_a_message_opens_the_request_of_a_card_and_of_a_reply_to_it(there: Scene) -> None:
    ann = ann_of(there)
    await there.ask(run())
    (window,) = (await ann.use_on(there.card, looks.ANSWER)).ephemerals
    assert "Allow" in there.discord.controls(window)
    reply = await ann.reply(there.card, "let me look")
    (window,) = (await ann.use_on(reply, looks.ANSWER)).ephemerals
    assert "make deploy" in there.discord.visible_text(window)
    other = await ann.say(OPS, "something else")
    (told,) = (await ann.use_on(other, looks.ANSWER)).ephemerals
    assert "No request stands for this message" in there.discord.visible_text(told)


async def test_somebody_who_may_not_answer_sees_nothing_and_opens_nothing(there: Scene) -> None:
    bob = there.discord.person(BOB, name="bob")
    await there.ask(run())
    assert "Nothing waits for you" in there.discord.visible_text(await pending(there, bob))
    (told,) = (await bob.use_on(there.card, looks.ANSWER)).ephemerals
    assert "may not answer this request" in there.discord.visible_text(told)
    assert "make deploy" not in there.discord.visible_text(told)


async def test_a_press_in_a_window_that_is_too_late_says_so_there(there: Scene) -> None:
    ann = ann_of(there)
    ticket = await there.ask(run())
    (window,) = (await ann.use_on(there.card, looks.ANSWER)).ephemerals
    await there.front.cancel(ticket.id)
    await ann.press(window, "Allow")
    (now,) = [one for one in there.discord.ephemerals(ANN) if one.id == window.id]
    assert "Too late" in there.discord.visible_text(now)


async def test_a_long_list_has_pages_and_turns_them_in_place(there: Scene) -> None:
    ann = ann_of(there)
    for number in range(23):
        await there.front.open(run(f"tool{number:02}", expires_in=600.0 + number))
    told = await pending(there, ann)
    assert "tool09" in there.discord.visible_text(told)
    assert "tool10" not in there.discord.visible_text(told)
    await ann.press(told, "Next")
    (now,) = there.discord.ephemerals(ANN)
    assert "tool10" in there.discord.visible_text(now)
    await ann.press(now, "Next")
    (now,) = there.discord.ephemerals(ANN)
    assert "tool22" in there.discord.visible_text(now)
    assert "Next" not in there.discord.controls(now)


async def test_hostile_text_is_text_in_the_list(there: Scene) -> None:
    ann = ann_of(there)
    for _ in range(10):
        await there.front.open(model.Request(kind="question", title=HOSTILE, source=model.Source(agent="`" * 100)))
    told = await pending(there, ann)
    assert there.discord.pings(told) == []
    assert there.discord.mentions(told) == []
    assert there.discord.links(told) == []
    assert "\u202e" not in there.discord.visible_text(told)


async def test_only_our_commands_are_registered_and_only_if_they_are_not_there_yet(there: Scene) -> None:
    made = there.discord.commands.made
    await there.stop()
    made.clear()
    await there.start()
    await there.discord.until(lambda: [*made] == [("sayso", 1), ("Answer this", 3)])
    made["weather", 1] = {"id": "1", "name": "weather", "type": 1, "description": "Of another program", "options": []}
    await there.stop()
    there.discord.calls.clear()
    await there.start()
    await there.discord.until(
        lambda: any(call.operation == "list_application_commands" for call in there.discord.calls)
    )
    await asyncio.sleep(0.05)
    assert not any(call.operation == "create_application_command" for call in there.discord.calls)
    await there.stop()
    made["sayso", 1] = {**made["sayso", 1], "description": "As it was in an older version"}
    await there.start()
    await there.discord.until(lambda: made["sayso", 1]["description"] == ways.COMMANDS[0]["description"])
    assert made["weather", 1]["description"] == "Of another program"


async def test_without_commands_everything_else_works_and_the_doctor_says_what_is_missing(there: Scene) -> None:
    ann = ann_of(there)
    await there.stop()
    there.discord.commands.made.clear()
    there.discord.fail_next("list_application_commands", "50001")
    await there.start()
    await there.discord.until(lambda: there.discord.refusals)
    there.discord.refusals.clear()
    ticket = await there.ask(run())
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed
    found = {one.name: one for one in await sayso_discord.check(there.settings)}
    assert found["commands"].ok
    assert "not there yet: sayso, Answer this" in found["commands"].said


async def told_in_time(there: Scene, is_told: Callable[[], object]) -> None:
    """Time goes on until somebody is told."""

    def look() -> object:
        there.clock.advance(1)
        return is_told()

    await until(look)


@pytest.mark.parametrize("fault", ["reset", "429 cloudflare"])
async def test_a_late_list_that_discord_cannot_take_now_comes_once_it_can(
    there: Scene, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(interactions, "_ANSWER_WITHIN", 0.0)
    await there.ask(run("deploy"))
    there.discord.fail_next("execute_webhook", fault, times=2)
    seen = await ann_of(there).command(OPS, "sayso pending")
    await told_in_time(there, lambda: any("deploy" in there.discord.visible_text(one) for one in seen.ephemerals))


async def test_a_late_list_is_tried_no_longer_than_discord_takes_it(
    there: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(interactions, "_ANSWER_WITHIN", 0.0)
    monkeypatch.setattr(interactions, "_PAUSES", (100.0,) * 99)
    began = there.clock.now()
    there.discord.fail_next("execute_webhook", "reset", times=99)
    await ann_of(there).command(OPS, "sayso pending")
    await told_in_time(there, lambda: "late outcome not told" in caplog.messages)
    assert there.clock.now() - began < timedelta(minutes=15)
    assert [one.operation for one in there.discord.calls].count("execute_webhook") > 5

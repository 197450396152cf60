"""The ways in beside cards: the Home tab, `/sayso pending`, and the shortcut *Answer this* on a message."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from sayso import model
from sayso.cards import phrases
from sayso.chat import listing, orders
from sayso.content.text import Trusted
from sayso.desk import Caller
from sayso.machine import people
from sayso_slack import interactions, lists, looks
from tests.adapters.slack_scene import Scene, Transport, scene
from tests.conftest import until
from tests.fakes.slack import Person

NAMED = model.Policy(approvers=("ann",))
HOSTILE = "*bold* <!channel> <@U1> `x` &amp; :tada: \u202egnp.exe"


@pytest.fixture(params=["sockets", "http"])
async def there(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    transport: Transport = request.param
    async with scene(transport, policy=NAMED) as built:
        yield built
        assert built.slack.refusals == []


def run(tool: str = "shell", **more: Any) -> model.Request:
    return model.Request(kind="permission", tool=tool, input={"command": "make deploy"}, **more)


def ann_of(there: Scene) -> Person:
    return there.slack.person("U1", name="ann")


async def home(there: Scene, person: Person) -> str:
    await person.open_home()
    await there.slack.until(lambda: person.user.id in there.slack.world.homes)
    return there.slack.visible_text(person.home)


async def test_the_home_tab_lists_what_waits_with_what_expires_first_on_top(there: Scene) -> None:
    ann = ann_of(there)
    await there.ask(run("later", risk="high", expires_in=7200.0))
    await there.ask(run("sooner", expires_in=600.0))
    shown = await home(there, ann)
    assert "2 requests wait for you" in shown
    assert shown.index("sooner") < shown.index("later")
    assert "make deploy" in shown
    assert "expires in 10 min" in shown
    assert "high risk · expires in 2 h" in shown


async def test_a_request_is_answered_in_the_window_that_the_home_tab_opens(there: Scene) -> None:
    ann = ann_of(there)
    ticket = await there.ask(run())
    await home(there, ann)
    seen = await ann.press(ann.home, "Open")
    await there.slack.until(lambda: seen.views)
    assert "make deploy" in there.slack.visible_text(ann.view)
    await ann.press(ann.view, "Allow")
    assert (await there.decision(ticket)).allowed
    await there.slack.until(lambda: "Allow" not in there.slack.controls(ann.view))
    await there.slack.until(lambda: "Nothing waits for you" in there.slack.visible_text(ann.home))
    assert "What you answered lately" in there.slack.visible_text(ann.home)


async def test_a_reason_is_typed_in_a_window_on_top_of_the_opened_one(there: Scene) -> None:
    ann = ann_of(there)
    ticket = await there.ask(run())
    await home(there, ann)
    seen = await ann.press(ann.home, "Open")
    await there.slack.until(lambda: seen.views)
    (label,) = [one for one in there.slack.controls(ann.view) if "reason" in one.lower()]
    seen = await ann.press(ann.view, label)
    await there.slack.until(lambda: len(there.slack.views("U1")) == 2)
    (typed,) = [block["label"]["text"] for block in ann.view.blocks if block["type"] == "input"]
    await ann.fill(ann.view, {typed: "not today"})
    await ann.submit(ann.view)
    assert (await there.decision(ticket)).reason == "not today"


async def test_somebody_who_may_not_answer_sees_nothing_and_opens_nothing(there: Scene) -> None:
    ann, bob = ann_of(there), there.slack.person("U2", name="bob")
    await there.ask(run())
    assert "Nothing waits for you" in await home(there, bob)
    assert "make deploy" not in there.slack.visible_text(bob.home)
    seen = await bob.use_on(there.card, looks.SHORTCUT)
    await there.slack.until(lambda: seen.views)
    assert "may not answer this request" in there.slack.visible_text(bob.view)
    await home(there, ann)
    # a press that somebody forges, with a row of somebody else's list
    there.slack.world.homes["U2"] = dataclasses.replace(bob.home, content=ann.home.content)
    seen = await bob.press(bob.home, "Open")
    await there.slack.until(lambda: seen.views)
    assert "make deploy" not in there.slack.visible_text(bob.view)


async def test_the_command_answers_only_the_person_with_the_same_list(there: Scene) -> None:
    ann = ann_of(there)
    await there.ask(run())
    seen = await ann.command("C1", "/sayso", "pending")
    assert seen.acked
    assert not seen.trouble
    (told,) = seen.ephemerals
    assert "1 request waits for you" in there.slack.visible_text(told)
    assert told.text == "1 request waits for you"
    opened = await ann.press(told, "Open")
    await there.slack.until(lambda: opened.views)
    assert "make deploy" in there.slack.visible_text(ann.view)


async def test_other_words_after_the_command_say_what_to_type(there: Scene) -> None:
    ann = ann_of(there)
    seen = await ann.command("C1", "/sayso", "make coffee")
    assert "/sayso pending" in there.slack.visible_text(seen.ephemerals[0])


async def test_a_command_of_somebody_whom_slack_does_not_name_says_so(there: Scene) -> None:
    ann = ann_of(there)
    there.slack.fail_next("users.info", "500")
    seen = await ann.command("C1", "/sayso", "pending")
    assert there.slack.visible_text(seen.ephemerals[0]) == phrases.WHO_ARE_YOU


async def test_the_shortcut_opens_the_request_of_a_card_and_of_its_thread(there: Scene) -> None:
    ann = ann_of(there)
    await there.ask(run())
    seen = await ann.use_on(there.card, looks.SHORTCUT)
    await there.slack.until(lambda: seen.views)
    assert "Allow" in there.slack.controls(ann.view)
    await ann.reply(there.card, "let me look")
    below = there.slack.messages("C1")[-1]
    seen = await ann.use_on(below, looks.SHORTCUT)
    await there.slack.until(lambda: seen.views)
    assert "make deploy" in there.slack.visible_text(ann.view)
    await ann.say("C1", "something else")
    seen = await ann.use_on(there.slack.messages("C1")[-1], looks.SHORTCUT)
    await there.slack.until(lambda: seen.views)
    assert "No request stands for this message" in there.slack.visible_text(ann.view)


async def test_a_press_in_a_window_that_is_too_late_says_so_there(there: Scene) -> None:
    ann = ann_of(there)
    ticket = await there.ask(run())
    seen = await ann.use_on(there.card, looks.SHORTCUT)
    await there.slack.until(lambda: seen.views)
    await there.front.cancel(ticket.id)
    await ann.press(ann.view, "Allow")
    await there.slack.until(lambda: "Too late" in there.slack.visible_text(ann.view))
    assert "Allow" not in there.slack.controls(ann.view)


async def test_a_choice_from_a_long_list_is_made_in_a_window_on_top(there: Scene) -> None:
    ann = ann_of(there)
    options = tuple(model.Option(label=f"option {number}") for number in range(9))
    ticket = await there.ask(model.Request(kind="choice", title="Which?", options=options))
    seen = await ann.use_on(there.card, looks.SHORTCUT)
    await there.slack.until(lambda: seen.views)
    await ann.press(ann.view, "Choose…")
    await there.slack.until(lambda: len(there.slack.views("U1")) == 2)
    await ann.choose(ann.view, "4 · option 3")
    await ann.submit(ann.view)
    assert (await there.decision(ticket)).choice == "option 3"


async def test_a_long_list_has_pages_and_turns_them(there: Scene) -> None:
    ann = ann_of(there)
    for number in range(23):
        await there.front.open(run(f"tool{number:02}", expires_in=600.0 + number))
    shown = await home(there, ann)
    assert "Waiting for you: 1 to 10" in shown
    assert "tool09" in shown
    assert "tool10" not in shown
    await ann.press(ann.home, "Next")
    await there.slack.until(lambda: "tool10" in there.slack.visible_text(ann.home))
    await ann.press(ann.home, "Next")
    await there.slack.until(lambda: "tool22" in there.slack.visible_text(ann.home))
    assert "Next" not in there.slack.controls(ann.home)
    seen = await ann.command("C1", "/sayso")
    (told,) = seen.ephemerals
    await ann.press(told, "Next")
    await there.slack.until(lambda: "tool10" in there.slack.visible_text(there.slack.ephemerals("U1")[-1]))


async def test_hostile_text_is_text_in_every_list(there: Scene) -> None:
    ann = ann_of(there)
    await there.ask(model.Request(kind="question", title=HOSTILE, source=model.Source(agent=HOSTILE)))
    await home(there, ann)
    told = (await ann.command("C1", "/sayso", "pending")).ephemerals[0]
    for where in (ann.home, told):
        assert there.slack.pings(where) == []
        assert there.slack.links(where) == []
        assert "<!channel>" in there.slack.visible_text(where)
        assert "\u202e" not in there.slack.visible_text(where)
    assert told.text == "1 request waits for you"


async def test_a_request_that_was_answered_for_a_quorum_waits_for_others() -> None:
    directory = people.Directory({name: people.Profile(frozenset({f"slack:T1/{id}"})) for name, id in _BOTH})
    policy = model.Policy(approvers=("ann", "bob"), quorum=2)
    async with scene(policy=policy, directory=directory) as there:
        ann, bob = ann_of(there), there.slack.person("U2", name="bob")
        await there.ask(run())
        await home(there, ann)
        seen = await ann.press(ann.home, "Open")
        await there.slack.until(lambda: seen.views)
        await ann.press(ann.view, "Allow")
        await there.slack.until(lambda: "1 of 2 people" in there.slack.visible_text(ann.view))
        assert "Nothing waits for you" in await home(there, ann)
        assert "1 request waits for you" in await home(there, bob)


_BOTH = (("ann", "U1"), ("bob", "U2"))


async def test_time_goes_on_in_a_list_that_is_opened_again(there: Scene) -> None:
    ann = ann_of(there)
    await there.ask(run(expires_in=3600.0))
    assert "expires in 1 h" in await home(there, ann)
    there.clock.advance(timedelta(minutes=20).total_seconds())
    await home(there, ann)
    await there.slack.until(lambda: "expires in 40 min" in there.slack.visible_text(ann.home))


def test_a_menu_of_agents_that_holds_not_all_of_them_says_so() -> None:
    def said(count: int) -> str:
        names = tuple(f"bot{number:03}" for number in range(count))
        view = lists.home(listing.Listing(Trusted("x")), offered=orders.Offered(orders.Order("stop"), names))
        (menu,) = (one for one in view["blocks"][0]["elements"] if one["type"] == "static_select")
        assert len(menu["options"]) == min(count, 100)
        return str(menu["placeholder"]["text"])

    assert said(100) == "Stop one agent…"
    assert said(130) == "Stop one agent… (of 130; others: /sayso stop agent NAME)"


async def told_in_time(there: Scene, is_told: Callable[[], object], seconds: float = 1) -> None:
    """Time goes on until somebody is told."""

    def look() -> object:
        there.clock.advance(seconds)
        return is_told()

    await until(look)


def uses(there: Scene) -> int:
    return sum(call.method == "response_url" for call in there.slack.calls)


@pytest.mark.parametrize("fault", ["429", "500", "reset"])
async def test_a_late_list_that_slack_cannot_take_now_comes_once_it_can(
    there: Scene, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(interactions, "_ANSWER_WITHIN", 0.0)
    await there.ask(run("deploy"))
    there.slack.fail_next("response_url", fault, times=2)
    seen = await ann_of(there).command("C1", "/sayso", "pending")
    await told_in_time(there, lambda: seen.ephemerals)
    assert "deploy" in there.slack.visible_text(seen.ephemerals[0])
    assert uses(there) == 3


async def test_a_late_list_is_tried_no_more_often_than_slack_takes_it(
    there: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(interactions, "_ANSWER_WITHIN", 0.0)
    there.slack.fail_next("response_url", "500", times=9)
    await ann_of(there).command("C1", "/sayso", "pending")
    await told_in_time(there, lambda: "late list not told" in caplog.messages)
    assert uses(there) == 5


async def test_a_late_list_is_tried_no_longer_than_slack_takes_it(
    there: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(interactions, "_ANSWER_WITHIN", 0.0)
    there.slack.fail_next("response_url", "429", retry_after=30 * 60)
    await ann_of(there).command("C1", "/sayso", "pending")
    await until(lambda: "late list not told" in caplog.messages)
    assert uses(there) == 1


async def test_a_page_of_a_list_that_slack_cannot_take_now_comes_once_it_can(there: Scene) -> None:
    for number in range(12):
        await there.front.open(run(f"tool-{number}"), Caller())
    seen = await ann_of(there).command("C1", "/sayso", "pending")
    await there.slack.until(lambda: seen.ephemerals)
    there.slack.fail_next("response_url", "500", times=2)
    before = there.slack.visible_text(seen.ephemerals[0])
    label = next(one for one in there.slack.controls(seen.ephemerals[0]) if "Next" in one or "More" in one)
    pressing = asyncio.ensure_future(ann_of(there).press(seen.ephemerals[0], label))
    await told_in_time(there, lambda: there.slack.visible_text(there.slack.ephemerals("U1")[-1]) != before)
    await pressing


async def test_somebody_whose_press_did_not_count_is_told_once_slack_can_tell_them(there: Scene) -> None:
    ticket, ann = await there.ask(run()), ann_of(there)
    await ann.press(there.card, "Deny")
    old = there.card
    assert (await there.decision(ticket)).outcome == "denied"
    there.slack.fail_next("chat.postEphemeral", "channel_not_found")
    there.slack.fail_next("response_url", "500", times=3)
    seen = await ann.press(old, "Allow")
    await told_in_time(there, lambda: seen.ephemerals)
    assert "that is what you said" in there.slack.visible_text(seen.ephemerals[0])
    assert [method for method, _ in there.slack.refusals] == ["chat.postEphemeral"]
    there.slack.refusals.clear()


async def test_somebody_who_wrote_is_told_once_slack_can_tell_them(there: Scene) -> None:
    await there.ask(run())
    there.slack.fail_next("chat.postEphemeral", "429", times=2)
    await ann_of(there).reply(there.card, "allow")
    await told_in_time(there, lambda: there.slack.ephemerals("U1"))

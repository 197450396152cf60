"""What a policy wants with an answer: a reason, a name that is typed, time to read; at the rules and in the windows."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from sayso import asking, errors, machine, model
from sayso.cards import buttons, card, demanded, dialog, draw, masked, submission, tokens
from sayso.desk import Desk, Setup
from sayso.machine import demands, people
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import DEPLOY, MINT, actor, after, opened, permission, person, said
from tests.tables import each

ROOM = dialog.WindowLimits(content=2000, inputs=5, typed=2000)
DROP = asking.Permission(tool="drop", input={"database": {"name": "prod-eu"}, "force": True})


def pressed(ticket: model.Ticket, action: tokens.Action, index: int = 0) -> tokens.Pressed:
    return tokens.read(MINT.token(ticket, action, index))


def window(ticket: model.Ticket, action: tokens.Action, index: int = 0) -> dialog.Dialog:
    made = dialog.of_press(ticket, pressed(ticket, action, index), MINT, ROOM)
    assert made is not None
    return made


def submit(ticket: model.Ticket, opened: dialog.Dialog, **typed: str) -> dialog.Dialog | model.Answer:
    return submission.follow(ticket, tokens.read(opened.token), typed, MINT, ROOM)


def names(made: dialog.Dialog) -> list[str]:
    return [one.name for one in made.inputs]


REASONS: list[tuple[Literal["allow", "deny", "both"] | None, model.Verdict, bool]] = [
    (None, "allow", False),
    ("allow", "allow", True),
    ("allow", "deny", False),
    ("deny", "allow", False),
    ("deny", "deny", True),
    ("deny", "stop", True),
    ("both", "allow", True),
    ("both", "deny", True),
]


def test_an_answer_without_the_reason_that_its_policy_wants_is_refused() -> None:
    for row in each(REASONS):
        with row as (wanted, verdict, refused):
            ticket = opened(permission(verdicts=("stop",)), reason=wanted)
            assert after(ticket, said(verdict=verdict, reason="because")).decision is not None
            if not refused:
                assert after(ticket, said(verdict=verdict)).decision is not None
                continue
            blanks: tuple[dict[str, Any], ...] = ({}, {"reason": " \n"})
            for blank in blanks:
                with pytest.raises(errors.InvalidAnswer, match="its policy wants a reason for") as why:
                    machine.step(ticket, said(verdict=verdict, **blank))
                assert why.value.field == "reason"


def test_what_somebody_said_is_known_again_by_their_account_and_its_stage_as_long_as_it_counts() -> None:
    once = after(opened(quorum=2, veto=2, reason="both"), said("ann", verdict="allow", reason="because"))
    ann, (given,) = person("ann"), once.answers
    allow, deny = model.Answer(verdict="allow"), model.Answer(verdict="deny")
    assert machine.said_before(once, ann, allow) == given.answer
    elsewhere = ann.model_copy(update={"account": "other:T/ann"})
    gone = once.model_copy(update={"gone": (ann.account,)})
    later = once.model_copy(update={"stage": 1})
    others = [(once, ann, deny), (once, person("bob"), allow), (once, elsewhere, allow), (gone, ann, allow)]
    for row in each([*others, (once, ann, model.Answer(verdict="allow", grant="session"))]):
        with row as (ticket, by, meant):
            assert machine.said_before(ticket, by, meant) is None
    # who sits stays there in a later stage, and a denial of an earlier one is said anew
    denied = after(opened(quorum=2, veto=2), said("ann", verdict="deny")).model_copy(update={"stage": 1})
    assert (machine.said_before(later, ann, allow), machine.said_before(denied, ann, deny)) == (given.answer, None)


def test_a_question_back_is_a_reason_and_a_decline_of_a_question_needs_none() -> None:
    assert after(opened(reason="both"), said(verdict="deny", question="Why now?")).decision is not None
    asked = model.Request(kind="question", title="Which?", verdicts=("deny",))
    assert after(opened(asked, reason="both"), said(verdict="deny")).decision is not None


TYPED: list[tuple[str, model.JsonObject, str]] = [
    ("tool", {}, "drop"),
    ("input.database.name", {"database": {"name": "prod-eu"}}, "prod-eu"),
    ("input.count", {"count": 7}, "7"),
    ("input.database.name", {"database": "prod-eu"}, "drop"),
    ("input.database.name", {}, "drop"),
    ("input.name", {"name": ""}, "drop"),
    ("input.name", {"name": " x"}, "drop"),
    ("input.name", {"name": "a\nb"}, "drop"),
    # what cannot be typed as it is seen
    ("input.name", {"name": "prod\u200b"}, "drop"),
    ("input.name", {"name": "x" * 201}, "drop"),
    # what a mask covers
    ("input.password", {"password": "hunter7"}, "drop"),
    ("input.url", {"url": "postgres://shop:hunter7@db/shop"}, "drop"),
]


def test_the_name_to_type_is_the_value_that_the_policy_names_or_the_tool() -> None:
    for row in each(TYPED):
        with row as (wanted, given, named):
            ticket = opened(asking.Permission(tool="drop", input=given), confirm=wanted)
            assert demands.name_to_type(ticket) == named
            wrongs: tuple[dict[str, Any], ...] = ({}, {"confirm": "x"}, {"confirm": named.upper() + "!"})
            for wrong in wrongs:
                with pytest.raises(errors.InvalidAnswer, match="to allow this, its name has to be typed: the ") as why:
                    machine.step(ticket, said(verdict="allow", **wrong))
                assert why.value.field == "confirm"
            assert after(ticket, said(verdict="allow", confirm=f" {named} ")).decision is not None
            assert after(ticket, said(verdict="deny")).decision is not None


def test_the_name_to_type_is_the_same_on_the_card_whose_secrets_are_covered() -> None:
    ticket = opened(asking.Permission(tool="drop", input={"password": "hunter7"}), confirm="input.password")
    assert demands.name_to_type(masked.of(ticket, MINT)) == demands.name_to_type(ticket) == "drop"


def test_an_edited_input_is_confirmed_by_its_own_name() -> None:
    ticket = opened(DROP, confirm="input.database.name")
    edited = {"database": {"name": "test"}, "force": True}
    with pytest.raises(errors.InvalidAnswer):
        machine.step(ticket, said(verdict="allow", input=edited, confirm="prod-eu"))
    assert after(ticket, said(verdict="allow", input=edited, confirm="test")).decision is not None


def test_a_press_opens_a_window_for_what_the_policy_wants() -> None:
    ticket = opened(DROP, confirm="input.database.name", reason="allow")
    made = window(ticket, "allow")
    assert (made.title, made.submit, names(made)) == ("Allow", "Allow", ["confirm", "reason"])
    hint = made.inputs[0].hint
    assert hint is not None
    assert hint.text == "prod-eu"
    assert submit(ticket, made, confirm=" prod-eu ", reason="wanted") == model.Answer(
        verdict="allow", confirm="prod-eu", reason="wanted"
    )
    for typed, field in (({"confirm": "prod-eu"}, "reason"), ({"confirm": " ", "reason": "x"}, "confirm")):
        with pytest.raises(errors.InvalidAnswer) as why:
            submit(ticket, made, **typed)
        assert why.value.field == field
    assert dialog.of_press(ticket, pressed(ticket, "deny"), MINT, ROOM) is None


def test_a_denial_that_needs_a_reason_asks_for_it_and_has_one_button() -> None:
    ticket = opened(permission(verdicts=("stop",)), reason="deny")
    made = window(ticket, "deny")
    assert (made.title, made.danger, names(made)) == ("Deny", True, ["reason"])
    assert [row.action for row, _ in buttons.on(ticket)] == ["allow", "deny", "edit", "askback", "stop"]
    stop = window(ticket, "stop")
    assert stop.inputs[0].required
    with pytest.raises(errors.InvalidAnswer):
        submit(ticket, stop, reason="")
    assert not window(opened(permission(verdicts=("stop",))), "stop").inputs[0].required


def test_every_way_to_allow_comes_to_the_window() -> None:
    offer = model.Offer(name="s0", kind="rule", effect="adds a rule")
    ticket = opened(permission(grants=("session",), offers=(offer,)), reason="allow")
    ways: tuple[tuple[tokens.Action, str | None], ...] = (("session", "session"), ("offer", "s0"), ("review", None))
    for action, grant in ways:
        first = window(ticket, action)
        second = first if names(first) else submit(ticket, first)
        assert isinstance(second, dialog.Dialog)
        assert names(second) == ["reason"]
        # a surface that can open a window only after one more press finds it by its token alone
        assert dialog.of_press(ticket, tokens.read(second.token), MINT, ROOM) == second
        assert submit(ticket, second, reason="x") == model.Answer(verdict="allow", grant=grant, reason="x")
    assert dialog.of_press(ticket, pressed(ticket, "offer", 1), MINT, ROOM) is None


def test_a_button_whose_press_opens_a_window_asks_nothing_else() -> None:
    ticket = opened(asking.Permission(tool="Bash", input={"command": "rm -rf /"}), reason="allow")
    buttons_shown = {one.action: one for one in draw.card_of(ticket, MINT).controls if isinstance(one, card.Button)}
    assert getattr(buttons_shown["allow"], "confirm", 1) is None
    made = window(ticket, "allow")
    assert made.danger
    assert any("Deletes" in str(part) for part in made.parts)


def desk_of(**policy: Any) -> Desk:
    return Desk(memory.MemoryStore(), MINT, Setup({"default": model.Policy(**policy)}), ManualClock())


async def test_a_wider_edit_keeps_what_was_typed_while_its_reason_is_asked_for() -> None:
    desk = desk_of(reason="allow")
    ticket = await desk.open(permission())
    edit = await desk.press(MINT.token(ticket, "edit"), actor(), ROOM, None)
    assert isinstance(edit, dialog.Dialog)
    then = await desk.press(edit.token, actor(), ROOM, None, {"k0": "make test"})
    assert isinstance(then, dialog.Dialog)
    assert names(then) == ["reason"]
    # Discord opens the window by one more press
    again = await desk.press(then.token, actor(), ROOM, None)
    assert isinstance(again, dialog.Dialog)
    assert names(again) == ["reason"]
    done = await desk.press(again.token, actor(), ROOM, None, {"reason": "tests only"})
    assert isinstance(done, model.Ticket)
    assert done.decision is not None
    assert (done.decision.input, done.decision.reason) == ({**DEPLOY, "command": "make test"}, "tests only")


async def test_time_to_read_begins_with_the_first_try_and_is_kept_for_each_person() -> None:
    desk = desk_of(confirm=10.0)
    clock = desk.clock
    assert isinstance(clock, ManualClock)
    ticket = await desk.open(permission())
    allow = model.Answer(verdict="allow")
    with pytest.raises(demands.ReadFirst, match="you can allow it in 10 seconds"):
        await desk.answer(ticket.id, allow, actor())
    clock.advance(4)
    with pytest.raises(demands.ReadFirst, match="in 6 seconds"):
        await desk.answer(ticket.id, allow, actor())
    clock.advance(5)
    with pytest.raises(demands.ReadFirst, match="in 10 seconds"):
        await desk.answer(ticket.id, allow, actor("bob"))
    clock.advance(1)
    # another process has the same store
    other = Desk(desk.store, MINT, desk.setup, clock)
    assert (await other.answer(ticket.id, allow, actor())).decision is not None


async def test_a_press_that_opens_the_window_begins_the_time_to_read_and_a_denial_waits_for_nothing() -> None:
    desk = desk_of(confirm=10.0)
    clock = desk.clock
    assert isinstance(clock, ManualClock)
    ticket = await desk.open(permission())
    made = await desk.press(MINT.token(ticket, "allow"), actor(), ROOM, None)
    assert isinstance(made, dialog.Dialog)
    assert "Its policy gives it 10 seconds to be read" in str(made.parts)
    assert made.inputs == ()
    with pytest.raises(demands.ReadFirst):
        await desk.press(made.token, actor(), ROOM, None, {})
    clock.advance(10)
    done = await desk.press(made.token, actor(), ROOM, None, {})
    assert isinstance(done, model.Ticket)
    assert done.decision is not None
    denied = await desk.open(permission())
    assert (await desk.answer(denied.id, model.Answer(verdict="deny"), actor())).decision is not None


async def test_of_two_first_tries_at_the_same_moment_the_earlier_one_counts() -> None:
    from sayso.desk.answering import reading
    from sayso.stores import Record

    class Racing(memory.MemoryStore):
        async def put(self, record: Record) -> None:
            await super().put(record)
            await super().put(record)

    desk = Desk(Racing(), MINT, None, ManualClock())
    ticket = await desk.open(permission())
    person = people.Directory().identify(actor())
    assert await reading.begun(desk, ticket, person) == desk.clock.now()


def test_time_to_read_is_in_the_log_so_that_it_can_be_judged_again() -> None:
    ticket = opened(confirm=10.0)
    event = said(verdict="allow", after=20)
    assert after(ticket, event.model_copy(update={"read_since": event.at - timedelta(seconds=10)})).decision is not None
    with pytest.raises(demands.ReadFirst):
        machine.step(ticket, event)


def test_nothing_is_missing_where_a_policy_wants_nothing() -> None:
    ticket = opened()
    assert demanded.missing(ticket, model.Answer(verdict="allow")) == ()
    assert dialog.of_press(ticket, pressed(ticket, "allow"), MINT, ROOM) is None


def test_the_commands_at_a_terminal_name_what_the_policy_wants() -> None:
    ticket = opened(permission(verdicts=("stop",), grants=("session",)), reason="both", confirm="tool")
    flags = {one.action: one.flag for one in draw.card_of(ticket, MINT).controls if isinstance(one, card.Button)}
    assert flags == {
        "allow": "--allow --confirm NAME --reason TEXT",
        "deny": "--deny --reason TEXT",
        "edit": "--allow --input JSON --confirm NAME --reason TEXT",
        "askback": "--ask-back TEXT",
        "session": "--allow --grant session --confirm NAME --reason TEXT",
        "stop": "--stop --reason TEXT",
    }


def test_what_is_too_long_is_said_beside_its_input() -> None:
    ticket = opened(permission(), confirm="tool")
    made = window(ticket, "allow")
    with pytest.raises(errors.InvalidAnswer, match="at most 200 characters") as why:
        submit(ticket, made, confirm="x" * 201)
    assert why.value.field == "confirm"


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"verdict": "deny", "input": {}}, "the verdict deny takes no input", "it takes question or reason"),
    ({"verdict": "stop", "grant": "x"}, "the verdict stop takes no grant", "it takes reason"),
]


def test_what_a_verdict_cannot_take_is_refused_with_what_it_takes() -> None:
    for row in each(REFUSED):
        with row as (answer, words, hint):
            with pytest.raises(errors.InvalidAnswer, match=words) as refused:
                machine.step(opened(permission(verdicts=("stop",))), said(**answer))
            assert refused.value.hint == hint

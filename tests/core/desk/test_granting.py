"""Grants: an allow that covers what comes after it, exactly what its card showed, until it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

import sayso
from sayso import errors, model, parts
from sayso.cards import card, dialog, submission, tokens
from sayso.content import tools
from sayso.desk.admission import granting
from sayso.desk.upkeep import stops
from sayso.machine import events, scopes
from sayso.stores import Record, memory, record_kinds
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, opened

ROOM = dialog.WindowLimits(content=2_000, inputs=8, typed=2_000)
HOUR = 3_600.0
SETUP = sayso.Setup(
    policies={
        "default": model.Policy(grants=HOUR),
        "other": model.Policy(grants=HOUR),
        "once": model.Policy(),
        "two": model.Policy(quorum=2, grants=HOUR),
        "reason": model.Policy(reason="allow", grants=HOUR),
    }
)
BOT = sayso.Caller(owner="bot", key="k1")
CALL = model.Answer(verdict="allow", standing="call")
TOOL = model.Answer(verdict="allow", standing="tool")


@pytest.fixture
async def desk() -> AsyncIterator[sayso.Desk]:
    made = sayso.Desk(memory.MemoryStore(), MINT, SETUP, ManualClock())
    for key in ("k1", "k2"):
        await made.store.put(Record(record_kinds.KEY, key, {"name": "bot", "role": "agent"}))
    yield made
    await made.store.close()


def asked(tool: str = "Bash", session: str | None = "s-1", policy: str | None = None, **input: Any) -> model.Request:
    source = model.Source(session=session)
    request = sayso.Permission(tool=tool, input=input or {"command": "make"}, source=source)
    return request.model_copy(update={"policy": policy})


async def outcome(desk: sayso.Desk, request: model.Request, caller: sayso.Caller = BOT) -> str:
    ticket = await desk.open(request, caller)
    return ticket.decision.outcome if ticket.decision else "asked"


async def allow(desk: sayso.Desk, request: model.Request, answer: model.Answer = CALL) -> model.Ticket:
    ticket = await desk.open(request, BOT)
    return await desk.answer(ticket.id, answer, actor())


async def test_the_same_call_is_allowed_at_once_until_the_grant_ends(desk: sayso.Desk) -> None:
    decided = await allow(desk, asked())
    assert decided.decision is not None
    assert (decided.decision.grant, decided.decision.standing) == (None, "call")
    again = await desk.open(asked(), BOT)
    assert again.decision is not None
    assert again.decision.outcome == "allowed"
    assert again.route == ("web",)
    assert again.ruled is not None
    assert (again.ruled.rule or "").startswith("grant ")
    assert "Ann allowed this exact call until 2026-01-01 13:00 UTC" in (again.decision.reason or "")
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(HOUR)
    assert await outcome(desk, asked()) == "asked"


async def test_each_allow_by_a_grant_is_used_once(desk: sayso.Desk) -> None:
    await allow(desk, asked())
    again = await desk.open(asked(), BOT)
    await desk.use(again.id, BOT)
    with pytest.raises(errors.AlreadyUsed):
        await desk.use(again.id, BOT)


@pytest.mark.parametrize(
    "other",
    [
        asked(command="make "),
        asked(command="make", timeout=1),
        asked("bash"),
        asked(policy="once"),
        asked(policy="other"),
    ],
)
async def test_anything_else_is_asked(desk: sayso.Desk, other: model.Request) -> None:
    await allow(desk, asked())
    assert await outcome(desk, other) == "asked"


async def test_another_agent_and_a_new_key_of_the_same_name_are_asked(desk: sayso.Desk) -> None:
    await allow(desk, asked())
    assert await outcome(desk, asked(), sayso.Caller(owner="other", key="k2")) == "asked"
    assert await outcome(desk, asked(), sayso.Caller(owner="bot", key="k2")) == "asked"


@pytest.mark.parametrize("answer", [CALL, TOOL, model.Answer(verdict="allow", standing="pattern", free=("content",))])
async def test_nobody_s_own_request_is_allowed_by_what_they_allowed_for_others(
    desk: sayso.Desk, answer: model.Answer
) -> None:
    request = asked("write_file", path="a", content="x")
    bob, ann = (sayso.Caller(owner="bot", key="k1", requester=one) for one in ("bob", "chat:T/ann"))
    ticket = await desk.open(request, bob)
    await desk.answer(ticket.id, answer, actor())
    assert await outcome(desk, request, bob) == "allowed"
    assert await outcome(desk, request, ann) == "asked"
    assert await outcome(desk, request) == "asked"


async def test_a_tool_of_a_session_is_allowed_whatever_its_input_is(desk: sayso.Desk) -> None:
    await allow(desk, asked("write_file", path="a", content="x"), TOOL)
    assert await outcome(desk, asked("write_file", path="b", content="y")) == "allowed"
    assert await outcome(desk, asked("write_file", "s-2", path="b", content="y")) == "asked"
    assert await outcome(desk, asked("edit_file", path="b")) == "asked"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (asked(), TOOL),  # a shell
        (asked("unknown_tool", n=1), TOOL),  # nobody knows whether it is one
        (asked("write_file", None, path="a"), TOOL),  # no session
        (asked(policy="once"), CALL),
        (asked(policy="two"), CALL),
        (asked(policy="reason"), CALL),
        (asked(), model.Answer(verdict="allow", standing="call", input={"command": "make test"})),
        (asked(), model.Answer(verdict="deny", standing="call")),
        (sayso.Permission(tool="Bash", input={}, grants=("session",)), CALL.model_copy(update={"grant": "session"})),
        (sayso.Permission(tool="Bash", input={}, confirm=True), CALL),
    ],
)
async def test_an_allow_that_may_not_stand_for_others_is_refused(
    desk: sayso.Desk, request_: model.Request, answer: model.Answer
) -> None:
    ticket = await desk.open(request_, BOT)
    with pytest.raises(errors.InvalidAnswer) as refused:
        await desk.answer(ticket.id, answer, actor())
    assert refused.value.field == "standing"
    assert await granting.listed(desk.store, desk.clock.now()) == []


async def test_a_grant_is_listed_and_ended_at_once_and_it_is_on_record(desk: sayso.Desk) -> None:
    first = await allow(desk, asked())
    (grant,) = await granting.listed(desk.store, desk.clock.now())
    assert (grant.agent, grant.tool, grant.by, grant.request) == ("bot", "Bash", "chat:T/ann", first.id)
    await granting.end(desk.store, grant.id, "op", desk.clock.now())
    assert await outcome(desk, asked()) == "asked"
    assert (await desk.store.log(first.id))[-1].entry == events.GrantEnded(at=desk.clock.now(), by="op", grant=grant.id)
    with pytest.raises(errors.NotFound):
        await granting.end(desk.store, grant.id, "op", desk.clock.now())


async def test_under_a_stop_a_grant_allows_nothing(desk: sayso.Desk) -> None:
    await allow(desk, asked())
    stop = model.Stop(by="op", name="Op", via="web:op", at=desk.clock.now(), agent=None, reason=None)
    await desk.store.put(Record(record_kinds.STOP, "all", stop.model_dump(mode="json")))
    if (await stops.standing(desk.store)).of("bot") is None:
        pytest.fail("the record of a stop looks otherwise")
    assert await outcome(desk, asked()) == "asked"


async def test_a_damaged_grant_allows_nothing(desk: sayso.Desk) -> None:
    await allow(desk, asked())
    (record,) = await desk.store.scan(record_kinds.GRANT)
    await desk.store.put(Record(record.kind, record.name, {"id": 5}, None, record.version))
    assert await outcome(desk, asked()) == "asked"


async def test_the_number_of_grants_is_bounded(desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granting, "MOST", 1)
    await allow(desk, asked())
    assert (await allow(desk, asked(command="make test"))).decision is not None
    assert await outcome(desk, asked(command="make test")) == "asked"


@pytest.mark.parametrize(("action", "kind"), [("call", "call"), ("tool", "tool")])
def test_the_window_shows_all_that_is_covered_before_it_counts(action: tokens.Action, kind: parts.Standing) -> None:
    request = asked("write_file", path="/srv/a", content="line one\nline two")
    ticket = opened(request, grants=HOUR)
    pressed = tokens.read(MINT.token(ticket, action))
    window = dialog.of_press(ticket, pressed, MINT, ROOM)
    assert window is not None
    assert window.submit is not None
    words = str(window.parts)
    assert "For 1 h" in words
    assert ("line two" in words) is (kind == "call")
    answer = submission.follow(ticket, tokens.read(window.token), {}, MINT, ROOM)
    assert answer == model.Answer(verdict="allow", standing=kind)


def test_what_cannot_be_shown_in_full_cannot_be_granted() -> None:
    ticket = opened(asked(command="x\n" * 5_000), grants=HOUR)
    window = dialog.of_press(ticket, tokens.read(MINT.token(ticket, "call")), MINT, ROOM)
    assert window is not None
    assert window.submit is None


def test_nobody_is_offered_what_would_be_refused() -> None:
    for tool, kinds in (("Bash", {"call"}), ("write_file", {"call", "tool"}), ("unknown", {"call"})):
        ticket = opened(asked(tool, path="a"), grants=HOUR)
        assert {one for one in ("call", "tool") if scopes.may(ticket, one)} == kinds
    assert not scopes.may(opened(asked()), "call")
    assert tools.find("unknown") == tools.NOTHING


INPUTS = st.dictionaries(st.sampled_from(["command", "path", "a"]), st.text(max_size=3) | st.integers(0, 2), max_size=2)


@hypothesis.given(
    shown=st.tuples(st.sampled_from(["Bash", "write_file"]), INPUTS, st.sampled_from(["s", "t"])),
    later=st.tuples(st.sampled_from(["Bash", "write_file"]), INPUTS, st.sampled_from(["s", "t"])),
    kind=st.sampled_from(["call", "tool"]),
)
def test_a_grant_covers_nothing_that_its_card_did_not_show(
    shown: tuple[str, dict[str, Any], str], later: tuple[str, dict[str, Any], str], kind: parts.Standing
) -> None:
    def covered(call: tuple[str, dict[str, Any], str]) -> tuple[str, ...] | None:
        source = model.Source(session=call[2])
        return scopes.covered("bot", sayso.Permission(tool=call[0], input=call[1], source=source), kind)

    if covered(shown) is not None and covered(shown) == covered(later):
        assert shown[0] == later[0]
        assert shown[1] == later[1] if kind == "call" else shown[2] == later[2]


def like(*free: str) -> model.Answer:
    return model.Answer(verdict="allow", standing="pattern", free=free)


async def test_what_is_like_the_allowed_call_is_allowed_and_nothing_else(desk: sayso.Desk) -> None:
    await allow(desk, asked("refund", customer="c-1", amount=20), like("amount"))
    assert await outcome(desk, asked("refund", customer="c-1", amount=5)) == "allowed"
    assert await outcome(desk, asked("refund", "s-2", customer="c-1", amount=20)) == "allowed"
    for other in (
        asked("refund", customer="c-1", amount=21),
        asked("refund", customer="c-2", amount=5),
        asked("refund", customer="c-1"),
        asked("refund", customer="c-1", amount=5, more=1),
        asked("payout", customer="c-1", amount=5),
        asked("refund", policy="once", customer="c-1", amount=5),
        asked("refund", policy="other", customer="c-1", amount=5),
    ):
        assert await outcome(desk, other) == "asked"
    assert await outcome(desk, asked("refund", customer="c-1", amount=5), sayso.Caller("other", key="k2")) == "asked"
    again = await desk.open(asked("refund", customer="c-1", amount=5), BOT)
    assert again.ruled is not None
    assert "allowed what is like this until" in (again.ruled.reason or "")


async def test_several_patterns_of_a_tool_stand_beside_one_another_and_each_is_ended_alone(desk: sayso.Desk) -> None:
    await allow(desk, asked("refund", customer="c-1", amount=20), like("amount"))
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(1)
    await allow(desk, asked("refund", customer="c-2", amount=50), like("amount", "customer"))
    assert await outcome(desk, asked("refund", customer="c-9", amount=40)) == "allowed"
    wide, narrow = await granting.listed(desk.store, desk.clock.now())
    assert narrow.like is not None
    assert [one.words for one in narrow.like.free] == ["any number from 0 to 20"]
    await granting.end(desk.store, wide.id, "op", desk.clock.now())
    assert await outcome(desk, asked("refund", customer="c-9", amount=40)) == "asked"
    assert await outcome(desk, asked("refund", customer="c-1", amount=9)) == "allowed"
    desk.clock.advance(HOUR)
    assert await outcome(desk, asked("refund", customer="c-1", amount=9)) == "asked"


async def test_patterns_of_one_tool_are_few(desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granting, "MOST_ALIKE", 1)
    await allow(desk, asked("refund", customer="c-1", amount=20), like("amount"))
    await allow(desk, asked("refund", customer="c-2", amount=20), like("amount"))
    assert await outcome(desk, asked("refund", customer="c-2", amount=5)) == "asked"


async def test_under_a_stop_what_is_like_it_is_asked_and_a_damaged_pattern_allows_nothing(desk: sayso.Desk) -> None:
    call = asked("refund", customer="c-1", amount=20)
    await allow(desk, call, like("amount"))
    (record,) = await desk.store.scan(record_kinds.GRANT)
    stop = model.Stop(by="op", name="Op", via="web:op", at=desk.clock.now(), agent=None, reason=None)
    await stops.put(desk.store, stop)
    assert await outcome(desk, asked("refund", customer="c-1", amount=5)) == "asked"
    await stops.remove(desk.store, None)
    broken = {**record.value, "like": {**record.value["like"], "free": []}}
    await desk.store.put(Record(record.kind, record.name, broken, None, record.version))
    assert await outcome(desk, asked("refund", customer="c-1", amount=5)) == "asked"
    await desk.store.put(Record(record.kind, record.name, {**record.value, "like": None}, None, record.version + 1))
    assert await outcome(desk, asked("refund", customer="c-1", amount=5)) == "asked"


@pytest.mark.parametrize(
    "answer",
    [
        model.Answer(verdict="allow", standing="pattern"),
        model.Answer(verdict="allow", free=("amount",)),
        model.Answer(verdict="allow", standing="call", free=("amount",)),
        like("none"),
        like("text"),
    ],
)
async def test_an_allow_that_leaves_open_what_may_not_differ_is_refused(desk: sayso.Desk, answer: model.Answer) -> None:
    ticket = await desk.open(asked("refund", amount=5, text="two words"), BOT)
    with pytest.raises(errors.InvalidAnswer) as refused:
        await desk.answer(ticket.id, answer, actor())
    assert refused.value.field == "free"


def test_the_windows_ask_what_may_differ_and_show_all_of_it_with_examples() -> None:
    ticket = opened(asked("refund", customer="c-1", amount=20, note="for two weeks"), grants=HOUR)
    pressed = tokens.read(MINT.token(ticket, "pattern"))
    first = dialog.of_press(ticket, pressed, MINT, ROOM)
    assert first is not None
    assert [one.text for one in first.inputs[0].options] == [
        "customer: any one word of letters, digits, - and _",
        "amount: any number from 0 to 20",
    ]
    nothings: tuple[dialog.Draft, ...] = ({}, {"free": []}, {"free": [7]})
    for nothing in nothings:
        with pytest.raises(errors.InvalidAnswer):
            submission.follow(ticket, tokens.read(first.token), nothing, MINT, ROOM)
    second = submission.follow(ticket, tokens.read(first.token), {"free": [1]}, MINT, ROOM)
    assert isinstance(second, dialog.Dialog)
    assert second.submit is not None
    shown = "\n".join("".join(card.pieces(part)) for part in second.parts if isinstance(part, card.Line))
    for said in (
        "For 1 h every call of agent like this is allowed at once",
        "amount: any number from 0 to 20",
        "customer c-1",
        "It covers, for example: amount 10",
        "It does not cover, for example: amount 21",
        "and customer c-1x",
    ):
        assert said in shown, said
    answer = submission.follow(ticket, tokens.read(second.token), {}, MINT, ROOM)
    assert answer == like("amount")


def test_a_pattern_that_cannot_be_shown_in_full_cannot_be_granted() -> None:
    ticket = opened(asked("refund", amount=5, note="x y\n" * 5_000), grants=HOUR)
    window = submission.follow(ticket, tokens.read(MINT.token(ticket, "pattern")), {"free": [0]}, MINT, ROOM)
    assert isinstance(window, dialog.Dialog)
    assert window.submit is None


def test_a_secret_in_the_call_is_covered_in_the_windows_and_is_not_left_open_by_what_is_shown_of_it() -> None:
    token = "ghp_" + "a1B2" * 9
    ticket = opened(asked("deploy", api_token=token, amount=20), grants=HOUR)
    first = dialog.of_press(ticket, tokens.read(MINT.token(ticket, "pattern")), MINT, ROOM)
    assert first is not None
    assert [one.text for one in first.inputs[0].options] == ["amount: any number from 0 to 20"]
    second = submission.follow(ticket, tokens.read(first.token), {"free": [0]}, MINT, ROOM)
    assert isinstance(second, dialog.Dialog)
    assert token not in str((first, second))
    assert submission.follow(ticket, tokens.read(second.token), {}, MINT, ROOM) == like("amount")
    none = dialog.of_press(opened(asked("Bash"), grants=HOUR), tokens.read(MINT.token(ticket, "pattern")), MINT, ROOM)
    assert none is not None
    assert none.submit is None

"""Suggested rules come by themselves, once; are accepted or refused; hold behind every deny; and end everywhere."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

import sayso
import sayso_shell
from sayso import errors, model, rules
from sayso.cards import naming
from sayso.desk.admission import granted, granting, learned, learning
from sayso.desk.setup import Retention, Suggesting
from sayso.desk.upkeep import denied, purging, stops, suggestions
from sayso.machine import events, people
from sayso.rules import rule
from sayso.stores import Query, Record, memory, record_kinds
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, person

DAY = 86_400.0
ANN, OPS = actor(), people.Actor("web:ops", "Ops", member=True, person="ops")
BOT = sayso.Caller(owner="bot", key="k1")
SETUP = sayso.Setup(
    policies={
        "default": model.Policy(),
        "two": model.Policy(quorum=2),
        "other": model.Policy(),
    },
    directory=people.Directory({"ops": people.Profile(frozenset({"web:ops"}))}),
    suggesting=Suggesting(ask=("ops",), least=3, route=("web",)),
    stoppers=("ops",),
)


def desk_over(store: memory.MemoryStore, clock: ManualClock, setup: sayso.Setup = SETUP) -> sayso.Desk:
    return sayso.Desk(store, MINT, setup, clock)


@pytest.fixture
async def desk() -> AsyncIterator[sayso.Desk]:
    made = desk_over(memory.MemoryStore(), ManualClock())
    for key in ("k1", "k2"):
        await made.store.put(Record(record_kinds.KEY, key, {"name": "bot", "role": "agent"}))
    yield made
    await made.store.close()


def asked(tool: str = "run_tests", policy: str | None = None, **input: Any) -> model.Request:
    request = sayso.Permission(tool=tool, input=input or {"suite": "unit"})
    return request.model_copy(update={"policy": policy})


async def say(
    desk: sayso.Desk, verdict: model.Verdict, request: model.Request, caller: sayso.Caller = BOT, times: int = 1
) -> None:
    for _ in range(times):
        ticket = await desk.open(request, caller)
        await desk.answer(ticket.id, model.Answer(verdict=verdict), ANN)


async def suggested(desk: sayso.Desk) -> list[model.Ticket]:
    return [*await desk.store.list(Query(owner=naming.SERVICE))]


async def one_suggested(desk: sayso.Desk, request: model.Request | None = None) -> model.Ticket:
    await say(desk, "allow", request or asked(), times=3)
    assert await suggestions.look(desk) == 1
    (ticket,) = await suggested(desk)
    return ticket


async def accept(desk: sayso.Desk, ticket: model.Ticket) -> granting.Grant:
    await desk.answer(ticket.id, model.Answer(choice=learned.ACCEPT), OPS)
    desk.learned = await learned.find(desk.store)
    (grant,) = await granting.listed(desk.store, desk.clock.now())
    return grant


async def outcome(desk: sayso.Desk, request: model.Request, caller: sayso.Caller = BOT) -> str:
    ticket = await desk.open(request, caller)
    return ticket.decision.outcome if ticket.decision else "asked"


async def test_what_was_allowed_again_and_again_is_suggested_with_the_very_calls(desk: sayso.Desk) -> None:
    await say(desk, "allow", asked(), times=2)
    assert await suggestions.look(desk) == 0
    await say(desk, "allow", asked())
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    assert await suggestions.look(desk) == 1
    (ticket,) = await suggested(desk)
    assert ticket.policy.approvers == ("ops",)
    rule_shown, calls = (one.text or "" for one in ticket.request.attachments)
    assert 'match = { tool = "run_tests", agent = "bot", "input.suite" = "unit" }' in rule_shown
    allowed = await desk.store.list(Query(owner="bot"))
    assert len(allowed) == 3
    assert all(one.id in calls for one in allowed)
    with pytest.raises(errors.NotAllowed):
        await desk.answer(ticket.id, model.Answer(choice=learned.ACCEPT), ANN)


async def test_what_is_accepted_allows_what_it_covers_and_says_who_accepted_it(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    assert await outcome(desk, asked()) == "asked"
    grant = await accept(desk, ticket)
    assert (grant.standing, grant.by, grant.agent, grant.request) == ("rule", "ops", "bot", ticket.id)
    assert grant.until - grant.at == timedelta(days=90)
    again = await desk.open(asked(), BOT)
    assert again.decision is not None
    assert (again.decision.outcome, again.decision.rule) == ("allowed", f"grant {grant.id}")
    assert [row.entry.by.id for row in await desk.store.log(ticket.id) if isinstance(row.entry, events.Answered)] == [
        "ops"
    ]
    # nothing beside it: other input, agent, key, policy, or a call of which all or none is allowed
    assert await outcome(desk, asked(suite="slow")) == "asked"
    assert await outcome(desk, asked(), sayso.Caller(owner="other")) == "asked"
    assert await outcome(desk, asked(), sayso.Caller(owner="bot", key="k2")) == "asked"
    assert await outcome(desk, asked(policy="other")) == "asked"
    desk.clock.advance(91 * DAY)  # type: ignore[attr-defined]
    assert await outcome(desk, asked()) == "asked"


async def test_a_deny_and_a_rule_that_asks_come_before_it_and_so_does_a_stop(desk: sayso.Desk) -> None:
    await accept(desk, await one_suggested(desk))
    for effect, came in (("deny", "denied"), ("ask", "asked")):
        match = rule.read_match("r", {"tool": "run_tests"})
        made = rules.Rule(id="r", match=match, effect=effect)  # type: ignore[arg-type]
        desk.setup = dataclasses.replace(SETUP, rules=rules.Book((made,)))
        assert await outcome(desk, asked()) == came
    desk.setup = SETUP
    stop = model.Stop(by="ops", name="Ops", via="web:ops", at=desk.clock.now())
    await stops.put(desk.store, stop)
    assert await outcome(desk, asked()) == "asked"
    await stops.remove(desk.store, None)
    assert await outcome(desk, asked()) == "allowed"


async def test_one_that_was_ended_allows_nothing_in_a_copy_that_has_not_heard_of_it(desk: sayso.Desk) -> None:
    grant = await accept(desk, await one_suggested(desk))
    other = desk_over(desk.store, desk.clock)  # type: ignore[arg-type]
    other.learned = await learned.find(desk.store)
    await granted.end(desk, OPS, grant.id)
    assert await outcome(other, asked()) == "asked"
    ended = [row.entry for row in await desk.store.log(grant.request) if isinstance(row.entry, events.GrantEnded)]
    assert [one.by for one in ended] == ["ops"]
    # it was ended by somebody, and is not suggested again while it would have held
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    await say(desk, "allow", asked(), times=3)
    assert await suggestions.look(desk) == 0


async def test_each_is_suggested_once_over_restarts_and_copies(desk: sayso.Desk) -> None:
    await one_suggested(desk)
    other = desk_over(desk.store, desk.clock)  # type: ignore[arg-type]
    assert await suggestions.look(other) == 0
    desk.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    assert await suggestions.look(other) == 0
    assert len(await suggested(desk)) == 1


async def test_one_that_was_noted_and_not_asked_is_asked_after_the_crash(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    fresh = desk_over(memory.MemoryStore(), desk.clock)  # type: ignore[arg-type]
    for kind in (record_kinds.SUGGESTION,):
        for record in await desk.store.scan(kind):
            await fresh.store.put(dataclasses.replace(record, version=0))
    await say(fresh, "allow", asked(), sayso.Caller(owner="bot"), times=3)
    assert await suggestions.look(fresh) == 1
    (again,) = await suggested(fresh)
    assert again.request.metadata == ticket.request.metadata


async def test_a_refused_one_is_never_suggested_again(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    await desk.answer(ticket.id, model.Answer(choice=learned.REFUSE), OPS)
    assert await granting.listed(desk.store, desk.clock.now()) == []
    # what was answered is not kept for ever, and what was asked no longer than that
    (record,) = await desk.store.scan(record_kinds.SUGGESTION)
    assert record.value == {"request": ticket.id, "over": True}
    await desk.step(ticket.id, lambda: events.Erased(at=desk.clock.now(), by="purge", kept=""))
    for _ in range(3):
        desk.clock.advance(100 * DAY)  # type: ignore[attr-defined]
        await say(desk, "allow", asked(), times=5)
        assert await suggestions.look(desk) == 0


async def test_one_that_nobody_answered_comes_again_after_its_time(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    desk.clock.advance(91 * DAY)  # type: ignore[attr-defined]
    await desk.let_time_act(ticket.id)
    await say(desk, "allow", asked(), times=3)
    assert await suggestions.look(desk) == 1


async def test_what_anybody_ever_denied_is_not_suggested(desk: sayso.Desk) -> None:
    await say(desk, "deny", asked(), sayso.Caller(owner="other"))
    desk.clock.advance(200 * DAY)  # type: ignore[attr-defined]
    await say(desk, "allow", asked(), times=5)
    assert await suggestions.look(desk) == 0
    (record,) = await desk.store.scan(record_kinds.SUGGESTION)
    assert set(record.value) == {"denied"}
    desk.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    assert await suggestions.look(desk) == 0


async def test_of_what_was_erased_nobody_can_say_that_it_was_another_call(desk: sayso.Desk) -> None:
    ticket = await desk.open(asked(suite="something else"), BOT)
    await desk.answer(ticket.id, model.Answer(verdict="deny"), ANN)
    await desk.step(ticket.id, lambda: events.Erased(at=desk.clock.now(), by="purge", kept=""))
    await say(desk, "allow", asked(), times=3)
    assert await suggestions.look(desk) == 0


async def test_a_denial_after_it_was_suggested_withdraws_it(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    await say(desk, "deny", asked(), sayso.Caller(owner="other"))
    # at the very press, before anybody looked
    with pytest.raises(errors.AlreadyDecided):
        await desk.answer(ticket.id, model.Answer(choice=learned.ACCEPT), OPS)
    found = await desk.get(ticket.id)
    assert found.decision is not None
    assert found.decision.outcome == "cancelled"
    assert "a call like these was denied" in (found.decision.reason or "")


async def test_a_denial_after_it_was_accepted_ends_it(desk: sayso.Desk) -> None:
    grant = await accept(desk, await one_suggested(desk))
    await say(desk, "deny", asked(), sayso.Caller(owner="other"))
    await suggestions.look(desk)
    assert await outcome(desk, asked()) == "asked"
    ended = [row.entry for row in await desk.store.log(grant.request) if isinstance(row.entry, events.GrantEnded)]
    assert [one.by for one in ended] == [naming.SERVICE]


@pytest.mark.parametrize(
    "request_", [asked("transfer_money", to="x"), asked("drop_tables", of="y"), asked("note", text="the password")]
)
async def test_money_secrets_and_deletes_are_suggested_only_if_the_operator_says_so(
    desk: sayso.Desk, request_: model.Request
) -> None:
    await say(desk, "allow", request_, times=3)
    assert await suggestions.look(desk) == 0
    desk.setup = dataclasses.replace(SETUP, suggesting=dataclasses.replace(SETUP.suggesting, costly=True))
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    assert await suggestions.look(desk) == 1


async def test_what_two_must_agree_on_is_not_suggested(desk: sayso.Desk) -> None:
    for _ in range(4):
        ticket = await desk.open(asked(policy="two"), BOT)
        await desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
        await desk.answer(ticket.id, model.Answer(verdict="allow"), OPS)
    assert await suggestions.look(desk) == 0


async def test_nothing_is_suggested_where_nobody_may_accept_it_and_at_most_three_at_once(desk: sayso.Desk) -> None:
    for number in range(5):
        await say(desk, "allow", asked(f"tool_{number}"), times=3)
    desk.setup = dataclasses.replace(SETUP, suggesting=Suggesting(ask=()))
    assert await suggestions.look(desk) == 0
    desk.setup = SETUP
    assert await suggestions.look(desk) == 3
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    assert await suggestions.look(desk) == 2


async def test_what_a_rule_of_the_file_speaks_of_by_now_is_not_suggested(desk: sayso.Desk) -> None:
    await say(desk, "allow", asked(), times=3)
    match = rule.read_match("r", {"tool": "run_tests", "any_input": True})
    desk.setup = dataclasses.replace(SETUP, rules=rules.Book((rules.Rule(id="r", match=match, effect="allow"),)))
    assert await suggestions.look(desk) == 0


async def test_an_agent_cannot_ask_for_a_rule_by_itself(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    for caller in (BOT, sayso.Caller(owner=naming.SERVICE)):
        forged = model.Request.model_validate(
            {**ticket.request.model_dump(), "id": f"forged-{len(caller.owner)}", "metadata": ticket.request.metadata}
        )
        opened = await desk.open(forged, caller)
        await desk.answer(opened.id, model.Answer(choice=learned.ACCEPT), ANN)
    assert await granting.listed(desk.store, desk.clock.now()) == []


async def test_a_call_with_a_risk_that_its_calls_had_not_is_asked(desk: sayso.Desk) -> None:
    for name in "abc":
        await say(desk, "allow", asked("write_file", path=f"docs/{name}.md", content="hi"))
    assert await suggestions.look(desk) == 1
    (ticket,) = await suggested(desk)
    await accept(desk, ticket)
    assert await outcome(desk, asked("write_file", path="docs/d.md", content="hi")) == "allowed"
    assert await outcome(desk, asked("write_file", path="docs/../../etc/passwd", content="hi")) == "asked"


BASH = dataclasses.replace(SETUP, rules=rules.Book(parse=sayso_shell.read))


@pytest.mark.parametrize(
    ("allowed", "later"),
    [
        # what was allowed names all of the input
        ([{"suite": "unit"}], {"suite": "unit", "target": "production"}),
        ([{"suite": "unit"}], {"suite": "unit", "options": None}),
        ([{"suite": "unit"}], {"suite": ["unit", "unit"]}),
        ([{"path": f"docs/{name}"} for name in "abc"], {"path": "docs/.git/hooks/pre-commit"}),
        ([{"path": f"docs/{name}"} for name in "abc"], {"path": "docs/a;reboot"}),
        ([{"path": f"docs/{name}"} for name in "abc"], {"path": "docs/delete_all"}),
        ([{"options": {}, "suite": "unit"}], {"options": {"on": "production"}, "suite": "unit"}),
        # a text with a slash in it is no folder
        ([{"query": f"SELECT 1/{number}"} for number in range(3)], {"query": "SELECT 1/2; INSERT INTO admins"}),
        ([{"url": f"https://a.example/{number}"} for number in range(3)], {"url": "https://a.example/?said=all"}),
    ],
)
async def test_harmless_calls_win_no_rule_for_what_nobody_saw(
    desk: sayso.Desk, allowed: list[dict[str, Any]], later: dict[str, Any]
) -> None:
    for input in allowed * 3:
        await say(desk, "allow", asked("tool", **input))
    await suggestions.look(desk)
    for ticket in await suggested(desk):
        await desk.answer(ticket.id, model.Answer(choice=learned.ACCEPT), OPS)
    desk.learned = await learned.find(desk.store)
    assert await outcome(desk, asked("tool", **later)) == "asked"


@pytest.mark.parametrize(
    ("allowed", "later"),
    [
        ("aws s3 ls", "aws s3 rm --recursive shop"),
        ("gh pr view", "gh pr merge 1 --admin"),
        ("cat README.md", "cat README.md /home/ann/.ssh/id_rsa"),
        ("app list", "app list --delete all"),
    ],
)
async def test_a_program_is_suggested_with_all_the_words_by_which_its_calls_begin(
    desk: sayso.Desk, allowed: str, later: str
) -> None:
    desk.setup = BASH
    for word in "abc":
        await say(desk, "allow", asked("Bash", command=f"{allowed} {word}"))
    await suggestions.look(desk)
    for ticket in await suggested(desk):
        assert ticket.request.context["Covers"] == f"{allowed}, whatever stands behind it"
        await accept(desk, ticket)
        assert await outcome(desk, asked("Bash", command=f"{allowed} d", description="Looks")) == "allowed"
        besides: list[dict[str, Any]] = [{"sandbox": False}, {"cwd": "/srv"}, {"env": {}}]
        for beside in besides:
            assert await outcome(desk, asked("Bash", command=f"{allowed} d", **beside)) == "asked"
    assert await outcome(desk, asked("Bash", command=later)) == "asked"


async def test_what_people_changed_before_they_allowed_it_is_a_no_to_what_was_asked(desk: sayso.Desk) -> None:
    changed = model.Answer(verdict="allow", input={"suite": "unit", "on": "staging"})
    for _ in range(3):
        ticket = await desk.open(asked(suite="unit", on="production"), BOT)
        await desk.answer(ticket.id, changed, ANN)
    assert await suggestions.look(desk) == 0
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    # the same where it was suggested before somebody changed it
    ticket = await one_suggested(desk, asked("build", suite="unit"))
    edited = await desk.open(asked("build", suite="unit"), BOT)
    await desk.answer(edited.id, changed, ANN)
    with pytest.raises(errors.AlreadyDecided):
        await desk.answer(ticket.id, model.Answer(choice=learned.ACCEPT), OPS)


async def test_what_was_allowed_by_breaking_the_glass_suggests_nothing(desk: sayso.Desk) -> None:
    glass = model.Policy.model_validate({"approvers": ["bob"], "break_glass": {"who": ["ops"], "review": ["ann"]}})
    desk.setup = dataclasses.replace(SETUP, policies={"default": glass})
    for _ in range(3):
        ticket = await desk.open(asked(), BOT)
        await desk.answer(ticket.id, model.Answer(verdict="allow", break_glass=True, reason="it burns"), OPS)
    assert await suggestions.look(desk) == 0


async def test_a_program_that_was_denied_in_one_shell_is_suggested_in_none(desk: sayso.Desk) -> None:
    desk.setup = BASH
    await say(desk, "deny", asked("Bash", command="app list"))
    await say(desk, "allow", asked("run_command", command="app list"), times=3)
    assert await suggestions.look(desk) == 0


async def test_what_is_accepted_holds_in_the_folder_and_under_the_policy_that_its_calls_had(desk: sayso.Desk) -> None:
    here = asked().model_copy(update={"context": {"folder": "/srv/app"}})
    await say(desk, "allow", asked())
    await say(desk, "allow", here, times=2)
    assert await suggestions.look(desk) == 0
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    await accept(desk, await one_suggested(desk, here))
    assert await outcome(desk, here) == "allowed"
    assert await outcome(desk, asked()) == "asked"
    assert await outcome(desk, here.model_copy(update={"confirm": True})) == "asked"
    for changed in ({"quorum": 2}, {"reason": "allow"}, {"confirm": "tool"}, {"approvers": ("requester",)}):
        desk.setup = dataclasses.replace(SETUP, policies={"default": model.Policy.model_validate(changed)})
        assert await outcome(desk, here, dataclasses.replace(BOT, requester="bob")) == "asked"


async def test_every_copy_learns_of_what_was_accepted_by_itself(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    other = desk_over(desk.store, desk.clock)  # type: ignore[arg-type]
    following = asyncio.ensure_future(learning.follow(other))
    await accept(desk, ticket)
    for _ in range(3):
        desk.clock.advance(5)  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    following.cancel()
    assert await outcome(other, asked()) == "allowed"


async def test_what_somebody_accepted_who_may_accept_nothing_any_more_allows_nothing(desk: sayso.Desk) -> None:
    await accept(desk, await one_suggested(desk))
    assert await outcome(desk, asked()) == "allowed"
    for changed in (
        dataclasses.replace(SETUP, suggesting=dataclasses.replace(SETUP.suggesting, ask=("ann",))),
        dataclasses.replace(SETUP, directory=people.Directory()),
    ):
        desk.setup = changed
        assert await outcome(desk, asked()) == "asked"
    desk.setup = SETUP
    assert await outcome(desk, asked()) == "allowed"
    # nobody accepts what is asked on their own behalf
    assert await outcome(desk, asked(), dataclasses.replace(BOT, requester="ops")) == "asked"


async def test_a_grant_that_cannot_be_read_allows_nothing_and_hides_no_other(desk: sayso.Desk) -> None:
    await accept(desk, await one_suggested(desk))
    (record,) = await desk.store.scan(record_kinds.GRANT)
    odd = {**record.value, "id": "odd", "match": {"tool": "run_tests", "colour": "red"}}
    await desk.store.put(Record(record_kinds.GRANT, "rule-odd", odd))
    await desk.store.put(Record(record_kinds.GRANT, "rule-older", {"id": "of another version"}))
    assert [one.grant.id for one in await learned.find(desk.store)] == [record.value["id"]]
    # what a wider one covers already is not suggested
    await desk.store.remove(record_kinds.SUGGESTION, (await desk.store.scan(record_kinds.SUGGESTION))[0].name)
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    assert await suggestions.look(desk) == 0


async def test_of_two_copies_that_look_at_the_same_moment_one_asks(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(desk, "allow", asked(), times=3)
    plain, asking = desk.store.put, list[Record]()

    async def late(record: Record) -> None:
        if record.kind == record_kinds.SUGGESTION:
            asking.append(record)
            await plain(record)
        await plain(record)

    monkeypatch.setattr(desk.store, "put", late)
    await suggestions.look(desk)
    assert len(asking) == 1
    assert await suggested(desk) == []


async def test_the_duty_looks_by_itself_and_a_row_of_what_is_gone_holds_up_nothing(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    gone = events.Answered(at=desk.clock.now(), by=person("ann"), answer=model.Answer(verdict="deny"))
    await desk.store.append("gone", 1, gone)
    looking = asyncio.ensure_future(suggestions.suggest_on(desk))
    for _ in range(20):
        await asyncio.sleep(0)
    looking.cancel()
    assert (await desk.get(ticket.id)).decision is None
    (looked,) = await desk.store.scan("suggesting")
    assert looked.value["row"] == await desk.store.last_row()


def stopping(tool: str) -> model.Request:
    """The same from an agent that can be stopped."""
    return asked(tool).model_copy(update={"verdicts": ("deny", "stop")})


async def record_of(desk: sayso.Desk) -> dict[str, Any]:
    (record,) = await desk.store.scan(record_kinds.SUGGESTION)
    return record.value


async def test_the_same_call_many_times_is_told_by_their_number_and_who_allowed_them(desk: sayso.Desk) -> None:
    await say(desk, "allow", asked(), times=40)
    assert await suggestions.look(desk) == 1
    (ticket,) = await suggested(desk)
    _, calls = (one.text or "" for one in ticket.request.attachments)
    assert "and the same 35 times more, 2026-01-01 to 2026-01-01, allowed by Ann" in calls
    assert "People allowed 40 calls like these" in (ticket.request.title or "")


async def test_what_nobody_can_read_whole_is_not_suggested(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.setup = BASH
    for number in range(8):
        await say(desk, "allow", model.Request(kind="permission", tool="Bash", input={"command": f"git log v{number}"}))
    caplog.set_level("INFO")
    with monkeypatch.context() as patch:
        patch.setattr("sayso.desk.upkeep.suggested._MOST", 10)
        assert await suggestions.look(desk) == 0
    assert "too much to read for a suggestion" in caplog.messages
    desk.clock.advance(DAY)  # type: ignore[attr-defined]
    assert await suggestions.look(desk) == 1
    (ticket,) = await suggested(desk)
    _, calls = (one.text or "" for one in ticket.request.attachments)
    assert all(f"git log v{number}" in calls for number in range(8))


async def test_one_that_is_over_keeps_nothing_of_what_was_asked(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    desk.clock.advance(8 * DAY)  # type: ignore[attr-defined]
    await desk.let_time_act(ticket.id)
    await suggestions.look(desk)
    assert await record_of(desk) == {"request": ticket.id, "lasts": 90 * DAY}


async def test_one_that_was_accepted_keeps_it_until_its_grant_ends(desk: sayso.Desk) -> None:
    grant = await accept(desk, await one_suggested(desk))
    desk.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    await suggestions.look(desk)
    assert "match" in await record_of(desk)
    await granting.end(desk.store, grant.id, "ops", desk.clock.now())
    desk.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    await suggestions.look(desk)
    assert set(await record_of(desk)) == {"request", "lasts"}


async def test_with_a_request_that_it_shows_its_own_content_is_erased(desk: sayso.Desk) -> None:
    ticket = await one_suggested(desk)
    desk.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    done = await purging.purge(desk.store, desk.clock, Retention(content=DAY), "retention")
    assert done.erased == 4
    found = await desk.store.load(ticket.id)
    assert found.decision is not None
    assert (found.decision.outcome, found.erased_at) == ("cancelled", desk.clock.now())
    assert "unit" not in found.model_dump_json()
    assert "match" not in await record_of(desk)
    assert (await purging.purge(desk.store, desk.clock, Retention(content=DAY), "retention")).erased == 0


async def test_a_denial_that_cannot_be_read_hides_no_other(desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await say(desk, "deny", asked("something else"))
    [lost] = [one.id for one in await desk.store.list(Query(owner="bot"))]
    load = desk.store.load

    async def loaded(id: str) -> model.Ticket:
        if id == lost:
            raise errors.Unreadable(f"request {id}")
        return await load(id)

    monkeypatch.setattr(desk.store, "load", loaded)
    await accept(desk, await one_suggested(desk))
    await say(desk, "deny", asked("something else"))
    lost = next(one.id for one in await desk.store.list(Query(owner="bot")) if one.request.tool == "something else")
    await say(desk, "deny", asked(), sayso.Caller(owner="other"))
    await suggestions.look(desk)
    assert await outcome(desk, asked()) == "asked"


@pytest.mark.parametrize("damaged", ["shown", "its own", "both"])
async def test_a_damaged_request_holds_up_no_erasure_and_no_look(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    ticket = await one_suggested(desk)
    shown, *others = (await record_of(desk))["covered"]
    lost, load = {"shown": {shown}, "its own": {ticket.id}, "both": {shown, ticket.id}}[damaged], desk.store.load

    async def loaded(id: str) -> model.Ticket:
        if id in lost:
            raise errors.Unreadable(f"request {id}")
        return await load(id)

    monkeypatch.setattr(desk.store, "load", loaded)
    desk.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    done = await purging.purge(desk.store, desk.clock, Retention(content=DAY), "retention")
    assert set(done.unreadable) == lost
    erased = [one for one in (ticket.id, shown, *others) if (await load(one)).erased_at is not None]
    assert set(erased) == {ticket.id, shown, *others} - lost
    await suggestions.look(desk)


async def test_what_was_accepted_holds_when_its_card_is_erased(desk: sayso.Desk) -> None:
    grant = await accept(desk, await one_suggested(desk))
    desk.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    await purging.purge(desk.store, desk.clock, Retention(content=DAY), "retention")
    assert "unit" not in (await desk.store.load(grant.request)).model_dump_json()
    assert await outcome(desk, asked()) == "allowed"
    # it is still watched for a denial
    await say(desk, "deny", asked(), sayso.Caller(owner="other"))
    await suggestions.look(desk)
    assert await outcome(desk, asked()) == "asked"


async def test_what_was_denied_is_found_by_an_index_that_reads_each_row_once(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denied, "_PAGE", 4)
    for number in range(6):
        await say(desk, "stop", stopping(f"never_{number}"), sayso.Caller(owner="other"))
    for number in range(6):
        await say(desk, "allow", asked(f"never_{number}"), times=3)
    await say(desk, "allow", asked(), times=3)
    assert await suggestions.look(desk) == 1
    await suggestions.look(desk)
    read = list[int]()
    log_after = desk.store.log_after

    async def counted(number: int, limit: int) -> Any:
        rows = await log_after(number, limit)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(desk.store, "log_after", counted)
    tables = [{"tool": f"never_{number}", "input.suite": "unit"} for number in range(6)]
    found = await denied.by_index(desk.store, tables, None)
    assert sum(read) <= 2, "only what came after the look: the suggestion"
    assert found == await denied.ever(desk.store, tables, None)
    assert len(found) == 6


async def test_a_denial_that_stops_the_agent_takes_a_suggestion_back_too(desk: sayso.Desk) -> None:
    await accept(desk, await one_suggested(desk))
    await say(desk, "stop", stopping("run_tests"), sayso.Caller(owner="other"))
    await suggestions.look(desk)
    assert await outcome(desk, asked()) == "asked"

"""Lists of approvers: read by an index, and one page after another without a gap."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sayso
from sayso import errors, model
from sayso.desk import Setup
from sayso.desk.answering import searching
from sayso.machine import people
from sayso_http import client, following, routes
from tests.adapters.http.service import RESTRICTED, permission, running
from tests.conftest import until

LATER = datetime(2100, 1, 1, tzinfo=UTC)
STAND_IN = people.Directory(
    {"ann": people.Profile(), "bob": people.Profile()},
    delegations=(people.Delegation("ann", frozenset({"bob"}), LATER, frozenset({"narrow"})),),
)
POLICIES = {"default": sayso.Policy(approvers=("ann",)), "narrow": sayso.Policy(approvers=("ann",))}


async def test_pages_of_an_approver_have_no_gap(tmp_path: Path) -> None:
    async with running(tmp_path, setup=RESTRICTED) as service:
        for number in range(7):
            await service.call("POST", "/v1/requests", "bot", permission(f"mine{number}"))
            await service.call("POST", "/v1/requests", "bot", permission(f"both{number}", policy="two"))
        seen, before = list[str](), ""
        while before is not None:
            page = (await service.call("GET", f"/v1/requests?limit=3{before}", "bob")).json
            seen += [one["id"] for one in page["requests"]]
            before = page["next"] and f"&before={page['next']}"
        assert seen == [f"both{number}" for number in reversed(range(7))]


async def test_who_stands_in_under_one_policy_finds_its_requests_behind_many_others(tmp_path: Path) -> None:
    async with running(tmp_path, setup=Setup(policies=POLICIES, directory=STAND_IN)) as service:
        await service.call("POST", "/v1/requests", "bot", permission("first", policy="narrow"))
        for number in range(60):
            await service.call("POST", "/v1/requests", "bot", permission(f"anns{number}"))
        await service.call("POST", "/v1/requests", "bot", permission("last", policy="narrow"))
        page = (await service.call("GET", "/v1/requests?state=pending&limit=1", "bob")).json
        assert ([one["id"] for one in page["requests"]], page["next"]) == (["last"], "last")
        rest = (await service.call("GET", "/v1/requests?state=pending&limit=1&before=last", "bob")).json
        assert ([one["id"] for one in rest["requests"]], rest["next"]) == (["first"], "first")
        assert (await service.call("GET", "/v1/requests?before=first", "bob")).json == {"requests": [], "next": None}


async def test_a_list_is_narrowed_by_each_word_for_each_role_within_what_it_may_see(tmp_path: Path) -> None:
    async with running(tmp_path, setup=RESTRICTED) as service:
        await service.key("anns-bot", "agent", "ann")
        source = {"session": "s-1"}
        odd = permission("odd", tool="deploy", risk="high", priority="urgent", source=source)
        await service.call("POST", "/v1/requests", "anns-bot", odd)
        await service.call("POST", "/v1/requests", "bot", permission("foreign", policy="open", tool="deploy"))
        await service.call("POST", "/v1/requests", "bot", permission("even"))

        async def ids(who: str, query: str) -> list[str]:
            answered = await service.call("GET", f"/v1/requests?{query}", who)
            assert answered.status == 200, answered.text
            return [one["id"] for one in answered.json["requests"]]

        words = "agent=anns-bot session=s-1 risk=high priority=urgent search=odd policy=default&tool=deploy"
        for query in words.split():
            for who in ("op", "ann", "anns-bot"):
                assert await ids(who, query) == ["odd"], (who, query)
            assert await ids("bot", query) == [], query
            assert await ids("bob", query) == [], query
        assert await ids("ann", "whose=mine") == ["odd"]
        assert await ids("bob", "whose=me") == ["foreign"]
        assert await ids("ann", "whose=me&tool=deploy") == ["foreign", "odd"]
        assert await ids("op", "rule=none") == await ids("op", "place=slack") == []
        assert await ids("bot", "agent=anns-bot") == []
        assert await ids("ann", "tool=deploy&limit=1") == ["foreign"]
        assert await ids("ann", "tool=deploy&limit=1&before=foreign") == ["odd"]
        for wrong in ("whose=all", "risk=x", "priority=x", f"tool={'x' * 201}", "tool=x&prefix=o"):
            assert (await service.call("GET", f"/v1/requests?{wrong}", "op")).status == 422, wrong
        # nobody in person stands behind these keys
        for who in ("op", "bot"):
            assert (await service.call("GET", "/v1/requests?whose=me", who)).status == 422


async def test_every_word_of_the_inbox_is_one_of_the_api() -> None:
    assert set(searching.NAMES) <= set(routes.LIST.query)


async def test_a_client_searches_page_by_page_and_hears_of_changes(tmp_path: Path) -> None:
    async with (
        running(tmp_path, setup=RESTRICTED) as service,
        client.RemoteDesk(service.url, service.secrets["op"]) as desk,
    ):
        changes = desk.changes()
        await anext(changes)
        heard = asyncio.ensure_future(anext(changes))
        await until(lambda: service.front.broadcast.listening)
        for number in range(3):
            await service.call("POST", "/v1/requests", "bot", permission(f"r{number}"))
        async with asyncio.timeout(5):
            await heard
        found, before = await desk.search({"tool": "Bash"}, 2)
        assert [one.id for one in found] == ["r2", "r1"]
        assert before == "r1"
        found, before = await desk.search({"tool": "Bash"}, 2, before)
        assert ([one.id for one in found], before) == (["r0"], None)


async def test_a_stream_that_is_cut_is_begun_anew_and_a_refused_one_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_PAUSE", 0.0)
    async with running(tmp_path, setup=RESTRICTED) as service:
        async with client.RemoteDesk(service.url, service.secrets["op"]) as desk:
            changes = desk.changes()
            await anext(changes)
            heard = asyncio.ensure_future(anext(changes))
            await until(lambda: service.front.broadcast.listening)
            await service.stop()
            async with asyncio.timeout(5):
                await heard
            await service.start()
        async with client.RemoteDesk(service.url, "sayso_operator_" + "x" * 43) as stranger:
            changes = stranger.changes()
            await anext(changes)
            with pytest.raises(errors.Unauthorized):
                await anext(changes)
    desk = client.RemoteDesk("http://127.0.0.1:1", "sayso_operator_" + "x" * 43)
    changes = desk.changes()
    await anext(changes)
    with pytest.raises(errors.SaysoError, match="not open"):
        await anext(changes)


async def test_calls_of_which_all_or_none_are_allowed_are_answered_together_by_who_says_that_they_saw_all(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, setup=RESTRICTED) as service:
        named = {"id": "t1", "size": 2, "whole": True}
        for id in ("w1", "w2"):
            await service.call("POST", "/v1/requests", "bot", {**permission(id), "batch": named})
        refused = await service.call("POST", "/v1/requests/w1/answers", "ann", {"verdict": "allow"})
        assert (refused.status, (await service.front.get("w1")).decision) == (409, None)
        async with service.remote("ann") as remote:
            await remote.answer("w1", model.Answer(verdict="allow"), shown=("w1", "w2"))
        for id in ("w1", "w2"):
            decision = (await service.front.get(id)).decision
            assert decision is not None
            assert decision.outcome == "allowed"

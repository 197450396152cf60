"""Lists of approvers: read by an index, and one page after another without a gap."""

from datetime import UTC, datetime
from pathlib import Path

import sayso
from sayso.desk import Setup
from sayso.machine import people
from tests.adapters.http.service import RESTRICTED, permission, running

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

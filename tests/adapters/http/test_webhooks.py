"""Webhooks: an address that takes one POST for the agent that made it, and never a permission."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

import sayso
from sayso.cards import tokens
from sayso.testing.clock import ManualClock
from sayso_http.server import webhook_calls
from tests.adapters.http.service import Service, permission, running
from tests.tables import each


class Payment(pydantic.BaseModel):
    order: str
    cents: int = pydantic.Field(ge=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Service]:
    policies = {"default": sayso.Policy(), "ann": sayso.Policy(approvers=("ann",))}
    async with running(tmp_path, setup=sayso.Setup(policies=policies), now=clock) as running_service:
        yield running_service


@pytest.fixture
async def bot(service: Service) -> AsyncIterator[sayso.Asker]:
    async with service.remote("bot") as desk:
        yield desk


def path(service: Service, hook: sayso.Webhook[Any]) -> str:
    assert hook.url.startswith(f"{service.url}/webhook/")
    return hook.url.removeprefix(service.url)


async def called(hook: sayso.Webhook[Any]) -> Any:
    async with asyncio.timeout(5):
        return await hook


async def test_what_is_posted_is_what_the_agent_gets(service: Service, bot: sayso.Asker) -> None:
    rows: list[Any] = [{"paid": True, "cents": 5}, [1, "zwei", None], "text", 7, None]
    for row in each(rows):
        with row as body:
            hook = await sayso.create_webhook(desk=bot)
            answered = await service.call("POST", path(service, hook), data=json.dumps(body))
            assert (answered.status, answered.json) == (202, {"accepted": True})
            assert await called(hook) == body
            assert (await service.call("POST", path(service, hook), body={"again": 1})).status == 404


async def test_looking_at_an_address_decides_nothing(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(desk=bot)
    for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
        assert (await service.call(method, path(service, hook))).status == 405
    assert (await service.front.get(hook.id)).decision is None


async def test_a_body_that_does_not_fit_is_refused_and_the_address_stays(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(Payment, desk=bot)
    for body, field in (({"order": "A"}, "cents"), ({"order": "A", "cents": 0}, "cents"), ([], "body")):
        refused = await service.call("POST", path(service, hook), body=body)
        assert (refused.status, refused.error["field"]) == (422, field)
    assert (await service.call("POST", path(service, hook), data="{", headers={})).status == 422
    long = await service.call("POST", path(service, await sayso.create_webhook(desk=bot)), body="x" * 40_000)
    assert long.status == 413
    assert (await service.call("POST", path(service, hook), body={"order": "A", "cents": 5})).status == 202
    assert await called(hook) == Payment(order="A", cents=5)


async def test_of_many_calls_at_once_one_counts(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(desk=bot)
    answers = await asyncio.gather(*(service.call("POST", path(service, hook), body={"n": n}) for n in range(8)))
    assert sorted(one.status for one in answers) == [202] + [404] * 7
    assert await called(hook) == {"n": [one.status for one in answers].index(202)}


async def test_the_caller_gets_the_answer_that_was_fixed_before(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(respond_with={"thanks": True}, desk=bot)
    answered = await service.call("POST", path(service, hook), body={})
    assert (answered.status, answered.json) == (200, {"thanks": True})


async def test_the_agent_answers_the_call_itself(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(respond_with="manual", desk=bot)
    with pytest.raises(sayso.InvalidRequest):
        await hook.respond("too early")
    calling = asyncio.create_task(service.call("POST", path(service, hook), body={"n": 20}))
    await hook.respond({"twice": (await called(hook))["n"] * 2})
    answered = await calling
    assert (answered.status, answered.json) == (200, {"twice": 40})


async def test_a_call_that_the_agent_does_not_answer_in_time_is_accepted(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(respond_with="manual", hold=0.05, desk=bot)
    assert (await service.call("POST", path(service, hook), body={"n": 1})).status == 202
    assert await called(hook) == {"n": 1}
    await hook.respond("late")
    with pytest.raises(sayso.AlreadyExists):
        await hook.respond("later")


async def test_an_agent_that_comes_back_has_the_same_address_and_what_was_posted(
    service: Service, bot: sayso.Asker
) -> None:
    first = await sayso.create_webhook(name="payment-7", desk=bot)
    await service.call("POST", path(service, first), body={"paid": True})
    await service.stop()
    await service.start()
    again = await sayso.create_webhook(name="payment-7", desk=bot)
    assert again.url == first.url
    assert await called(again) == {"paid": True}
    async with service.remote("other") as other:
        assert (await sayso.create_webhook(name="payment-7", desk=other)).url != first.url


async def test_a_webhook_without_a_name_ends_with_the_wait(service: Service, bot: sayso.Asker) -> None:
    named, nameless = await sayso.create_webhook(name="n", desk=bot), await sayso.create_webhook(desk=bot)
    for hook in (named, nameless):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await hook
    assert (await service.call("POST", path(service, nameless), body={})).status == 404
    assert (await service.call("POST", path(service, named), body={})).status == 202


async def test_an_address_dies_at_its_time_with_its_key_and_when_it_is_taken_back(
    service: Service, bot: sayso.Asker, clock: ManualClock
) -> None:
    async with service.remote("other") as other:
        revoked = await sayso.create_webhook(desk=other)
    await service.keys.revoke("other")
    short, back = await sayso.create_webhook(expires_in=60, desk=bot), await sayso.create_webhook(desk=bot)
    await back.dispose()
    clock.advance(61)
    for hook in (revoked, short, back):
        assert (await service.call("POST", path(service, hook), body={})).status == 404
    with pytest.raises(sayso.HookExpired):
        await called(short)
    with pytest.raises(sayso.HookCancelled):
        await called(back)


async def test_a_person_may_answer_in_the_callers_place(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(title="The tracker calls", desk=bot)
    await service.call("POST", f"/v1/requests/{hook.id}/answers", "ann", {"text": "it is paid"})
    assert await called(hook) == "it is paid"


# An agent must not answer for people


async def test_no_address_exists_for_a_request_that_people_were_asked(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(desk=bot)
    token = path(service, hook).removeprefix("/webhook/")
    await service.call("POST", "/v1/requests", "bot", permission())
    for kind in ("permission", "choice"):
        made = await service.call("POST", "/v1/webhooks", "bot", {"name": "x", "title": "x", "kind": kind})
        assert (made.status, made.error["field"]) == (422, "kind")
    for ref in ((await service.front.get("r1")).ref, "r1"):
        for forged in (ref, f"{ref}.{token.partition('.')[2]}", f"{ref}."):
            assert (await service.call("POST", f"/webhook/{forged}", body={"verdict": "allow"})).status == 404
    assert (await service.front.get("r1")).decision is None


async def test_even_an_address_made_with_the_secret_opens_no_permission(service: Service) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    token = webhook_calls._token(await service.store.load("r1"), service.front.mint.secret)
    assert (await service.call("POST", f"/webhook/{token}", body={"verdict": "allow"})).status == 404
    assert (await service.front.get("r1")).decision is None


async def test_a_request_for_people_cannot_take_the_id_of_a_webhook(service: Service) -> None:
    question = {"kind": "question", "title": "Deploy?", "id": "webhook_1"}
    for request in (question, permission("webhook_2")):
        made = await service.call("POST", "/v1/requests", "bot", request)
        assert (made.status, made.error["field"]) == (422, "id")


async def test_a_policy_that_names_its_approvers_takes_no_calls_from_anybody(
    service: Service, bot: sayso.Asker
) -> None:
    with pytest.raises(sayso.InvalidRequest) as refused:
        await sayso.create_webhook(policy="ann", desk=bot)
    assert refused.value.field == "policy"


async def test_only_an_agent_makes_webhooks_and_only_its_own_are_replied_to(service: Service, bot: sayso.Asker) -> None:
    async with service.remote("ann") as ann:
        with pytest.raises(sayso.NotAllowed):
            await sayso.create_webhook(desk=ann)
    hook = await sayso.create_webhook(respond_with="manual", hold=0.01, desk=bot)
    await service.call("POST", path(service, hook), body={})
    assert (await service.call("POST", f"/v1/webhooks/{hook.id}/reply", "other", {})).status == 404
    assert (await service.call("POST", "/v1/webhooks", None, {"name": "x", "title": "x"})).status == 401


async def test_an_address_cannot_be_read_from_the_database(service: Service, bot: sayso.Asker) -> None:
    hook = await sayso.create_webhook(desk=bot)
    code = hook.url.rpartition(".")[2]
    ticket = await service.store.load(hook.id)
    assert code not in ticket.model_dump_json()
    shown = await service.call("GET", f"/v1/requests/{hook.id}", "op")
    assert ticket.ref not in shown.text


async def test_an_address_of_before_is_good_while_the_old_secret_counts(service: Service, bot: sayso.Asker) -> None:
    first, second = [await sayso.create_webhook(desk=bot) for _ in range(2)]
    before = service.front.mint
    service.front.mint = tokens.TokenMaker(b"another secret, of this year now", (before.secret,))
    assert (await service.call("POST", path(service, first), body={"n": 1})).status == 202
    service.front.mint = tokens.TokenMaker(b"another secret, of this year now")
    assert (await service.call("POST", path(service, second), body={"n": 1})).status == 404


async def test_a_desk_without_a_service_has_no_address(tmp_path: Path) -> None:
    async with sayso.open(database=f"sqlite:///{tmp_path}/own.db") as desk:
        with pytest.raises(sayso.InvalidSettings) as missing:
            await sayso.create_webhook(desk=desk)
    assert missing.value.field == "SAYSO_URL"


# Hooks over the service


async def test_an_agent_resolves_no_hook_and_an_approver_does(service: Service, bot: sayso.Asker) -> None:
    waiting = asyncio.create_task(sayso.hook("approve_1", payload=sayso.ToolApproval, desk=bot))
    async for _ in service.store.changes():
        if await service.store.last_row():
            break
    with pytest.raises(sayso.NotAllowed) as refused:
        await sayso.resolve_hook("approve_1", {"granted": True}, desk=bot)
    assert "agent" in refused.value.message
    async with service.remote("ann") as ann:
        await sayso.resolve_hook("approve_1", sayso.ToolApproval(granted=True, reason="fine"), desk=ann)
        with pytest.raises(sayso.AlreadyDecided):
            await sayso.resolve_hook("approve_1", {"granted": False}, desk=ann)
        with pytest.raises(sayso.NotFound):
            await sayso.resolve_hook("approve_2", {"granted": True}, desk=ann)
    async with asyncio.timeout(5):
        assert await waiting == sayso.ToolApproval(granted=True, reason="fine")

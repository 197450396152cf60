"""Web Push over a loopback push service: what a browser can read, whom it tells, and when it is withdrawn."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

import sayso
import sayso_push
from sayso import errors, model
from sayso.desk import Caller, Desk, Setup, courier
from sayso.desk.answering import attending
from sayso.desk.upkeep import stopping
from sayso.machine import people
from sayso.stores import Record, memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_http import outbound
from sayso_push import pusher, subscriptions
from tests.fakes.push_service import Browser, PushService, decode, push_service
from tests.tables import each

HOSTILE = sayso.Permission(
    tool="Bash", input={"command": "s3cret <!channel>"}, title="s3cret", body="s3cret", expires_in=600
)
NAMES = ("ann", "bob")


class Busy:
    """An answer that says no."""

    status = 503
    headers = MappingProxyType(dict[str, str]())


def actor(name: str) -> people.Actor:
    return people.Actor(account=f"web:{name}", name=name, member=True, person=name)


@dataclass
class Scene:
    """A desk with push, and the push service of its people."""

    service: PushService
    desk: Desk
    kept: sayso_push.Subscriptions
    keys: sayso_push.ServerKeys
    courier: courier.Courier
    pusher: sayso_push.Pusher
    clock: ManualClock = field(default_factory=ManualClock)

    async def subscribe(self, person: str, name: str) -> Browser:
        browser = self.service.browser(name)
        await self.kept.add(actor(person), browser.endpoint, *browser.keys, self.clock.now())
        return browser

    async def ask(self, request: model.Request = HOSTILE) -> model.Ticket:
        ticket = await self.desk.open(request, Caller("release-bot"))
        await self.courier.deliver()
        return ticket

    async def answer(self, ticket: model.Ticket, verdict: model.Verdict, name: str = "ann") -> None:
        await self.desk.answer(ticket.id, model.Answer(verdict=verdict), actor(name))
        await self.courier.deliver()

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Device, state and words of each message, in the order in which they came."""
        return [
            (one.browser.endpoint.rpartition("/")[2], one.said["state"], one.said["body"]) for one in self.service.came
        ]


def setup(**policy: object) -> Setup:
    directory = people.Directory(people={name: people.Profile() for name in NAMES})
    policies = {"default": model.Policy.model_validate({"approvers": NAMES, **policy})}
    return Setup(policies=policies, directory=directory, push=True, route=("web",))


@pytest.fixture
async def there() -> AsyncGenerator[Scene]:
    async with push_service() as service:
        clock, store = ManualClock(), memory.MemoryStore()
        desk = Desk(store, samples.MINT, setup(), clock)
        poster = outbound.Poster([service.url.removeprefix("http://")])
        kept = sayso_push.Subscriptions(store, poster.check)
        keys = await sayso_push.open_keys(store)
        made = sayso_push.Pusher(desk, kept, keys, "ops@example.com", poster.post)
        yield Scene(service, desk, kept, keys, courier.Courier(desk, [], pusher=made), made, clock)


async def test_a_device_reads_what_a_notification_says_and_nothing_of_the_agent(there: Scene) -> None:
    await there.subscribe("ann", "phone")
    ticket = await there.ask()
    (pushed,) = there.service.came
    said = "release-bot asks to run Bash · until 2026-01-01 12:10 UTC"
    assert pushed.said == {"id": ticket.id, "body": said, "state": "pending", "path": f"/requests/{ticket.id}"}
    assert b"release-bot" not in pushed.body
    assert (pushed.headers["ttl"], pushed.headers["urgency"]) == ("600", "high")
    assert pushed.headers["content-encoding"] == "aes128gcm"
    assert len(decode(pushed.headers["topic"])) == 24
    assert there.service.key == there.keys.application
    other = there.service.browser("other")
    with pytest.raises(InvalidTag):
        other.read(pushed.body)


async def test_it_goes_to_those_who_may_answer_and_is_withdrawn_where_it_was_shown(there: Scene) -> None:
    await there.subscribe("ann", "phone")
    await there.subscribe("ann", "laptop")
    await there.subscribe("carl", "stranger")
    ticket = await there.ask()
    assert sorted(name for name, _, _ in there.told) == ["laptop", "phone"]
    there.service.came.clear()
    await there.answer(ticket, "deny")
    assert sorted(there.told) == [
        ("laptop", "over", "release-bot asks to run Bash. Denied."),
        ("phone", "over", "release-bot asks to run Bash. Denied."),
    ]
    assert {one.headers["urgency"] for one in there.service.came} == {"low"}
    assert await there.desk.store.scan(pusher.KIND) == []


async def test_a_request_for_two_waits_on_for_the_one_who_has_not_answered(there: Scene) -> None:
    there.desk.setup = setup(quorum=2)
    await there.subscribe("ann", "a")
    await there.subscribe("bob", "b")
    ticket = await there.ask()
    there.service.came.clear()
    await there.answer(ticket, "allow")
    assert [(name, state) for name, state, _ in there.told] == [("a", "over")]
    await there.answer(ticket, "allow", "bob")
    assert [(name, state) for name, state, _ in there.told][1:] == [("b", "over")]


async def test_a_stop_withdraws_it_and_resume_tells_it_again(there: Scene) -> None:
    await there.subscribe("ann", "a")
    await there.ask()
    who = stopping.Who("ann", "Ann", "web:ann")
    await stopping.stop(there.desk, who)
    await there.courier.deliver()
    await stopping.resume(there.desk, who)
    await there.courier.deliver()
    assert [state for _, state, _ in there.told] == ["pending", "over", "pending"]


async def test_a_second_delivery_tells_nobody_twice(there: Scene) -> None:
    await there.subscribe("ann", "a")
    ticket = await there.ask()
    made = there.courier._pusher  # pyright: ignore[reportPrivateUsage]
    assert made is not None
    await made.update(ticket)
    assert len(there.service.came) == 1
    later = await there.subscribe("bob", "late")
    await made.update(ticket)
    assert [one.browser for one in there.service.came][1:] == [later]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_device_that_is_gone_is_forgotten(there: Scene, status: int) -> None:
    await there.subscribe("ann", "a")
    there.service.answers = [(status, {})]
    await there.ask()
    assert await there.kept.all() == []
    await there.ask()
    assert there.told == []


async def test_a_push_service_that_is_busy_is_asked_again_and_only_for_those_it_did_not_take(there: Scene) -> None:
    await there.subscribe("ann", "a")
    await there.subscribe("bob", "b")
    there.service.answers = [(429, {"Retry-After": "30"})]
    await there.ask()
    assert len(there.told) == 1
    there.clock.advance(29)
    await there.courier.deliver()
    assert len(there.told) == 1
    there.clock.advance(2)
    await there.courier.deliver()
    assert sorted(name for name, _, _ in there.told) == ["a", "b"]


async def test_a_withdrawal_that_fails_is_tried_again(there: Scene) -> None:
    await there.subscribe("ann", "a")
    ticket = await there.ask()
    there.service.answers = [(503, {})]
    await there.answer(ticket, "deny")
    there.clock.advance(5)
    await there.courier.deliver()
    assert [state for _, state, _ in there.told] == ["pending", "over"]


@pytest.mark.parametrize("then", ["answer lost", "refused"])
async def test_it_is_withdrawn_from_a_device_that_was_told_by_a_process_that_died_or_heard_no_answer(
    there: Scene, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    await there.subscribe("ann", "a")
    device = await there.subscribe("bob", "busy")
    kept, post = there.desk.store.put, there.pusher._post

    async def put(record: Record) -> None:
        if record.kind == pusher.KIND and "maybe" not in record.value:
            raise asyncio.CancelledError
        await kept(record)

    async def lost(address: str, body: bytes, headers: Any) -> pusher.Reply:
        busy = address == device.endpoint
        if busy and then == "refused":
            return Busy()
        reply = await post(address, body, headers)
        if busy:
            raise errors.ChannelError("no answer in time")
        return reply

    ticket = await there.desk.open(HOSTILE, Caller("release-bot"))
    monkeypatch.setattr(there.desk.store, "put", put)
    with pytest.raises(asyncio.CancelledError):
        await there.courier.deliver()
    monkeypatch.undo()
    assert sorted(name for name, _, _ in there.told) == ["a", "busy"]
    # whoever goes on tells it again, and one of the answers is lost, or says no
    monkeypatch.setattr(there.pusher, "_post", lost)
    there.clock.advance(60)
    await there.courier.deliver()
    monkeypatch.undo()
    await there.answer(ticket, "deny")
    assert sorted({name for name, state, _ in there.told if state == "over"}) == ["a", "busy"]


async def test_what_a_push_service_did_not_take_is_not_withdrawn(there: Scene) -> None:
    await there.subscribe("ann", "a")
    there.service.answers = [(503, {})]
    ticket = await there.ask()
    await there.answer(ticket, "deny")
    assert there.told == []
    assert await there.desk.store.scan(pusher.KIND) == []


async def test_a_refusal_for_good_is_not_tried_again_and_keeps_the_device(there: Scene) -> None:
    await there.subscribe("ann", "a")
    there.service.answers = [(400, {})]
    await there.ask()
    there.clock.advance(600)
    await there.courier.deliver()
    assert there.told == []
    assert len(await there.kept.all()) == 1


async def test_without_devices_nothing_is_kept_or_sent(there: Scene) -> None:
    ticket = await there.ask()
    await there.answer(ticket, "allow")
    assert (there.told, await there.desk.store.scan(pusher.KIND)) == ([], [])


async def test_a_desk_without_push_makes_no_work(there: Scene) -> None:
    there.desk.setup = dataclasses.replace(there.desk.setup, push=False)
    await there.subscribe("ann", "a")
    await there.ask()
    assert there.told == []


async def test_a_person_has_few_devices_and_a_device_one_person(there: Scene) -> None:
    for number in range(subscriptions.MOST + 3):
        await there.subscribe("ann", f"d{number}")
    (ann,) = await there.kept.all()
    assert [one.endpoint.rpartition("/")[2] for one in ann.devices] == [f"d{n}" for n in range(3, 13)]
    await there.subscribe("bob", "d5")
    ann, bob = sorted(await there.kept.all(), key=lambda one: one.account)
    assert len(ann.devices) == subscriptions.MOST - 1
    assert [one.endpoint.rpartition("/")[2] for one in bob.devices] == ["d5"]
    await there.kept.remove(actor("bob"), bob.devices[0].endpoint)
    assert [one.account for one in await there.kept.all()] == ["web:ann"]


async def test_an_address_that_must_not_be_called_is_refused(there: Scene) -> None:
    rows: list[str] = [
        "http://push.example.com/x",
        "https://10.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://push.example.com:22/x",
        "https://user@push.example.com/x",
        "javascript:alert(1)",
        "",
        "https://push.example.com/" + "x" * 3_000,
    ]
    for row in each(rows):
        with row as endpoint:
            keys = there.service.browser("a").keys
            with pytest.raises(errors.InvalidRequest, match="this push address cannot be used"):
                await there.kept.add(actor("ann"), endpoint, *keys, there.clock.now())
            assert await there.kept.all() == []


async def test_keys_that_are_none_are_refused(there: Scene) -> None:
    for row in each(itertools.product(["p256dh", "auth"], ["", "x", "é", "A" * 87, "A" * 22])):
        with row as (wrong, given):
            browser = there.service.browser("a")
            p256dh, auth = browser.keys
            keys = {"p256dh": p256dh, "auth": auth} | {wrong: given}
            if given == "A" * 22 and wrong == "auth":
                keys[wrong] = "A" * 23
            with pytest.raises(errors.InvalidRequest, match="no keys of a browser"):
                await there.kept.add(actor("ann"), browser.endpoint, keys["p256dh"], keys["auth"], there.clock.now())


async def test_an_address_that_became_private_is_not_called_and_forgotten(there: Scene) -> None:
    browser = await there.subscribe("ann", "a")
    (ann,) = await there.kept.all()
    assert ann.record is not None
    value = ann.record.value
    value["devices"][0]["endpoint"] = "https://127.0.0.1:8443/x"
    await there.desk.store.put(dataclasses.replace(ann.record, value=value))
    await there.ask()
    assert there.told == []
    assert await there.kept.all() == []
    assert browser.endpoint not in str(await there.kept.all())


async def test_a_record_of_another_version_tells_nobody_and_stops_nothing(there: Scene) -> None:
    await there.desk.store.put(Record(subscriptions.KIND, "x", {"of": "another"}))
    await there.subscribe("ann", "a")
    await there.ask()
    assert [name for name, _, _ in there.told] == ["a"]


async def test_keys_are_made_once_or_given(there: Scene) -> None:
    assert await sayso_push.open_keys(there.desk.store) == there.keys
    assert len(decode(there.keys.application)) == 65
    given = base64.urlsafe_b64encode(b"\x01" * 32).decode().rstrip("=")
    own = await sayso_push.open_keys(there.desk.store, given)
    assert own.application != there.keys.application
    assert own == await sayso_push.open_keys(memory.MemoryStore(), given)
    assert "BEGIN PRIVATE" not in repr(own)
    for wrong in ("", "x", given[:-1], base64.urlsafe_b64encode(b"\xff" * 32).decode(), "é" * 43):
        with pytest.raises(errors.InvalidSettings, match="SAYSO_PUSH_KEY is no private key") as refused:
            await sayso_push.open_keys(there.desk.store, wrong)
        assert refused.value.field == sayso_push.VARIABLE


async def test_there_is_room_for_so_many_people_and_no_more(there: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "_MOST_PEOPLE", 1)
    await there.subscribe("ann", "a")
    with pytest.raises(errors.TooMany):
        await there.subscribe("bob", "b")
    await there.subscribe("ann", "b")


async def test_whoever_has_put_it_off_hears_of_it_again_at_the_end(there: Scene) -> None:
    await there.subscribe("ann", "phone")
    ticket = await there.ask()
    await attending.snooze(there.desk, ticket.id, 120, actor("ann"))
    await there.courier.deliver()
    assert [state for _, state, _ in there.told] == ["pending", "over"]
    there.clock.advance(120)
    await there.desk.let_time_act(ticket.id)
    await there.courier.deliver()
    assert [state for _, state, _ in there.told] == ["pending", "over", "pending"]


async def test_what_is_gathered_is_told_of_once_when_it_is_shown_and_withdrawn_with_the_last_of_it(
    there: Scene,
) -> None:
    there.desk.setup = setup(digest=1800.0, expires_in=7200.0)
    await there.subscribe("ann", "phone")
    plain = model.Request(kind="permission", tool="tidy", input={"room": "1"})
    first, second, third = [await there.ask(plain) for _ in range(3)]
    await there.answer(first, "deny")
    assert there.told == []
    there.clock.advance(1800)
    await there.courier.deliver()
    assert there.told == [("phone", "pending", "2 requests of default wait for an answer")]
    assert there.service.came[0].said["path"] == "/"
    await there.answer(second, "allow", "bob")
    assert len(there.told) == 1
    await there.answer(third, "allow")
    assert there.told[1:] == [("phone", "over", "What was gathered for default waits no more")]
    assert await there.desk.store.scan(pusher.KIND) == []
    # the next half hour has a notification of its own
    await there.ask(plain)
    there.clock.advance(1800)
    await there.courier.deliver()
    assert there.told[2:] == [("phone", "pending", "A request of default waits for an answer")]

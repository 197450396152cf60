"""The parts that chats share: work beside an answer, what was seen lately, and what a platform sent."""

import asyncio
import importlib.metadata
from typing import Any

import pytest

from sayso import errors
from sayso.chat import finding, plugin, received, roster
from sayso.chat.background import Background
from sayso.chat.conversations import Conversations
from sayso.chat.finding import Finding
from sayso.chat.recent import Recent
from sayso.machine import people
from tests.tables import each


async def test_what_was_begun_is_finished_before_the_close() -> None:
    background, may_end, ended = Background(), asyncio.Event(), list[str]()

    async def work() -> None:
        await may_end.wait()
        ended.append("work")

    background.start(work())
    closing = asyncio.ensure_future(background.close())
    await asyncio.sleep(0)
    may_end.set()
    await closing
    assert ended == ["work"]


async def test_what_the_next_start_does_again_is_cut_short_at_the_close() -> None:
    background = Background()
    background.start_repeatable(asyncio.Event().wait())
    async with asyncio.timeout(5):
        await background.close()


async def test_work_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.chat.background._CLOSE_WITHIN", 0.01)
    background = Background()
    task = background.start(asyncio.Event().wait())
    await background.close()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


@pytest.mark.parametrize(
    ("error", "level"), [(ValueError("broken"), "ERROR"), (errors.StoreUnavailable("the store is away"), "WARNING")]
)
async def test_work_that_fails_is_in_the_log_with_a_trace_if_nobody_expected_it(
    caplog: pytest.LogCaptureFixture, error: Exception, level: str
) -> None:
    async def work() -> None:
        raise error

    background = Background()
    background.start(work())
    await background.close()
    await asyncio.sleep(0)
    assert [(record.message, record.levelname) for record in caplog.records] == [("follow-up failed", level)]
    assert (caplog.records[0].exc_info is None) == (level == "WARNING")
    await background.close()


def test_the_oldest_entry_is_forgotten_and_one_that_is_set_again_is_new() -> None:
    seen: Recent[str, int] = Recent(2)
    for number, key in enumerate("abac"):
        seen[key] = number
    assert dict(seen) == {"a": 2, "c": 3}


def test_what_is_missing_or_of_another_kind_reads_as_nothing() -> None:
    rows: list[Any] = [None, 1, "x", [], {"a": None}, {"a": [1]}, {"a": "x"}]
    for row in each(rows):
        with row as node:
            assert (received.get(node, "a", "b"), received.text(node, "a", "b"), received.items(node, "a", "b")) == (
                None,
                "",
                [],
            )


def test_a_field_is_read_at_the_end_of_its_path() -> None:
    node = {"a": {"b": "text", "c": [1]}}
    assert (received.get(node, "a", "c"), received.text(node, "a", "b"), received.items(node, "a", "c")) == (
        [1],
        "text",
        [1],
    )


def test_a_body_is_an_object_or_nothing() -> None:
    rows: list[tuple[str | bytes, object]] = [(b'{"a": 1}', {"a": 1}), ("[1]", None), ("{", None), ("[" * 9999, None)]
    for row in each(rows):
        with row as (body, document):
            assert received.document(body) == document


async def test_whoever_was_spoken_to_just_before_is_known_once() -> None:
    conversations = Conversations()
    assert conversations.was_spoken_to("place", "ann", "bob") is False
    assert conversations.was_spoken_to("elsewhere", "bob", None) is False
    assert conversations.was_spoken_to("place", "bob", "bob") is True
    assert conversations.was_spoken_to("place", "bob", None) is False


async def test_the_messages_of_one_place_are_judged_one_after_the_other() -> None:
    conversations = Conversations()
    async with conversations.turn("place") as _:
        assert conversations.turn("place").locked()
        assert not conversations.turn("elsewhere").locked()


def test_a_platform_out_of_reach_is_a_matter_of_the_network_or_of_a_proxy() -> None:
    secure = finding.reach(errors.ChannelError("no Certificate"), "Chat", "status.example")
    network = finding.reach(errors.ChannelError("no answer"), "Chat", "status.example")
    assert "SSL_CERT_FILE" in secure
    assert "this is not Chat" in secure
    assert "status.example" in network
    assert finding.of_error("token", errors.ChannelError("no", hint="yes")) == Finding("token", False, "no", "yes")


DIRECTORY = people.Directory(
    people={
        "ann": people.Profile(frozenset({"chat:T1/U1", "other:1"})),
        "bob": people.Profile(frozenset({"chat:U2"})),
    },
    groups={"release": people.Group(platform_groups=frozenset({"chat:S1", "other:2"}))},
)


def test_the_accounts_and_groups_of_one_platform_are_named_as_in_the_settings() -> None:
    assert list(roster.accounts(DIRECTORY, "chat")) == [("people.ann.chat", "T1/U1"), ("people.bob.chat", "U2")]
    assert list(roster.groups(DIRECTORY, "chat", "chat_group")) == [("groups.release.chat_group", "S1")]
    assert roster.account_of(DIRECTORY, "chat", "ann") == "T1/U1"
    assert roster.account_of(DIRECTORY, "other", "bob") is None
    assert roster.account_of(DIRECTORY, "chat", "nobody") is None


async def look_up(named: list[roster.Named], *faults: Finding | Exception | None) -> list[Finding]:
    """What is found if the platform says this of each account, in order."""
    left = iter(faults)

    async def fault_of(_: roster.Named) -> Finding | None:
        fault = next(left)
        if isinstance(fault, Exception):
            raise fault
        return fault

    return [one async for one in roster.look_up(named, fault_of, "Chat", "the server")]


async def test_what_the_platform_does_not_say_is_no_fault_of_the_settings() -> None:
    named = list(roster.accounts(DIRECTORY, "chat"))
    wrong = Finding("people.bob.chat", False, "a bot")
    assert await look_up(named, None, wrong) == [wrong, Finding("people", True, "the server knows 1 of 2")]
    silent = await look_up(named, TimeoutError())
    assert [one.said for one in silent] == [
        "could not find out whether the server knows T1/U1 and 1 more person: Chat did not answer in time"
    ]
    refused = await look_up(named, None, errors.ChannelError("busy"))
    assert [one.said for one in refused] == [
        "could not find out whether the server knows U2: busy",
        "the server knows 1 of 2",
    ]


async def test_no_more_people_are_looked_up_than_a_platform_takes_calls() -> None:
    named = [roster.Named(f"people.p{number}.chat", str(number)) for number in range(roster.MOST + 2)]
    last, known = await look_up(named, *[None] * len(named))
    assert (last.name, f"{roster.MOST} are looked up at a time" in last.said) == (f"people.p{roster.MOST}.chat", True)
    assert known.said == f"the server knows {roster.MOST} of {len(named)}"


def test_a_chat_that_cannot_be_loaded_is_named_with_what_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = importlib.metadata.EntryPoint("teams", "sayso_nowhere:chat", plugin.GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: (missing,))
    with pytest.raises(errors.InvalidSettings, match="the chat teams cannot be loaded: ModuleNotFoundError") as caught:
        plugin.installed.__wrapped__()
    assert (caught.value.field, caught.value.hint) == ("teams", "mend or remove sayso_nowhere:chat")


def test_an_object_that_is_not_a_chat_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = importlib.metadata.EntryPoint("json", "json:dumps", plugin.GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: (wrong,))
    with pytest.raises(errors.InvalidSettings, match="json:dumps is not the only chat with the name json") as caught:
        plugin.installed.__wrapped__()
    assert (caught.value.field, caught.value.hint) == ("json", "remove the package that brings it")


def test_of_two_chats_with_one_name_neither_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = importlib.metadata.entry_points(group=plugin.GROUP)
    for wrong in ((first, first), (importlib.metadata.EntryPoint("teams", first.value, plugin.GROUP),)):
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda found=wrong, **_: found)
        with pytest.raises(errors.InvalidSettings, match=f"is not the only chat with the name {wrong[-1].name}"):
            plugin.installed.__wrapped__()

"""What `sayso hook claude-code` says, how soon it says it, and what it asks for."""

import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sayso
from sayso import model
from sayso_bots import cli
from sayso_bots.commands.hook import hook, relay
from tests.adapters import claude_service
from tests.adapters.claude_service import call
from tests.bots.test_hook import http, peer, run, start


async def test_a_service_that_is_not_running_is_said_at_the_first_refused_connection(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(seconds: float) -> None:
        raise AssertionError("it waits for a service that is not there")

    monkeypatch.setattr("time.sleep", never)
    asking = relay.Relay(f"http://127.0.0.1:{unused_tcp_port}", "sayso_agent_x", 590)
    with pytest.raises(relay.Failed, match="sayso serve is not running"):
        asking.ask(b"{}")


async def test_people_have_the_seconds_that_the_hook_was_given(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        running = await start("claude-code", "--timeout", "20", SAYSO_URL=service.url, SAYSO_KEY=service.key)
        ticket = await service.answer(verdict="deny")
        assert (await running.ended()).denial()
    assert (ticket.expires_at - ticket.created_at).total_seconds() == 20


async def test_the_hook_may_name_the_policy_that_decides(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        service.desk.setup = sayso.Setup(policies={"default": model.Policy(), "a b&c/ü": model.Policy(quorum=2)})
        at, key = service.url, service.key
        running = await start("claude-code", "--policy", "a b&c/ü", SAYSO_URL=at, SAYSO_KEY=key)
        ticket = await service.answer(verdict="deny")
        assert (await running.ended()).denial()
        assert ticket.policy.quorum == 2
        unknown = await run("claude-code", "--policy=soft", SAYSO_URL=at, SAYSO_KEY=key)
    assert "there is no policy 'soft'" in unknown.denial()


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
async def test_a_key_that_is_revoked_while_the_hook_waits_gets_no_yes(tmp_path: Path, event: str) -> None:
    async with claude_service.serve(tmp_path) as service:
        running = await start(payload=call(event), SAYSO_URL=service.url, SAYSO_KEY=service.key)
        ticket = await service.asked()
        for record in await service.desk.store.scan("key"):
            await service.desk.store.remove("key", record.name)
        await service.desk.answer(ticket.id, model.Answer(verdict="allow"), claude_service.ANN)
        ended = await running.ended()
    assert "revoked" in str(ended.json)
    output = ended.json["hookSpecificOutput"]
    assert (output.get("permissionDecision") or output["decision"]["behavior"]) == "deny"


async def test_an_event_that_is_not_decided_is_refused_with_the_reason(tmp_path: Path) -> None:
    payload = {"hook_event_name": "WorktreeCreate", "session_id": "s-1"}
    async with claude_service.serve(tmp_path) as service:
        ended = await run(payload=payload, SAYSO_URL=service.url, SAYSO_KEY=service.key)
    assert ended.code == 2
    assert "'WorktreeCreate' is not decided here" in ended.err
    assert "see: sayso init claude-code" in ended.err


async def test_another_agents_events_are_refused_by_name(tmp_path: Path) -> None:
    codex: Any = {"turn_id": "t-1", "model": "gpt-6"}
    async with claude_service.serve(tmp_path) as service:
        at, key = service.url, service.key
        asked = await run(payload=call(**codex), SAYSO_URL=at, SAYSO_KEY=key)
        started = {"hook_event_name": "SubagentStart", "session_id": "s-1", **codex}
        told = await run(payload=started, SAYSO_URL=at, SAYSO_KEY=key)
        assert await service.count() == 0
    assert "OpenAI's Codex CLI" in asked.denial()
    assert "OpenAI's Codex CLI" in told.err


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"error": 5}', b'{"error": {}}', b'{"error": {"message": "m"}}'])
async def test_a_refusal_in_any_words_is_a_denial(body: bytes) -> None:
    async with peer(http(422, body)) as url:
        assert "answered HTTP 422: " in (await run(SAYSO_URL=url)).denial()


@pytest.mark.parametrize("payload", [b"", b" \n"])
async def test_an_empty_input_is_said_to_be_empty(payload: bytes) -> None:
    ended = await run(payload=payload, SAYSO_KEY="sayso_agent_x")
    assert (ended.code, ended.json["hookSpecificOutput"]["permissionDecision"]) == (2, "deny")
    assert "nothing came on standard input" in ended.err


@pytest.mark.parametrize("words", [["hook", "--help"], ["hook", "claude-code", "--help"]])
def test_the_help_lists_every_option(words: list[str]) -> None:
    said = CliRunner().invoke(cli.tree, words).output
    assert all(option in said for option in ("--timeout SECONDS", "--url", "--policy NAME", "SAYSO_KEY"))


def test_options_before_or_behind_the_agent_mean_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []

    def main(argv: list[str]) -> int:
        heard.append(argv)
        return 0

    monkeypatch.setattr(hook, "main", main)
    CliRunner().invoke(cli.tree, ["hook", "claude-code", "--timeout", "9"])
    CliRunner().invoke(cli.tree, ["hook", "--timeout", "9", "claude-code"])
    assert heard == [["claude-code", "--timeout", "9"]] * 2


async def test_of_several_addresses_one_that_refuses_is_told(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(*_: Any) -> list[Any]:
        refusing = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", unused_tcp_port))
        # an address of a family that cannot be reached so
        unreachable = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("255.255.255.255", unused_tcp_port))
        return [refusing, unreachable]

    monkeypatch.setattr("sayso_bots.commands.hook.relay._socket.getaddrinfo", found)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waits for a service that is not there"))
    with pytest.raises(relay.Failed, match="sayso serve is not running"):
        relay.Relay(f"http://localhost:{unused_tcp_port}", "sayso_agent_x", 590).ask(b"{}")

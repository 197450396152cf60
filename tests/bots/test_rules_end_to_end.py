"""Rules at every door of the service: HTTP, the commands, Claude Code's hooks, MCP. Nobody is asked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from tests.adapters.claude_service import call
from tests.bots.conftest import PATIENCE, Command
from tests.fakes import processes

RULES = """
[policies.strict]
approvers = ["anyone"]
[[rules]]
id = "no-secrets"
match = { tool = ["Bash", "Read"], "input.*" = "*.env*" }
effect = "deny"
reason = "Ask a person for the value you need."
[[rules]]
id = "git"
match = { tool = "Bash", program = "git", args = ["status", "**"] }
effect = "allow"
[[rules]]
id = "npm"
match = { tool = "Bash", program = "npm" }
effect = "ask"
policy = "strict"
"""


@asynccontextmanager
async def serving(command: Command) -> AsyncGenerator[tuple[str, str], None]:
    """A service with these rules: its address, and an agent's key."""
    (command.folder / "sayso.toml").write_text(RULES)
    key = command.key("bot", "agent")
    async with command.started("serve", SAYSO_PORT="0") as service:
        yield (await service.line("sayso listens on")).rpartition(" ")[2], key


async def test_a_decision_by_a_rule_comes_with_the_answer_to_the_request(command: Command) -> None:
    async with serving(command) as (url, key), aiohttp.ClientSession(url, headers=_auth(key)) as http:
        body = {"id": "r1", "kind": "permission", "tool": "Bash", "input": {"command": "git status"}}
        async with http.post("/v1/requests", json=body) as answered:
            found: dict[str, Any] = await answered.json()
        assert (answered.status, found["state"], found["cards"], found["route"]) == (201, "decided", [], ["web"])
        assert (found["decision"]["outcome"], found["decision"]["rule"], found["ruled"]["effect"]) == (
            "allowed", "git", "allow",
        )  # fmt: skip
        async with http.post("/v1/requests/r1/use") as used, http.post("/v1/requests/r1/use") as again:
            assert (used.status, again.status) == (200, 409)
        async with http.post("/v1/requests", json=body | {"id": "r2", "input": {"command": "cat .env"}}) as denied:
            found = await denied.json()
        assert found["decision"]["outcome"] == "denied"
        assert "Ask a person" in found["decision"]["model_text"]
        async with http.post("/v1/requests", json=body | {"id": "r3", "input": {"command": "npm ci"}}) as asked:
            found = await asked.json()
        assert (found["state"], found["policy_name"], found["ruled"]["rule"]) == ("pending", "strict", "npm")
        async with http.get("/v1/requests/r3/log") as log:
            (row,) = (await log.json())["rows"]
        assert row["entry"]["ruled"]["rule"] == "npm"
        assert row["entry"]["settings"].startswith("sha256:")


async def test_a_command_gets_the_decision_of_a_rule_through_the_service_and_embedded(command: Command) -> None:
    async with serving(command) as (url, key):
        there = {"SAYSO_URL": url, "SAYSO_KEY": key}
        words = ("ask", "permission", "--wait", "--tool", "Bash", "--input")
        for variables in (there, {}):
            allowed, denied = [
                await asyncio.to_thread(command, *words, json.dumps({"command": line}), **variables)
                for line in ("git status", "cat .env")
            ]
            assert (allowed.returncode, denied.returncode) == (0, 1)
            assert "by the rule 'git'" in allowed.stdout
            assert "by the rule 'no-secrets'" in denied.stdout


@pytest.mark.parametrize(("line", "decided"), [("git status", "allow"), ("cat .env", "deny")])
async def test_claude_code_gets_the_decision_of_a_rule(command: Command, line: str, decided: str) -> None:
    async with serving(command) as (url, key):
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "sayso_bots", "hook", "claude-code"],
            input=json.dumps(call(input={"command": line})).encode(),
            cwd=command.folder,
            env=processes.environment({"SAYSO_URL": url, "SAYSO_KEY": key}),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        said = json.loads(ran.stdout)["hookSpecificOutput"]
        assert said["permissionDecision"] == decided
        async with aiohttp.ClientSession(url, headers=_auth(key)) as http, http.get("/v1/requests") as listed:
            (found,) = (await listed.json())["requests"]
        # an allow was used before Claude Code was told
        assert (found["state"], found["used_at"] is not None) == ("decided", decided == "allow")


async def test_an_mcp_client_gets_the_decision_of_a_rule(command: Command) -> None:
    async with (
        serving(command) as (url, key),
        httpx2.AsyncClient(headers=_auth(key), timeout=PATIENCE) as wire,
        mcp.Client(streamable_http_client(f"{url}/mcp", http_client=wire)) as client,
    ):
        found = [
            (await client.call_tool("ask_permission", {"tool": "Bash", "input": {"command": line}})).structured_content
            for line in ("git status", "cat .env")
        ]
    assert [(one or {})["allowed"] for one in found] == [True, False]
    assert "no-secrets" in str(found[1])


def _auth(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}

"""Receipts from the outside: a service that allows, and the examples of docs/receipts.md, which act on nothing else."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sayso_bots.settings import toml
from tests.bots.conftest import PATIENCE, Command
from tests.fakes.ports import free_port
from tests.fakes.processes import Running, environment, run, started
from tests.test_docs import PAGES, ROOT, blocks

EXAMPLES = ROOT / "bots" / "examples" / "receipts"
KEY, NEXT = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE", "b" * 42 + "A"


def test_the_page_shows_the_examples_as_they_are() -> None:
    shown = [one.text for one in blocks("python", page="docs/receipts.md")]
    assert shown == [(EXAMPLES / f"{name}.py").read_text() for name in ("deploy", "service")]


@contextlib.asynccontextmanager
async def serving(command: Command, **given: str) -> AsyncGenerator[str]:
    async with command.started("serve", SAYSO_PORT="0", **given) as running:
        yield (await running.line("sayso listens on")).rpartition(" ")[2]


async def allow(command: Command, url: str, tool: str, input: dict[str, Any], id: str, **given: str) -> dict[str, Any]:
    """What an agent is told, once somebody at the terminal allowed it."""
    agent = command.key(f"bot-{id}", "agent", **given)
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {agent}"}) as session:
        body = {"id": id, "kind": "permission", "tool": tool, "input": input}
        async with session.post("/v1/requests", json=body) as asked:
            assert asked.status == 201, await asked.text()
        assert (await asyncio.to_thread(command, "answer", id, "--allow", **given)).returncode == 0
        async with session.get(f"/v1/requests/{id}?wait=10") as found:
            decision: dict[str, Any] = (await found.json())["decision"]
            return decision


async def deploy(*arguments: str, url: str, receipt: str) -> tuple[int, str]:
    line: list[str | Path] = [sys.executable, EXAMPLES / "deploy.py", *arguments]
    done = await asyncio.to_thread(run, line, EXAMPLES, SAYSO_URL=url, RECEIPT=receipt)
    return done.returncode, done.stdout + done.stderr


async def test_a_deploy_script_acts_once_and_on_exactly_what_was_allowed(command: Command) -> None:
    given = {"SAYSO_SIGNING_KEY": KEY}
    async with serving(command, **given) as url:
        call = {"environment": "production", "version": "1.4.2"}
        receipt = (await allow(command, url, "deploy", call, "d1", **given))["receipt"]
        for arguments in (("production", "1.4.3"), ("staging", "1.4.2")):
            code, said = await deploy(*arguments, url=url, receipt=receipt)
            assert (code, said) == (1, "refused: the receipt allows something else\n")
        for wrong in ("", "x", receipt[:-4] + "AAAA"):
            code, said = await deploy("production", "1.4.2", url=url, receipt=wrong)
            assert (code, said.startswith("refused: no good receipt")) == (1, True)
        assert await deploy("production", "1.4.2", url=url, receipt=receipt) == (0, "deploying 1.4.2 to production\n")
        code, said = await deploy("production", "1.4.2", url=url, receipt=receipt)
        assert code == 1
        assert re.match(r"refused: the allow of request d1 was used at .* UTC\n", said)
    entries = json.loads(command("show", "d1", "--log", "--json").stdout)["log"]
    assert [entry["type"] for entry in entries] == ["opened", "answered", "redeemed", "use_refused"]
    assert entries[-2]["audience"] == "sayso"


async def test_a_release_gets_its_receipt_by_the_commands_of_the_page(command: Command) -> None:
    transcript = re.findall(r"```text\n(\$ .*?)```", PAGES["docs/receipts.md"], re.DOTALL)[0]
    (command.folder / "deploy.py").write_text((EXAMPLES / "deploy.py").read_text())
    agent = command.key("release-bot", "agent")
    async with serving(command) as url:
        asked, *shown = (part.partition("\n")[::2] for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:])
        line = shlex.split(asked[0].partition(" > ")[0])[1:]
        async with command.started(*line, SAYSO_URL=url, SAYSO_KEY=agent) as asking:
            assert await asking.line("waiting for", error=True) == asked[1].strip()
            assert (await asyncio.to_thread(command, "answer", "d1", "--allow")).returncode == 0
            code, out, _ = await asking.ended()
        assert code == 0
        (command.folder / "decision.json").write_text(out)
        # one shell, as on the page; the commands after a refusal are typed all the same
        script = "\n".join(f"{typed} 2>&1 || true" if "deploy.py" in typed else typed for typed, _ in shown)
        program = script.replace("python3", sys.executable)
        variables = environment({"SAYSO_URL": url})
        ran = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-c", program],
            cwd=command.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        )
    expected = "".join(printed for _, printed in shown)
    assert re.fullmatch(re.escape(expected).replace("…", ".*"), ran.stdout), ran.stdout


@contextlib.asynccontextmanager
async def payouts(folder: Path, keys: str) -> AsyncGenerator[str]:
    """The small service of the page."""
    (folder / "keys.json").write_text(keys)
    port = free_port()
    line = [sys.executable, str(EXAMPLES / "service.py")]
    async with started(line, folder, SAYSO_KEYS="keys.json", PORT=str(port)) as running:
        await listening(port, running)
        yield f"http://127.0.0.1:{port}"


async def listening(port: int, running: Running) -> None:
    async with asyncio.timeout(PATIENCE):
        while running.process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
    pytest.fail((await running.ended())[2])


async def pay(url: str, receipt: str, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {receipt}"}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/payouts", json=wanted, headers=headers) as said:
        return said.status, await said.json()


async def test_a_small_service_pays_what_was_allowed_and_nothing_else(command: Command, tmp_path: Path) -> None:
    given = {"SAYSO_SIGNING_KEY": f"{NEXT},{KEY}"}
    wanted = {"to": "acme", "amount": 12.5}
    async with serving(command, SAYSO_SIGNING_KEY=KEY) as url:
        old = (await allow(command, url, "payout", wanted, "p1", SAYSO_SIGNING_KEY=KEY))["receipt"]
    async with serving(command, **given) as url:
        new = (await allow(command, url, "payout", wanted, "p2", **given))["receipt"]
        async with aiohttp.ClientSession() as session, session.get(f"{url}/.well-known/jwks.json") as found:
            keys = await found.text()
            assert found.headers["Cache-Control"] == "public, max-age=300"
    assert json.loads(keys) == json.loads(command("keys", "signing", **given).stdout)
    # the service that allowed is gone: nobody is asked
    async with payouts(tmp_path, keys) as shop:
        assert (await pay(shop, new, {**wanted, "amount": 12.51}))[0] == 403
        assert (await pay(shop, new, {**wanted, "to": "eve"}))[0] == 403
        assert (await pay(shop, "", wanted))[0] == 403
        status, said = await pay(shop, new, wanted)
        assert (status, said["paid"]) == (200, wanted)
        assert (await pay(shop, new, wanted))[0] == 409
        # of before the change of keys
        assert (await pay(shop, old, wanted))[0] == 200


async def test_the_settings_say_whom_receipts_are_for_and_whether_there_are_any(
    command: Command, tmp_path: Path
) -> None:
    for words, expected in (('audience = "payments.example.com"', "payments.example.com"), ("issue = false", None)):
        assert toml.setup(toml.parse({"receipts": dict([parse(words)])})).audience == expected
    (tmp_path / "sayso.toml").write_text("[receipts]\nissue = false\n")
    async with serving(command, SAYSO_SIGNING_KEY=KEY) as url:
        assert (await allow(command, url, "deploy", {"a": 1}, "d1", SAYSO_SIGNING_KEY=KEY))["receipt"] is None


def parse(words: str) -> tuple[str, Any]:
    name, _, value = words.partition(" = ")
    return name, json.loads(value)


async def test_a_rule_that_allows_carries_a_receipt_too(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text(
        '[[rules]]\nid = "reads"\nmatch = { tool = ["Read", "Grep"] }\neffect = "allow"\n'
    )
    async with serving(command, SAYSO_SIGNING_KEY=KEY) as url:
        agent = command.key("bot", "agent", SAYSO_SIGNING_KEY=KEY)
        async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {agent}"}) as session:
            body = {"id": "r1", "kind": "permission", "tool": "Read", "input": {"path": "a"}}
            async with session.post("/v1/requests", json=body) as asked:
                decision = (await asked.json())["decision"]
            async with session.post("/v1/receipts/use", json={"receipt": decision["receipt"]}) as used:
                assert (used.status, (await used.json())["by"]) == (200, [])
            async with session.post("/v1/receipts/use", json={"receipt": "x"}) as refused:
                assert (refused.status, (await refused.json())["error"]["code"]) == (400, "invalid_token")
    assert os.environ.get("SAYSO_SIGNING_KEY") is None

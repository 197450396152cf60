"""`sayso hook claude-code` as a process: it hands decisions back, outlives a restart, denies whatever goes wrong."""

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sayso.content import wording
from sayso.testing.clock import ManualClock
from sayso_bots.commands.hook import hook, relay
from sayso_claude import forms, presence, server, settings
from tests.adapters import claude_service
from tests.adapters.claude_service import Json, call
from tests.conftest import require
from tests.fakes.processes import Forked

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Ended(NamedTuple):
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.out)
        return found

    def denial(self) -> str:
        """The reason, of a denial before a tool."""
        assert self.code == 0
        output = self.json["hookSpecificOutput"]
        assert (output["hookEventName"], output["permissionDecision"]) == ("PreToolUse", "deny")
        return str(output["permissionDecisionReason"])


class Running:
    """A hook process that was given a call."""

    def __init__(self, process: Forked) -> None:
        self.process = process
        self._task = asyncio.create_task(process.communicate())

    async def ended(self) -> Ended:
        async with asyncio.timeout(20):
            out, err = await self._task
        assert self.process.returncode is not None
        return Ended(self.process.returncode, out, err.decode())


async def start(*words: str, payload: Json | bytes | None = None, **env: str) -> Running:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload or call()).encode()
    # test_hook_end_to_end starts it as Claude Code does, which takes three times as long
    line = [sys.executable, "-m", "sayso_bots", "hook", *(words or ("claude-code",))]
    with tempfile.TemporaryFile() as given:
        given.write(raw)
        given.seek(0)
        return Running(
            await Forked.start(line, Path.cwd(), {"SAYSO_KEY": "sayso_agent_x", **env}, reads=given.fileno())
        )


async def run(*words: str, payload: Json | bytes | None = None, **env: str) -> Ended:
    return await (await start(*words, payload=payload, **env)).ended()


@asynccontextmanager
async def peer(answer: bytes | Peer, tls: ssl.SSLContext | None = None) -> AsyncGenerator[str, None]:
    """Something that listens where the service should; bytes are sent to each caller once it has asked."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if callable(answer):
            await answer(reader, writer)
        else:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", ssl=tls)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


async def test_a_decision_is_handed_back(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        running = await start(SAYSO_URL=service.url, SAYSO_KEY=service.key)
        await service.answer(verdict="allow")
        ended = await running.ended()
    assert (ended.code, ended.json["hookSpecificOutput"]["permissionDecision"]) == (0, "allow")


async def test_a_denial_is_handed_back(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        running = await start("claude-code", "--url", service.url + "/", SAYSO_KEY=service.key)
        await service.answer(verdict="deny", reason="not now")
        assert "not now" in (await running.ended()).denial()


async def test_nobody_answers_and_the_service_says_so_before_the_hook_gives_up(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        ended = await run("claude-code", "--timeout=2", SAYSO_URL=service.url, SAYSO_KEY=service.key)
    assert "Silence is not consent" in ended.denial()


async def test_a_restart_in_the_middle_is_outlived_with_one_card(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        running = await start(payload=call("PermissionRequest"), SAYSO_URL=service.url, SAYSO_KEY=service.key)
        await service.waiting()
        port = int(service.url.rpartition(":")[2])
    async with claude_service.serve(tmp_path, port=port, key=service.key) as restarted:
        await restarted.waiting()
        await restarted.answer(verdict="allow")
        ended = await running.ended()
        assert await restarted.count() == 1
    assert ended.json["hookSpecificOutput"]["decision"] == {"behavior": "allow"}


async def test_a_service_killed_in_the_middle_is_asked_again_under_the_same_key() -> None:
    heard: list[bytes] = []

    async def dies_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if len(heard) == 2:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        if len(heard) == 3:
            writer.write(http(503, b""))
        if len(heard) == 4:
            writer.write(http(200, json.dumps(forms.allow("PreToolUse", "yes")).encode()))

    async with peer(dies_first) as url:
        ended = await run(SAYSO_URL=url)
    assert ended.json == forms.allow("PreToolUse", "yes")
    assert len(heard) == 4
    assert len(set(heard)) == 1
    assert b"Idempotency-Key: " in heard[0]


async def test_a_service_that_never_comes_back_is_a_denial_at_the_deadline() -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with peer(dies) as url:
        ended = await run("claude-code", "--timeout", "1", SAYSO_URL=url)
    assert "no decision within 1 seconds" in ended.denial()


async def test_a_service_that_says_nothing_is_a_denial_at_the_deadline() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer(silent) as url:
        ended = await run("claude-code", "--timeout", "1", SAYSO_URL=url)
    assert "no decision within 1 seconds" in ended.denial()


@pytest.mark.parametrize("words", [(), ("claude-code", "--timeout", "1")])
async def test_a_service_that_is_not_running_is_a_denial_that_names_its_address(
    unused_port: int, words: tuple[str, ...]
) -> None:
    ended = await run(*words, SAYSO_URL=f"http://127.0.0.1:{unused_port}")
    assert f"sayso serve is not running at http://127.0.0.1:{unused_port}" in ended.denial()
    # the command imports nothing of ours, so it says this in words of its own
    assert ended.denial().endswith(wording.NO_CONSENT)


@pytest.fixture
async def unused_port() -> int:
    async with peer(b"") as url:
        return int(url.rpartition(":")[2])


async def test_a_permission_request_is_denied_in_its_own_form() -> None:
    ended = await run(payload=call("PermissionRequest"), SAYSO_KEY="")
    decision = ended.json["hookSpecificOutput"]["decision"]
    assert (ended.code, decision["behavior"]) == (0, "deny")
    assert "SAYSO_KEY is not set" in decision["message"]


async def test_a_revoked_key_is_a_denial_that_says_so(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        ended = await run(SAYSO_URL=service.url, SAYSO_KEY="sayso_agent_revoked")
    assert "unknown or revoked" in ended.denial()


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "SAYSO_KEY"), (403, "may not ask"), (404, "set SAYSO_URL"), (421, "host name"), (302, "302"), (500, "log")],
)
async def test_an_error_is_a_denial_that_says_what_to_do(status: int, told: str) -> None:
    async with peer(http(status, b"<html>")) as url:
        assert told in (await run(SAYSO_URL=url)).denial()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", b'{"hookSpecificOutput": {}}', b'{"permissionDecision": "allow"}']
)
async def test_an_answer_that_is_no_decision_is_a_denial(body: bytes) -> None:
    async with peer(http(200, body)) as url:
        assert "no decision" in (await run(SAYSO_URL=url)).denial()


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "127.0.0.1:8700", "http://", "http://a b", "http://u:secret@x", "http://x:0", "http://x:y"]
)
async def test_an_address_that_is_none_is_a_denial_that_keeps_it_to_itself(url: str) -> None:
    told = (await run("claude-code", "--url", url)).denial()
    assert "SAYSO_URL" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "words",
    [("claude",), ("claude-code", "--timeout"), ("claude-code", "--timeout", "x"), ("claude-code", "--no", "1")],
)
async def test_a_wrong_command_line_is_a_denial(words: tuple[str, ...]) -> None:
    assert (await run(*words)).denial()


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b'{"hook_event_name": 5}', b'{"hook_event_name": "WorktreeCreate"}']
)
async def test_where_the_event_is_unknown_the_hook_blocks_in_both_ways(payload: bytes) -> None:
    ended = await run(payload=payload, SAYSO_KEY="")
    assert (ended.code, ended.json["hookSpecificOutput"]["permissionDecision"]) == (2, "deny")
    assert "SAYSO_KEY is not set" in ended.err


async def test_an_event_hidden_in_the_tools_input_changes_nothing() -> None:
    ended = await run(payload=call(input={"hook_event_name": "Notification"}), SAYSO_KEY="")
    assert "SAYSO_KEY" in ended.denial()


async def test_an_event_that_lets_nothing_run_passes_and_never_blocks(tmp_path: Path) -> None:
    started = {"hook_event_name": "SessionStart"}
    async with claude_service.serve(tmp_path) as service:
        assert await run(payload=started, SAYSO_URL=service.url, SAYSO_KEY=service.key) == (0, b"{}", "")
    ended = await run(payload=started, SAYSO_KEY="")
    assert (ended.code, ended.out) == (1, b"")


STOP = {"hook_event_name": "Stop", "session_id": "s-1", "stop_hook_active": False}
COMPACT = {"hook_event_name": "PreCompact", "session_id": "s-1", "trigger": "auto"}


@pytest.mark.parametrize(
    ("payload", "answer", "printed"),
    [
        (STOP, {"verdict": "allow"}, {"continue": True}),
        (STOP, {"verdict": "deny", "reason": "no tests"}, "Not done yet, says test:ann: go on working."),
        (COMPACT, {"verdict": "deny"}, "PreCompact was denied by test:ann."),
    ],
)
async def test_a_decision_on_a_step_is_handed_back(
    tmp_path: Path, payload: Json, answer: Json, printed: Json | str
) -> None:
    async with claude_service.serve(tmp_path) as service:
        running = await start(payload=payload, SAYSO_URL=service.url, SAYSO_KEY=service.key)
        await service.answer(**answer)
        ended = await running.ended()
    assert ended.code == 0
    if isinstance(printed, str):
        assert ended.json["decision"] == "block"
        assert ended.json["reason"].startswith(printed)
    else:
        assert ended.json == printed


async def test_before_compacting_nothing_is_said_where_it_is_allowed(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        running = await start(payload=COMPACT, SAYSO_URL=service.url, SAYSO_KEY=service.key)
        await service.answer(verdict="allow")
        assert await running.ended() == (0, b"", "")


async def test_without_a_service_an_agent_may_stop_and_no_other_step_is_taken() -> None:
    stopped = await run(payload=STOP, SAYSO_KEY="")
    assert (stopped.code, stopped.out) == (1, b"")
    prompted = await run(payload={**STOP, "hook_event_name": "UserPromptSubmit", "prompt": "go"}, SAYSO_KEY="")
    assert (prompted.code, prompted.json["decision"]) == (0, "block")
    elicited = await run(payload={"hook_event_name": "Elicitation"}, SAYSO_KEY="")
    assert elicited.json["hookSpecificOutput"] == {"hookEventName": "Elicitation", "action": "cancel"}
    noted = await run(payload={"hook_event_name": "Notification", "message": "hello"}, SAYSO_KEY="")
    assert (noted.code, noted.out) == (0, b"")


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>"])
async def test_an_answer_about_a_step_that_says_nothing_is_a_block(body: bytes) -> None:
    async with peer(http(200, body)) as url:
        ended = await run(payload={**STOP, "hook_event_name": "TaskCreated"}, SAYSO_URL=url)
    assert (ended.code, ended.json["decision"]) == (0, "block")


async def test_an_interrupted_hook_denies_and_its_request_is_withdrawn(tmp_path: Path) -> None:
    clock = ManualClock()
    async with claude_service.serve(tmp_path, now=clock) as service:
        running = await start(SAYSO_URL=service.url, SAYSO_KEY=service.key)
        await service.waiting()
        running.process.send_signal(signal.SIGINT)
        assert (await running.ended()).denial()
        await service.missed(clock)
        clock.advance(presence.GRACE)
        decision = await service.decided((await service.asked()).id)
    assert decision.outcome == "cancelled"


async def test_a_large_call_is_refused_by_name(tmp_path: Path) -> None:
    async with claude_service.serve(tmp_path) as service:
        large = call(input={"content": "x" * 3 * 1024**2})
        ended = await run(payload=large, SAYSO_URL=service.url, SAYSO_KEY=service.key)
    assert "larger than 1 MiB" in ended.denial()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    require(shutil.which("openssl"), "openssl, to make a certificate")
    made = tmp_path / "own.pem"
    options = [
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    files = ["-keyout", str(made.with_suffix(".key")), "-out", str(made)]
    subprocess.run(["openssl", "req", *options, *files], check=True, capture_output=True)
    return made


async def test_a_service_behind_tls_is_reached_only_with_a_certificate_we_trust(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    answer = json.dumps(forms.allow("PreToolUse", "yes")).encode()
    async with peer(http(200, answer), tls=context) as url:
        address = url.replace("http://127.0.0.1", "https://localhost")
        trusting = await run(SAYSO_URL=address, SSL_CERT_FILE=str(certificate))
        wary = await run(SAYSO_URL=address)
    assert trusting.json == forms.allow("PreToolUse", "yes")
    assert "is not trusted" in wary.denial()


async def test_a_hook_loads_nothing_slow() -> None:
    code = (
        "import sys, json; before = set(sys.modules); from sayso_bots.commands.hook import hook, relay;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    folder = "sayso_bots.commands.hook"
    ours = {"sayso_bots", "sayso_bots.commands", folder, f"{folder}.hook", f"{folder}.relay"}
    assert set(json.loads(out)) - {"__future__", "_socket", "select"} == ours


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:8700", (False, "127.0.0.1", 8700, "")),
        ("https://sayso.example/", (True, "sayso.example", 443, "")),
        ("http://[::1]:80/a/b/", (False, "::1", 80, "/a/b")),
        ("http://[::1]", (False, "::1", 80, "")),
    ],
)
def test_an_address_is_read(url: str, found: tuple[Any, ...]) -> None:
    assert relay.read_address(url) == found


@pytest.mark.parametrize("url", ["http://sayso.example", "http://127.example", "http://10.0.0.1:8700", "http://[::2]"])
async def test_a_key_is_not_sent_in_the_clear_to_another_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SAYSO_PLAIN_HTTP" in (await run(SAYSO_URL=url)).denial()
    monkeypatch.setenv("SAYSO_PLAIN_HTTP", "1")
    assert not relay.read_address(url)[0]


async def test_a_hook_whose_agent_is_gone_ends_at_once(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    async with claude_service.serve(tmp_path) as service:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sayso_bots", "hook", "claude-code"),
            stdin=asyncio.subprocess.PIPE,
            stdout=writer,
            env={**os.environ, "SAYSO_URL": service.url, "SAYSO_KEY": service.key},
        )
        os.close(writer)
        assert process.stdin
        process.stdin.write(json.dumps(call()).encode())
        process.stdin.close()
        await service.waiting()
        os.close(reader)
        async with asyncio.timeout(5):
            assert await process.wait() == 2


def test_the_hook_gives_up_before_claude_code_does() -> None:
    assert hook.TIMEOUT < 600


def test_what_the_hook_says_of_the_service_is_what_the_settings_say() -> None:
    # the hook imports neither, to be quick: so the numbers stand there twice
    assert relay.PATH == settings.PATH
    assert hook.URL == settings.DEFAULT_URL
    assert hook.TIMEOUT == settings.DEFAULT_TIMEOUT - settings.MARGIN
    assert relay.MOST_BYTES == server.MOST_BYTES
    assert hook.LONGEST == settings.LONGEST

"""Every command explains itself, and the hook of a coding agent starts without any of them."""

import ast
import gc
import http.server
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from sayso_bots import cli
from sayso_bots.commands.doctor import findings
from tests import sources
from tests.bots.conftest import Call, Command
from tests.fakes.slack import FakeSlack
from tests.tables import each


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from commands(inner, (*path, name))


TREE = dict(commands(cli.tree))
# What each command needs beside its options to get as far as its settings.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "ask choice": ("Which?", "--option", "a"),
    "ask form": ("F", "--schema", "{}"),
    "ask permission": ("--tool", "x"),
    "ask question": ("q",),
    "keys add": ("bot", "--role", "agent"),
    "policy diff": ("1", "2"),
    "policy test": ("settings.toml",),
    "stop": ("--agent", "bot"),
}
_OF_THEIR_OWN = {
    "policy restore": "the settings are written once a version is found, whose rules they get",
    "hook": "it reads its words itself, and denies where it does not know one",
}


def test_the_tree_has_every_command() -> None:
    named = {" ".join(path) for path in TREE}
    assert {"demo", "init", "doctor", "serve", "list", "show", "answer", "cancel", "hook"} <= named
    assert {"ask permission", "ask question", "ask choice", "ask form"} <= named
    assert {"keys add", "keys list", "keys revoke", "init slack", "init claude-code"} <= named


def test_the_help_names_every_command_and_imports_none(inside: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.import_module", lambda name: pytest.fail(f"{name} is imported"))
    said = " ".join(inside("--help").stdout.split())
    monkeypatch.undo()
    for (name, *inner), one in ((path, one) for path, one in TREE.items() if path):
        assert inner or f" {name} {one.get_short_help_str(200)} " in said, name


def test_what_a_command_did_counts_where_nothing_can_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as ended:
        cli.run(["init", "claude-code"])
    assert ended.value.code == 0


COMMAND_LINE = re.compile(r"\bsayso ([a-z-]+(?: [\w.:…<>-]+)*)")


def written_commands() -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """The command lines in messages and texts of the program: each whole, and its command and what stands behind it."""
    for file in sources.modules(*sources.ROOTS):
        for node in sources.nodes(file):
            for line in COMMAND_LINE.findall(
                node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            ):
                words = line.split()
                path = next((p for n in (3, 2, 1) if (p := tuple(words[:n])) in TREE), None)
                if path:
                    yield line, path, words[len(path) :]


def test_a_command_that_a_message_names_can_be_run_as_it_stands() -> None:
    wrong = set[str]()
    for line, path, behind in written_commands():
        params = TREE[path].params
        known = {name for one in params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        needed = [set(one.opts) for one in params if isinstance(one, click.Option) and one.required]
        given = {word.rstrip(".:") for word in behind if word.startswith("--")}
        if given - known or (behind and any(not names & given for names in needed)):
            wrong.add(line)
    assert wrong == set()


def test_help_says_what_a_command_is_for_and_shows_an_example() -> None:
    for row in each(TREE):
        with row as path:
            command = TREE[path]
            name = " ".join(("sayso", *path))
            told = command.get_help(click.Context(command, info_name=name))
            assert command.help
            example = told.partition("Example:")[2]
            assert "sayso " in example
            assert path[-1:] == () or path[0] in example


def test_what_prints_data_can_print_json() -> None:
    for row in each(TREE):
        with row as path:
            prints: set[tuple[str, ...]] = {
                ("list",),
                ("show",),
                ("answer",),
                ("cancel",),
                ("stop",),
                ("resume",),
                ("doctor",),
                ("stats",),
                ("reload",),
                ("link",),
                ("backup",),
                ("restore",),
            }
            prints |= {
                ("keys", "add"),
                ("keys", "list"),
                ("audit", "verify"),
                ("grants", "list"),
                ("grants", "end"),
                ("purge",),
                ("people",),
            }
            prints |= {("policy", name) for name in ("explain", "lint", "list", "replay", "test", "versions")}
            has = any("--json" in parameter.opts for parameter in TREE[path].params)
            assert has is (path in prints or (path[:1] == ("ask",) and len(path) == 2))


def test_a_bare_command_shows_its_help(inside: Call) -> None:
    done = inside()
    assert done.returncode == 2
    assert "Example:" in done.stderr


def test_init_writes_settings_that_work_and_never_over_others(inside: Call, tmp_path: Path) -> None:
    assert inside("init").returncode == 0
    written = (tmp_path / "sayso.toml").read_text()
    assert inside("doctor").returncode == 0
    again = inside("init")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert (tmp_path / "sayso.toml").read_text() == written
    assert "policies" in tomllib.loads(written)


def test_init_slack_prints_a_manifest_and_the_steps_beside_it(inside: Call) -> None:
    done = inside("init", "slack")
    assert json.loads(done.stdout)["settings"]["socket_mode_enabled"] is True
    assert all(f"  {step}. " in done.stderr for step in (1, 2, 3))
    over_http = json.loads(inside("init", "slack", "--url", "https://sayso.example.com").stdout)
    assert over_http["settings"]["interactivity"]["request_url"].startswith("https://sayso.example.com/")


def test_init_claude_code_prints_settings_and_the_steps_beside_it(inside: Call) -> None:
    done = inside("init", "claude-code", "--event", "PreToolUse", "--matcher", "Bash", "--timeout", "300")
    (matcher,) = json.loads(done.stdout)["hooks"]["PreToolUse"]
    assert (matcher["matcher"], matcher["hooks"][0]["timeout"]) == ("Bash", 300)
    assert all(f"  {step}. " in done.stderr for step in (1, 2, 3))
    http = json.loads(inside("init", "claude-code", "--http", "--url", "https://sayso.example.com").stdout)
    (matcher,) = http["hooks"]["PermissionRequest"]
    assert matcher["hooks"][0]["url"].startswith("https://sayso.example.com/")


@pytest.mark.parametrize(
    ("toml", "variables", "failing"),
    [
        ("", {}, set[str]()),
        ('[slack]\nchanel = "#ops"', {}, {"settings"}),
        ('[slack]\nchannel = "#ops"', {}, {"slack"}),
        ("", {"SAYSO_DATABASE_URL": "mysql://x"}, {"database"}),
        ("", {"SAYSO_DATABASE_URL": "memory://"}, {"database"}),
        ("", {"SAYSO_URL": "http://127.0.0.1:9", "SAYSO_KEY": "sayso_agent_x"}, {"service"}),
        ("", {"SAYSO_PROT": "1"}, {"settings"}),
    ],
)
def test_doctor_names_what_is_wrong(
    inside: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    toml: str,
    variables: dict[str, str],
    failing: set[str],
) -> None:
    (tmp_path / "sayso.toml").write_text(toml)
    monkeypatch.setattr(findings, "_PATIENCE", 0.1)
    done = inside("doctor", "--json", **variables)
    assert {found["name"] for found in json.loads(done.stdout) if not found["ok"]} == failing
    assert done.returncode == (2 if failing else 0)


def test_doctor_finds_a_database_that_others_can_write(inside: Call, tmp_path: Path) -> None:
    inside("ask", "question", "Which customer?")
    (tmp_path / "sayso.db").chmod(0o666)
    done = inside("doctor")
    assert (done.returncode, f"chmod 600 {tmp_path / 'sayso.db'}" in done.stdout) == (2, True)


def test_doctor_reads_all_of_the_database(inside: Call, tmp_path: Path) -> None:
    for n in range(12):
        inside("ask", "question", "Which customer?", "--body", "x" * 9000, "--id", f"q{n}")
    file = tmp_path / "sayso.db"
    content = bytearray(file.read_bytes())
    content[8 * 4096 :] = b"\xa5" * (len(content) - 8 * 4096)
    file.write_bytes(content)
    done = inside("doctor")
    assert done.returncode == 2
    assert "damaged" in done.stdout


async def test_doctor_looks_at_slack(command: Command, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[slack]\nchannel = "#ops"')
    async with FakeSlack() as slack:
        slack.channel("C1", name="ops")
        tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
        async with command.started("doctor", SLACK_API_URL=slack.api_url, **tokens) as running:
            code, out, err = await running.ended()
    assert (code, err) == (0, "")
    assert "slack channel" in out


def test_the_config_option_names_the_settings(command: Command, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('[slack]\nchanel = "#ops"')
    for arguments in (("--config", "other.toml", "show", "r1"), ("show", "r1", "--config", "other.toml")):
        done = command(*arguments)
        assert (done.returncode, "slack.chanel" in done.stderr) == (2, True)


def test_no_command_ignores_the_settings_that_it_is_given(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").symlink_to("nowhere")
    inside("ask", "question", "q")
    leaves = {" ".join(path): found for path, found in TREE.items() if not isinstance(found, click.Group)}
    assert len(leaves) > 40
    for row in each((path, found) for path, found in leaves.items() if path not in _OF_THEIR_OWN):
        with row as (path, found):
            needed = ("x",) * sum(one.required for one in found.params if isinstance(one, click.Argument))
            words = (*path.split(), *_WORDS.get(path, needed))
            behind, before = inside(*words, "--config", "settings.toml"), inside("--config", "settings.toml", *words)
            for done in (behind, before):
                told = done.stdout + done.stderr
                assert "settings.toml" in told or "reads no settings (--config) — leave it out" in told


class _Allows(http.server.BaseHTTPRequestHandler):
    """A service that allows every call at once, so that only the hook itself takes time."""

    def do_POST(self) -> None:
        decided = {"hookEventName": "PreToolUse", "permissionDecision": "allow"}
        body = json.dumps({"hookSpecificOutput": decided}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        return


@pytest.fixture
def allowing() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Allows)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_hook_costs_at_most_three_times_an_empty_python(allowing: str) -> None:
    environment = {**os.environ, "SAYSO_KEY": "sayso_agent_x", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    call = json.dumps({"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash", "tool_input": {}})
    # what the installed `sayso` does
    script = ("-c", "import sys\nfrom sayso_bots import main\nmain()", "hook", "claude-code", "--url", allowing)

    def run(*arguments: str) -> tuple[float, str]:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, input=call, capture_output=True, text=True, check=True
        )
        return time.perf_counter() - began, done.stdout

    # interleaved, so that a busy machine is busy for both
    pairs = [(run("-c", "pass"), run(*script)) for _ in range(9)]
    assert all('"permissionDecision": "allow"' in told for _, (_, told) in pairs)
    empty, hook = (statistics.median(seconds for seconds, _ in one) for one in zip(*pairs, strict=True))
    assert hook <= 3 * empty


def test_garbage_is_looked_for_again_once_a_command_is_loaded() -> None:
    gc.disable()
    try:
        assert cli.tree.get_command(click.Context(cli.tree), "link")
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()

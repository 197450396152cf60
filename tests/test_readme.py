"""README.md is followed from top to bottom in one folder, as its reader would, and no block is left out."""

import asyncio
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import require
from tests.fakes import quick
from tests.fakes.slack import FakeSlack
from tests.test_docs import ROOT, Block, as_pattern, blocks, channel_of_the_readme, somebody_answers

# Seconds for everything on the page.
PATIENCE = 90.0
SETS_UP = re.compile(r"^python3 -m venv \.venv && .* && \.venv/bin/(sayso demo|pytest)$")
# The service is a fresh process, as its reader starts it; what a loop asks for again and again is a fork.
SAYSO = 'case $1 in serve) exec {} -m sayso_bots "$@";; esac\nexec "$(dirname "$0")/quick/sayso" "$@"'
CHECKS = ".venv/bin/ruff format . && .venv/bin/ruff check .\n.venv/bin/mypy\n.venv/bin/pyright\n.venv/bin/pytest\n"


def followed(block: Block) -> Iterator[str]:
    """What a reader does with a block, as lines of one script."""
    if block.language == "toml":
        yield f"cat > sayso.toml <<'END'\n{block.text}END"
    elif block.language == "python":
        # the second one is a channel to be imported: it runs with its contract, too
        yield f"cat > {'ask.py' if 'argv' in block.text else 'folders.py'} <<'END'\n{block.text}END"
    elif block.language == "console":
        for number, (command, _) in enumerate(shown(block)):
            yield f"{command} > shown-{number}.txt"
        yield "wait $asking && grep -q 'running make deploy' asked.txt"
    elif found := SETS_UP.match(block.text.strip()):
        # .ci/run does the rest of this line on an empty machine
        yield "sayso demo --auto" if found[1] == "sayso demo" else "command -v pytest > /dev/null"
    elif block.text == CHECKS:
        assert all(line.split(" && ")[0] in (ROOT / ".ci" / "run").read_text() for line in CHECKS.split("\n")[1:3])
    else:
        yield from (_with_secrets(line) for line in _commands(block.text))


def shown(block: Block) -> list[tuple[str, str]]:
    """Each command of a console and what it prints."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    return [(command, said) for command, _, said in (part.partition("\n") for part in parts)]


def _commands(script: str) -> list[str]:
    if script.startswith("if "):  # one command of several lines
        return [f"BUILD=8\n{script}", 'test "$customer" = Acme']
    return script.strip().splitlines()


def _with_secrets(line: str) -> str:
    line = re.sub(r"\s+# .*$", "", line)
    if line == "python ask.py 42":
        # it waits for what the next block does
        return f"{line} > asked.txt & asking=$!\nuntil sayso list 2> /dev/null | grep -q deploy-42; do sleep 0.1; done"
    if line == "sayso doctor && sayso serve":
        begun = "sayso doctor && { sayso serve > serve.txt & serving=$!; }"
        return f"{begun}\nuntil grep -q 'sign in' serve.txt; do sleep 0.1; done"
    return line.replace("xoxb-…", "$BOT_TOKEN").replace("xapp-…", "$APP_TOKEN").replace(":8700", ":$SAYSO_PORT")


async def test_the_readme_is_followed_from_top_to_bottom_in_one_folder(tmp_path: Path) -> None:
    require(shutil.which("bash"), "bash")
    folder, tools = tmp_path / "reader", tmp_path / "bin"
    folder.mkdir()
    tools.mkdir()
    runs = f'exec {sys.executable} "$@"'
    for name, line in {"claude": "exit 0", "python": runs, "sayso": SAYSO.format(sys.executable)}.items():
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    (tools / "quick").mkdir()
    found = blocks("sh", "console", "python", "toml", page="README.md")
    script = "\n".join(
        [
            "set -e",
            "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT",
            *(line for block in found for line in followed(block)),
        ]
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with FakeSlack() as slack:
        slack.channel("C0123456789", name="approvals")
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")},
            "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "SLACK_API_URL": slack.api_url,
            "BOT_TOKEN": slack.bot_token,
            "APP_TOKEN": slack.app_token,
            "SAYSO_PORT": str(port),
        }
        with quick.sayso(tools / "quick"), somebody_answers(folder, but={"deploy-42"}):
            ran = await asyncio.to_thread(
                subprocess.run,
                ["timeout", str(PATIENCE), "bash", "-c", script],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE + 10,
                check=False,
            )
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count("running make deploy") == 1
    assert "deploying" in ran.stdout
    assert slack.messages("C0123456789"), "the second program asked in Slack"
    (console,) = (block for block in found if block.language == "console")
    for number, (command, said) in enumerate(shown(console)):
        printed = (folder / f"shown-{number}.txt").read_text()
        assert re.fullmatch(as_pattern(said), printed, re.DOTALL), (command, printed)


def test_every_block_of_the_readme_is_of_a_kind_that_is_followed() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    fences = re.findall(r"^```(\w+)", text, re.MULTILINE)
    assert set(fences) <= {"sh", "console", "python", "toml"}
    assert len(fences) == len(blocks("sh", "console", "python", "toml", page="README.md"))
    assert channel_of_the_readme().Folders
    assert shlex.split(CHECKS.splitlines()[-1]) == [".venv/bin/pytest"]

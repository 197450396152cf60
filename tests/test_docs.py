"""What the README and docs/ say is true: their examples run, their tables are complete, their links lead somewhere."""

import ast
import asyncio
import contextlib
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
import types
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import click
import pydantic
import pytest

import sayso
from sayso import asking, errors, model, stores
from sayso.asking import gate
from sayso.chat import plugin
from sayso.content import fields, requests
from sayso.desk import token_secret
from sayso.machine import events, people
from sayso.stores import Query
from sayso.testing import samples
from sayso_bots import cli
from sayso_bots.settings import environment, schema, toml
from sayso_claude import settings as claude_settings
from sayso_http import callback, openapi, tickets, wire_errors
from sayso_http.server import responses
from tests.bots.conftest import Command
from tests.conftest import require
from tests.fakes import quick
from tests.fakes.processes import Child, run
from tests.fakes.slack import FakeSlack
from tests.sources import ROOTS
from tests.tables import each

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted(DOCS.rglob("*.md")),
        ROOT / "bots" / "examples" / "README.md",
    )
}
FENCE = re.compile(r"^( *)```(\w+)(?: (\w+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# Set-up commands are run by .ci/run, and an ellipsis stands where a reader has a secret of their own.
NOT_RUN = re.compile(r"\.venv/|…")
# Pages of what needs a newer Python: there is no test of their code on an older one.
TOO_NEW = {"docs/ai-sdk.md"} if sys.version_info < (3, 12) else set[str]()
# Where the agents come from that a page takes for granted.
READERS_OWN = {
    "docs/ai-sdk.md": ("ai.scene", "readers_own"),
    "docs/langgraph.md": ("readers", "langgraph"),
    "docs/openai-agents.md": ("readers", "openai"),
    "docs/pydantic-ai.md": ("readers", "pydantic_ai"),
}
# Seconds for all commands of a page.
PATIENCE = 60.0
# Requests that a page answers by itself.
LEFT_ALONE = {"deploy-42", "deploy-7", "refund-7", "customer-7"}


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    info: str
    text: str

    @property
    def runs(self) -> bool:
        return self.language in ("sh", "console") and not (self.language == "sh" and NOT_RUN.search(self.text))


def blocks(*languages: str, page: str | None = None) -> list[Block]:
    found: list[Block] = []
    for name, text in PAGES.items():
        for match in FENCE.finditer(text):
            indent, language, info, inner = match.groups()
            inner = re.sub(f"^{indent}", "", inner, flags=re.MULTILINE)
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(name, line, language, info or "", inner))
    return [one for one in found if one.language in languages and page in (None, one.page)]


def pages_with(*languages: str) -> list[str]:
    return sorted({one.page for one in blocks(*languages) if one.language == "python" or one.runs})


def named(block: Block) -> str:
    return f"{block.page}:{block.line}"


# A scripted person


def answer_of(request: model.Request) -> model.Answer:
    if request.kind == "permission":
        return sayso.Answer(verdict="allow")
    if request.kind == "question":
        return sayso.Answer(text="Acme")
    if request.kind == "choice":
        label = request.options[0].label
        return sayso.Answer(choices=(label,)) if request.multiple else sayso.Answer(choice=label)
    values = {"text": "some text", "number": 25.0, "integer": 2, "boolean": True, "date": "2026-01-01"}
    return sayso.Answer(values={field.name: values[field.kind] for field in fields.of_request(request)})


@contextlib.contextmanager
def somebody_answers(folder: Path, but: set[str]) -> Generator[None]:
    """A thread in which somebody at this terminal answers whatever is asked in *folder*."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    work: list[asyncio.Task[None]] = []

    async def answering() -> None:
        store = await stores.connect(f"sqlite:///{folder / 'sayso.db'}")
        desk = sayso.Desk(store, await token_secret.mint(store))
        ready.set()
        try:
            async for _ in store.changes():
                for ticket in await store.list(Query(state="pending", limit=50)):
                    # what waits for a call from outside is for no person
                    if ticket.id not in but and not ticket.id.startswith("webhook_"):
                        with contextlib.suppress(errors.Refused):
                            await desk.answer(ticket.id, answer_of(ticket.request), people.local("ann"))
        finally:
            await store.close()

    def run() -> None:
        asyncio.set_event_loop(loop)
        work.append(loop.create_task(answering()))
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(work[0])
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(5)
        yield
        assert not work[0].done(), "the scripted person failed"
    finally:
        loop.call_soon_threadsafe(work[0].cancel)
        thread.join(5)


# Python


def run_python(block: Block, names: dict[str, Any]) -> None:
    code = compile("\n" * block.line + block.text, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, names))
    else:
        exec(code, names)


def readme_channel() -> str:
    return blocks("python", page="README.md")[-1].text


def readers_own(page: str) -> dict[str, Any]:
    """What a page takes for granted: the agent that its reader has."""
    if page not in READERS_OWN:
        return {}
    module, function = READERS_OWN[page]
    own: dict[str, Any] = getattr(importlib.import_module(f"tests.adapters.{module}"), function)()
    return own


@pytest.mark.parametrize("page", [page for page in pages_with("python") if page not in TOO_NEW])
def test_the_python_on_every_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "folders", channel_of_the_readme())
    monkeypatch.setattr(sys, "argv", ["ask.py", "42"])
    names: dict[str, Any] = {"__name__": "__main__", **readers_own(page)}
    with somebody_answers(tmp_path, but={"folder-1"}):
        for block in blocks("python", page=page):
            if block.info not in ("contract", "script"):
                run_python(block, names)
    said = capsys.readouterr().out
    expected = {
        "README.md": "running make deploy\n",
        "docs/audit.md": "",
        "docs/auditor.md": "",
        "docs/receipts.md": "",
        "docs/team-review.md": "",
        "docs/ai-sdk.md": "All settled.\nrefunded 25.0\nAll settled.\n",
        "docs/channels.md": "allowed\n[]\n",
        "docs/claude-agent-sdk.md": "",
        "docs/hooks.md": "25.0\nTrue\n25.0\n25.0\n",
        "docs/hitl.md": "Acme PostgreSQL\nTrue\n",
        "docs/http.md": "",
        "docs/langgraph.md": "done\n{'amount': 25.0}\nmodel\n__interrupt__\nHumanInTheLoopMiddleware.after_model\n"
        "tools\nmodel\nHumanInTheLoopMiddleware.after_model\n",
        "docs/openai-agents.md": "done\ndone\ndone\n",
        "docs/pydantic-ai.md": "done\ndone\ndone\nNone\ndone\n",
        "docs/python.md": "running make deploy\ncustomer-7 pending\nAcme\nworking on, with region-7 open\nAcme\n"
        "Acme PostgreSQL ('eu',) 25.0\n"
        "refunded 25.0 for 1042\nTrue\nallowed ['ann', 'bob']\n",
    }
    assert said == expected[page]


def channel_of_the_readme() -> types.ModuleType:
    module = types.ModuleType("folders")
    exec(readme_channel(), vars(module))
    return module


def contract_of_the_page() -> Any:
    (block,) = (block for block in blocks("python") if block.info == "contract")
    names: dict[str, Any] = {"__name__": __name__}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "folders", channel_of_the_readme())
        run_python(block, names)
    return names["TestFolders"]


# Collected here: all tests of the contract, for the channel that the README shows.
TestFolders = contract_of_the_page()


def test_the_receiver_of_callbacks_takes_what_the_service_sends_once(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("python", page="docs/http.md")
    names: dict[str, Any] = {}
    run_python(block, names)
    secret = b"for tests only, never for people"
    ticket = samples.sample(asking.Permission(tool="Bash"), samples.said(verdict="allow"))
    sender = callback.CallbackResumer(secret)
    assert ticket.decision is not None
    body, headers = sender._sign(ticket, ticket.decision)
    text = callback.secret_text(secret)
    assert names["receive"](body, headers, text) == 200
    assert names["receive"](body, headers, text) == 200
    assert names["receive"](body + b" ", headers, text) == 400
    assert capsys.readouterr().out == "r1 allowed\n"


def test_the_python_page_names_everything_the_core_offers() -> None:
    said = PAGES["docs/python.md"] + PAGES["README.md"]
    assert [name for name in sayso.__all__ if not re.search(rf"\b{name}\b", said)] == []


async def test_the_program_of_the_readme_asks_in_slack_once_two_variables_are_set(tmp_path: Path) -> None:
    command = Command(tmp_path)
    (tmp_path / "sayso.toml").write_text(blocks("toml", page="README.md")[0].text)
    agent = command.key("release-bot", "agent")
    async with FakeSlack() as slack:
        slack.channel("C0123456789", name="approvals", members=["U1"])
        ann = slack.person("U1", name="ann")
        tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
        served = {"SLACK_API_URL": slack.api_url, "SAYSO_PORT": "0", **tokens}
        async with command.started("serve", **served) as running:
            url = (await running.line("sayso listens on")).rpartition(" ")[2]
            program = asyncio.create_task(
                asyncio.to_thread(run_program, tmp_path, {"SAYSO_URL": url, "SAYSO_KEY": agent})
            )
            await slack.until(lambda: slack.messages("C0123456789"))
            assert (await ann.press(slack.messages("C0123456789")[0], "Allow")).acked
            assert await program == "running make deploy\n"


def run_program(folder: Path, variables: Mapping[str, str]) -> str:
    """What the first program of the README prints, in a process of its own."""
    done = run([sys.executable, "-c", blocks("python", page="README.md")[0].text, "42"], folder, **variables)
    done.check_returncode()
    return done.stdout


# Commands


@dataclass(frozen=True)
class Step:
    """One script or command, and what it should print."""

    block: Block
    script: str
    expected: str | None


def steps(page: str) -> list[Step]:
    found: list[Step] = []
    everywhere = [one for one in blocks("sh", "console") if one.runs]
    # what stands on two pages, word for word, is run for the first of them
    first = {one.text: one for one in reversed(everywhere)}
    for block in (one for one in everywhere if one.page == page and first[one.text] is one):
        if block.language == "sh":
            found.append(Step(block, block.text, None))
            continue
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append(Step(block, command, expected))
    return found


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `sayso` as a command, and a Claude Code that does nothing."""
    place = tmp_path_factory.mktemp("bin")
    (place / "claude").write_text("#!/bin/sh\necho '2.1.332 (Claude Code)'\n")
    (place / "claude").chmod(0o755)
    with quick.sayso(place):
        yield place


@contextlib.contextmanager
def serving(folder: Path, variables: Mapping[str, str]) -> Generator[str]:
    """A real service over the database in *folder*; its address without the scheme."""
    out, theirs = os.pipe()
    with open(out) as said, open(os.devnull, "wb") as nothing:
        line = [sys.executable, "-m", "sayso_bots", "serve"]
        process = Child(line, folder, {**variables, "SAYSO_PORT": "0"}, writes=(theirs, nothing.fileno()))
        os.close(theirs)
        try:
            first = said.readline()
            assert "listens on" in first
            yield first.rpartition("//")[2].strip()
        finally:
            process.kill()


def as_pattern(expected: str) -> str:
    """An ellipsis stands for anything, the blanks at the end of a line and before a table for nothing."""
    lines = [re.escape(line.strip()).replace("…", ".*") for line in expected.strip().splitlines()]
    return r"\s*" + r"\s*\n\s*".join(lines) + r"\s*"


@pytest.mark.parametrize("page", [page for page in pages_with("sh", "console") if page != "README.md"])
def test_the_commands_on_every_page_run_and_print_what_is_shown(page: str, tmp_path: Path, tools: Path) -> None:
    require(shutil.which("bash") and shutil.which("curl"), "bash and curl")
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "USER": "ann"}
    todo = steps(page)
    with contextlib.ExitStack() as stack:
        stack.enter_context(somebody_answers(tmp_path, but=LEFT_ALONE))
        needs_service = any("curl" in step.script for step in todo)
        host = stack.enter_context(serving(tmp_path, variables)) if needs_service else "127.0.0.1:8700"
        parts = [f"printf '\\n@@ %s\\n' {number}\n{step.script}\n" for number, step in enumerate(todo)]
        script = "\n".join(["set -e", *parts]).replace("127.0.0.1:8700", host)
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    printed = dict(re.findall(r"^@@ (\d+)\n(.*?)(?=^@@ |\Z)", ran.stdout, re.MULTILINE | re.DOTALL))
    assert len(printed) == len(todo), ran.stdout
    for number, step in enumerate(todo):
        out = printed[str(number)]
        assert '"error"' not in out, (named(step.block), out)
        if step.expected is not None:
            assert re.fullmatch(as_pattern(step.expected), out, re.DOTALL), (named(step.block), step.script, out)
    # a command that is shown as misused has its own exit code
    assert ran.returncode == (2 if "SAYSO_PROT" in script else 0), ran.stdout


def commands(group: click.Command, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        context = click.Context(group)
        if above and group.invoke_without_command:
            yield " ".join(above), group
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command, (*above, name))
    else:
        yield " ".join(above), group


COMMANDS = dict(commands(cli.tree))


def options(command: click.Command) -> set[str]:
    """Its own; `--config` is everywhere."""
    return {name for param in command.params for name in param.opts if name.startswith("--")} - {"--config"}


def sections(page: str, level: str = "## ") -> dict[str, str]:
    parts = re.split(rf"^{level}", PAGES[page], flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts[1:]}


def test_every_command_has_its_section() -> None:
    assert sorted(sections("docs/commands.md")) == sorted(f"`sayso {name}`" for name in COMMANDS)


def test_every_option_of_a_command_is_documented_and_no_other() -> None:
    for row in each(COMMANDS):
        with row as name:
            said = re.sub(FENCE, "", sections("docs/commands.md")[f"`sayso {name}`"])
            found = set(re.findall(r"--[a-z][a-z-]+", said))
            assert found == options(COMMANDS[name])


def test_every_sayso_command_in_an_example_exists() -> None:
    for row in each(blocks("sh", "console")):
        with row as block:
            text = block.text.replace("\\\n", " ")
            for line in re.findall(r"(?:^|[\s(;&])sayso ((?:(?!&&|\|\||[;|)#>\n]).)*)", text):
                words = re.sub(r"'[^']*'|\"[^\"]*\"", "Q", line).split()
                name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), None)
                assert name is not None, line
                if name != "hook":
                    given = {word for word in words if word.startswith("--")}
                    assert given <= options(COMMANDS[name]), line


def test_the_hooks_before_a_commit_are_the_four_commands() -> None:
    (four,) = (block.text for block in blocks("sh", page="README.md") if "mypy" in block.text)
    assert four in [block.text for block in blocks("sh", page="CONTRIBUTING.md")]
    entries = re.findall(r"entry: (?:bash -c ')?(.*?)'?$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    assert entries == four.splitlines()


# Settings


def keys(table: type[pydantic.BaseModel], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in table.model_fields.items():
        inner, each = _table(field.annotation)
        if inner is not None:
            yield from keys(inner, f"{above}{name}.NAME." if each else f"{above}{name}.")
        else:
            yield f"{above}{name}", field


def _table(annotation: Any) -> tuple[type[pydantic.BaseModel] | None, bool]:
    """The table that a key holds, and whether it holds one for each name."""
    if get_origin(annotation) is dict:
        return _table(get_args(annotation)[1])[0], True
    if get_origin(annotation) in (Union, types.UnionType):
        return next((found for one in get_args(annotation) if (found := _table(one))[0]), (None, False))
    is_table = isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)
    return (annotation if is_table else None), False


def default(field: Any) -> str:
    if field.is_required():
        return "required"
    shown = field.default
    if isinstance(shown, float) and shown.is_integer():
        # a duration stands on the page as people write it
        shown = f"{shown:.0f}s"
    return "" if shown is None else f"`{json.dumps(shown)}`"


def table(page: str, heading: str) -> dict[str, str]:
    """First column to second column of the table below a heading."""
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]*?) ?\|", sections(page)[heading], re.MULTILINE)
    return {name: value.strip() for name, value in rows}


def test_the_settings_page_has_every_key_with_its_default_and_no_other() -> None:
    assert table("docs/settings.md", "sayso.toml") == {
        name: default(field) for name, field in keys(schema.with_chats())
    }


def test_the_settings_page_has_every_variable_with_its_default_and_no_other() -> None:
    source = inspect.getsource(environment)
    known = set(re.findall(r'"((?:SAYSO|PAGERDUTY)_[A-Z_]*[A-Z])"', source))
    known |= {variable.name for chat in plugin.installed() for variable in chat.variables}
    said = table("docs/settings.md", "Environment")
    plain = environment.read({})
    defaults = {"SAYSO_DATABASE_URL": plain.database, "SAYSO_HOST": plain.host, "SAYSO_PORT": str(plain.port)}
    defaults |= {"SAYSO_LOG_LEVEL": plain.log_level, "SAYSO_LOG_FORMAT": plain.log_format}
    defaults["PAGERDUTY_API_URL"] = plain.pagerduty_url
    assert said == {name: f"`{defaults[name]}`" if name in defaults else "" for name in known}


@pytest.mark.parametrize("block", [one for one in blocks("toml") if one.info != "cases"], ids=named)
def test_every_settings_example_is_accepted(block: Block) -> None:
    assert toml.parse(tomllib.loads(block.text)) != toml.parse({})


def test_every_variable_in_an_example_is_known() -> None:
    known = table("docs/settings.md", "Environment")
    used = {name for block in blocks("sh") for name in re.findall(r"\b(?:SAYSO|SLACK)_[A-Z_]+", block.text)}
    assert used <= set(known)


# JSON and HTTP


@pytest.mark.parametrize("block", blocks("json"), ids=named)
def test_every_json_example_is_what_it_is_said_to_be(block: Block) -> None:
    match block.info:
        case "request":
            requests.parse(block.text)
        case "answer":
            for line in block.text.splitlines():
                model.Answer.model_validate_json(line)
        case "decision":
            decision = model.Decision.model_validate_json(block.text)
            assert set(json.loads(block.text)) == set(model.Decision.model_fields)
            assert gate.approved_input("Bash", decision) == {"command": "make deploy"}
        case "error":
            wire_errors.Failed.model_validate_json(block.text)
        case "claude":
            hooked = claude_settings.complete(["PermissionRequest"])
            assert json.loads(block.text) == claude_settings.asking(claude_settings.settings(events=hooked))
        case _:
            pytest.fail(f"{named(block)}: say after ```json what it is")


def test_the_http_page_has_every_route() -> None:
    said = PAGES["docs/http.md"]
    missing = [
        f"{method.upper()} {path}"
        for path, methods in openapi.describe()["paths"].items()
        for method in methods
        if f"`{method.upper()} {path}`" not in said
    ]
    assert missing == []


def test_the_http_page_has_every_type_of_event_and_every_field_of_a_request() -> None:
    parts = sections("docs/http.md")
    types = {kind.model_fields["type"].default for kind in get_args(events.Entry)}
    assert {name for name in types if f"`{name}`" not in parts["Events"]} == set()
    named = {name for name in tickets.Document.model_fields if f"`{name}`" not in parts["What comes back"]}
    assert named == set()


def test_the_http_page_has_every_error_with_its_status() -> None:
    rows = dict(re.findall(r"^\| (\d{3}) \| (.*) \|$", sections("docs/http.md")["Errors"], re.MULTILINE))
    inside = {"error", "invalid_settings", "digest_mismatch", "conflict", "channel_error", "denied"}
    inside |= {"hook_closed", "hook_deferred", "not_yet", "lease_over"}
    for kind in _below(errors.SaysoError):
        # AAP has errors of its own form, below its own address
        if kind.code not in inside and not kind.__module__.startswith("sayso_aap"):
            assert f"`{kind.code}`" in rows[str(kind.status)], kind
    for status, code in responses.CODES.items():
        assert f"`{code}`" in rows[str(status)]


def _below(kind: type[errors.SaysoError]) -> Iterator[type[errors.SaysoError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("sayso"):
            yield one
            yield from _below(one)


# Links and words


def test_nobody_is_told_to_install_this_from_a_registry_where_it_is_not() -> None:
    sources = {str(path): path.read_text(encoding="utf-8") for root in ROOTS for path in (ROOT / root).rglob("*.py")}
    told = re.compile(r"pip install [^\n&]*\bsayso(?:\[|['\"\s])")
    assert [name for name, text in {**sources, **PAGES}.items() if told.search(text)] == []


def test_the_changelog_says_what_each_version_brings_in_groups_of_short_entries() -> None:
    versions = re.split(r"^## ", PAGES["CHANGELOG.md"], flags=re.MULTILINE)[1:]
    assert all(version.count("\n") < 200 for version in versions), "what matters to nobody can be left out"
    entries = [entry for version in versions for entry in re.split(r"^- ", version, flags=re.MULTILINE)[1:]]
    assert [entry for entry in entries if entry.partition("\n\n")[0].count("\n") > 3] == []


def test_headings_tables_and_settings_stand_apart_as_markdown_wants_it() -> None:
    for row in each(PAGES):
        with row as page:
            fenced, before, wrong = False, "", list[str]()
            for number, line in enumerate(PAGES[page].splitlines(), 1):
                fence = line.lstrip().startswith("```")
                # a list may hold a block of its own
                apart = re.match(r"#+ |```", line) if not fenced else None
                table_of_its_own = line.startswith("|") and not before.startswith("|")
                settings_outside = re.match(r"\[[\w.\[\]]+\]$|[a-z_]+ = ", line)
                if not fenced and ((before and (apart or table_of_its_own)) or settings_outside):
                    wrong.append(f"{page}:{number}: {line}")
                fenced, before = fenced != fence, line
            assert wrong == []
            assert not fenced


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", re.sub(FENCE, "", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_link_leads_somewhere() -> None:
    for row in each(PAGES):
        with row as page:
            broken: list[str] = []
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(FENCE, "", PAGES[page])):
                if "://" in target:
                    continue
                path, _, anchor = target.partition("#")
                found = (ROOT / page).parent / path if path else ROOT / page
                known = anchors(found.read_text(encoding="utf-8")) if anchor and found.is_file() else set[str]()
                if not found.is_file() or (anchor and anchor not in known):
                    broken.append(target)
            assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen, todo = set[str](), ["README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+\.md)", PAGES[page]):
            name = os.path.normpath(Path(page).parent / target)
            todo += [name] if name in PAGES and name not in seen else []
    assert set(PAGES) - seen == set()


def test_a_picture_is_small_a_picture_and_on_a_page() -> None:
    for row in each(sorted(DOCS.glob("images/*"))):
        with row as picture:
            raw = picture.read_bytes()
            assert raw.startswith(b"\x89PNG")
            assert len(raw) < 150_000
            assert [page for page, text in PAGES.items() if f"images/{picture.name}" in text]


def test_what_the_readme_says_is_refused_is_refused() -> None:
    for key in ("rules",):
        with pytest.raises(errors.InvalidSettings) as refused:
            toml.parse({key: {}})
        assert refused.value.field == key

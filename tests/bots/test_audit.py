"""`sayso audit` as an operator has it, and an auditor who has nothing but a file and a script of a page."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import standardwebhooks
from aiohttp import test_utils, web

import sayso
import sayso_signing
from sayso.stores import chain
from sayso_bots.settings import toml
from tests.bots import restarts
from tests.bots.conftest import PATIENCE, Call, Command
from tests.test_docs import blocks

ASK = ("ask", "permission", "--tool", "Bash", "--input", '{"command": "make deploy"}', "--id")
SECRET = json.dumps({"command": "TOKEN=ghp_" + "a1B2" * 9 + " make"})
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"


def script() -> str:
    """What docs/audit.md hands to an auditor."""
    (block,) = (one for one in blocks("python", page="docs/audit.md") if one.info == "script")
    return block.text


def run_script(folder: Path, file: str, key: str) -> subprocess.CompletedProcess[str]:
    """In a process that finds no module of ours, and nothing of the environment."""
    (folder / "verify.py").write_text(script())
    found = subprocess.run([sys.executable, "-I", "-c", "import sayso"], cwd=folder, capture_output=True, check=False)
    blocked = "" if found.returncode else "import sys; sys.modules['sayso'] = None\n"
    line = [sys.executable, "-I", "-c", f"{blocked}{script()}", file, key]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


def told(loose: int) -> str:
    """What the script says of a log that is as it was written, with so many texts that are left out."""
    more = f"; masked or without a hash, so that nothing vouches for it: {loose}" if loose else ""
    return f"the log is what was written{more}\n"


def public() -> str:
    return next(iter(sayso_signing.Keyring.from_text(KEY).public.values()))


def asked(inside: Call, *ids: str) -> None:
    for id in ids:
        assert inside(*ASK, id).returncode == 0
        assert inside("answer", id, "--allow").returncode == 0


def touch(folder: Path, text: str) -> None:
    with apsw.Connection(str(folder / "sayso.db")) as db:
        db.execute(text).fetchall()


def test_the_script_of_the_page_has_sixty_lines_and_no_module_of_ours() -> None:
    assert len(script().splitlines()) <= 60
    assert "sayso" not in script()


def test_a_log_is_checked_and_a_touch_is_named(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1", "r2")
    done = inside("audit", "verify", SAYSO_SIGNING_KEY=KEY)
    assert done.returncode == 0
    assert "4 rows, 0 seals, 2 requests\n4 rows after the last seal" in done.stdout
    touch(tmp_path, "update log set entry = replace(entry, '\"allow\"', '\"deny\"') where number = 2")
    wrong = inside("audit", "verify", SAYSO_SIGNING_KEY=KEY)
    assert wrong.returncode == 1
    assert "WRONG  row 2: its text is not what was written" in wrong.stdout
    report = json.loads(inside("audit", "verify", "--json", SAYSO_SIGNING_KEY=KEY).stdout)
    assert (report["ok"], report["findings"][0]["where"], report["trusted"]) == (False, "row 2", [public()])


@pytest.mark.parametrize("content", [(), ("--without-content",)])
def test_an_auditor_checks_an_export_with_nothing_but_the_script(
    inside: Call, tmp_path: Path, content: tuple[str, ...]
) -> None:
    asked(inside, "r1", "r2", "r3")
    done = inside("audit", "export", "log.jsonl", *content, SAYSO_SIGNING_KEY=KEY)
    assert (done.returncode, "6 rows written" in done.stderr) == (0, True)
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o077 == 0
    assert ("make deploy" in (tmp_path / "log.jsonl").read_text()) is not bool(content)
    good = run_script(tmp_path, "log.jsonl", public())
    # of what was allowed a moment ago the receipts are still good
    assert (good.returncode, good.stdout, good.stderr) == (0, told(0 if content else 3), "")
    assert inside("audit", "verify", "log.jsonl", "--key", public()).returncode == 0
    assert "is not trusted" in inside("audit", "verify", "log.jsonl", "--key", "x").stdout
    assert run_script(tmp_path, "log.jsonl", "x").returncode == 1


def test_the_script_finds_whatever_our_own_check_finds(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1", "r2", "r3")
    assert inside("audit", "export", "log.jsonl", SAYSO_SIGNING_KEY=KEY).returncode == 0
    lines = (tmp_path / "log.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "verify.py").write_text(script())
    copies: list[list[str]] = []
    for at in range(1, len(lines) - 1):
        found = json.loads(lines[at])
        copies.append([*lines[:at], *lines[at + 1 :]])
        for name, value in found.items():
            if isinstance(value, str | int) and name not in ("kind", "number"):
                changed = {**found, name: value + "x" if isinstance(value, str) else value + 1}
                copies.append([*lines[:at], json.dumps(changed) + "\n", *lines[at + 1 :]])
    # in one process: starting Python is what takes long
    body = script().partition("with open(sys.argv[1]")[0]
    names: dict[str, Any] = {}
    exec(body, names)
    faults: Any = names["faults"]
    assert list(faults([json.loads(line) for line in lines], public())) == []
    missed = []
    for copy in copies:
        try:
            found_here = list(faults([json.loads(line) for line in copy], public()))
        except (ValueError, KeyError):
            found_here = ["it cannot be read"]
        if not found_here:
            missed.append(copy)
    assert len(copies) > 60
    assert missed == []


def forged(lines: list[dict[str, Any]]) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """What somebody puts into an export of what was never asked or said, with the counts made right."""
    said = json.dumps({"type": "answered", "by": {"id": "ann"}, "answer": {"verdict": "allow"}})
    document, bare = json.dumps({"id": "r9"}), dict.fromkeys(("prev", "body", "state", "hash"))
    row = {"kind": "row", "request": "r9", "version": 1, "entry": said, "entry_digest": chain.sha256(said), **bare}
    asked = {"kind": "request", "id": "r9", "state": chain.sha256(document), "document": document}
    more = {**lines[-1], "requests": lines[-1]["requests"] + 1}
    new = [{**row, "number": 0}, *lines[1:-1], asked, {**more, "rows": more["rows"] + 1}]
    yield [lines[0], *new], "row 0"
    again = {**asked, "id": next(one["id"] for one in lines if one["kind"] == "request")}
    yield [*lines[:-1], again, more], again["id"]
    yield [*lines[:-1], {"kind": "note", "said": "all is well"}, lines[-1]], "line"


def test_what_was_put_into_an_export_is_found_by_the_script_and_by_us(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1", "r2")
    assert inside("audit", "export", "log.jsonl", SAYSO_SIGNING_KEY=KEY).returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    names: dict[str, Any] = {}
    exec(script().partition("with open(sys.argv[1]")[0], names)
    for written, named in forged(lines):
        assert named in " ".join(names["faults"](written, public()))
        (tmp_path / "forged.jsonl").write_text("".join(json.dumps(one) + "\n" for one in written))
        found = inside("audit", "verify", "forged.jsonl", "--key", public())
        assert (found.returncode, named in found.stdout) == (1, True)


def test_an_export_that_fails_leaves_nothing_in_the_way_of_the_next_one(inside: Call, tmp_path: Path) -> None:
    assert inside(*ASK, "r1").returncode == 0
    (tmp_path / "sayso.toml").write_text("[slack")
    assert "is not TOML" in inside("audit", "export", "log.jsonl").stderr
    (tmp_path / "sayso.toml").unlink()
    assert inside("audit", "export", "log.jsonl").returncode == 0


def test_a_check_says_how_much_of_an_export_nothing_vouches_for(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1")
    assert inside("ask", "permission", "--tool", "Bash", "--input", SECRET, "--id", "r2").returncode == 0
    assert inside("audit", "export", "log.jsonl", SAYSO_SIGNING_KEY=KEY).returncode == 0
    good = run_script(tmp_path, "log.jsonl", public())
    assert (good.returncode, good.stdout) == (0, told(2))
    found = inside("audit", "verify", "log.jsonl", "--key", public())
    assert "2 texts are masked: nothing vouches for what stands there" in found.stdout


def test_a_cut_log_is_found_by_the_seals_that_were_kept_elsewhere(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1", "r2")
    assert inside("audit", "export", "one.jsonl", SAYSO_SIGNING_KEY=KEY).returncode == 0
    kept = [json.loads(line)["seal"] for line in (tmp_path / "one.jsonl").read_text().splitlines() if '"seal"' in line]
    (tmp_path / "seals.jsonl").write_text("\n".join(kept) + "\n")
    against = ("audit", "verify", "--against", "seals.jsonl")
    assert inside(*against, SAYSO_SIGNING_KEY=KEY).returncode == 0
    touch(tmp_path, "delete from seals; delete from log where ticket_id = 'r2'; delete from tickets where id = 'r2'")
    assert inside("audit", "verify", SAYSO_SIGNING_KEY=KEY).returncode == 0
    done = inside(*against, SAYSO_SIGNING_KEY=KEY)
    assert (done.returncode, "the end of the log was cut off" in done.stdout) == (1, True)


def test_the_table_is_for_people(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1")
    assert inside("audit", "export", "--csv", "log.csv").returncode == 0
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [row.split(",")[4] for row in rows] == ["what", "opened", "answered"]
    assert "make deploy" not in "".join(rows)
    assert inside("audit", "export", "--csv", "log.csv").returncode == 2
    assert inside("audit", "export", "--csv", "--without-content", "x.csv").returncode == 2
    assert inside("audit", "export", "no/folder.jsonl").returncode == 2
    assert inside("audit", "export", "--csv", "-").stdout.splitlines() == rows


def test_keys_are_made_and_shown(inside: Call) -> None:
    asked(inside, "r1")
    made = inside("keys", "signing", "--new").stdout.strip()
    pair = f"{made},{KEY}"
    shown = json.loads(inside("keys", "signing", SAYSO_SIGNING_KEY=pair).stdout)["keys"]
    assert [one["x"] for one in shown] == [*sayso_signing.Keyring.from_text(pair).public.values()]
    assert shown[1]["x"] == public()
    for wrong in ("short", "é", f"{KEY},"):
        refused = inside("keys", "signing", SAYSO_SIGNING_KEY=wrong)
        assert (refused.returncode, wrong in refused.stderr) == (2, False)


def test_a_place_without_a_chat_stops_the_start(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[audit]\ntell = ["slack:#audit"]\n')
    refused = inside("audit", "verify")
    assert refused.returncode == 2
    (tmp_path / "sayso.toml").write_text('[audit]\nseal_every = "soon"\n')
    assert "audit.seal_every" in inside("policy", "lint").stderr


async def test_the_service_seals_what_it_writes_and_keeps_the_seals_elsewhere(command: Command, tmp_path: Path) -> None:
    calls: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        calls.put_nowait((await request.read(), dict(request.headers)))
        return web.Response(status=503 if calls.qsize() == 1 else 200)

    app = web.Application()
    app.router.add_post("/seals", receive)
    async with test_utils.TestServer(app) as receiver:
        (tmp_path / "sayso.toml").write_text(
            f'[audit]\nfile = "elsewhere.jsonl"\nseal_every = "0.2s"\nwebhook = "{receiver.make_url("/seals")}"\n'
            f'[service]\ncallback_hosts = ["127.0.0.1:{receiver.port}"]\n'
        )
        given = {"SAYSO_PORT": "0", "SAYSO_SIGNING_KEY": KEY}
        async with command.started("serve", **given) as running:
            await running.line("sayso listens on")
            assert (await asyncio.to_thread(command, *ASK, "r1", **given)).returncode == 0
            async with asyncio.timeout(PATIENCE):
                (first, _), (body, headers) = await calls.get(), await calls.get()
            await running.kill()
    # what was not taken comes again, and is the same
    assert first == body
    secret = command("keys", "callback", **given).stdout.strip()
    standardwebhooks.Webhook(secret).verify(body, {name.lower(): one for name, one in headers.items()})
    kept = (tmp_path / "elsewhere.jsonl").read_text().splitlines()
    assert json.loads(body)["data"] == {"number": 1, "seal": kept[0]}
    done = command("audit", "verify", "--against", "elsewhere.jsonl", **given)
    assert (done.returncode, "the log is what was written" in done.stdout) == (0, True), done.stdout


def test_a_key_that_follows_from_the_secret_is_named_by_the_doctor(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[audit]\nfile = "seals.jsonl"\n')
    asked(inside, "r1")
    secret = "s" * 40
    found = {}
    for name, given in (("db", {}), ("env", {"SAYSO_SECRET": secret}), ("own", {"SAYSO_SIGNING_KEY": KEY})):
        report = json.loads(inside("doctor", "--json", SAYSO_PORT="0", **given).stdout)
        found[name] = next((one["ok"], one["said"]) for one in report if one["name"] == "signing")
    assert found["db"] == (False, "follows from the secret in the database: whoever can write that can sign")
    assert found["env"] == (True, "follows from SAYSO_SECRET")
    assert found["own"] == (True, "SAYSO_SIGNING_KEY")


def test_old_content_is_purged_and_the_log_still_holds(inside: Call, tmp_path: Path) -> None:
    asked(inside, "r1")
    assert inside("cancel", "r1").returncode == 0
    none = inside("purge", "--content", "90d")
    assert (none.returncode, none.stdout) == (0, "0 requests erased, 0 traces forgotten, 0 records removed\n")
    # as if it had been asked and allowed long ago
    touch(tmp_path, "update tickets set created_at = 1, document = replace(document, '2026-', '2020-')")
    done = json.loads(inside("purge", "--content", "90d", "--json").stdout)
    assert (done["erased"], done["unreadable"]) == (1, [])
    assert "make deploy" not in inside("show", "r1").stdout
    assert "was erased" in inside("show", "r1").stdout
    for wrong in ("soon", "1h", "20000d"):
        refused = inside("purge", "--traces", wrong)
        assert (refused.returncode, "--traces" in refused.stderr) == (2, True)


def test_single_requests_are_erased_at_once_if_they_are_over(inside: Call) -> None:
    asked(inside, "r2")
    assert inside(*ASK, "r1").returncode == 0
    for id, hint in (("r1", "cancel it"), ("r2", "its allow can be used until")):
        early = inside("purge", id)
        assert (early.returncode, "not over yet" in early.stderr, hint in early.stderr) == (2, True, True)
    assert inside("cancel", "r1").returncode == 0
    assert inside("purge", "r1").stdout.startswith("1 request erased")
    assert inside("purge", "r1").stdout.startswith("0 requests erased")
    shown = [inside("show", id).stdout for id in ("r1", "r2")]
    assert ["make deploy" in one for one in shown] == [False, True]
    assert "was erased" in shown[0]
    assert inside("audit", "verify").returncode == 0
    for wrong in (("r3",), ("r1", "--content", "90d")):
        refused = inside("purge", *wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr


def test_the_settings_say_how_long_content_is_kept(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[retention]\ncontent = "30d"\ntraces = "60d"\n')
    found = toml.setup(toml.load(tmp_path / "sayso.toml")).retention
    assert (found.content, found.traces) == (30 * 86_400, 60 * 86_400)
    assert toml.setup(toml.parse({})).retention.content is None
    (tmp_path / "sayso.toml").write_text('[retention]\ncontent = "1h"\n')
    assert "retention.content" in inside("policy", "lint").stderr


async def test_the_newest_seal_is_told_in_a_thread_of_a_chat(command: Command) -> None:
    more = '[audit]\nseal_every = "0.2s"\ntell = "slack:#ops"\n'
    async with restarts.setup(command, more=more) as there:
        async with sayso.open(there.url, key=there.key) as desk:
            await desk.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}, id="r1"))

        def told() -> list[str]:
            posts = [call.payload for call in there.slack.calls if call.method == "chat.postMessage"]
            return [json.dumps(one) for one in posts if "thread_ts" in one]

        await there.until(lambda: any("Seal " in one for one in told()))
        async with there.stored() as store:
            seals = [chain.sha256(one.document) for one in await store.seals(0)]
        assert any(one in told()[0] for one in seals)
        assert "agent" not in told()[0].lower()

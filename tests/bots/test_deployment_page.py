"""docs/deployment.md: its commands are run, with stand-ins for what needs root, systemd's own processes or an image."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from sayso_bots.service.service import GRACE
from tests.bots.conftest import OPENS, Command
from tests.bots.test_deploy import DEPLOY, ROOT, unit
from tests.conftest import require
from tests.fakes import processes, quick
from tests.fakes.ports import free_port

PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
CONTAINER = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
COMPOSE: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def blocks(heading: str) -> list[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```text\n(.*?)```", section, re.DOTALL)


# systemd

# What changes the machine, or would fetch a gigabyte, only notes how it was called.
NOTES = ("pip", "python3", "useradd", "systemctl")
# systemd-run: the variables of the file, the folder, and the command.
RUNS = """#!/bin/bash
while [[ $1 == --* ]]; do
  case $1 in
    --working-directory=*) cd "${1#*=}" ;;
    --property=EnvironmentFile=*) set -a; . "${1#*EnvironmentFile=}"; set +a ;;
    --uid=*) echo "$1" >> "$NOTES_FILE" ;;
  esac
  shift
done
exec "$@"
"""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.once
def test_the_commands_for_systemd_put_everything_where_the_unit_looks_for_it(tmp_path: Path) -> None:
    require(shutil.which("bash"), "bash")
    root, tools, notes = tmp_path / "root", tmp_path / "bin", tmp_path / "notes"
    for name in NOTES:
        executable(tools / name, f'#!/bin/sh\necho {name} "$@" >> "$NOTES_FILE"\n')
    executable(tools / "systemd-run", RUNS)
    executable(root / "opt/sayso/bin/pip", '#!/bin/sh\necho pip "$@" >> "$NOTES_FILE"\n')
    for folder in ("etc/systemd/system", "var/lib/sayso"):
        (root / folder).mkdir(parents=True)
    (tmp_path / "bots").symlink_to(ROOT / "bots")
    (tmp_path / "sayso.toml").write_text('[people.ann]\n[service]\nurl = "https://sayso.example.com"\n')
    installs, uses = blocks("systemd")
    # in place of the service that systemctl starts
    started = f"SAYSO_DATABASE_URL=sqlite:///{root}/var/lib/sayso/sayso.db {sys.executable} -c '{OPENS}'"
    script = f"set -e\n{installs}\n{started}\necho SAYSO_PORT={free_port()} >> /etc/sayso/sayso.env\n{uses}"
    script = re.sub(r"(?<![\w.])/(etc|opt|var)/", rf"{root}/\1/", script)
    # the file of variables names places on that machine
    moved = f"sed -i 's#/etc/#{root}/etc/#; s#////var/#///{root}/var/#; s#^SAYSO_SECRET=$##; s#^SAYSO_SIGNING_KEY=$##'"
    script = script.replace("sayso doctor", f"{moved} {root}/etc/sayso/sayso.env\nsayso doctor || true")
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")},
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "NOTES_FILE": str(notes),
    }
    with quick.sayso(root / "opt/sayso/bin"):
        done = processes.shell(script, tmp_path, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{root}/etc/sayso/sayso.toml; policies: default" in done.stdout
    assert "https://sayso.example.com/signin#" in done.stdout
    noted = notes.read_text().splitlines()
    assert "pip install --require-hashes --no-deps -r requirements.txt" in noted
    assert "systemctl enable --now sayso" in noted
    assert "--uid=sayso" in noted
    # secrets are for root alone, and the unit names the same places
    assert (root / "etc/sayso/sayso.env").stat().st_mode & 0o777 == 0o600
    written = (root / "etc/systemd/system/sayso.service").read_text()
    for place in ("/etc/sayso/sayso.env", "/opt/sayso/bin/sayso", "sayso"):
        assert place in written
    assert (root / "var/lib/sayso/sayso.db").exists()


# The image


def of_container(word: str) -> list[Any]:
    """What each line with this word holds, as JSON."""
    return [json.loads(found) for found in re.findall(rf"^ *{word}.*?(\[.*\])\s*$", CONTAINER, re.MULTILINE)]


async def test_what_the_image_starts_is_healthy_and_stops_at_its_signal(command: Command) -> None:
    """ENTRYPOINT, CMD, ENV and HEALTHCHECK of the container file, outside of a container."""
    (entry,), (words,) = of_container("ENTRYPOINT"), of_container("CMD")
    (line,) = re.findall(r"^ENV (.*)$", CONTAINER, re.MULTILINE)
    variables = dict(one.split("=", 1) for one in line.split())
    assert entry == ["sayso"]
    port = str(free_port())
    here = {"SAYSO_DATABASE_URL": f"sqlite:///{command.folder}/sayso.db", "SAYSO_HOST": "127.0.0.1", "SAYSO_PORT": port}
    kept = {name: value for name, value in variables.items() if name.startswith("SAYSO_")}
    assert set(here) - {"SAYSO_PORT"} <= set(kept)
    health = [re.sub(":8700/", f":{port}/", one) for one in of_container("HEALTHCHECK")[0]]
    assert health[0] == "python"
    async with command.started(*words, **{**kept, **here}) as running:
        await running.line("listening", error=True)
        # a proxy of the container's does not reach the container itself
        behind = {**os.environ, "http_proxy": "http://127.0.0.1:9"}
        looked = await asyncio.to_thread(subprocess.run, [sys.executable, *health[1:]], check=False, env=behind)
        assert looked.returncode == 0
        running.process.terminate()
        assert (await running.ended())[0] == 0
    assert re.search(r"^STOPSIGNAL SIGTERM$", CONTAINER, re.MULTILINE)
    gone = await asyncio.to_thread(subprocess.run, [sys.executable, *health[1:]], capture_output=True, check=False)
    assert gone.returncode != 0


def test_the_parts_of_compose_fit_together() -> None:
    parts = COMPOSE["services"]
    database, service, proxy = parts["postgres"], parts["sayso"], parts["proxy"]
    for part in parts.values():
        assert set(part.get("depends_on", {})) <= set(parts)
        assert set(part.get("secrets", ())) <= set(COMPOSE["secrets"])
        named = [volume.partition(":")[0] for volume in part.get("volumes", ())]
        assert {name for name in named if not name.startswith(".")} <= set(COMPOSE["volumes"])
    # whoever waits for somebody to be healthy waits for somebody who says so
    assert "healthcheck" in database
    assert of_container("HEALTHCHECK")
    assert f"--username {database['environment']['POSTGRES_USER']}" in database["healthcheck"]["test"][1]
    url = re.search(r"postgresql://(\w+):PASSWORD@(\w+)/(\w+)", (DEPLOY / "example.env").read_text())
    assert url
    asked = database["environment"]
    assert url.groups() == (asked["POSTGRES_USER"], "postgres", asked["POSTGRES_DB"])
    assert proxy["environment"]["SAYSO_COPIES"] == "sayso:8700"
    assert "{$SAYSO_COPIES" in (DEPLOY / "Caddyfile").read_text()
    # the longest drain, and what is under way
    assert int(service["stop_grace_period"].removesuffix("s")) > 60 + GRACE


def test_the_commands_for_containers_name_what_is_there(tmp_path: Path) -> None:
    build, compose = blocks("A container")
    assert (ROOT / re.findall(r"-f (\S+)", build)[0]).is_file()
    assert set(re.findall(r"exec (\w+) sayso", compose)) == {"sayso"}
    for limit in ("--read-only", "--cap-drop ALL", "no-new-privileges"):
        assert limit in build
    # the lines before docker's, in the folder of the files
    shutil.copytree(DEPLOY, tmp_path / "bots/deploy")
    require(shutil.which("openssl"), "openssl")
    lines = "\n".join(line for line in compose.splitlines() if "docker" not in line)
    subprocess.run(["bash", "-ec", lines], cwd=tmp_path, check=True)
    made = tmp_path / "bots/deploy"
    assert (made / "sayso.env").stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"[0-9a-f]{48}\n", (made / "postgres_password").read_text())
    assert unit(tmp_path).is_file()

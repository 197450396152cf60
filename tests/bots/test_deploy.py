"""The files in bots/deploy, held to the programs that they are for: systemd's judge, nginx and Caddy."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import tomllib
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.adapters.http import service as http_service
from tests.conftest import require, until
from tests.fakes.ports import free_port
from tests.fakes.processes import PATIENCE, started

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "bots" / "deploy"
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
# What only an agent's own process needs.
OF_AGENTS = {"claude", "ai", "workflow", "langgraph", "openai", "pydantic-ai", "aap", "all"}


def ran(*line: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=PATIENCE, env={**os.environ, **variables}
    )


# systemd


def unit(folder: Path) -> Path:
    """The unit, with a program that is there."""
    program = folder / "sayso"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    made = folder / "sayso.service"
    made.write_text((DEPLOY / "sayso.service").read_text().replace("/opt/sayso/bin/sayso", str(program)))
    return made


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    require(shutil.which("systemd-analyze"), "systemd")
    judged = ran("systemd-analyze", "verify", unit(tmp_path))
    assert (judged.returncode, judged.stderr) == (0, "")
    # a key that is misspelt would be found
    broken = unit(tmp_path)
    broken.write_text(broken.read_text().replace("RestartSec", "RestartSeconds"))
    assert "RestartSeconds" in ran("systemd-analyze", "verify", broken).stderr


def test_the_unit_leaves_the_service_next_to_no_rights(tmp_path: Path) -> None:
    require(shutil.which("systemd-analyze"), "systemd")
    judged = ran("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit(tmp_path))
    assert judged.returncode == 0, judged.stdout[-300:]


def test_the_unit_waits_longer_than_the_service_takes_to_end() -> None:
    from sayso_bots.service import service

    found = re.search(r"^TimeoutStopSec=(\d+)$", (DEPLOY / "sayso.service").read_text(), re.MULTILINE)
    # a minute of drain at most
    assert found is not None
    assert int(found[1]) > 60 + service.GRACE


def test_the_alert_of_much_memory_speaks_before_the_service_is_killed_for_it() -> None:
    alert = re.search(r"process_resident_memory_bytes\S* > (\S+)", (DEPLOY / "alerts.yaml").read_text())
    unit_has = re.search(r"^MemoryMax=(\d+)G$", (DEPLOY / "sayso.service").read_text(), re.MULTILINE)
    container_has = re.search(r"mem_limit: (\d+)g$", (DEPLOY / "compose.yaml").read_text(), re.MULTILINE)
    assert alert
    for has in (unit_has, container_has):
        assert has
        assert float(alert[1]) < 0.8 * int(has[1]) * 2**30


# Containers


def test_the_image_has_every_extra_that_a_service_uses() -> None:
    found = re.search(r'"sayso\[(.*?)\]"', (DEPLOY / "Containerfile").read_text())
    assert found is not None
    assert set(found[1].split(",")) == EXTRAS.keys() - OF_AGENTS


def test_the_image_is_made_of_what_its_ignore_file_lets_in_and_of_no_secret() -> None:
    said = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    assert said[0] == "*"
    let_in = {line[1:] for line in said if line.startswith("!")}
    assert all((ROOT / name).exists() for name in let_in)
    # what the wheel is made of
    assert let_in >= {"core", "adapters", "bots", "pyproject.toml", "requirements.txt", "README.md", "LICENSE"}


def test_every_file_that_compose_names_is_there_or_the_readers_own() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    named = set(re.findall(r"\./([\w.]+)", text)) | {"Containerfile", "example.env"}
    own = {"sayso.toml", "postgres_password"}
    assert {name for name in named - own if not (DEPLOY / name).exists()} == set()


def test_every_variable_of_the_example_is_one_that_the_service_knows() -> None:
    from sayso_bots.settings import environment

    written = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (DEPLOY / "example.env").read_text(), re.MULTILINE))
    # what is empty is the reader's own
    assert {name for name, value in written.items() if not value} >= {"SAYSO_SECRET", "SAYSO_SIGNING_KEY"}
    environment.read({name: value or "x" for name, value in written.items() if name.startswith("SAYSO_")})


# Proxies


@contextlib.asynccontextmanager
async def nginx(folder: Path, upstream: int, port: int) -> AsyncGenerator[None]:
    require(shutil.which("nginx") and shutil.which("openssl"), "nginx and openssl")
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    keys = (
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        folder / "privkey.pem",
        "-out",
        folder / "fullchain.pem",
    )
    await asyncio.to_thread(ran, "openssl", "req", "-x509", "-days", "1", *keys, *subject)
    site = (DEPLOY / "nginx.conf").read_text()
    site = re.sub(r"^ *listen \[::\].*$", "", site, flags=re.MULTILINE)
    for before, after in {
        "127.0.0.1:8700": f"127.0.0.1:{upstream}",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443": f"listen 127.0.0.1:{port}",
        "server_name sayso.example.com": "server_name 127.0.0.1",
        "/etc/ssl/sayso": str(folder),
    }.items():
        assert before in site
        site = site.replace(before, after)
    (folder / "site.conf").write_text(site)
    paths = "".join(
        f"{name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log stderr notice;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}include {folder}/site.conf;\n}}\n"
    )
    line = ("nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr")
    async with started(line, folder) as running:
        await running.line("start worker process", error=True)
        yield
        # it takes its children with it
        running.process.terminate()
        await running.ended()


@contextlib.asynccontextmanager
async def caddy(folder: Path, upstream: int, port: int) -> AsyncGenerator[None]:
    require(shutil.which("caddy"), "caddy")
    # a name of this kind needs no certificate, and an administrator's address no other Caddy has
    own = "{\n\tadmin off\n}\n"
    (folder / "Caddyfile").write_text(own + (DEPLOY / "Caddyfile").read_text())
    given = {"SAYSO_NAME": f"http://127.0.0.1:{port}", "SAYSO_COPIES": f"127.0.0.1:{upstream}", "HOME": str(folder)}
    line = ("caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile")
    async with started(line, folder, **given) as running:
        await running.line("serving initial configuration", error=True)
        yield


PROXIES = {"nginx": (nginx, "https"), "caddy": (caddy, "http")}


@pytest.mark.parametrize("name", PROXIES)
async def test_calls_long_polls_and_events_go_through_the_proxy_and_the_inside_does_not(
    name: str, tmp_path: Path
) -> None:
    proxy, scheme = PROXIES[name]
    port = free_port()
    (folder := tmp_path / "proxy").mkdir()
    # its certificate is of nobody else's making
    trusted = ssl.create_default_context()
    trusted.check_hostname, trusted.verify_mode = False, ssl.CERT_NONE
    async with (
        http_service.running(tmp_path) as service,
        proxy(folder, service.port, port),
        aiohttp.ClientSession(f"{scheme}://127.0.0.1:{port}", connector=aiohttp.TCPConnector(ssl=trusted)) as session,
        asyncio.timeout(PATIENCE),
    ):
        bot, ann = ({"Authorization": f"Bearer {service.secrets[name]}"} for name in ("bot", "ann"))
        await answering(session)
        await call(session, "POST", "/v1/requests", bot, {"kind": "permission", "tool": "deploy", "id": "r1"})
        for path in ("/metrics", "/healthz", "/readyz"):
            async with session.get(path) as inside:
                assert inside.status == 404
        async with session.get("/v1/events?after=0", headers=bot) as stream:
            # it comes when it happens, and not once a buffer is full
            await events_until(stream, b"opened")
            held = asyncio.create_task(call(session, "GET", "/v1/requests/r1?wait=60", bot))
            await until(lambda: service.store.waiting > 1)
            await call(session, "POST", "/v1/requests/r1/answers", ann, {"verdict": "allow"})
            assert (await held)["decision"]["outcome"] == "allowed"
            await events_until(stream, b"answered")


async def answering(session: aiohttp.ClientSession) -> None:
    """Return once the proxy has found the service."""
    while True:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with session.get("/v1/openapi.json") as response:
                if response.status == 200:
                    return
        await asyncio.sleep(0.02)


async def call(
    session: aiohttp.ClientSession,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
) -> Any:
    async with session.request(method, path, headers=headers, json=body) as response:
        assert response.status < 300, await response.text()
        return json.loads(await response.text())


async def events_until(stream: aiohttp.ClientResponse, wanted: bytes) -> None:
    read = b""
    while wanted not in read:
        read += await stream.content.readany()


# What watches it


def figures(text: str) -> set[str]:
    """The names of the figures of ours that an expression, or an answer of `/metrics`, has."""
    return set(re.findall(r"\b(?:sayso|process)_[a-z_]+\b", text))


async def served(folder: Path) -> set[str]:
    async with http_service.running(folder) as service:
        await service.call("GET", "/metrics")
        # what counts something for the first time is not there before
        await service.call("POST", "/v1/requests", "bot", {"kind": "permission", "tool": "deploy", "id": "r1"})
        await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})
        return figures((await service.call("GET", "/metrics")).text)


async def test_every_figure_that_alerts_and_the_dashboard_ask_for_is_served(tmp_path: Path) -> None:
    there = await served(tmp_path)
    alerts = (DEPLOY / "alerts.yaml").read_text()
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(asked) > 10
    assert figures("\n".join(asked)) - there == set()
    expressions = "\n".join(line for line in alerts.splitlines() if "annotations" not in line and line[:1] != "#")
    assert figures(expressions) - there == set()


def test_every_panel_of_the_dashboard_has_a_place_of_its_own() -> None:
    taken = set[tuple[int, int]]()
    for panel in json.loads((DEPLOY / "grafana.json").read_text())["panels"]:
        at = panel["gridPos"]
        fields = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not fields & taken, panel["title"]
        taken |= fields


def test_the_runbook_has_a_section_for_every_alert_and_for_no_other() -> None:
    named = re.findall(r"- alert: (\w+)", (DEPLOY / "alerts.yaml").read_text())
    runbook = (ROOT / "docs" / "operations.md").read_text()
    assert re.findall(r"^### (Sayso\w+)$", runbook, re.MULTILINE) == named
    # and the table says when each of them speaks
    assert re.findall(r"^\| \[`(Sayso\w+)`\]", runbook, re.MULTILINE) == named


def test_each_message_that_the_runbook_explains_is_one_that_is_logged() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text()
    _, _, table = runbook.partition("| Message | What to do |")
    rows = table.partition("\n\n")[0].splitlines()[2:]
    told = [message for row in rows for message in re.findall(r"`([^`]+)`", row.split("|")[1])]
    code = "".join(one.read_text() for name in ("core", "adapters", "bots") for one in (ROOT / name).rglob("*.py"))
    assert len(told) > 5
    assert [message for message in told if f'"{message}"' not in code] == []


def test_prometheus_reads_the_alerts() -> None:
    require(shutil.which("promtool"), "promtool, of Prometheus")
    checked = ran("promtool", "check", "rules", DEPLOY / "alerts.yaml")
    assert checked.returncode == 0, checked.stderr

"""Web Push through the whole service: switched on by the settings, subscribed in the inbox, told by the courier."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import socket
import tomllib
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

import sayso
from sayso import errors, model
from sayso.testing import samples
from sayso_bots.service import service
from sayso_bots.settings import environment, toml
from tests.conftest import until
from tests.fakes.push_service import PushService, push_service

KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})


@contextlib.asynccontextmanager
async def serving(folder: Path, settings: str, **variables: str) -> AsyncGenerator[service.Service]:
    given = environment.read({"SAYSO_DATABASE_URL": f"sqlite:///{folder / 'sayso.db'}", **variables})
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with service.run(given, toml.parse(tomllib.loads(settings)), listener) as running:
            yield running


def settings_for(there: PushService) -> str:
    return f'[service]\npush = "ops@example.com"\ncallback_hosts = ["{there.url.removeprefix("http://")}"]'


async def signed_in(running: service.Service, session: aiohttp.ClientSession) -> str:
    """The token of the forms of a signed-in browser."""
    link = await running.link("owner")
    headers = {"Origin": running.url}
    async with session.post(f"{running.url}/signin", data={"code": link}, headers=headers) as answer:
        found = re.search('name="csrf" value="([0-9a-f]+)"', await answer.text())
    assert found
    return found[1]


async def test_a_subscribed_browser_is_told_by_the_service_and_what_became_of_it(tmp_path: Path) -> None:
    async with (
        push_service() as there,
        serving(tmp_path, settings_for(there), SAYSO_PUSH_KEY=KEY) as running,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        csrf = await signed_in(running, session)
        phone = there.browser("phone")
        form = {"csrf": csrf, "endpoint": phone.endpoint, "p256dh": phone.keys[0], "auth": phone.keys[1]}
        async with session.get(f"{running.url}/push") as answer:
            key = (await answer.json())["key"]
        async with session.post(f"{running.url}/push/on", data=form, headers={"Origin": running.url}) as answer:
            assert answer.status == 204
        ticket = await running.desk.open(DEPLOY)
        await until(lambda: len(there.came) == 1)
        assert there.came[0].said["id"] == ticket.id
        assert there.key == key
        await running.desk.answer(ticket.id, model.Answer(verdict="deny"), samples.actor())
        await until(lambda: len(there.came) == 2)
        assert there.came[1].said["state"] == "over"
        # an address inside the operator's network is refused at the door
        form["endpoint"] = "https://10.0.0.1/x"
        async with session.post(f"{running.url}/push/on", data=form, headers={"Origin": running.url}) as answer:
            assert answer.status == 422


async def test_without_the_setting_nobody_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path, "") as running:
        ticket = await running.desk.open(DEPLOY)
        assert ticket.push is False
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await signed_in(running, session)
            async with session.get(f"{running.url}/push") as answer:
                assert await answer.json() == {"key": None}


@pytest.mark.parametrize("contact", ["ops", "@x", "a b@example.com", ""])
def test_a_contact_that_is_none_is_refused(contact: str) -> None:
    with pytest.raises(errors.InvalidSettings) as wrong:
        toml.parse({"service": {"push": contact}})
    assert wrong.value.field == "service.push"


async def test_a_wrong_key_and_a_missing_package_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.InvalidSettings, match="SAYSO_PUSH_KEY"):
        async with serving(tmp_path, '[service]\npush = "ops@example.com"', SAYSO_PUSH_KEY="x"):
            pass
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "webpush" else find(name))
    with pytest.raises(errors.InvalidSettings, match="a package is missing: webpush") as wrong:
        async with serving(tmp_path, '[service]\npush = "ops@example.com"'):
            pass
    assert wrong.value.field == "service.push"

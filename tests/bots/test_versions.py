"""Settings that were taken up are kept: listed, shown without secrets, compared, and their rules put back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tomllib
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

from sayso import errors, stores
from sayso.desk import Desk
from sayso.desk.upkeep import reloads, versions
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT
from sayso_bots.commands.policy import versions as commands
from sayso_bots.service import masking, reloading
from sayso_bots.settings import environment, kept, toml
from tests.bots.conftest import Call

SECRET = "ghp_" + "a1B2" * 9
BASE = f"""# ours
[people.ann]
terminal = "ann"

[groups.leads]
members = ["ann"]
on_call = {{ ical = "https://calendar.example.com/private-7f3a9c/basic.ics" }}

[policies.default]
approvers = ["ann"]  # ann alone

[[rules]]
id = "reads"
match = {{ tool = ["Read", "Grep"] }}
effect = "allow"
until = 2099-12-31

[[rules]]
id = "no-token"
match = {{ tool = "Bash", "input.*" = "*{SECRET}*" }}
effect = "deny"

# how the world reaches it
[service]
owner = "ann"
"""
LATER = BASE.replace('["Read", "Grep"]', '["Read"]').replace('id = "no-token"', 'id = "no-token-2"')


@contextlib.asynccontextmanager
async def database(path: Path) -> AsyncGenerator[stores.Store]:
    store = await stores.connect(f"sqlite:///{path.parent / 'sayso.db'}")
    try:
        yield store
    finally:
        await store.close()


async def taken_up(path: Path) -> None:
    """A service starts, and is told to read its file again."""
    async with database(path) as store:
        desk = Desk(store, MINT, clock=ManualClock())
        reloader = reloading.Reloader(environment.read(), toml.load(path), desk)
        await reloader.keep(toml.load(path), "the start of build-1")
        await asyncio.to_thread(path.write_text, LATER)
        await reloads.ask(store, "ann on build-1, by sayso reload")
        await reloader.reload(1, await reloads.asker(store))
        # what changes nothing is no version of its own
        await reloader.reload(2)


@pytest.fixture
def file(tmp_path: Path, inside: Call) -> Path:
    path = tmp_path / "sayso.toml"
    path.write_text(BASE)
    asyncio.run(taken_up(path))
    return path


def test_each_change_is_listed_with_who_did_it_and_shown_without_secrets(inside: Call, file: Path) -> None:
    rows = json.loads(inside("policy", "versions", "--json").stdout)
    assert [(one["number"], one["by"]) for one in rows] == [
        (2, "ann on build-1, by sayso reload"),
        (1, "the start of build-1"),
    ]
    assert rows[0]["digest"] == reloading.digest_of(toml.load(file)) != rows[1]["digest"]
    assert "the start of build-1" in inside("policy", "versions").stdout
    for wanted in ("1", rows[1]["digest"], rows[1]["digest"][7:15]):
        shown = inside("policy", "show", wanted).stdout
        assert 'match = { tool = ["Read", "Grep"] }' in shown
        assert "until = 2099-12-31" in shown
        assert SECRET not in shown
        assert "private-7f3a9c" not in shown
        assert "calendar.example.com" in shown
    assert SECRET.encode() not in (file.parent / "sayso.db").read_bytes()
    assert b"private-7f3a9c" not in b"".join(one.read_bytes() for one in file.parent.glob("sayso.db*"))
    unknown = inside("policy", "show", "abc")
    assert (unknown.returncode, "sayso policy versions lists them" in unknown.stderr) == (2, True)


def test_two_are_compared(inside: Call, file: Path) -> None:
    changed = inside("policy", "diff", "1", "2").stdout
    assert '-match = { tool = ["Read", "Grep"] }' in changed
    assert '+match = { tool = "Read" }' in changed or '+match = { tool = ["Read"] }' in changed
    assert "nothing about people" in inside("policy", "diff", "1", "1").stdout


def test_rules_that_were_kept_with_a_mask_are_not_put_back(inside: Call, file: Path) -> None:
    before = file.read_text()
    refused = inside("policy", "restore", "1", "--in-place")
    assert (refused.returncode, "kept with a mask" in refused.stderr) == (2, True)
    assert file.read_text() == before


class Standing(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Standing:
        return cls(2026, 1, 1, tzinfo=tz)


RULES: list[dict[str, Any]] = [{"id": "reads", "match": {"tool": "Read"}, "effect": "allow", "until": "2030-01-02"}]


ASKS: dict[str, Any] = {"id": "a", "match": {"tool": "Read"}, "effect": "ask"}


def test_rules_are_put_back_and_all_else_in_the_file_stays() -> None:
    made = kept.with_rules(LATER, RULES)
    assert tomllib.loads(made)["rules"][0]["until"].isoformat() == "2030-01-02"
    assert [one["id"] for one in tomllib.loads(made)["rules"]] == ["reads"]
    for line in ("# ours", 'approvers = ["ann"]  # ann alone', "# how the world reaches it", 'owner = "ann"'):
        assert line in made.splitlines()
    assert kept.with_rules("", RULES).startswith("[[rules]]")
    assert "rules" not in tomllib.loads(kept.with_rules(LATER, []))


@pytest.mark.parametrize(
    ("text", "rules", "said"),
    [
        ('rules = [{ id = "a", match = { tool = "x" }, effect = "deny" }]\n', RULES, "cannot be told from the rest"),
        ('[[rules]]\nid = "a', RULES, "not TOML as it stands"),
        ('[policies.default]\napprovers = ["anyone"]\n', [{**ASKS, "policy": "gone"}], "there is no policy"),
        ('[calendars.x]\ndays = """\n[[rules]]\n"""\n', RULES, "cannot be told from the rest"),
    ],
)
def test_what_does_not_fit_any_more_is_refused(text: str, rules: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(errors.InvalidSettings, match=said):
        kept.with_rules(text, rules)


def test_a_copy_to_look_at_or_in_place_with_the_file_as_it_was_beside_it(
    inside: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sayso.toml"
    plain = BASE.replace(SECRET, "word")
    real = tmp_path / "settings" / "real.toml"
    real.parent.mkdir()
    real.write_text(plain)
    real.chmod(0o600)
    path.symlink_to(real)

    async def started() -> None:
        async with database(path) as store:
            reloader = reloading.Reloader(environment.read(), toml.load(path), Desk(store, MINT, clock=ManualClock()))
            await reloader.keep(toml.load(path), "the start")

    asyncio.run(started())
    path.write_text(plain.replace('id = "reads"', 'id = "other"'))
    assert inside("policy", "restore", "1").returncode == 0
    (copy,) = tmp_path.glob("sayso-*.toml")
    assert tomllib.loads(copy.read_text()) == tomllib.loads(plain)
    assert 'id = "other"' in path.read_text()
    done = inside("policy", "restore", "1", "--in-place")
    assert done.returncode == 0
    assert path.is_symlink()
    assert tomllib.loads(real.read_text()) == tomllib.loads(plain)
    (backup,) = tmp_path.glob("sayso.toml.*")
    assert 'id = "other"' in backup.read_text()
    assert {one.stat().st_mode & 0o777 for one in (path, copy, backup)} == {0o600}
    # what was there is kept however often it is done in one second
    monkeypatch.setattr(commands, "datetime", Standing)
    for name in ("third", "fourth"):
        path.write_text(plain.replace('id = "reads"', f'id = "{name}"'))
        assert inside("policy", "restore", "1", "--in-place").returncode == 0
    kept_as_it_was = "".join(one.read_text() for one in tmp_path.glob("sayso.toml.*"))
    assert all(f'id = "{name}"' in kept_as_it_was for name in ("other", "third", "fourth"))

    # somebody else writes the file between the two
    def written_to(text: str, rules: Sequence[Any]) -> str:
        path.write_text(f"{text}\n# mine")
        return with_rules(text, rules)

    with_rules = kept.with_rules
    monkeypatch.setattr(kept, "with_rules", written_to)
    refused = inside("policy", "restore", "1", "--in-place")
    assert (refused.returncode, "was changed meanwhile" in refused.stderr) == (2, True)
    assert path.read_text().endswith("# mine")
    assert not [*tmp_path.glob(".*.toml.*")]


async def test_secrets_are_masked_in_what_is_kept_also_where_people_see_them(tmp_path: Path) -> None:
    path = tmp_path / "sayso.toml"
    path.write_text(f'{BASE}\n[secrets]\nshow = "plain"\n')
    async with database(path) as store:
        chosen = toml.load(path)
        desk = Desk(store, masking.equip(MINT, chosen), clock=ManualClock())
        await reloading.Reloader(environment.read(), chosen, desk).keep(chosen, "the start")
        (one,) = await versions.listed(store)
        assert SECRET not in one.text


async def test_only_so_many_are_kept_and_none_that_is_too_large() -> None:
    store, clock = memory.MemoryStore(), ManualClock()
    for number in range(versions.MOST + 3):
        assert await versions.keep(store, f"sha256:{number:064}", {}, "x", clock.now(), MINT.masks)
    found = await versions.listed(store)
    assert (len(found), found[0].number) == (versions.MOST, versions.MOST + 3)
    large = {"people": {"ann": {"terminal": "a" * 600_000}}}
    await versions.keep(store, "sha256:large", large, "x", clock.now(), MINT.masks)
    assert (await versions.listed(store))[0].said is None
    assert (await versions.find(store, str(found[0].number))).digest == found[0].digest


async def test_two_copies_that_take_up_the_same_at_one_moment_keep_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store, clock = memory.MemoryStore(), ManualClock()
    plain, tries = store.put, list[str]()

    async def late(record: stores.Record) -> None:
        tries.append(record.name)
        if len(tries) == 1:
            await plain(record)
        await plain(record)

    monkeypatch.setattr(store, "put", late)
    assert not await versions.keep(store, "sha256:1", {}, "x", clock.now(), MINT.masks)
    assert [one.number for one in await versions.listed(store)] == [1]

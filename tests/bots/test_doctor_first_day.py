"""What a team overlooks: each fault is found by its name, and nothing is found where all is well."""

import os
from pathlib import Path

import pytest

from sayso_bots.commands.doctor import first_day
from sayso_bots.settings import environment, toml

PEOPLE = '[people.ann]\nterminal = "ann"\n'


def found(folder: Path, settings: str = PEOPLE, **variables: str) -> dict[str, tuple[bool, bool]]:
    """What is found, by name: whether it is fine, and whether it is a warning."""
    file = folder / "sayso.toml"
    if not file.exists():
        file.write_text(settings)
        file.chmod(0o644)
    given = environment.read({"SAYSO_CONFIG": str(file), "SAYSO_DATABASE_URL": f"sqlite:///{folder}/s.db", **variables})
    return {one.name: (one.ok, one.warn) for one in first_day.look(given, toml.load(file))}


WARNED = (True, True)


@pytest.mark.parametrize(
    ("settings", "variables", "expected"),
    [
        (PEOPLE, {}, {}),
        (PEOPLE + '[service]\nurl = "https://sayso.example.com"\n', {}, {}),
        (PEOPLE + '[service]\nurl = "http://localhost:8700"\n', {}, {}),
        (PEOPLE + '[service]\nurl = "http://sayso.example.com"\n', {}, {"service.url": WARNED}),
        ("", {}, {}),
        ('[service]\nhosts = ["sayso.internal"]\n', {}, {"people": WARNED}),
        (PEOPLE, {"SAYSO_DATABASE_URL": "postgresql://db/sayso"}, {"secret": WARNED}),
    ],
)
def test_each_of_them_is_found_and_what_is_well_is_not(
    settings: str, variables: dict[str, str], expected: object, tmp_path: Path
) -> None:
    assert found(tmp_path, settings, **variables) == expected


def test_a_secret_of_the_environment_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_SECRET", "x" * 32)
    assert found(tmp_path, SAYSO_DATABASE_URL="postgresql://db/sayso") == {}


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_settings_that_others_may_write_are_wrong(mode: int, tmp_path: Path) -> None:
    found(tmp_path)
    (tmp_path / "sayso.toml").chmod(mode)
    assert found(tmp_path) == {"settings file": (False, False)}


def test_a_disk_that_is_nearly_full_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_day, "_LITTLE_ROOM", 10**18)
    assert found(tmp_path) == {"disk": WARNED}
    # its own check says that a folder is not there
    assert found(tmp_path, SAYSO_DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/s.db") == {}


def test_a_database_over_a_network_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(first_day, "_MOUNTS", mounts)
    here = os.path.realpath(tmp_path)
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {here} nfs4 rw 0 0\nproc /proc proc rw 0 0\n")
    assert found(tmp_path) == {"disk": (False, False)}
    mounts.write_text(f"server:/x /{here[1:2]} nfs4 rw 0 0\n/dev/vda {here} ext4 rw 0 0\nbroken\n")
    assert found(tmp_path) == {}

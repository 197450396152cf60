"""What a team overlooks when it begins to rely on a service: it works, and goes wrong later."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sayso.desk import token_secret
from sayso_bots.commands.doctor.finding import Finding
from sayso_bots.service import database
from sayso_bots.settings import environment, schema

# Bytes: less than this is written soon.
_LITTLE_ROOM = 500_000_000
# File systems over a network: two machines see each other's locks and the WAL differently, or not at all.
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "ceph", "glusterfs", "fuse.s3fs")
_MOUNTS = Path("/proc/self/mounts")


def look(given: environment.Environment, chosen: schema.Settings) -> Iterator[Finding]:
    """Look at settings and machine; nothing is found where all is as it should be."""
    yield from _look_at_address(chosen)
    yield from _look_at_people(chosen)
    yield from _look_at_secrets(given)
    yield from _look_at_settings(given)
    if path := database.file_of(given.database):
        yield from _look_at_disk(path.parent)


def _look_at_address(chosen: schema.Settings) -> Iterator[Finding]:
    url = chosen.service.url or ""
    if url.startswith("http://") and not url.startswith(("http://127.", "http://localhost", "http://[::1]")):
        said = f"{url} is called in clear text: keys and the cookie of the inbox can be read on the way"
        yield _warn("service.url", said, "put a proxy with TLS in front, and name its https address")


def _look_at_people(chosen: schema.Settings) -> Iterator[Finding]:
    reached = chosen.service.url or chosen.service.hosts
    if reached and not chosen.people:
        said = "others can reach the service, and no person is named: whoever is signed in, or in the room, may decide"
        yield _warn("people", said, "add [people.NAME], and policies that name them: sayso init team")


def _look_at_secrets(given: environment.Environment) -> Iterator[Finding]:
    shared = given.database.startswith("postgres")
    if shared and token_secret.given_secret() is None:
        said = "the secret that signs buttons is in the database, and so in each of its backups"
        yield _warn("secret", said, "set SAYSO_SECRET for every copy; on the way there: sayso keys secret")


def _look_at_settings(given: environment.Environment) -> Iterator[Finding]:
    path = given.config or Path("sayso.toml")
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        said = f"other users of this machine may write {path}: who writes it, says who may decide"
        yield Finding("settings file", False, said, f"chmod go-w {path}")


def _look_at_disk(folder: Path) -> Iterator[Finding]:
    try:
        left = shutil.disk_usage(folder).free
        kind = _file_system(folder.resolve(), _MOUNTS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        # a folder that is not there is told of by its own check, and not every system says what is mounted
        return
    if left < _LITTLE_ROOM:
        yield _warn("disk", f"{left / 1e6:,.0f} MB left at {folder}", "make room: a full disk stops everything")
    if kind in _REMOTE:
        said = f"{folder} is on {kind}, over a network: SQLite can lose what was acknowledged there"
        yield Finding("disk", False, said, "use a disk of this machine, or PostgreSQL")


def _file_system(folder: Path, mounts: str) -> str | None:
    """The kind of the file system that *folder* is on."""
    found = [line.split(" ") for line in mounts.splitlines() if line.count(" ") >= 3]
    above = [(one[1], one[2]) for one in found if _is_below(folder, one[1].replace("\\040", " "))]
    return max(above, key=lambda one: len(one[0]))[1] if above else None


def _is_below(folder: Path, mount: str) -> bool:
    return os.path.commonpath([folder, mount]) == mount


def _warn(name: str, said: str, hint: str) -> Finding:
    return Finding(name, True, said, hint, warn=True)

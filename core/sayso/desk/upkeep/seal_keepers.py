"""Keeps seals elsewhere: in a file, or as a note in a chat. Whoever holds the database cannot rewrite those."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from sayso import errors, model
from sayso.audit import seals
from sayso.cards import card, naming
from sayso.content import text
from sayso.desk import channel
from sayso.stores import chain
from sayso.stores.auditing import StoredSeal

_SESSION = "seals of the log"


class FileKeeper:
    """Appends each seal as a line to a file. A line that was cut by a crash is taken away before the next one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file {path}"

    async def keep(self, seal: StoredSeal) -> None:
        """Append it, durably. Raises `ChannelError`."""
        try:
            await asyncio.to_thread(self._append, seal.document.encode() + b"\n")
        except OSError as error:
            hint = "name a file that can be written under audit.file"
            raise errors.ChannelError(f"{self._path} cannot be written: {error.strerror}", hint=hint) from error

    def _append(self, line: bytes) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _cut_torn_line(file)
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)


class ChatKeeper:
    """Tells a seal in a chat, in a thread of its own."""

    def __init__(self, platforms: Mapping[str, channel.Platform], place: model.Place) -> None:
        self._platforms = platforms
        self._place = place
        self.name = f"chat {place}"

    async def keep(self, seal: StoredSeal) -> None:
        """Tell it. Raises `ChannelError`."""
        platform = self._platforms.get(model.channel_of(self._place))
        if platform is None or platform.teller is None:
            raise errors.ChannelError(f"nothing can be told at {self._place} now", hint="see: sayso doctor")
        session = naming.session("sayso", _SESSION)
        await platform.teller.note(self._place, session, describe(seal))


def describe(kept: StoredSeal) -> card.Line:
    """A seal in words, with all that is needed to hold the log to it."""
    seal = seals.read(kept.document)
    rows = f"rows {seal.first} to {seal.last} of the log, {seal.count} in all"
    said = f"Seal {seal.number}: {rows}, {seal.at:%Y-%m-%d %H:%M} UTC · {chain.sha256(kept.document)}"
    return card.Line((text.Trusted(said),))


def _cut_torn_line(file: int) -> None:
    size = end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - 4096)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)

"""Files in which a paused run waits for the next process.

The rule: a file is replaced in one step, belongs to its owner alone, and is read only for what the run began with.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sayso import errors

T = TypeVar("T")


class SavedRun:
    """The file of one run. Without a path nothing is ever kept."""

    def __init__(
        self, path: str | Path | None, begun_with: object, *, called: str, default: Callable[[Any], str] = str
    ) -> None:
        """*called* is what the program calls what the run began with; *default* writes what JSON has no form for."""
        self._path = Path(path) if path else None
        self._called = called
        self.begun_with = "" if self._path is None else _digest(begun_with, default)
        """The digest of it, which the file keeps."""

    def load(self, read: Callable[[bytes], tuple[str, T]]) -> T | None:
        """What was saved, by *read*, which also gives the digest of what that run began with; None if there is no file.

        Raises:
            InvalidRequest: the file is not a saved run, or is that of another run.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            begun_with, saved = read(self._path.read_bytes())
        except (ValueError, TypeError, KeyError) as error:
            message = f"{self._path} is not a saved run"
            raise errors.InvalidRequest(message, field="saved", hint="name another file") from error
        if begun_with != self.begun_with:
            hint = f"finish that run with its own {self._called}, or remove the file"
            message = f"{self._path} holds the run of another {self._called}"
            raise errors.InvalidRequest(message, field="saved", hint=hint)
        return saved

    def save(self, write: Callable[[], bytes]) -> None:
        """Keep what *write* returns, durably: a reader finds the old file or the new one, whole."""
        if self._path is None:
            return
        document = write()
        beside = self._path.with_name(self._path.name + ".new")
        # it may hold a whole conversation
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)

    def remove(self) -> None:
        """Forget the run, which is over."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _digest(begun_with: object, default: Callable[[Any], str]) -> str:
    return hashlib.sha256(json.dumps(begun_with, default=default).encode()).hexdigest()

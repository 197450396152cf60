"""Files in which a paused run waits for the next process: replaced in one step, and the owner's alone."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, document: bytes) -> None:
    """Put *document* into the file at *path*, durably; whoever reads it finds the old one or the new one, whole."""
    beside = path.with_name(path.name + ".new")
    # it may hold a whole conversation
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

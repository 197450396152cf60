"""What is known of whatever reaches a database of this machine."""

from __future__ import annotations

from pathlib import Path

from sayso.cards import tokens
from sayso.machine import people


class Here:
    """It reaches a database of this machine."""

    def __init__(self, mint: tokens.TokenMaker, directory: people.Directory, file: Path | None = None) -> None:
        self.mint = mint
        """It knows how secrets are covered."""
        self.directory = directory
        self.file = file

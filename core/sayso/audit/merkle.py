"""One hash over many rows, as RFC 6962 makes it: a row that is changed, removed, added or moved gives another one."""

from __future__ import annotations

import hashlib


def leaf(number: int, row_hash: str) -> bytes:
    """The leaf of a row: its number and its hash."""
    return hashlib.sha256(b"\0" + f"{number} {row_hash}".encode()).digest()


class Tree:
    """Takes leaves one by one, and keeps no more than one node for each doubling."""

    def __init__(self) -> None:
        self.count = 0
        self._nodes: list[tuple[int, bytes]] = []

    def add(self, node: bytes) -> None:
        """Take the next leaf."""
        self.count += 1
        size = 1
        while self._nodes and self._nodes[-1][0] == size:
            node = _join(self._nodes.pop()[1], node)
            size *= 2
        self._nodes.append((size, node))

    @property
    def root(self) -> str:
        """The root over all leaves so far, in hexadecimal digits; that of no leaf is the hash of nothing."""
        if not self._nodes:
            return hashlib.sha256(b"").hexdigest()
        *before, (_, node) = self._nodes
        for _, left in reversed(before):
            node = _join(left, node)
        return node.hex()


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()

"""One word of a command line, as the program gets it; what the shell fills in is `*`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import tree_sitter

from sayso.rules.lines import Word

_UNKNOWN = Word("*", known=False, plain=False)
# What means itself outside quotes in every shell that people use: no pattern, no brace, no tilde, no history.
_SAFE = re.compile(r"(?!=)[A-Za-z0-9_@%+=:,./-]+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r'\\(["\\$`])|\\\n')
_DEEPEST = 20


def read(node: tree_sitter.Node, depth: int = 0) -> Word:
    """A word; one that nobody can read is unknown as a whole."""
    reader = _READERS.get(node.type)
    return _UNKNOWN if reader is None or depth > _DEEPEST else reader(node, depth)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _bare(node: tree_sitter.Node, depth: int) -> Word:
    raw = _text(node)
    said = _ESCAPED.sub(r"\1", raw.replace("\\\n", ""))
    safe = _SAFE.fullmatch(raw) is not None
    return Word(said, known=safe or (said != raw and _SAFE.fullmatch(said) is not None), plain=safe)


def _single(node: tree_sitter.Node, depth: int) -> Word:
    return Word(_text(node)[1:-1], plain=False)


def _double(node: tree_sitter.Node, depth: int) -> Word:
    parts = [child for child in node.children if child.type != '"']
    if all(child.type == "string_content" for child in parts):
        raw = _text(node)[1:-1]
        # an exclamation mark is history in some shells
        known = not {"$", "`", "!"} & set(raw.replace("\\$", "").replace("\\`", ""))
        return Word(_ESCAPED_IN_QUOTES.sub(r"\1", raw), known=known, plain=False)
    said = "".join(_text(child) if child.type == "string_content" else "*" for child in parts)
    return Word(said, known=False, plain=False)


def _joined(node: tree_sitter.Node, depth: int) -> Word:
    parts = [read(child, depth + 1) for child in node.children]
    return Word("".join(part.text for part in parts), known=all(part.known for part in parts), plain=False)


def _named(node: tree_sitter.Node, depth: int) -> Word:
    return read(node.children[0], depth + 1) if node.child_count == 1 else _UNKNOWN


_READERS: Mapping[str, Callable[[tree_sitter.Node, int], Word]] = {
    "word": _bare,
    "number": _bare,
    "raw_string": _single,
    "string": _double,
    "concatenation": _joined,
    "command_name": _named,
}
"""Kinds of nodes that can be read. Whatever is not here is filled in by the shell, or not known to us."""

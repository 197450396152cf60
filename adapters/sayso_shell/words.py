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


def read(node: tree_sitter.Node, raw: str, depth: int = 0) -> Word:
    """A word of the line *raw*; one that nobody can read is unknown as a whole."""
    reader = _READERS.get(node.type)
    return _UNKNOWN if reader is None or depth > _DEEPEST else reader(node, raw, depth)


def text_of(node: tree_sitter.Node, raw: str) -> str:
    """What stands there. The parser was given one byte for each character, so its places are ours."""
    return raw[node.start_byte : node.end_byte]


def _bare(node: tree_sitter.Node, raw: str, depth: int) -> Word:
    written = text_of(node, raw)
    said = _ESCAPED.sub(r"\1", written.replace("\\\n", ""))
    safe = _SAFE.fullmatch(written) is not None
    return Word(said, known=safe or (said != written and _SAFE.fullmatch(said) is not None), plain=safe)


def _single(node: tree_sitter.Node, raw: str, depth: int) -> Word:
    return Word(text_of(node, raw)[1:-1], plain=False)


def _double(node: tree_sitter.Node, raw: str, depth: int) -> Word:
    parts = [child for child in node.children if child.type != '"']
    if all(child.type == "string_content" for child in parts):
        written = text_of(node, raw)[1:-1]
        # an exclamation mark is history in some shells
        known = not {"$", "`", "!"} & set(written.replace("\\$", "").replace("\\`", ""))
        return Word(_ESCAPED_IN_QUOTES.sub(r"\1", written), known=known, plain=False)
    said = "".join(text_of(child, raw) if child.type == "string_content" else "*" for child in parts)
    return Word(said, known=False, plain=False)


def _joined(node: tree_sitter.Node, raw: str, depth: int) -> Word:
    parts = [read(child, raw, depth + 1) for child in node.children]
    return Word("".join(part.text for part in parts), known=all(part.known for part in parts), plain=False)


def _named(node: tree_sitter.Node, raw: str, depth: int) -> Word:
    return read(node.children[0], raw, depth + 1) if node.child_count == 1 else _UNKNOWN


_READERS: Mapping[str, Callable[[tree_sitter.Node, str, int], Word]] = {
    "word": _bare,
    "number": _bare,
    "raw_string": _single,
    "string": _double,
    "concatenation": _joined,
    "command_name": _named,
}
"""Kinds of nodes that can be read. Whatever is not here is filled in by the shell, or not known to us."""

"""A command line as `sayso.rules.lines.Line`: its simple commands, and whether it is one of them and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import tree_sitter
import tree_sitter_bash

from sayso.rules.lines import LONGEST, UNREADABLE, Command, Line
from sayso_shell import words

_LANGUAGE = tree_sitter.Language(tree_sitter_bash.language())
# The grammar's scanner looks characters up in a table of 256: beyond it, it reads whatever is in memory and may crash.
# A comma is an ordinary part of a word, so what is foreign stays in the word in which it stands.
_FOREIGN = re.compile(r"[^\x20-\x7e\t\n\r]")
# With more of these signs the parser takes seconds, because it tries what each may begin.
_COSTLY, _MOST_COSTLY = "(|[{", 600
_MOST_NODES = 10_000
_REDIRECTS = frozenset(["file_redirect", "heredoc_redirect", "herestring_redirect"])
_NOWHERE = frozenset([b"/dev/null", b"1", b"2"])
# They change what a name means, or what is done when something else happens.
_OPAQUE = frozenset(["function_definition", "ERROR"])


def read(raw: str) -> Line:
    """The line, as far as it can be read."""
    if len(raw) > LONGEST or sum(map(raw.count, _COSTLY)) > _MOST_COSTLY:
        return UNREADABLE
    # one of its own for each line: lines are read in several threads
    root = tree_sitter.Parser(_LANGUAGE).parse(_FOREIGN.sub(",", raw).encode("ascii")).root_node
    if root.descendant_count > _MOST_NODES:
        return UNREADABLE
    found, unread = list[Command](), root.has_error
    for node, redirects, piped in _walk(root):
        unread = unread or node.type in _OPAQUE or node.is_missing
        if node.type == "command":
            found.append(_command(node, raw, redirects, piped))
    # of one command only: that each of its words is known was found on the way
    single = len(found) == 1 and not unread and all(word.known for word in found[0].words)
    return Line(tuple(found), whole=single and raw.isprintable() and _is_whole(root), unread=unread)


def _walk(root: tree_sitter.Node) -> Iterator[tuple[tree_sitter.Node, Sequence[tree_sitter.Node], bool]]:
    """All nodes, with the redirections around each, and whether it reads what another command writes.

    The stack is our own: a line may nest deeper than calls may.
    """
    waiting: list[tuple[tree_sitter.Node, Sequence[tree_sitter.Node], bool]] = [(root, (), False)]
    while waiting:
        node, redirects, piped = waiting.pop()
        yield node, redirects, piped
        if not node.child_count:
            continue
        children = node.named_children
        around = children[1:] if node.type == "redirected_statement" else ()
        for number, child in enumerate(children):
            waiting.append((child, around, piped or (node.type == "pipeline" and number > 0)))


def _command(node: tree_sitter.Node, raw: str, around: Sequence[tree_sitter.Node], piped: bool) -> Command:
    said = [child for child in node.named_children if child.type not in _REDIRECTS]
    given = tuple(words.read(child, raw) for child in said if child.type not in ("variable_assignment", "comment"))
    fed = (text for redirect in (*node.named_children, *around) for text in _fed(redirect, raw))
    return Command(given, tuple(fed), piped)


def _fed(redirect: tree_sitter.Node, raw: str) -> Iterator[str]:
    if redirect.type == "heredoc_redirect":
        yield from (words.text_of(child, raw) for child in redirect.named_children if child.type == "heredoc_body")
    elif redirect.type == "herestring_redirect":
        yield from (words.read(child, raw).text for child in redirect.named_children)


def _is_whole(root: tree_sitter.Node) -> bool:
    if root.child_count != 1 or root.start_byte or (root.text or b"").strip() != (root.children[0].text or b"").strip():
        return False
    body = root.children[0]
    if body.type == "redirected_statement":
        first, *redirects = body.children
        return _is_plain(first) and all(map(_goes_nowhere, redirects))
    return _is_plain(body)


def _is_plain(node: tree_sitter.Node) -> bool:
    """Whether it is a command with nothing but words, and nothing but blanks between them."""
    if node.type != "command" or any(child.type in _REDIRECTS or not child.is_named for child in node.children):
        return False
    children = node.children
    if not children or children[0].type != "command_name":
        return False
    return not _outside(node).strip(" ")


def _outside(node: tree_sitter.Node) -> str:
    """What stands between the words of a command."""
    whole, at, found = node.text or b"", node.start_byte, b""
    for child in node.children:
        found += whole[at - node.start_byte : child.start_byte - node.start_byte]
        at = child.end_byte
    return found.decode(errors="replace")


def _goes_nowhere(redirect: tree_sitter.Node) -> bool:
    target = redirect.child_by_field_name("destination")
    return redirect.type == "file_redirect" and target is not None and target.text in _NOWHERE and _is_dup(redirect)


def _is_dup(redirect: tree_sitter.Node) -> bool:
    """A number is a stream only behind `>&`; behind `>` it is a file of that name."""
    target = redirect.child_by_field_name("destination")
    text = redirect.text or b""
    return target is not None and (target.text == b"/dev/null" or b">&" in text)

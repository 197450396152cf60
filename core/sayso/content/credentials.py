"""Credentials in a text: by the prefixes that their makers gave them, and by the names beside them. Shown masked."""

from __future__ import annotations

import re
from collections.abc import Iterator

MASK = "••••"
# Ends of quantifiers are bounds, so that no text makes a search start over and over.
_MADE = re.compile(
    r"""\b(?P<prefix> A(?:KIA|SIA)(?=[0-9A-Z]{16}\b)
        | (?:gh[opsur]_|github_pat_|glpat-|npm_|pypi-|hf_|dop_v1_|sk-ant-|sk-proj-|[sr]k_live_|xox[abeprs]-|AIza|SG\.)
          (?=[\w-]{16})
        | sk-(?=[A-Za-z0-9]{32})
        | eyJ(?=[\w-]{10,400}\.eyJ[\w-]) )
    | (?P<block>-----BEGIN\ [A-Z ]{0,30}PRIVATE\ KEY)
    | (?P<account>\b[a-z][a-z0-9+]{1,15}://[^\s:@/'"$<]{1,80}):(?=[^\s@/'"$<{*]{3,200}@)""",
    re.VERBOSE,
)
_NAMES = r"(?:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_NAMED = re.compile(
    rf"""(?i)(?P<name>(?<![\w-])[\w-]{{0,40}}{_NAMES})["']?\ {{0,2}}[:=]\ {{0,2}}["']?(?=[^\s"'$<{{*(]{{8}})|"""
    r"""(?P<header>authorization:\ (?:bearer|basic)\ )(?=[^\s"'$<{*(]{8})"""
)
_KEY = re.compile(rf"(?i)(?:.{{0,60}}[_-])?{_NAMES}\Z")
_PLACEHOLDER = re.compile(r"[$<{*(]|x{3}|env:|\.\.\.")


def find(raw: str) -> Iterator[str]:
    """The credentials in a text, masked."""
    for found in _MADE.finditer(raw):
        yield (found["prefix"] or found["block"] or f"{found['account']}:") + MASK
    for found in _NAMED.finditer(raw):
        yield f"{found['name']}={MASK}" if found["name"] else f"{found['header']}{MASK}"


def find_named(key: str, value: str) -> Iterator[str]:
    """The credential that an argument is by its name, masked."""
    if len(value) >= 8 and " " not in value and _KEY.match(key) and not _PLACEHOLDER.match(value):
        yield f"{key}={MASK}"

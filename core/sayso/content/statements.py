"""Statements of SQL that take away what cannot be brought back. One pass; strings and comments are no statements."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

CLIENTS = frozenset(["psql", "mysql", "mariadb", "sqlite3", "sqlcmd", "duckdb", "clickhouse-client", "cockroach", "bq"])
"""Programs whose words may be SQL."""

_TOKENS = re.compile(
    r"""--[^\n]*+ | /\*![0-9]* | /\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)? | \*/
    | '[^']*+'? | (?P<name>"[^"]*+"? | `[^`]*+`?) | (?P<word>[A-Za-z_]\w*+) | (?P<sign>[0-9]++|[;=(]) | .""",
    re.VERBOSE | re.DOTALL,
)
_THINGS = frozenset(
    [
        "TABLE",
        "DATABASE",
        "SCHEMA",
        "VIEW",
        "INDEX",
        "COLUMN",
        "USER",
        "ROLE",
        "SEQUENCE",
        "TYPE",
        "COLLECTION",
        "KEYSPACE",
    ]
)
_ALWAYS = (["TRUE"], ["1"], ["1", "=", "1"])


def find(raw: str) -> Iterator[str]:
    """The first words of each statement that drops, truncates, or deletes all rows."""
    words: list[str] = []
    start = 0
    for token in _TOKENS.finditer(raw):
        if token[0] == ";":
            yield from _judge(words, raw[start : token.start()])
            words, start = [], token.end()
        elif token.lastgroup:
            words.append(token[0].upper())
    yield from _judge(words, raw[start:])


def _judge(words: list[str], written: str) -> Iterator[str]:
    pairs = set(itertools.pairwise(words))
    drops = any(("DROP", thing) in pairs or ("DROP", "MATERIALIZED") in pairs for thing in _THINGS)
    truncates = (words[:1] == ["TRUNCATE"] and words[1:2] != ["("]) or ("TRUNCATE", "TABLE") in pairs
    if drops or truncates or (("DELETE", "FROM") in pairs and _takes_all(words)):
        yield " ".join(written[:300].split())


def _takes_all(words: list[str]) -> bool:
    return "WHERE" not in words or words[words.index("WHERE") + 1 :] in _ALWAYS

"""Rows and documents that are damaged in any way: the log is checked and exported all the same, without their text."""

import csv
import io
import json

from sayso.audit import checking, exporting
from sayso.content import masks
from sayso.stores import chain
from sayso.stores.auditing import ChainedRow, StoredTicket
from sayso.testing.clock import ManualClock
from tests.tables import each

SECRET = "hunter22hunter"
BROKEN = [
    "",
    "null",
    "5",
    f'"{SECRET}"',
    f'["{SECRET}"]',
    f'{{"password": "{SECRET}"',
    "[" * 100_000,
    '{"a":' * 600 + f'"{SECRET}"' + "}" * 600,
    f'{{"password": "{SECRET}", "request": null, "decision": "x", "by": ["x"], "answer": "x"}}',
    f'{{"password": "{SECRET}", "decision": {{"receipt": "{SECRET}", "valid_until": "soon"}}}}',
]


def test_nothing_that_is_damaged_stops_an_export_or_leaves_with_it() -> None:
    for one in each(BROKEN):
        with one as broken:
            row = ChainedRow(1, "r1", 1, broken, "", "", "", "")
            ticket = StoredTicket("r1", broken, ("ref", 1, "pending", "bot", None, 0))
            lines = exporting.Lines(masks=masks.Masks(b"k" * 32))
            written = [lines.head(ManualClock().now()), lines.line(row), lines.line(ticket), lines.end()]
            assert SECRET not in "".join(written)
            assert json.loads(written[1])["entry_digest"] == chain.sha256(broken)
            [cells] = csv.reader(io.StringIO(exporting.table_row(row)))
            assert (len(cells), cells[2]) == (len(exporting.COLUMNS), "r1")
            assert SECRET not in "".join(cells)


def test_what_is_damaged_is_found_by_the_check() -> None:
    for row in each(BROKEN):
        with row as broken:
            checker = checking.Checker(lambda *_: True)
            checker.row(ChainedRow(1, "r1", 1, broken, "", "", "", ""))
            checker.request(StoredTicket("r1", broken, ("ref", 1, "pending", "bot", None, 0)))
            assert [one.where for one in checker.finish().findings if "r1" in one.where] != []

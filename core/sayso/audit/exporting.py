"""Copies of the log that leave the service: lines of JSON that anybody can check, and a table for people. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sayso.audit import checking
from sayso.content import masks, text
from sayso.stores import chain
from sayso.stores.auditing import ChainedRow, StoredSeal, StoredTicket

COLUMNS = ("row", "at", "request", "version", "what", "who", "via", "said", "place", "details", "hash")
"""The columns of the table."""

# A cell that begins so is a formula in a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")
_LONGEST_CELL = 2_000
_RECEIPT = '"receipt"'


@dataclass
class Lines:
    """Writes JSON lines; without *content* they hold no text of a request or an answer, and can be checked still.

    With *masks* what holds a secret is left out in the same way, and stands masked beside. A receipt is one for as
    long as somebody could act by it.
    """

    content: bool = True
    masks: masks.Masks | None = None
    at: datetime | None = None
    """When it was written, as its head says; before that any receipt counts as good."""
    counts: dict[str, int] = field(default_factory=lambda: {"rows": 0, "seals": 0, "requests": 0})

    def head(self, at: datetime) -> str:
        """The first line."""
        self.at = at
        return _line({"kind": "export", "format": 1, "at": at.isoformat(), "content": self.content})

    def line(self, item: ChainedRow | StoredSeal | StoredTicket) -> str:
        """One thing as a line."""
        match item:
            case ChainedRow():
                return self._row(item)
            case StoredSeal():
                self.counts["seals"] += 1
                return _line({"kind": "seal", "number": item.number, "seal": item.document})
            case StoredTicket():
                self.counts["requests"] += 1
                document, masked = self._shown(item.document)
                facts = {"id": item.id, "state": chain.sha256(item.document), "document": document}
                return _line({"kind": "request", **facts, **masked})

    def end(self) -> str:
        """The last line: without it, or with other counts than it says, the file was cut."""
        return _line({"kind": "end", **self.counts})

    def _row(self, row: ChainedRow) -> str:
        self.counts["rows"] += 1
        facts = {"number": row.number, "request": row.ticket_id, "version": row.version}
        # an erasure says what was left of rows, and holds nothing of anybody
        erased = row.entry.startswith('{"type":"erased"')
        entry, masked = (row.entry, dict[str, Any]()) if erased else self._shown(row.entry)
        found = chain.sha256(row.entry)
        hashes = {"prev": row.prev, "body": row.body, "state": row.state, "hash": row.hash}
        return _line({"kind": "row", **facts, "entry": entry, "entry_digest": found, **hashes, **masked})

    def _shown(self, written: str) -> tuple[str | None, dict[str, Any]]:
        """What was written, if it may be shown as it is; and what stands beside, if it holds secrets."""
        if not self.content or self.masks is None or (self.masks.off and _RECEIPT not in written):
            return (written if self.content else None), {}
        document = checking.read_object(written)
        found: dict[str, Any] = {}
        try:
            is_good = self._take_receipt(document)
            # people may see secrets where the settings say so; a receipt is for the asking side alone
            masked = document if self.masks.off else self.masks.over(found).value(document)
        except (ValueError, RecursionError):
            return None, {}
        if not document:
            # damaged, and so nobody can say what is in it
            return None, {}
        return (None, {"masked": _without_keys(masked)}) if found or is_good else (written, {})

    def _take_receipt(self, document: dict[str, Any]) -> bool:
        """Take the receipt out of what is looked through for secrets. Return whether it is still good."""
        decision = _object(document.get("decision"))
        if decision.pop("receipt", None) is None:
            return False
        until = decision.get("valid_until")
        return self.at is None or until is None or datetime.fromisoformat(str(until)) > self.at


def _without_keys(masked: dict[str, Any]) -> dict[str, Any]:
    """Without that by which somebody could try out what is masked: the hashes of it are in the export."""
    decision = _object(masked.get("decision"))
    bare = {"decision": {**decision, "input_digest": None}} if decision else {}
    return {name: one for name, one in (masked | bare).items() if name not in ("salt", "ref")}


def check_lines(lines: Iterator[str], checker: checking.Checker) -> None:
    """Hand an export to a checker, line by line. Notes what is no line of an export."""
    counts, ended = {"rows": 0, "seals": 0, "requests": 0}, False
    for number, line in enumerate(lines, 1):
        try:
            found: dict[str, Any] = json.loads(line)
            kind = found["kind"]
            if ended or (number == 1) != (kind == "export"):
                raise ValueError("out of place")
            if kind == "end":
                ended = True
                if {name: found[name] for name in counts} != counts:
                    checker.report.add(f"line {number}", "the export had other counts: lines were removed or added")
            elif kind != "export":
                counts[f"{kind}s"] += 1
                checker.report.masked += "masked" in found
                _hand_in(kind, found, checker)
        except (ValueError, RecursionError, KeyError, TypeError):
            checker.report.add(f"line {number}", "it is no line of an export, or stands out of place")
    if not ended:
        checker.report.add("the file", "its end was cut off")


def _hand_in(kind: str, found: dict[str, Any], checker: checking.Checker) -> None:
    if kind == "seal":
        last = json.loads(found["seal"])["last"]
        checker.seal(StoredSeal(found["number"], last, found["seal"]))
    elif kind == "request":
        if found["document"] is not None and chain.sha256(found["document"]) != found["state"]:
            checker.report.add(f"request {found['id']}", "its document is not the one that was exported")
        checker.state(found["id"], found["state"])
    else:
        names = ("number", "request", "version", "entry", "prev", "body", "state", "hash")
        number, request, version, entry, prev, body, state, here = (found[name] for name in names)
        row = ChainedRow(int(number), str(request), int(version), entry or "", prev, body, state, here)
        if entry is not None and chain.sha256(entry) != found["entry_digest"]:
            checker.report.add(f"row {number}", "its text is not the one that was exported")
        checker.row(row, found["entry_digest"])


def _object(value: Any) -> dict[str, Any]:
    """What is an object, in a row that may be damaged; nothing otherwise."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def table_head() -> str:
    """The first line of the table."""
    return _csv(COLUMNS)


def table_row(row: ChainedRow) -> str:
    """A row of the log as a line of the table. It holds what happened, and no input, text or value of anybody."""
    entry = checking.read_object(row.entry)
    by = entry.get("by") or ""
    person = {"id": by} if isinstance(by, str) else _object(by)
    answer = _object(entry.get("answer"))
    said = answer.get("verdict") or ("answer" if answer else "")
    details = entry.get("code") or entry.get("digest") or entry.get("shown") or ""
    return _csv(
        [
            *(row.number, entry.get("at", ""), row.ticket_id, row.version, entry.get("type", "")),
            *(person.get("id", ""), person.get("account", "")),
            *(said, entry.get("place", ""), details, row.hash or ""),
        ]
    )


def _csv(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([_cell(one) for one in cells])
    return written.getvalue()


def _cell(value: Any) -> str:
    shown = text.literal(str(value)[:_LONGEST_CELL]).text.replace("\n", " ")
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=True) + "\n"

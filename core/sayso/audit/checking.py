"""Checks a log against its own chains and against its seals, and names each place that was touched.

Rows, seals and requests are handed in one by one, each seal after the last row that it covers: what is checked may be
larger than the memory. Nothing is trusted but the hashes of a seal whose key is known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sayso.audit import merkle, seals
from sayso.stores import chain, documents
from sayso.stores.auditing import ChainedRow, StoredSeal, StoredTicket

# A log that was rewritten as a whole has something wrong in every row; nobody reads more than this.
_MOST_FINDINGS = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    where: str
    """`row 17`, `seal 3`, `request deploy-42`."""
    said: str


@dataclass
class Report:
    """What a check came to."""

    rows: int = 0
    seals: int = 0
    requests: int = 0
    erased: int = 0
    """Rows whose content was erased, with a row that says so."""
    older: int = 0
    """Rows of before there were hashes: nothing vouches for them."""
    masked: int = 0
    """Texts of an export that are masked: nothing vouches for what stands there."""
    unsealed: int = 0
    """Rows after the last seal."""
    head: str | None = None
    """The newest seal, as a line to keep elsewhere."""
    findings: list[Finding] = field(default_factory=list[Finding])

    def add(self, where: str, said: str) -> None:
        """Note what is wrong."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(where, said))


@dataclass
class _Request:
    """What the rows of one request said so far."""

    head: str = ""
    version: int = 0
    state: str = ""
    checked: int = 0
    """The version that was held against its document."""
    differing: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Rows whose text is not the one that was written, and the digest of the text that is there."""


class Checker:
    """Takes what is to be checked in order; `finish` gives the report.

    *check* verifies a signature; *trusted* are public keys, one of which must have signed the last seal. Without any,
    a signature says only that the seals belong together.
    """

    def __init__(self, check: seals.CheckSignature, trusted: Collection[str] = ()) -> None:
        self.report = Report()
        self._check = check
        self._trusted = frozenset(trusted)
        self._requests: dict[str, _Request] = {}
        self._last_row = 0
        self._covered = 0
        self._tree = merkle.Tree()
        self._seals: dict[int, str] = {}
        self._signers: frozenset[str] = frozenset()
        self._chained = False

    def row(self, row: ChainedRow, found: str | None = None) -> None:
        """The next row of the log; *found* is the digest of its text if the text itself was left out."""
        self.report.rows += 1
        where = f"row {row.number}"
        if row.number <= self._last_row:
            self.report.add(where, f"it stands after row {self._last_row}: rows were moved")
        self._last_row = max(self._last_row, row.number)
        known = self._requests.setdefault(row.ticket_id, _Request())
        if row.hash is None or row.prev is None or row.body is None or row.state is None:
            self._unhashed(where, row, known)
            return
        self._chained = True
        self._tree.add(merkle.leaf(row.number, row.hash))
        if row.prev != known.head:
            whose = f"request {row.ticket_id}" if row.ticket_id else "the service"
            self.report.add(where, f"it does not follow the row before it of {whose}: one was removed, added or moved")
        if chain.of_digests(row.ticket_id, row.version, row.body, row.state).hash_after(row.prev) != row.hash:
            self.report.add(where, "its columns are not what was written")
        found = chain.sha256(row.entry) if found is None else found
        if found != row.body:
            known.differing.append((row.number, found))
        known.head = row.hash
        self._follow(where, row, known)

    def _unhashed(self, where: str, row: ChainedRow, known: _Request) -> None:
        known.version = max(known.version, row.version)
        if self._chained:
            self.report.add(where, "its hashes were removed")
        else:
            self.report.older += 1

    def _follow(self, where: str, row: ChainedRow, known: _Request) -> None:
        if row.state:
            if row.version != known.version + 1:
                self.report.add(where, f"it is version {row.version} of its request, after version {known.version}")
            known.version, known.state = row.version, row.state or ""
        entry = _entry_of(row)
        erased = entry.get("type") == "erased" and known.differing
        if erased and entry.get("kept") == kept_digest(known.differing):
            self.report.erased += len(known.differing)
            known.differing.clear()

    def seal(self, kept: StoredSeal) -> None:
        """The next seal, after the rows that it covers."""
        self.report.seals += 1
        where, before = f"seal {kept.number}", max(self._seals, default=0)
        tree, self._tree = self._tree, merkle.Tree()
        self._covered = self.report.rows
        self.report.head = kept.document
        self._seals[kept.number] = chain.sha256(kept.document)
        try:
            seal = seals.read(kept.document)
        except ValueError:
            self.report.add(where, "it cannot be read")
            return
        self._signers = seals.signers_of(seal, self._check)
        for wrong in self._wrong(kept, seal, before, tree):
            self.report.add(where, wrong)

    def _wrong(self, kept: StoredSeal, seal: seals.Seal, before: int, tree: merkle.Tree) -> Iterator[str]:
        if (seal.number, seal.last) != (kept.number, kept.last_row):
            yield "its columns are not what was written"
        if kept.number != before + 1:
            yield f"it stands after seal {before}: seals were removed or moved"
        elif seal.prev != self._seals.get(before, ""):
            yield "it does not follow the seal before it"
        if not self._signers:
            yield "its signature is wrong"
        if tree.count != seal.count:
            yield f"rows {seal.first} to {seal.last} were {seal.count} when it was made, and are {tree.count} now"
        elif tree.root != seal.root:
            yield f"rows {seal.first} to {seal.last} are not what was sealed"

    def request(self, stored: StoredTicket) -> None:
        """A request as it is stored, after all rows."""
        if _columns_of(stored.document) != (stored.id, *stored.facts):
            self.report.add(f"request {stored.id}", "its columns are not those of its document")
        self.state(stored.id, chain.sha256(stored.document))

    def state(self, id: str, found: str) -> None:
        """As `request`, by the digest of the document."""
        known = self._requests.setdefault(id, _Request())
        # one that changed while it was looked at comes again, after its new rows
        self.report.requests += not known.checked
        if known.version == known.checked:
            self.report.add(f"request {id}", "no row of the log says that it was asked")
        elif known.state and known.state != found:
            self.report.add(f"request {id}", "it is not what its last row in the log says")
        known.checked = known.version
        self._differing(known)

    def elsewhere(self, line: str) -> None:
        """A seal that was kept elsewhere, after all seals."""
        try:
            seal = seals.read(line)
        except ValueError:
            self.report.add("the seals kept elsewhere", "a line of them cannot be read")
            return
        where = f"seal {seal.number}"
        if seal.number not in self._seals:
            self.report.add(where, "it was kept elsewhere, and is missing here: the end of the log was cut off")
        elif self._seals[seal.number] != chain.sha256(line):
            self.report.add(where, "it is not the one that was kept elsewhere: the log was rewritten")

    def finish(self, *, with_requests: bool = True) -> Report:
        """The report, once everything was handed in; *with_requests* if the requests were, too."""
        for id, known in self._requests.items():
            self._differing(known)
            if with_requests and id and known.version != known.checked:
                self.report.add(f"request {id}", "it is gone, and the log has its rows")
        if self._trusted and self._seals and not self._signers & self._trusted:
            self.report.add(f"seal {max(self._seals)}", "it is signed by a key that is not trusted")
        self.report.unsealed = self.report.rows - self._covered
        return self.report

    def _differing(self, known: _Request) -> None:
        for number, _ in known.differing:
            self.report.add(f"row {number}", "its text is not what was written")
        known.differing.clear()


def kept_digest(rows: Collection[tuple[int, str]]) -> str:
    """One digest of what was left of rows when their content was erased: their numbers, and digests of their texts."""
    return chain.sha256("\n".join(f"{number} {text}" for number, text in rows))


def _columns_of(document: str) -> tuple[str | int | None, ...]:
    """What stands in the columns of a ticket beside its document; nothing if that cannot be read."""
    found = read_object(document)
    try:
        made = documents.to_micros(datetime.fromisoformat(found["created_at"]))
        state = "pending" if found.get("decision") is None else "decided"
        session = found["request"].get("source", {}).get("session")
        return found["id"], found["ref"], found["version"], state, found["owner"], session, made
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _entry_of(row: ChainedRow) -> dict[str, Any]:
    return read_object(row.entry) if row.entry.startswith('{"type":"erased"') else {}


def read_object(written: str) -> dict[str, Any]:
    """What was written as JSON; nothing if it is damaged."""
    try:
        found: Any = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

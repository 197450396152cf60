"""The records of the SQL stores: small named documents, found by their keys."""

from __future__ import annotations

import abc
import json
from collections.abc import Collection, Mapping, Sequence

from sayso import errors
from sayso.stores import documents, lists, sql
from sayso.stores.protocol import Last, Record

Value = documents.Value
RawRow = documents.RawRow


class SqlRecords(abc.ABC):
    """See `Store`."""

    @abc.abstractmethod
    async def _read(self, query: sql.Name, *values: Value) -> Sequence[RawRow]: ...

    @abc.abstractmethod
    async def _write(self, query: sql.Name, *values: Value) -> Sequence[RawRow]: ...

    @abc.abstractmethod
    async def _select(self, text: str, *values: Value) -> Sequence[RawRow]: ...

    async def _select_few(self, text: str, *values: Value) -> Sequence[RawRow]:
        """As `_select`, where the rows are few, and found by their keys."""
        return await self._select(text, *values)

    async def put(self, record: Record) -> None:
        """See `Store.put`."""
        name, (text, ends) = (record.kind, record.name), documents.row_of_record(record)
        if record.version == 0:
            rows = await self._write("insert_record", *name, text, ends)
        else:
            rows = await self._write("replace_record", text, ends, *name, record.version)
        if not rows:
            raise errors.Conflict(f"{record.kind} {record.name} was written by somebody else")

    async def get(self, kind: str, name: str) -> Record | None:
        """See `Store.get`."""
        return documents.read_one(f"{kind} {name}", documents.read_record, await self._read("get", kind, name))

    async def get_all(self, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Record]:
        """See `Store.get_all`."""
        rows = await self._read("get_all", json.dumps(list(wanted)))
        return {(one.kind, one.name): one for one in documents.read_all(documents.read_record, rows)}

    async def look_back(self, *wanted: Last) -> Sequence[Record]:
        """See `Store.look_back`."""
        values: list[Value] = []
        for kind, prefix, most in wanted:
            values += (kind, prefix, prefix + lists.LAST, most)
        rows = await self._select_few(lists.select_records(len(wanted)), *values)
        return list(documents.read_all(documents.read_record, rows))

    async def remove(self, kind: str, name: str) -> Record | None:
        """See `Store.remove`."""
        return documents.read_one(f"{kind} {name}", documents.read_record, await self._write("remove", kind, name))

    async def scan(self, kind: str, prefix: str = "") -> Sequence[Record]:
        """See `Store.scan`."""
        rows = await self._read("scan", kind, prefix, prefix + lists.LAST)
        return list(documents.read_all(documents.read_record, rows))

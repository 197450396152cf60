"""Old addresses of modules: they work until 0.2, with a `DeprecationWarning` that says the new one.

Nothing of ours imports an old address; a test sees to it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib import machinery
from types import ModuleType
from typing import Any

ADDRESSES: Mapping[str, str] = {
    "admitting": "sayso.desk.admission.admitting",
    "approvers": "sayso.machine.approvers",
    "attendance": "sayso.desk.upkeep.attendance",
    "authority": "sayso.desk.authority",
    "binding": "sayso.content.binding",
    "callers": "sayso.desk.callers",
    "courier": "sayso.desk.courier",
    "datafile": "sayso.stores.sqlite_file",
    "dialog": "sayso.cards.dialog",
    "digest": "sayso.content.digest",
    "documents": "sayso.stores.documents",
    "draw": "sayso.cards.draw",
    "edits": "sayso.content.edits",
    "entries": "sayso.content.entries",
    "events": "sayso.machine.events",
    "fields": "sayso.content.fields",
    "fitting": "sayso.machine.fitting",
    "gate": "sayso.asking.gate",
    "handles": "sayso.desk.asker",
    "hitl": "sayso_hitl.client",
    "holding": "sayso.machine.holding",
    "hook_errors": "sayso.asking.hooks.hook_errors",
    "hooks": "sayso.asking.hooks.by_label",
    "house": "sayso.desk.setup",
    "keys": "sayso.desk.keys",
    "lanes": "sayso.desk.posting.lanes",
    "lookalikes": "sayso.content.lookalikes",
    "marks": "sayso.chat.marks",
    "memory": "sayso.stores.memory",
    "notes": "sayso.desk.posting.notes",
    "numbers": "sayso.content.numbers",
    "opening": "sayso.asking.opening",
    "outcomes": "sayso.machine.outcomes",
    "patterns": "sayso.content.patterns",
    "payloads": "sayso.asking.hooks.payloads",
    "people": "sayso.machine.people",
    "permits": "sayso.asking.permits",
    "pgserver": "sayso.stores.pgserver",
    "places": "sayso.asking.hooks.turns",
    "postgres": "sayso.stores.postgres",
    "pressing": "sayso.desk.answering.pressing",
    "prose": "sayso.cards.prose",
    "quota": "sayso.desk.admission.quota",
    "restoring": "sayso.desk.upkeep.restoring",
    "said": "sayso.cards.history",
    "schema": "sayso.content.schema",
    "shapes": "sayso.content.shapes",
    "shelf": "sayso.cards.shelf",
    "sqlite": "sayso.stores.sqlite",
    "store": "sayso.stores",
    "submission": "sayso.cards.submission",
    "tables": "sayso.stores.sql_store",
    "talk": "sayso.chat.talk",
    "telling": "sayso.cards.telling",
    "text": "sayso.content.text",
    "tokens": "sayso.cards.tokens",
    "typed": "sayso.asking.hooks.typed",
    "typed_json": "sayso.content.typed_json",
    "typography": "sayso.content.typography",
    "unions": "sayso.content.unions",
    "unsigned": "sayso.chat.unsigned",
    "waiting": "sayso.asking.hooks.waits",
    "watch": "sayso.stores.watch",
    "webhooks": "sayso.asking.hooks.webhooks",
    "wording": "sayso.content.wording",
    "writer": "sayso.stores.sqlite_worker",
    "written": "sayso.content.requests",
}
"""The name after `sayso.`, and where it is now."""


class Finder:
    """Finds a module under its old address: the very module, not a copy of it.

    It is a finder and a loader without the classes of `importlib.abc`, which are slow to import.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> machinery.ModuleSpec | None:
        """A spec, if *fullname* is an old address."""
        package, _, name = fullname.rpartition(".")
        loader: Any = self
        return machinery.ModuleSpec(fullname, loader) if package == "sayso" and name in ADDRESSES else None

    def create_module(self, spec: machinery.ModuleSpec) -> ModuleType | None:
        """Nothing: an empty one as usual."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of today in the place of the empty one."""
        import warnings

        old = module.__name__
        new = ADDRESSES[old.removeprefix("sayso.")]
        warnings.warn(f"{old} has moved to {new}; the old address goes in 0.2", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(new)

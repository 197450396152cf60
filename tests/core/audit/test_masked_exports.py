"""An export of the log without its secrets: it can still be checked."""

import dataclasses
import json
from datetime import timedelta

import pytest

from sayso import asking, model
from sayso.audit import checking, exporting, gathering
from sayso.desk import Desk, Setup
from sayso.machine import people
from sayso.stores.auditing import ChainedRow, StoredTicket
from sayso.stores.memory import MemoryStore
from sayso.testing import clock, samples


async def test_an_export_with_masks_holds_no_secret_and_can_be_checked() -> None:
    secret = "ghp_" + "a1B2" * 9
    store = MemoryStore()
    desk = Desk(store, samples.MINT)
    await desk.open(asking.Permission(tool="Bash", input={"command": f"TOKEN={secret} make"}, id="r1"))
    await desk.open(asking.Permission(tool="Bash", input={"command": "make"}, id="r2"))
    await desk.cancel("r1", reason=f"{secret} was used")
    lines = exporting.Lines(masks=samples.MINT.masks)
    written = [lines.head(samples.NOW)]
    async for item in gathering.everything(store):
        written.append(lines.line(item))
    written.append(lines.end())
    found = [json.loads(line) for line in written]
    assert secret not in "".join(written)
    masked = [one for one in found if "masked" in one]
    assert {one["kind"] for one in masked} == {"row", "request"}
    assert all("••••36:" in json.dumps(one["masked"], ensure_ascii=False) for one in masked)
    assert any(one["kind"] == "request" and one["document"] and "make" in one["document"] for one in found)
    checker = checking.Checker(lambda *_: True, ())
    exporting.check_lines(iter(written), checker)
    assert checker.finish().findings == []


def test_what_cannot_be_read_is_left_out_of_an_export_with_masks() -> None:
    row = ChainedRow(1, "r1", 1, "{damaged")
    assert json.loads(exporting.Lines(masks=samples.MINT.masks).line(row))["entry"] is None
    assert json.loads(exporting.Lines().line(row))["entry"] == "{damaged"


@pytest.mark.parametrize("off", [False, True])
async def test_a_receipt_is_left_out_for_as_long_as_somebody_could_act_by_it_and_then_all_can_be_checked(
    off: bool,
) -> None:
    store, ann = MemoryStore(), people.Actor("chat:T/ann", name="Ann", person="ann", member=True)
    profiles = people.Directory({"ann": people.Profile(accounts=frozenset({"chat:T/ann"}))})
    setup = Setup({"default": model.Policy(approvers=("ann",), valid_for=600.0)}, profiles)
    desk = Desk(store, samples.MINT, setup, clock.ManualClock(samples.NOW))
    await desk.open(asking.Permission(tool="Bash", input={"command": "make"}, id="r1"))
    await desk.answer("r1", model.Answer(verdict="allow"), ann)
    receipt = "eyJhbGciOiJFZERTQSIsImtpZCI6InNpeCJ9.eyJhdWQiOiJzYXlzbyIsInN1YiI6InIxIn0." + "c2lnbmF0dXJl" * 7
    (stored,) = [one async for one in gathering.everything(store) if isinstance(one, StoredTicket)]
    document = json.loads(stored.document)
    document["decision"]["receipt"] = receipt
    carrying = dataclasses.replace(stored, document=json.dumps(document))
    shown = {}
    for seconds in (599, 600):
        lines = exporting.Lines(masks=dataclasses.replace(samples.MINT.masks, off=off))
        lines.head(samples.NOW + timedelta(seconds=seconds))
        shown[seconds] = json.loads(lines.line(carrying))
    assert shown[599]["document"] is None
    assert receipt not in json.dumps(shown[599])
    assert shown[599]["masked"]["decision"]["outcome"] == "allowed"
    assert json.loads(shown[600]["document"])["decision"]["receipt"] == receipt

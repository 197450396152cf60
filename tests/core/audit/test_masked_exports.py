"""An export of the log without its secrets: it can still be checked."""

import json

from sayso import asking
from sayso.audit import checking, exporting, gathering
from sayso.desk import Desk
from sayso.stores.auditing import ChainedRow
from sayso.stores.memory import MemoryStore
from sayso.testing import samples


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

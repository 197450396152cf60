"""Only blocks, elements and fields that Slack's published types know: what `slack_sdk` reads, it writes again."""

import itertools
from collections.abc import Iterator
from typing import Any

from slack_sdk.models.blocks import Block

from sayso.cards import draw
from sayso.testing import samples
from sayso_slack import render
from tests.tables import each

Json = dict[str, Any]


def payloads() -> Iterator[Json]:
    for ticket in (*samples.pending(), *samples.long(), *samples.closed()):
        drawn = draw.card_of(ticket, samples.MINT)
        yield render.render(drawn, files={0: "F00000001"})
        yield render.render(drawn)
    # pages of one request are alike: every fifth window has all that there is
    yield from map(render.render_dialog, itertools.islice(samples.dialogs(render.ROOM), 0, None, 5))


def test_slacks_own_types_know_every_block_and_every_field() -> None:
    seen = set[str]()
    for payload in payloads():
        for block in payload["blocks"]:
            known = Block.parse(block)
            assert known is not None
            assert known.to_dict() == block
            seen.add(block["type"])
    assert seen == {"rich_text", "context", "actions", "input", "image"}


def test_a_newer_block_would_not_pass() -> None:
    rows: list[str] = ["layout", "data_table"]
    for row in each(rows):
        with row as unknown:
            assert Block.parse({"type": unknown}) is None

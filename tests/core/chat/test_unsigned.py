"""Posts that are not signed: said and kept now and then, and never by who sent them."""

from datetime import UTC, datetime

import pytest

from sayso import errors
from sayso.chat import unsigned
from sayso.stores import memory


async def test_a_flood_of_wrong_signatures_is_said_and_stored_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now, records = [1_000_000.0], memory.MemoryStore()
    gate = unsigned.Unsigned("Chat", lambda: now[0], records)
    for second in range(121):
        now[0] = 1_000_000.0 + second
        await gate.note_refusal("look there")
    said = [vars(one)["posts"] for one in caplog.records]
    assert said == [1, 61, 121]
    kept = await records.get(unsigned.kind("Chat"), unsigned.NAME)
    assert kept is not None
    assert (kept.version, kept.value["posts"]) == (3, 121)
    found = await unsigned.find_notice("Chat", records, datetime.fromtimestamp(now[0], UTC))
    assert found is not None
    assert (found[1], "121 so far" in found[0]) == ("look there", True)
    assert found[0].startswith("the service refuses what Chat posts")
    assert await unsigned.find_notice("Other", records, datetime.fromtimestamp(now[0], UTC)) is None
    await gate.forget()
    assert await unsigned.find_notice("Chat", records, datetime.fromtimestamp(now[0], UTC)) is None


async def test_a_database_that_is_away_neither_hides_a_wrong_signature_nor_hinders_a_right_one(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise errors.StoreUnavailable("away")

    records = memory.MemoryStore()
    monkeypatch.setattr(records, "put", away)
    monkeypatch.setattr(records, "remove", away)
    caplog.set_level("INFO")
    gate = unsigned.Unsigned("Chat", lambda: 1_000_000.0, records)
    await gate.note_refusal("look there")
    await gate.forget()
    assert [one.message for one in caplog.records] == [
        "a post was not signed by its platform",
        "wrong signatures not kept",
        "wrong signatures not forgotten",
    ]


async def test_without_a_database_a_wrong_signature_is_said_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    gate = unsigned.Unsigned("Chat", lambda: 1_000_000.0)
    await gate.note_refusal("look there")
    await gate.forget()
    assert [one.message for one in caplog.records] == ["a post was not signed by its platform"]

"""Large images beside their requests: written with them, read by their hash, gone with their content."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

import sayso
from sayso import errors, model, stores
from sayso.cards import card, draw
from sayso.desk import Desk
from sayso.desk.admission import pictures
from sayso.desk.upkeep import purging
from sayso.stores import Record, Store, record_kinds
from sayso.testing import clock, samples
from tests.fakes.pg import pg_server, pg_tables, pg_url

__all__ = ["pg_server", "pg_tables", "pg_url"]

RAW = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8_000
OTHER = RAW[:-1] + b"\0"


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    where = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/sayso.db"
    found = await stores.connect(where)
    yield found
    await found.close()


def asked(*raw: bytes, id: str = "r1", **more: object) -> model.Request:
    attached = [model.Attachment(name="a.png", kind="image", data=base64.b64encode(one).decode()) for one in raw]
    return model.Request.model_validate(
        {"kind": "question", "title": "Right?", "id": id, "attachments": attached, **more}
    )


def image_of(ticket: model.Ticket, index: int = 0) -> card.Image:
    return [part for part in draw.card_of(ticket, samples.MINT).parts if isinstance(part, card.Image)][index]


async def pieces(store: Store, ticket: model.Ticket) -> int:
    sha = ticket.request.attachments[0].sha256
    names = [(record_kinds.PICTURE, f"{ticket.id}/{sha}/{number}") for number in range(20)]
    return len(await store.get_all(names))


async def test_a_large_image_is_stored_with_its_request_and_comes_back_byte_for_byte(store: Store) -> None:
    desk = Desk(store, samples.MINT)
    ticket = await desk.open(asked(RAW, OTHER))
    stored = await store.load("r1")
    assert len(stored.model_dump_json()) < 5_000
    assert await pieces(store, stored) == 6
    for index, raw in enumerate((RAW, OTHER)):
        assert await pictures.bytes_of(store, "r1", image_of(stored, index)) == raw
        assert await pictures.bytes_of(store, "r1", stored.request.attachments[index]) == raw
    # asked again it is the same request, and another image is another one
    assert await desk.open(asked(RAW, OTHER)) == ticket
    with pytest.raises(errors.AlreadyExists):
        await desk.open(asked(OTHER, RAW))


async def test_an_image_takes_the_place_of_another_with_its_request(store: Store) -> None:
    desk = Desk(store, samples.MINT)
    await desk.open(asked(RAW))
    newer = await desk.open(asked(OTHER, id="r2", supersedes="r1"))
    assert await pictures.bytes_of(store, "r2", image_of(newer)) == OTHER


async def test_a_small_image_is_read_from_its_request(store: Store) -> None:
    ticket = await Desk(store, samples.MINT).open(asked(RAW[:500]))
    assert await pieces(store, ticket) == 0
    assert await pictures.bytes_of(store, "r1", image_of(ticket)) == RAW[:500]


async def test_a_piece_that_is_gone_or_changed_shows_nothing(store: Store) -> None:
    ticket = await Desk(store, samples.MINT).open(asked(RAW))
    shown = image_of(ticket)
    name = f"r1/{shown.sha256}/1"
    piece = await store.get(record_kinds.PICTURE, name)
    assert piece is not None
    changed = "A" + piece.value["data"][1:] if piece.value["data"][0] != "A" else "B" + piece.value["data"][1:]
    await store.put(Record(record_kinds.PICTURE, name, {"data": changed}, None, piece.version))
    with pytest.raises(errors.NotFound):
        await pictures.bytes_of(store, "r1", shown)
    await store.remove(record_kinds.PICTURE, name)
    with pytest.raises(errors.NotFound):
        await pictures.bytes_of(store, "r1", shown)
    with pytest.raises(errors.NotFound):
        await pictures.bytes_of(store, "r1", dataclasses.replace(shown, sha256="0" * 64))


async def test_an_image_is_erased_with_the_content_of_its_request(store: Store) -> None:
    time = clock.ManualClock(samples.NOW)
    desk = Desk(store, samples.MINT, clock=time)
    ticket = await desk.open(asked(RAW))
    kept = await desk.open(asked(RAW, id="r2"))
    await desk.cancel("r1")
    assert await pieces(store, ticket) == 6
    assert await purging.erase(store, "r1", time.now() + timedelta(days=1), "ops")
    assert await pieces(store, ticket) == 0
    assert await pieces(store, kept) == 6


async def test_what_has_no_image_writes_no_record_beside_it(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    written = list[object]()
    commit = store.commit

    async def counted(step: object, entry: object, beside: object = ()) -> None:
        written.append(beside)
        await commit(step, entry, beside)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "commit", counted)
    await Desk(store, samples.MINT).open(sayso.Permission(tool="Bash", input={"command": "ls"}))
    assert written == [()]


async def test_postgresql_keeps_a_large_image_with_its_request_too(pg_tables: str) -> None:
    store = await stores.connect(pg_tables)
    try:
        desk = Desk(store, samples.MINT)
        ticket = await desk.open(asked(RAW, OTHER))
        assert await pieces(store, ticket) == 6
        assert await pictures.bytes_of(store, "r1", image_of(ticket, 1)) == OTHER
        await desk.cancel("r1")
        assert await purging.erase(store, "r1", desk.clock.now() + timedelta(days=1), "ops")
        assert await pieces(store, ticket) == 0
    finally:
        await store.close()

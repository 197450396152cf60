"""Large images of requests, kept beside them in pieces: written with the request, and gone with its content.

The rule: nothing is read for a request that has none, and what is read has the hash that the request's digest binds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sayso import aside, errors, model
from sayso.cards import card
from sayso.content import images
from sayso.stores import Record, Store, record_kinds

# Characters of base64 in one record: a row that both databases write and read at once.
_PIECE = 524_288


def records(ticket_id: str, kept: Mapping[str, str]) -> Sequence[Record]:
    """The records of the large images of a request, by their hashes."""
    return [
        Record(record_kinds.PICTURE, _name(ticket_id, sha256, at // _PIECE), {"data": data[at : at + _PIECE]})
        for sha256, data in kept.items()
        for at in range(0, len(data), _PIECE)
    ]


async def bytes_of(store: Store, ticket_id: str, one: model.Attachment | card.Image) -> bytes:
    """The bytes of an image. Raises `NotFound` if they are gone, or are not those that were asked about."""
    if not one.sha256:
        return await aside.run(images.bytes_of, one.data or "")
    names = [_name(ticket_id, one.sha256, number) for number in range(_count(one.size or 0))]
    found = [await store.get(record_kinds.PICTURE, name) for name in names]
    if all(found):
        data = await aside.run(images.bytes_of, "".join(piece.value["data"] for piece in found if piece))
        if await aside.run(_digest, data) == one.sha256:
            return data
    raise errors.NotFound("the image is not there any more", field="id")


async def forget(store: Store, ticket: model.Ticket) -> None:
    """Remove the large images of a request."""
    for one in ticket.request.attachments:
        for number in range(_count(one.size or 0) if one.sha256 else 0):
            await store.remove(record_kinds.PICTURE, _name(ticket.id, one.sha256 or "", number))


def _name(ticket_id: str, sha256: str, number: int) -> str:
    return f"{ticket_id}/{sha256}/{number}"


def _count(size: int) -> int:
    written = (size + 2) // 3 * 4
    return -(-written // _PIECE)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

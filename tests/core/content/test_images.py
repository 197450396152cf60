"""Attached images: what is one, what is refused, and that the digest covers every byte."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.cards import card, draw
from sayso.content import digest, images, requests
from sayso.testing import samples
from tests.counting import MOST, grows
from tests.tables import each


def png(width: int = 2, height: int = 2, colour: bytes = b"\xff\x00\x00") -> bytes:
    """A whole picture in one colour."""
    rows = zlib.compress(b"".join(b"\0" + colour * width for _ in range(height)))
    chunks = ((b"IHDR", struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    made = (
        struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def image(raw: bytes | None = None, **given: Any) -> model.Attachment:
    data = base64.b64encode(png() if raw is None else raw).decode()
    wanted: dict[str, Any] = {"name": "shop.png", "kind": "image", "data": data, **given}
    return model.Attachment(**wanted)


def asked(*attached: model.Attachment) -> model.Request:
    return requests.checked(sayso.Question("Does this look right?", attachments=attached))


def test_an_image_is_what_its_bytes_say() -> None:
    for row in each(
        [
            (png(), "image/png"),
            (b"\xff\xd8\xff\xe0 and so on", "image/jpeg"),
            (b"GIF89a and so on", "image/gif"),
            (b"RIFF\n\0\0\0WEBP and so on", "image/webp"),
        ]
    ):
        with row as (head, kind):
            data = asked(image(head)).attachments[0].data or ""
            assert (images.type_of(data), images.bytes_of(data), images.size_of(data)) == (kind, head, len(head))


def test_what_is_not_an_image_is_refused_by_name() -> None:
    for row in each(
        [
            image(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            image(name="logo.SVG"),
            image(name="logo.svgz "),
            image(b"<html><script>"),
            image(b""),
            image(b"RIFF\0\0\0\0WAVE"),
            image(media_type="image/gif"),
            image(data="https://example.com/a.png"),
            image(data="iVBORw0KGgo=\n!"),
            image(png() + bytes(images.MAX_BYTES)),
        ]
    ):
        with row as wrong:
            with pytest.raises(errors.InvalidRequest) as refused:
                asked(image(), wrong)
            assert refused.value.field == "attachments.1.data"


def test_each_kind_has_its_own_content_and_no_address() -> None:
    rows: list[dict[str, Any]] = [
        {"kind": "image"},
        {"kind": "image", "text": "x"},
        {"kind": "image", "data": "x", "text": "x"},
        {"kind": "text"},
        {"kind": "text", "text": "x", "data": "x"},
        {"kind": "image", "data": "x", "media_type": "image/svg+xml"},
        {"kind": "image", "url": "https://example.com/a.png"},
    ]
    for row in each(rows):
        with row as wrong, pytest.raises(errors.InvalidRequest):
            model.Attachment(name="a", **wrong)


def test_the_largest_image_fits_into_a_request() -> None:
    largest = png() + bytes(images.MAX_BYTES - len(png()))
    assert images.size_of(asked(image(largest)).attachments[0].data or "") == images.MAX_BYTES


def test_the_digest_covers_every_byte() -> None:
    one, other = (samples.opened(asked(image(png(colour=colour)))) for colour in (b"\xff\x00\x00", b"\xfe\x00\x00"))
    assert one.digest != other.digest


def test_a_text_is_stored_as_it_was_before_there_were_images() -> None:
    stored = json.loads(requests.text_of(asked(model.Attachment(name="log", text=""))))
    assert stored["attachments"] == [{"name": "log", "text": ""}]


def test_an_image_stands_on_the_card_by_name_type_and_size() -> None:
    drawn = draw.draw_card(samples.opened(asked(image())), samples.MINT)
    [shown] = [part for part in drawn.parts if isinstance(part, card.Image)]
    assert "".join(card.pieces(shown)) == f"Attached image · shop.png · PNG, {len(png())} bytes"
    assert (shown.file_name, shown.media_type) == ("image-1.png", "image/png")


@pytest.mark.once
def test_an_image_is_checked_in_linear_work() -> None:
    def check(data: str) -> None:
        images.check([model.Attachment(name="a" * 200, kind="image", data=data)])

    assert grows(lambda size: base64.b64encode(png() + bytes(size)).decode(), check) < MOST


def large(count: int = 200_000) -> bytes:
    return png() + bytes(range(256)) * (count // 256)


def test_a_small_image_stands_in_its_request_and_a_large_one_beside_it() -> None:
    raw = large()
    request, kept = requests.ready(asked(image(), image(raw), model.Attachment(name="log", text="a line")))
    small, big, text = request.attachments
    assert (small.sha256, text.sha256, small.data) == (None, None, image().data)
    assert (big.data, big.media_type, big.size) == (None, "image/png", len(raw))
    assert big.sha256 == hashlib.sha256(raw).hexdigest()
    assert {name: base64.b64decode(data) for name, data in kept.items()} == {big.sha256: raw}
    assert len(requests.text_of(request)) < 2_000
    whole = images.whole(request.attachments, kept)
    assert whole[1] == image(raw, media_type="image/png")
    assert whole[0] is small


def test_without_a_large_image_nothing_is_kept_beside() -> None:
    attached = (image(),)
    assert images.apart(attached) == (attached, {})
    assert requests.ready(asked())[1] == {}


def test_five_megabytes_are_taken_and_one_byte_more_is_not() -> None:
    head = png()
    most = head + bytes(images.MAX_BYTES - len(head))
    _, kept = requests.ready(asked(image(most), image(most)))
    assert len(kept) == 1
    with pytest.raises(errors.InvalidRequest, match="more than 5,000,000 bytes"):
        asked(image(most + b"\0"))
    with pytest.raises(errors.InvalidRequest, match="10,000,000 bytes together") as refused:
        asked(image(most), image(most), image())
    assert refused.value.field == "attachments"


@pytest.mark.parametrize("claimed", [{"sha256": "0" * 64, "size": 5}, {"sha256": "0" * 64}])
def test_no_agent_says_that_the_service_keeps_an_image(claimed: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match="only the service") as refused:
        asked(model.Attachment(name="a.png", kind="image", media_type="image/png", **claimed))
    assert refused.value.field == "attachments.0.sha256"
    with pytest.raises(errors.InvalidRequest):
        model.Attachment(name="a", text="x", **claimed)


def test_the_digest_covers_every_byte_of_a_large_image() -> None:
    one, other = (requests.document(requests.ready(asked(image(raw)))[0]) for raw in (large(), large()[:-1] + b"\1"))
    assert digest.digest(one, "request") != digest.digest(other, "request")


def test_a_card_names_a_large_image_without_its_bytes() -> None:
    ticket = samples.opened(asked()).model_copy(update={"request": requests.ready(asked(image(large())))[0]})
    (shown,) = (part for part in draw.card_of(ticket, samples.MINT).parts if isinstance(part, card.Image))
    assert (shown.data, shown.sha256, shown.file_name) == ("", ticket.request.attachments[0].sha256, "image-1.png")
    assert "PNG, 200 kB" in "".join(map(card.words_of, shown.text))

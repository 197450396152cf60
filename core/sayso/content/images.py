"""Attached images: read strictly, and told by their bytes, whatever their name says. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence

from sayso import errors, model

MAX_BYTES = 5_000_000
MAX_TOGETHER = 10_000_000
"""Bytes of all images of a request."""
# Base64 of this many signs stands in the request itself; more is kept beside it, where no list reads it.
_INLINE = 65_536

_SIGNS: Mapping[str, re.Pattern[bytes]] = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
ENDINGS: Mapping[str, str] = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
"""How the name of a file of each type ends."""
_HINT = "PNG, JPEG, GIF or WebP, in base64"


def check(attachments: Sequence[model.Attachment]) -> None:
    """Refuse what is not an image that people can be shown. Raises `InvalidRequest`."""
    together = 0
    for index, one in enumerate(attachments):
        if one.sha256 is not None or one.size is not None:
            field = f"attachments.{index}.sha256"
            raise errors.InvalidRequest("only the service says that it keeps an image", field=field, hint="give data")
        if one.kind == "image":
            _check(one, f"attachments.{index}.data")
            together += size_of(one.data or "")
    if together > MAX_TOGETHER:
        said = f"the images have more than {MAX_TOGETHER:,} bytes together"
        raise errors.InvalidRequest(said, field="attachments", hint="attach fewer, or make them smaller")


def apart(attachments: Sequence[model.Attachment]) -> tuple[tuple[model.Attachment, ...], Mapping[str, str]]:
    """Checked attachments with the hash of each large image in place of its bytes; and these, by their hashes."""
    kept: dict[str, str] = {}
    if not attachments:
        return (), kept

    def lean(one: model.Attachment) -> model.Attachment:
        if one.data is None or len(one.data) <= _INLINE:
            return one
        name = hashlib.sha256(bytes_of(one.data)).hexdigest()
        kept[name] = one.data
        facts = {"data": None, "media_type": type_of(one.data), "sha256": name, "size": size_of(one.data)}
        return one.model_copy(update=facts)

    made = tuple(lean(one) for one in attachments)
    return (made if kept else tuple(attachments)), kept


def whole(attachments: Sequence[model.Attachment], kept: Mapping[str, str]) -> tuple[model.Attachment, ...]:
    """The other way round of `apart`."""

    def full(one: model.Attachment) -> model.Attachment:
        data = kept.get(one.sha256 or "")
        return one.model_copy(update={"sha256": None, "size": None, "data": data}) if data else one

    return tuple(map(full, attachments))


def bytes_of(data: str) -> bytes:
    """The bytes of an image that was checked."""
    return base64.b64decode(data)


def type_of(data: str) -> str:
    """The media type of an image that was checked."""
    return _find_type(_head(data))


def size_of(data: str) -> int:
    """How many bytes it has, without reading them."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def _check(one: model.Attachment, field: str) -> None:
    data = one.data or ""
    if re.search(r"\.svgz?\s*\Z", one.name, re.IGNORECASE):
        raise errors.InvalidRequest("an SVG can hold scripts and is not shown", field=field, hint=_HINT)
    if size_of(data) > MAX_BYTES:
        raise errors.InvalidRequest(f"the image has more than {MAX_BYTES:,} bytes", field=field, hint="make it smaller")
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidRequest("the image is not base64", field=field, hint=_HINT) from error
    found = _find_type(_head(data))
    if not found or one.media_type not in (None, found):
        said = f"its bytes are {found}, not {one.media_type}" if found else "its bytes are not those of an image"
        raise errors.InvalidRequest(f"the image cannot be shown: {said}", field=field, hint=_HINT)


def _head(data: str) -> bytes:
    return base64.b64decode(data[:16])


def _find_type(head: bytes) -> str:
    return next((name for name, sign in _SIGNS.items() if sign.match(head)), "")

"""What an agent attached, as parts of a card: texts and diffs in boxes, images beside them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from sayso import model
from sayso.cards import card
from sayso.content import images, text, wording

Trusted = text.Trusted


def parts_of(ticket: model.Ticket) -> Iterable[card.Part]:
    """The parts for all attachments, in order."""
    for index, one in enumerate(ticket.request.attachments):
        label = (Trusted(f"Attached {one.kind} · "), text.line(one.name))
        if one.kind == "image":
            data = one.data or ""
            found = one.media_type if one.sha256 and one.media_type else images.type_of(data)
            size = one.size or images.size_of(data)
            told = (*label, Trusted(f" · {_WORDS[found]}, {_size(size)}"))
            yield card.Image(told, ticket.id, index, found, data, one.sha256 or "", size)
        else:
            shown = text.literal(one.text or "", code=True)
            yield card.Code(label, shown, role=one.kind, diff=one.kind == "diff")


def unless_seen(drawn: card.Card, seen: Collection[int]) -> card.Card:
    """The card on a surface that shows only these of its images: if one is missing, nothing there decides in favour."""
    images = [part for part in drawn.parts if isinstance(part, card.Image)]
    if drawn.brief or all(one.index in seen for one in images):
        return drawn
    controls = tuple(one for one in drawn.controls if isinstance(one, card.Button) and not one.deciding)
    return replace(drawn, parts=(*drawn.parts, card.Warn(_UNSEEN)), controls=controls, review=None)


_UNSEEN = Trusted("Not all attached images are shown here. Whoever allows or answers it sees them in the inbox.")
_WORDS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}


def _size(count: int) -> str:
    return wording.counted(count, "byte") if count < 1_000 else f"{count / 1_000:,.0f} kB"

"""Parts of a card as components: each a text display of its own, and a line between sections. Pure.

The rule: what the service says shares no text display with what an agent brings. So no quote, fence or list of an agent
can run on into it, whatever a client makes of unfinished Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from sayso.cards import card, sections
from sayso.chat.received import Json
from sayso_discord import components, measure, reserve, rich

_CUT = "*… more is not shown here*"
# At least as long as the line above, also when its signs are escaped.
_ROOM_FOR_CUT = "*…*" * 10
_LINE: Json = {"type": components.SEPARATOR, "divider": True, "spacing": 1}
# In units, for the bytes that Discord counts for each text display.
_EACH = 6
# A section of a message takes so many text displays.
_BESIDE = 3


def of_parts(parts: Sequence[card.Part], most: int, sign: str = "", *, images: bool = False) -> list[Json]:
    """The parts in at most *most* components, if that can be; the first text begins with *sign*.

    With *images* they are shown as well: then whoever sends the message adds their files. If there are too many parts,
    what is the agent's shares a text display first, and at last each section has one.
    """
    made: list[Json] = []
    for share in (_apart, _content_together, _together):
        made = list(_laid_out(parts, share, images))
        if len(made) <= most:
            break
    if sign:
        made[0] = {**made[0], "content": f"{sign} {made[0]['content']}"}
    return made


def beside(shown: Sequence[Json], button: Json) -> list[Json]:
    """Short lines with one button at their side, which takes no row."""
    lines = [*shown[:_BESIDE]]
    return [{"type": components.SECTION, "components": lines, "accessory": button}, *shown[_BESIDE:]]


def text(content: str) -> Json:
    """A text display."""
    return {"type": components.TEXT, "content": rich.separate_quotes(content)}


def join(told: Iterable[str]) -> list[Json]:
    """Sentences of one voice in one text display, or nothing; if they do not fit, it says that more is missing."""
    kept: list[str] = []
    for piece in told:
        if not measure.fits([text("\n".join([*kept, piece, _ROOM_FOR_CUT]))]):
            kept.append(_CUT)
            break
        kept.append(piece)
    return [text("\n".join(kept))] if kept else []


def within_room(shown: Iterable[Json]) -> list[Json]:
    """As many of these as a message holds; if some are left out, the last text says so."""
    kept: list[Json] = []
    for one in shown:
        if not measure.fits([*kept, one, text(_ROOM_FOR_CUT)]):
            return [*kept, text(_CUT)]
        kept.append(one)
    return kept


def length_of(part: card.Part) -> int:
    """How much of a message a part takes in a text display of its own: units, or bytes where these are scarcer."""
    return _length(rich.part(part)) + _EACH


def length_in_box(content: str) -> int:
    """At most how much text takes in a box, where ticks are broken up; two texts together take no more than both."""
    return _length(content) + 2 * content.count("`")


def _length(shown: str) -> int:
    # of the bytes as many belong to one unit as fit beside it
    weight = len(shown.encode("utf-8", "surrogatepass"))
    return max(measure.length(shown), -(-weight * reserve.TEXT_LENGTH // reserve.TEXT_BYTES))


def _laid_out(
    parts: Sequence[card.Part], share: Callable[[sections.Section], Iterable[list[str]]], images: bool
) -> Iterator[Json]:
    for index, section in enumerate(sections.sections(parts)):
        if index:
            yield {**_LINE}
        for told in share(section):
            yield text("\n".join(told))
        yield from _gallery(section.parts) if images else ()


def _apart(section: sections.Section) -> Iterable[list[str]]:
    return ([rich.part(part)] for part in section.parts)


def _content_together(section: sections.Section) -> Iterable[list[str]]:
    return _together(section) if section.kind == "content" else _apart(section)


def _together(section: sections.Section) -> Iterable[list[str]]:
    return [[rich.part(part) for part in section.parts]]


def _gallery(parts: Iterable[card.Part]) -> Iterator[Json]:
    """The attached images, by the names of files that the channel sends along."""
    images = [part for part in parts if isinstance(part, card.Image)]
    if images:
        items = [{"media": {"url": f"attachment://{one.file_name}"}, "description": "Attached image"} for one in images]
        yield {"type": components.GALLERY, "items": items}

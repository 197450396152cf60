"""What a person reads in a message or modal, in order, and what would ring, link or unfurl there.

Rule: works on what the app sent and on the names of the guild; how text is cut into live pieces is in
`markdown`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.fakes.discord import markdown
from tests.fakes.discord.components import BUTTON, FILE, GALLERY, LABEL, TEXT, THUMBNAIL
from tests.fakes.discord.controls import walk
from tests.fakes.discord.errors import Json
from tests.fakes.discord.limits import SUPPRESS_EMBEDS, V2
from tests.fakes.discord.permissions import MENTION_EVERYONE
from tests.fakes.discord.world import BOT, GUILD, Message, Modal, World

_ID = re.compile(r"\d+")


def read(world: World, text: str) -> str:
    """Markdown as a person reads it, with names for mentions."""
    show = {p.target: _shown(world, p.target) for p in markdown.pieces(text) if p.kind == "mention"}
    return _times(markdown.drawn(text, show))


def lines(world: World, where: Message | Modal) -> Iterator[str]:
    """One line for each thing a person reads, top to bottom."""
    if isinstance(where, Modal):
        yield where.content["title"]
    else:
        yield read(world, where.content)
        for embed in where.embeds:
            yield from (read(world, part) for part in _embed(embed))
    for part in walk([*where.components]):
        yield from (line for line in _component(world, part) if line)
    if isinstance(where, Message) and not where.flags & V2:
        yield from (file["filename"] for file in where.attachments)


def texts(where: Message | Modal) -> Iterator[str]:
    """Every markdown text in there."""
    if isinstance(where, Message):
        yield where.content
        for embed in where.embeds:
            yield from _embed(embed)
    yield from (part["content"] for part in walk([*where.components]) if part["type"] == TEXT)


def mentions(where: Message | Modal) -> Iterator[str]:
    """Every mention that is drawn as one, whether it rings or not: people, roles, channels, commands, @everyone."""
    for text in texts(where):
        yield from (piece.target for piece in markdown.pieces(text) if piece.kind == "mention")


def links(where: Message | Modal) -> Iterator[str]:
    """Every live link target, those of buttons and embeds included."""
    for text in texts(where):
        yield from _targets(text)
    if isinstance(where, Message):
        for embed in where.embeds:
            yield from (embed[name] for name in ("url",) if embed.get(name))
    for part in walk([*where.components]):
        if part["type"] == BUTTON and part.get("url"):
            yield part["url"]


def previews(message: Message) -> list[str]:
    """The links that Discord would fetch and unfurl: only those of plain content, unless the message says no."""
    if message.flags & (SUPPRESS_EMBEDS | V2):
        return []
    found = (piece for piece in markdown.pieces(message.content) if piece.kind == "link" and not piece.quiet)
    return [piece.target for piece in found if piece.target.startswith("http")]


def pings(world: World, message: Message) -> list[str]:
    """Who is notified: `@everyone`, `@here`, `<@id>`, `<@&id>`, after allowed_mentions and the author's permissions."""
    parts = [message.content, *(p["content"] for p in walk([*message.components]) if p["type"] == TEXT)]
    found = dict.fromkeys(target.replace("!", "") for text in parts for target in markdown.pings(text))
    channel = world.channels[message.channel]
    given = world.permissions(message.author, channel) & MENTION_EVERYONE if message.author in world.users else 0
    # Answers to interactions parse users unless told otherwise, other messages parse everything.
    usual: Json = {"parse": ["users"] if message.is_webhook else ["users", "roles", "everyone"]}
    allowed = message.allowed_mentions if message.allowed_mentions is not None else usual
    ringing = [target for target in found if _rings(world, target, allowed, may_all=bool(given))]
    replied = world.find(message.replies_to) if message.replies_to and message.pings_author else None
    return [*ringing, *([f"<@{replied.author}>"] if replied and f"<@{replied.author}>" not in ringing else [])]


def mentions_app(world: World, message: Message) -> bool:
    """Whether the app is pinged: then it is shown the message without the MESSAGE_CONTENT intent."""
    replied = world.find(message.replies_to) if message.replies_to else None
    # A reply to the answer of an interaction does not count (api-docs#5395).
    through_reply = replied is not None and replied.author == BOT and not replied.is_webhook and message.pings_author
    named = {target.replace("!", "") for target in markdown.pings(message.content)}
    return through_reply or f"<@{BOT}>" in named


def _rings(world: World, target: str, allowed: Json, *, may_all: bool) -> bool:
    parse = allowed.get("parse") or []
    if target.startswith("@"):
        return may_all and "everyone" in parse
    some_id = _ID.findall(target)[0]
    if target.startswith("<@&"):
        role = world.roles.get(some_id)
        named = "roles" in parse or some_id in map(str, allowed.get("roles") or [])
        return named and role is not None and role.id != GUILD and (role.mentionable or may_all)
    return some_id in world.users and ("users" in parse or some_id in map(str, allowed.get("users") or []))


def _targets(text: str) -> Iterator[str]:
    for piece in markdown.pieces(text):
        if piece.kind == "link":
            yield piece.target
            # Whatever is drawn inside a link's words may be a link of its own.
            yield from (t for t in _targets(piece.words) if t != piece.target) if piece.words != piece.target else ()


def _embed(embed: Json) -> Iterator[str]:
    yield (embed.get("author") or {}).get("name") or ""
    yield embed.get("title") or ""
    yield embed.get("description") or ""
    for field in embed.get("fields") or []:
        yield from (field["name"], field["value"])
    yield (embed.get("footer") or {}).get("text") or ""


def _component(world: World, part: Json) -> Iterator[str]:
    kind = part["type"]
    if kind == TEXT:
        yield read(world, part["content"])
    elif kind == LABEL:
        yield from (part["label"], part.get("description") or "")
    elif kind in (THUMBNAIL, GALLERY):
        yield from (item.get("description") or "" for item in part.get("items") or [part])
    elif kind == FILE:
        yield part["file"]["url"].rpartition("/")[2]
    elif kind == BUTTON:
        yield str((part.get("emoji") or {}).get("name") or "")
        yield part.get("label") or ""
    else:
        yield part.get("label") or ""
        yield part.get("value") or part.get("placeholder") or ""
        for option in part.get("options") or []:
            yield from (option["label"], option.get("description") or "")


def _shown(world: World, target: str) -> str:
    if found := _ID.findall(target):
        return ("#" if target.startswith("<#") else "@") + world.name(found[0])
    return target


def _times(text: str) -> str:
    def show(hit: re.Match[str]) -> str:
        return datetime.fromtimestamp(int(hit[1]), UTC).strftime("%Y-%m-%d %H:%M UTC")

    return re.sub(r"<t:(-?\d+)(?::\w)?>", show, text)

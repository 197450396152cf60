"""Puts messages of the app into the world: checks them, keeps their files, deduplicates nonces, tells the gateway.

Rule: the only place where a message of the app is made or changed, whichever route it came by.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.discord import limits, payloads, text
from tests.fakes.discord.controls import walk
from tests.fakes.discord.errors import Json, Refused, wrong
from tests.fakes.discord.limits import SETTABLE, V2
from tests.fakes.discord.world import BOT, GUILD, Channel, Message, World, numbered

_NONCE_KEPT = 300  # seconds; Discord says "a few minutes"
_FILES = 10
_REQUEST_BYTES = 25 * 1024 * 1024


@dataclass(frozen=True)
class File:
    """An uploaded part of a multipart request; `key` is the n of `files[n]`."""

    key: str
    name: str
    content: bytes
    content_type: str


class Posting:
    """Makes and changes messages of the app."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._nonces: dict[Any, tuple[float, str]] = {}

    def repeated(self, body: Json) -> Message | None:
        """The message that was made with the same enforced nonce a little earlier."""
        made, some_id = self._nonces.get(body.get("nonce"), (0.0, ""))
        if not body.get("enforce_nonce") or self._world.clock() - made > _NONCE_KEPT:
            return None
        return self._world.find(some_id)

    def create(self, channel: Channel, body: Json, files: list[File], **more: Any) -> Message:
        """A new message; *more* are fields of `Message`. Raises `Refused` or `Broken`."""
        limits.check_body(body)
        attachments = self._attach(body.get("attachments") or [], files, [])
        flags = (body.get("flags") or 0) & SETTABLE | more.pop("flags", 0)
        self._check(body, flags, attachments, {})
        draft = Message(self._world.snowflake(), channel.id, BOT, self._world.clock(), flags=flags, **more)
        made = dataclasses.replace(
            draft,
            content=(body.get("content") or "").strip(),
            embeds=tuple(body.get("embeds") or ()),
            sent=tuple(body.get("components") or ()),
            components=self._components(body.get("components") or [], attachments),
            attachments=tuple(attachments),
            nonce=body.get("nonce"),
            allowed_mentions=body.get("allowed_mentions"),
        )
        if made.nonce is not None:
            self._nonces[made.nonce] = (self._world.clock(), made.id)
        self._world.put(made)
        self.tell("MESSAGE_CREATE", made)
        return made

    def edit(self, message: Message, body: Json, files: list[File]) -> Message:
        """The message with the fields of *body* changed; null and empty take a field away."""
        limits.check_body(body)
        kept = list(message.attachments)
        attachments = self._attach(body["attachments"] or [], files, kept) if "attachments" in body else kept
        if "attachments" not in body:
            attachments += self._attach([], files, [])
        flags = self._flags(message, body)
        now: Json = {"content": message.content, "embeds": list(message.embeds), "components": list(message.sent)}
        self._check(body, flags, attachments, now)
        fresh = {name: body.get(name) or type(value)() for name, value in now.items() if name in body}
        new = dataclasses.replace(
            message,
            content=fresh.get("content", message.content).strip(),
            embeds=tuple(fresh.get("embeds", message.embeds)),
            attachments=tuple(attachments),
            flags=flags,
            # Left out means the defaults, not what was allowed before.
            allowed_mentions=body.get("allowed_mentions"),
            edits=message.edits + 1,
            edited_at=self._world.clock(),
        )
        if "components" in fresh:
            shown = self._components(fresh["components"], attachments)
            new = dataclasses.replace(new, sent=tuple(fresh["components"]), components=shown)
        self._world.put(new)
        self.tell("MESSAGE_UPDATE", new)
        return new

    def delete(self, message: Message) -> None:
        """Take a message away."""
        self._world.remove(message)
        channel = self._world.channels[message.channel]
        if message.only_for is None:
            gone: Json = {"id": message.id, "channel_id": channel.id, **_placed(channel)}
            self._world.emit("MESSAGE_DELETE", gone, channel)

    def purge(self, messages: Sequence[Message]) -> None:
        """Take several messages of one channel away at once."""
        for message in messages:
            self._world.remove(message)
        channel = self._world.channels[messages[0].channel]
        gone: Json = {"ids": [one.id for one in messages], "channel_id": channel.id, **_placed(channel)}
        self._world.emit("MESSAGE_DELETE_BULK", gone, channel)

    def tell(self, event: str, message: Message) -> None:
        """Let the app hear of a message that everybody can see."""
        if message.only_for is not None:
            return
        channel = self._world.channels[message.channel]
        payload = payloads.message(self._world, message)
        author = self._world.users[message.author]
        if not channel.dm_with and not message.is_webhook:
            payload["member"] = payloads.member(author)
        open_to_app = bool(channel.dm_with) or message.author == BOT
        # The gateway takes this away again; it says whether the content may be shown without the intent.
        payload["_readable"] = open_to_app or text.mentions_app(self._world, message)
        self._world.emit(event, {**payload, **_placed(channel)}, channel)

    def _check(self, body: Json, flags: int, attachments: list[Json], now: Json) -> None:
        merged: Json = {"flags": flags, "attached": [file["filename"] for file in attachments]}
        for name, empty in (("content", ""), ("embeds", []), ("components", [])):
            merged[name] = (body[name] if name in body else now.get(name)) or empty
        limits.check_message(merged)

    def _flags(self, message: Message, body: Json) -> int:
        asked: int | None = body.get("flags")
        if asked is None:
            return message.flags
        if message.flags & V2 and not asked & V2:
            raise wrong("flags", "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG", "IS_COMPONENTS_V2 cannot be removed.")
        return (message.flags & ~SETTABLE) | (asked & SETTABLE)

    def _attach(self, named: list[Json], files: list[File], kept: list[Json]) -> list[Json]:
        if any(len(file.content) > payloads.ATTACHMENT_LIMIT for file in files):
            raise Refused(40005)
        if sum(len(file.content) for file in files) > _REQUEST_BYTES:
            raise Refused(40005)
        known = {str(file["id"]): file for file in kept}
        described = {str(item.get("id")): item for item in named}
        found = [known[some_id] for some_id in described if some_id in known]
        found += [self._store(file, described.get(file.key) or {}) for file in files]
        if len(found) > _FILES:
            raise wrong("attachments", "BASE_TYPE_MAX_LENGTH", f"Must be {_FILES} or fewer in length.")
        if missing := [key for key in described if key not in known and key not in {f.key for f in files}]:
            raise wrong("attachments", "ATTACHMENT_NOT_FOUND", f"No file came for {missing}.")
        return found

    def _store(self, file: File, about: Json) -> Json:
        some_id, name = self._world.snowflake(), about.get("filename") or file.name
        path = f"/cdn/attachments/{some_id}/{name}"
        self._world.files[path] = file.content
        facts: Json = {"size": len(file.content), "content_type": file.content_type, "filename": name}
        address = self._world.base_url + path
        more: Json = {"description": about["description"]} if about.get("description") else {}
        return {"id": some_id, **facts, "url": address, "proxy_url": address, **more}

    def _components(self, sent: list[Json], attachments: list[Json]) -> tuple[Json, ...]:
        components = numbered(sent)
        found = {f"attachment://{file['filename']}": file for file in attachments}
        for part in walk(components):
            for name in ("file", "media"):
                if name in part:
                    part[name] = _media(part[name], found)
            if part.get("items"):
                part["items"] = [{**item, "media": _media(item["media"], found)} for item in part["items"]]
            if part["type"] == 13 and part["file"]["url"] in {file["url"] for file in attachments}:
                file = next(file for file in attachments if file["url"] == part["file"]["url"])
                part |= {"name": file["filename"], "size": file["size"]}
        return tuple(components)


def _media(item: Json, found: dict[str, Json]) -> Json:
    file = found.get(item["url"], item)
    return {"url": file["url"], "proxy_url": file["url"], "width": None, "height": None}


def _placed(channel: Channel) -> Json:
    return {} if channel.dm_with else {"guild_id": GUILD}

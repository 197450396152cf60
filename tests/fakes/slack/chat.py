"""The `chat.*` methods, response_url posts and file uploads: everything that puts words into a channel.

Rule: a message is checked against `limits` before anything changes.
"""

import dataclasses
import re

from tests.fakes.slack import limits
from tests.fakes.slack.controls import Json
from tests.fakes.slack.limits import Refused
from tests.fakes.slack.passes import ResponseUrl
from tests.fakes.slack.world import BOT, BOT_USER, TEAM, Channel, Message, World, echoed

_LOOKS_FOR = 1.0  # seconds after an upload (python-slack-sdk#1521)
_TEXT_KEPT = 40_000  # chat.postMessage: longer texts are cut


class Chat:
    """Posting, updating and deleting as the app's bot."""

    def __init__(self, world: World, scopes: set[str]) -> None:
        self._world = world
        self._scopes = scopes

    def post(self, args: Json) -> Json:
        """`chat.postMessage`, to a channel id, a channel name or a user id."""
        limits.check_message(args)
        channel = self._open_to_us(self._named(str(args.get("channel", ""))))
        message = self._world.put(self._written(channel, args))
        return {"channel": channel.id, "ts": message.ts, "message": echo(message)}

    def post_ephemeral(self, args: Json) -> Json:
        """`chat.postEphemeral` to somebody who is in the channel."""
        limits.check_message(args)
        channel = self._open_to_us(self._world.channel(args.get("channel", "")))
        if args.get("user") not in channel.members:
            raise Refused("user_not_in_channel")
        message = dataclasses.replace(self._written(channel, args), only_for=args["user"])
        return {"message_ts": self._world.put(message).ts}

    def update(self, args: Json) -> Json:
        """`chat.update`: own, lasting messages only; text without blocks takes the blocks away."""
        limits.check_message(args, updating=True)
        old = self._own(args, "cant_update_message")
        if self._world.channels[old.channel].is_archived:
            raise Refused("is_inactive")
        new = self._world.put(self._rewritten(old, args))
        return {"channel": new.channel, "ts": new.ts, "text": new.text, "message": echo(new)}

    def delete(self, args: Json) -> Json:
        """`chat.delete`: own messages only."""
        old = self._own(args, "cant_delete_message")
        self._world.remove(old)
        return {"channel": old.channel, "ts": old.ts}

    def react(self, args: Json) -> Json:
        """`reactions.add`, to a lasting message, once for each sign."""
        found = self._world.channel(args.get("channel", "")).messages.get(args.get("timestamp", ""))
        if found is None:
            raise Refused("message_not_found")
        if args["name"] in found.reactions:
            raise Refused("already_reacted")
        self._world.put(dataclasses.replace(found, reactions=(*found.reactions, args["name"])))
        return {}

    def unreact(self, args: Json) -> Json:
        """`reactions.remove`."""
        found = self._world.channel(args.get("channel", "")).messages.get(args.get("timestamp", ""))
        if found is None or args["name"] not in found.reactions:
            raise Refused("no_reaction")
        kept = tuple(name for name in found.reactions if name != args["name"])
        self._world.put(dataclasses.replace(found, reactions=kept))
        return {}

    def respond(self, url: ResponseUrl, args: Json) -> None:
        """One post to a response_url: works without membership, and is the only way to change an ephemeral."""
        room = self._world.channels.get(url.channel)
        if room is None or room.is_archived:
            raise Refused("channel_is_archived" if room else "channel_not_found")
        every = [*self._world.channels[url.channel].messages.values(), *self._world.ephemerals]
        source = next((m for m in every if (m.channel, m.ts) == (url.channel, url.ts)), None)
        if args.get("delete_original") or args.get("replace_original"):
            if source is None:
                raise Refused("message_not_found")
            if args.get("delete_original"):
                return self._world.remove(source)
            limits.check_message(args)
            self._world.put(self._rewritten(source, args))
            return None
        limits.check_message(args)
        only_for = None if args.get("response_type") == "in_channel" else url.user
        written = self._written(self._world.channels[url.channel], args)
        self._world.put(dataclasses.replace(written, only_for=only_for))
        return None

    def upload_url(self, args: Json) -> Json:
        """`files.getUploadURLExternal`."""
        file_id = f"F{self._world.number():08}"
        asked: Json = {"id": file_id, "name": args["filename"], "length": int(args["length"]), "content": b""}
        self._world.uploads[file_id] = asked
        return {"file_id": file_id, "upload_url": f"{self._world.base_url}/upload/{file_id}"}

    def upload_done(self, args: Json) -> Json:
        """`files.completeUploadExternal`: shares the files as one message when a channel is given."""
        files: list[Json] = [self._world.uploads[f["id"]] | {"title": f.get("title")} for f in args["files"]]
        for file in files:
            if len(file["content"]) != file["length"]:
                raise Refused("file_not_found")
            self._world.uploads[file["id"]]["done_at"] = self._world.clock()
        if args.get("channel_id"):
            channel = self._open_to_us(self._world.channel(args["channel_id"]))
            words = {"text": args.get("initial_comment", ""), "thread_ts": args.get("thread_ts")}
            self._world.put(dataclasses.replace(self._written(channel, words), files=tuple(files)))
        return {"files": [{"id": f["id"], "title": f["title"]} for f in files]}

    def _named(self, target: str) -> Channel:
        if target.startswith("U") and target in self._world.users:
            return self._world.dm(target)
        by_name = [c.id for c in self._world.channels.values() if c.name and c.name == target.removeprefix("#")]
        return self._world.channel(by_name[0] if by_name else target)

    def _open_to_us(self, channel: Channel) -> Channel:
        if channel.is_archived:
            raise Refused("is_archived")
        if BOT_USER not in channel.members and "chat:write.public" not in self._scopes:
            raise Refused("not_in_channel")
        return channel

    def _own(self, args: Json, otherwise: str) -> Message:
        # Ephemeral messages are not in the channel: to every method they are as if they had never been.
        found = self._world.channel(args.get("channel", "")).messages.get(args.get("ts", ""))
        if found is None:
            raise Refused("message_not_found")
        if found.user != BOT_USER:
            raise Refused(otherwise)
        return found

    def _written(self, channel: Channel, args: Json) -> Message:
        thread = args.get("thread_ts")
        if thread and not re.fullmatch(r"\d{10}\.\d{6}", thread):
            raise Refused("invalid_thread_ts")
        if thread and thread not in channel.messages:
            raise Refused("cannot_reply_to_message")
        empty = Message(channel.id, self._world.next_ts(), BOT_USER, thread_ts=thread, edits=-1)
        return self._rewritten(empty, args)

    def _with_ids(self, attachment: Json) -> Json:
        return {**attachment, "blocks": self._world.with_ids(attachment.get("blocks") or [])}

    def _check_files(self, blocks: list[Json]) -> None:
        """A message may hold a file once it was looked at, and only a picture of these kinds."""
        for block in blocks:
            if block["type"] == "image" and "slack_file" in block:
                file = self._world.uploads.get(block["slack_file"]["id"], {})
                looked_at = "done_at" in file and self._world.clock() >= file["done_at"] + _LOOKS_FOR
                if not looked_at or not file["name"].endswith((".png", ".jpg", ".jpeg", ".gif")):
                    raise Refused("invalid_blocks")

    def _rewritten(self, old: Message, args: Json) -> Message:
        self._check_files(args.get("blocks") or [])
        markdown: list[Json] = (
            [{"type": "markdown", "text": args["markdown_text"]}] if args.get("markdown_text") else []
        )
        # Left out keeps the metadata, an empty object clears it.
        metadata = args.get("metadata", old.metadata)
        return dataclasses.replace(
            old,
            text=(args.get("text") or "")[:_TEXT_KEPT],
            blocks=tuple(self._world.with_ids([*(args.get("blocks") or []), *markdown])),
            attachments=tuple(self._with_ids(attachment) for attachment in args.get("attachments") or ()),
            metadata=metadata or None,
            edits=old.edits + 1,
        )


def echo(message: Message) -> Json:
    """The message object in payloads and answers."""
    own: Json = {"bot_id": BOT} if message.user == BOT_USER else {}
    more: Json = {"thread_ts": message.thread_ts, "metadata": message.metadata, "files": list(message.files)}
    shown: Json = {"blocks": echoed(message.blocks), "attachments": echoed(message.attachments)}
    words: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text, "team": TEAM}
    return {**words, **own, **{k: v for k, v in {**more, **shown}.items() if v}}

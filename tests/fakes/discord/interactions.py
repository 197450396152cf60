"""Interactions: their tokens, deadlines and first answers, and the webhook routes that live on the token.

Rule: an interaction is answered once, within three seconds of its birth by the fake's clock or of a person's patience;
afterwards its token works for fifteen minutes.
"""

import dataclasses
from dataclasses import dataclass, field

from tests.fakes.discord import limits
from tests.fakes.discord.calls import Answer, Call, Handler
from tests.fakes.discord.chat import Chat
from tests.fakes.discord.errors import Json, Refused, wrong
from tests.fakes.discord.limits import EPHEMERAL, LOADING
from tests.fakes.discord.posting import File, Posting
from tests.fakes.discord.world import APP, BOT, Message, Modal, World, numbered

ANSWER_WITHIN, TOKEN_LIVES = 3.0, 900.0
PING, COMMAND, COMPONENT, SUBMIT = 1, 2, 3, 5
MESSAGE, LATER, SILENTLY, UPDATE, MODAL = 4, 5, 6, 7, 9
_CAN = {COMMAND: (MESSAGE, LATER, MODAL), COMPONENT: (MESSAGE, LATER, SILENTLY, UPDATE, MODAL)}


@dataclass
class Interaction:
    """One act of a person; `answer` is the callback type that came, `original` the message that it stands for."""

    id: str
    token: str
    kind: int
    user: str
    channel: str
    born: float
    payload: Json = field(default_factory=dict, repr=False)
    message: Message | None = None
    answer: int | None = None
    original: str | None = None
    own: set[str] = field(default_factory=set[str])
    given_up: bool = False


class Interactions:
    """All interactions ever made, by token."""

    def __init__(self, world: World, posting: Posting, chat: Chat) -> None:
        self._world = world
        self._posting = posting
        self._chat = chat
        self.made: dict[str, Interaction] = {}

    def handlers(self) -> dict[str, Handler]:
        """The routes answered here."""
        return {
            "create_interaction_response": self.callback,
            "execute_webhook": self.follow_up,
            "get_original_webhook_message": lambda call: (200, self._chat.shown(self._original(call))),
            "update_original_webhook_message": self.update_original,
            "delete_original_webhook_message": lambda call: self._delete(self._original(call)),
            "get_webhook_message": lambda call: (200, self._chat.shown(self._mine(call))),
            "update_webhook_message": lambda call: self._update(self._mine(call), call),
            "delete_webhook_message": lambda call: self._delete(self._mine(call)),
        }

    def begin(self, kind: int, user: str, channel: str, message: Message | None) -> Interaction:
        """A new interaction with a fresh id and token."""
        some_id = self._world.snowflake()
        made = Interaction(some_id, f"aW50ZXJhY3Rpb246{some_id}", kind, user, channel, self._world.clock())
        made.message = message
        self.made[made.token] = made
        self._world.changed()
        return made

    def callback(self, call: Call) -> Answer:
        """The first answer over its route."""
        found = self.made.get(call.params["interaction_token"])
        if found is None or found.id != call.params["interaction_id"]:
            raise Refused(10062)
        message = self.respond(found, call.body, call.files)
        if call.query.get("with_response") not in ("1", "true", "True"):
            return 204, None
        about: Json = {"id": found.id, "type": found.kind, "activity_instance_id": None}
        about["response_message_ephemeral"] = bool(message and message.only_for)
        about["response_message_loading"] = found.answer == LATER
        answer: Json = {"interaction": about}
        if message is not None:
            about["response_message_id"] = message.id
            answer["resource"] = {"type": found.answer, "message": self._chat.shown(message)}
        return 200, answer

    def respond(self, found: Interaction, body: Json, files: list[File]) -> Message | None:
        """Take the first answer, by route or in the body of a signed request; raises `Refused` or `Broken`."""
        if found.given_up or self._world.clock() - found.born > ANSWER_WITHIN:
            raise Refused(10062)
        if found.answer is not None:
            raise Refused(40060)
        kind, data = body.get("type"), body.get("data") or {}
        if kind not in self._possible(found):
            raise wrong("type", "BASE_TYPE_CHOICES", f"Value must be one of {self._possible(found)}.")
        if unknown := set(body) - {"type", "data"}:
            raise wrong(min(unknown), "UNKNOWN_KEY", "There is no such field.")
        message = self._act(found, kind, data, files)
        found.answer = kind
        found.original = message.id if message else found.message.id if found.message else None
        self._world.changed()
        return message

    def follow_up(self, call: Call) -> Answer:
        """Another message; the first one after "later" takes the place of the waiting one."""
        found = self._alive(call)
        waiting = self._world.find(found.original or "")
        if found.answer == LATER and waiting and waiting.flags & LOADING:
            return self._update(waiting, call)
        made = self._post(found, call.body, call.files)
        return 200, self._chat.shown(made)

    def update_original(self, call: Call) -> Answer:
        """Change the message that the first answer stands for: after a silent one the clicked message."""
        return self._update(self._original(call), call)

    def give_up(self, found: Interaction) -> None:
        """The person saw the failure; whatever comes now is too late."""
        found.given_up = found.answer is None

    def _possible(self, found: Interaction) -> tuple[int, ...]:
        if found.kind == SUBMIT:
            return (MESSAGE, LATER, SILENTLY, UPDATE) if found.message else (MESSAGE, LATER)
        return _CAN[found.kind]

    def _act(self, found: Interaction, kind: int, data: Json, files: list[File]) -> Message | None:
        if kind == MODAL:
            limits.check_modal(data)
            content = {**data, "components": numbered(data["components"])}
            # One modal at a time: a new one takes the place of the old one.
            modal = Modal(found.id, found.user, found.channel, found.message, content)
            self._world.modals[found.user] = modal
            self._world.shown.append(modal)
        elif kind == UPDATE and found.message:
            current = self._world.find(found.message.id)
            if current is None:
                raise Refused(10008)
            return self._posting.edit(current, data, files)
        elif kind == MESSAGE:
            return self._post(found, data, files)
        elif kind == LATER:
            return self._wait(found, data)
        return None

    def _post(self, found: Interaction, body: Json, files: list[File]) -> Message:
        hidden = (body.get("flags") or 0) & EPHEMERAL
        more = {"only_for": found.user, "flags": EPHEMERAL} if hidden else {}
        channel = self._world.channels[found.channel]
        made = self._posting.create(channel, body, files, is_webhook=True, asked_by=self._asked(found), **more)
        found.own.add(made.id)
        return made

    def _wait(self, found: Interaction, data: Json) -> Message:
        if set(data) - {"flags"} or (data.get("flags") or 0) & ~EPHEMERAL:
            raise wrong("data", "INTERACTION_DEFERRED_DATA", "Only the ephemeral flag can be set here.")
        hidden = bool(data.get("flags"))
        more: Json = {"only_for": found.user, "flags": LOADING | EPHEMERAL} if hidden else {"flags": LOADING}
        some_id, now = self._world.snowflake(), self._world.clock()
        asked = self._asked(found)
        waiting = Message(some_id, found.channel, BOT, now, asked_by=asked, is_webhook=True, **more)
        found.own.add(waiting.id)
        self._posting.tell("MESSAGE_CREATE", self._world.put(waiting))
        return waiting

    def _asked(self, found: Interaction) -> Json:
        owners: Json = found.payload.get("authorizing_integration_owners") or {}
        who: Json = found.payload.get("user") or found.payload.get("member", {}).get("user")
        return {"id": found.id, "type": found.kind, "user": who, "authorizing_integration_owners": owners}

    def _alive(self, call: Call) -> Interaction:
        found = self.made.get(call.params["webhook_token"])
        if found is None or call.params["webhook_id"] != APP or found.answer is None:
            raise Refused(10015)
        if self._world.clock() - found.born > TOKEN_LIVES:
            raise Refused(50027)
        return found

    def _original(self, call: Call) -> Message:
        message = self._world.find(self._alive(call).original or "")
        if message is None:
            raise Refused(10008)
        return message

    def _mine(self, call: Call) -> Message:
        found = self._alive(call)
        message = self._world.find(call.params["message_id"])
        if message is None or message.id not in found.own | {found.original}:
            raise Refused(10008)
        return message

    def _update(self, message: Message, call: Call) -> Answer:
        if self._world.channels[message.channel].archived:
            raise Refused(50083)
        if message.flags & LOADING:
            message = dataclasses.replace(message, flags=message.flags & ~LOADING)
        return 200, self._chat.shown(self._posting.edit(message, call.body, call.files))

    def _delete(self, message: Message) -> Answer:
        self._posting.delete(message)
        return 204, None

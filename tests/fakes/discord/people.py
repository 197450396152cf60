"""Scripted people: they see messages and modals, press, choose, fill in, submit, write and react.

Rule: a person can only use what is on the screen, by the words on it; anything else is a LookupError.
"""

import asyncio
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord import controls, forms, payloads
from tests.fakes.discord import permissions as may
from tests.fakes.discord.commands import CHAT, ON_MESSAGE
from tests.fakes.discord.components import BUTTON, ENTITY_SELECTS, SELECTS
from tests.fakes.discord.controls import Control
from tests.fakes.discord.errors import Json
from tests.fakes.discord.interactions import COMMAND, COMPONENT, SUBMIT, Interaction
from tests.fakes.discord.post import Office
from tests.fakes.discord.world import BOT, PRIVATE_THREAD, Channel, Message, Modal, User, World

FAILED = "This interaction failed"
WENT_WRONG = "Something went wrong. Try again."


@dataclass(frozen=True)
class Seen:
    """What a person saw of one act; `ephemerals` and `modals` keep growing while the app goes on."""

    person: str
    interactions: tuple[Interaction, ...]
    world: World = field(repr=False)
    ephemerals_before: frozenset[str] = frozenset()
    modals_before: int = 0
    errors: dict[str, str] = field(default_factory=dict[str, str])
    trouble: str = ""

    @property
    def acked(self) -> bool:
        """Whether the app answered everything in time."""
        return all(interaction.answer is not None for interaction in self.interactions)

    @property
    def ephemerals(self) -> list[Message]:
        """Messages only for this person that came since."""
        fresh = (m for m in self.world.ephemerals if m.id not in self.ephemerals_before)
        return [m for m in fresh if m.only_for == self.person]

    @property
    def modals(self) -> list[Modal]:
        """Modals shown to this person since, in order."""
        return [m for m in self.world.shown[self.modals_before :] if m.user == self.person]


class Person:
    """Somebody in front of Discord."""

    def __init__(self, user: User, office: Office) -> None:
        self.user = user
        self._office = office
        self._world = office.world

    @property
    def modal(self) -> Modal:
        """The open modal; LookupError when there is none."""
        if self.user.id not in self._world.modals:
            raise LookupError(f"{self.user.name} has no modal open")
        return self._world.modals[self.user.id]

    # -- messages --------------------------------------------------------------------------------------------------

    async def press(self, message: Message, label: str, *, times: int = 1) -> Seen:
        """Press a button by its label or emoji, *times* at once (a double click)."""
        found = [c for c in self._controls(message) if c.element["type"] == BUTTON and c.label == label]
        control = self._one(message, found, label)
        return await self._act(message, control.element, {}, times)

    async def choose(self, message: Message, *picked: str, label: str | None = None) -> Seen:
        """Pick options by their words, or people and roles by their ids; sends the choice at once."""
        found = [c for c in self._controls(message) if c.element["type"] in SELECTS and label in (None, c.label)]
        found = [c for c in found if set(picked) <= (self._world.ids() if not c.options else set(c.options))]
        element = self._one(message, found, str(picked)).element
        least, most = forms.bounds(element)
        if not least <= len(picked) <= most:
            raise LookupError(f"between {least} and {most} can be picked, not {len(picked)}")
        values: list[str] = forms.filled(element, list(picked))
        return await self._act(message, element, {"values": values, **self._resolved(element, values)})

    async def react(self, message: Message, emoji: str) -> None:
        """Add a reaction."""
        self._office.chat.add_reaction(self._now(message), emoji, self.user.id)

    async def command(self, channel: str, words: str, **given: str) -> Seen:
        """Type a command and one subcommand of it, such as `sayso pending`, with what is *given* for its options."""
        name, _, below = words.partition(" ")
        known = self._office.commands.find(name, CHAT)
        there = {one["name"]: [each["name"] for each in one.get("options", ())] for one in known["options"]}
        if not set(given) <= set(there.get(below, ())) or below not in there:
            raise LookupError(f"there is no {words!r} with {sorted(given)}")
        options: list[Json] = [{"type": 3, "name": option, "value": value} for option, value in given.items()]
        typed: Json = {"type": 1, "name": below} | ({"options": options} if options else {})
        data: Json = {"id": known["id"], "name": name, "type": CHAT, "options": [typed]}
        return await self._command(channel, data)

    async def use_on(self, message: Message, name: str) -> Seen:
        """Use a command from the menu of a message."""
        known, current = self._office.commands.find(name, ON_MESSAGE), self._now(message)
        resolved: Json = {"messages": {current.id: payloads.message(self._world, current)}}
        data: Json = {"id": known["id"], "name": name, "type": ON_MESSAGE, "target_id": current.id}
        return await self._command(message.channel, {**data, "resolved": resolved})

    # -- modals ----------------------------------------------------------------------------------------------------

    async def fill(self, modal: Modal, answers: dict[str, Any]) -> None:
        """Fill in inputs by their label: text, option labels, ids, true or false."""
        entered = self._world.entered.setdefault(modal.id, {})
        for label, given in answers.items():
            found = [c for c in controls.controls(modal.components) if c.label == label]
            element = self._one(modal, found, label).element
            entered[element["custom_id"]] = forms.filled(element, given)

    async def submit(self, modal: Modal) -> Seen:
        """Press the submit button; `errors` has what the client says, by label, and then nothing is sent."""
        seen, entered = self._seen(), self._world.entered.setdefault(modal.id, {})
        if self._world.modals.get(self.user.id) != modal:
            raise LookupError(f"{self.user.name} does not see this modal: {modal.content['title']}")
        if said := forms.complaints(modal.components, entered):
            return dataclasses.replace(seen, errors=said)
        made = self._office.interactions.begin(SUBMIT, self.user.id, modal.channel, modal.message)
        sent = forms.submitted(modal.components, entered)
        data: Json = {"custom_id": modal.content["custom_id"], "components": sent}
        for control in controls.controls(modal.components):
            chosen = entered.get(control.element["custom_id"], [])
            data |= self._resolved(control.element, chosen) if control.element["type"] in ENTITY_SELECTS else {}
        await self._office.send(made, self.user, data)
        if made.answer is None:
            return dataclasses.replace(seen, interactions=(made,), trouble=WENT_WRONG)
        # The answer may itself be no modal, so this one is done with.
        self._world.modals.pop(self.user.id, None)
        self._world.changed()
        return dataclasses.replace(seen, interactions=(made,))

    async def close(self, modal: Modal) -> None:
        """Close a modal without submitting: the app never hears of it."""
        if self._world.modals.get(self.user.id) == modal:
            del self._world.modals[self.user.id]

    # -- words -----------------------------------------------------------------------------------------------------

    async def say(self, channel: str, text: str) -> Message:
        """Write into a channel or thread."""
        return self._write(self._world.channels[channel], text)

    async def dm(self, text: str) -> Message:
        """Write to the app directly."""
        return self._write(self._world.dm(self.user.id), text)

    async def reply(self, message: Message, text: str, *, ping: bool = True) -> Message:
        """Reply to a message, as people do with the ping left on."""
        channel = self._world.channels[message.channel]
        return self._write(channel, text, replies_to=message.id, pings_author=ping)

    async def edit(self, message: Message, text: str) -> Message:
        """Change an own message."""
        now = self._world.clock()
        new = dataclasses.replace(self._now(message), content=text, edits=message.edits + 1, edited_at=now)
        self._office.posting.tell("MESSAGE_UPDATE", self._world.put(new))
        return new

    async def delete(self, message: Message) -> None:
        """Take a message away; moderators can take anybody's."""
        given = self._world.permissions(self.user.id, self._world.channels[message.channel])
        if message.author != self.user.id and not given & may.MANAGE_MESSAGES:
            raise LookupError(f"{self.user.name} may not delete this")
        self._office.posting.delete(self._now(message))

    async def archive(self, thread: str, *, lock: bool = False) -> None:
        """Put a thread to sleep; locked, only moderators can wake it."""
        found = self._world.channels[thread]
        found.archived, found.locked = True, lock
        self._office.threads.tell(found)

    # -- underneath ------------------------------------------------------------------------------------------------

    def _controls(self, message: Message) -> Iterable[Control]:
        channel = self._world.channels[message.channel]
        hidden = message.only_for not in (None, self.user.id)
        if hidden or not self._world.permissions(self.user.id, channel) & may.VIEW:
            raise LookupError(f"{self.user.name} cannot see this: {message}")
        usable = controls.controls([*message.components])
        return [c for c in usable if c.usable and controls.sends(c.element)]

    def _one(self, where: Message | Modal, found: list[Control], wanted: str) -> Control:
        if len(found) != 1:
            there = controls.words([*where.components])
            raise LookupError(f"{len(found)} usable controls say {wanted!r}; on the screen: {there}")
        return found[0]

    def _now(self, message: Message) -> Message:
        current = self._world.find(message.id)
        if current is None:
            raise LookupError("this message is gone")
        return current

    async def _act(self, message: Message, element: Json, more: Json, times: int = 1) -> Seen:
        seen, current = self._seen(), self._world.find(message.id)
        ids = {c.element["custom_id"] for c in self._controls(current) if c.usable} if current else set[str]()
        # A client that does not know yet that the message changed is turned away before the app hears of it. In an
        # archived thread it first tries to wake the thread, which people may not do (api-docs#8474).
        if current is None or element["custom_id"] not in ids or self._world.channels[message.channel].archived:
            return dataclasses.replace(seen, trouble=FAILED)
        data: Json = {"custom_id": element["custom_id"], "component_type": element["type"], "id": element["id"], **more}
        made = [
            self._office.interactions.begin(COMPONENT, self.user.id, message.channel, current) for _ in range(times)
        ]
        await asyncio.gather(*(self._office.send(each, self.user, data) for each in made))
        trouble = "" if all(each.answer is not None for each in made) else FAILED
        return dataclasses.replace(seen, interactions=tuple(made), trouble=trouble)

    async def _command(self, channel: str, data: Json) -> Seen:
        seen, made = self._seen(), self._office.interactions.begin(COMMAND, self.user.id, channel, None)
        await self._office.send(made, self.user, data)
        trouble = "" if made.answer is not None else FAILED
        return dataclasses.replace(seen, interactions=(made,), trouble=trouble)

    def _resolved(self, element: Json, values: list[str]) -> Json:
        if element["type"] not in ENTITY_SELECTS:
            return {}
        found: Json = {}
        for some_id in values:
            if user := self._world.users.get(some_id):
                found.setdefault("users", {})[some_id] = payloads.user(user)
                found.setdefault("members", {})[some_id] = {**payloads.member(user), "permissions": "0"}
            elif channel := self._world.channels.get(some_id):
                shown = {**payloads.channel(self._world, channel), "permissions": "0"}
                found.setdefault("channels", {})[some_id] = shown
            else:
                found.setdefault("roles", {})[some_id] = payloads.role(self._world.roles[some_id])
        return {"resolved": found}

    def _write(self, channel: Channel, text: str, **more: Any) -> Message:
        given = self._world.permissions(self.user.id, channel)
        if not given & (may.SEND_IN_THREADS if channel.is_thread else may.SEND):
            raise LookupError(f"{self.user.name} may not write in {channel.name or 'this direct message'}")
        if channel.archived:
            if channel.locked and not given & may.MANAGE_THREADS:
                raise LookupError(f"{channel.name} is locked")
            channel.archived = False
            self._office.threads.tell(channel)
        channel.members |= {self.user.id} if channel.is_thread else set()
        # A mention brings people into a private thread.
        if channel.type == PRIVATE_THREAD and f"<@{BOT}>" in text:
            channel.members.add(BOT)
        made = Message(self._world.snowflake(), channel.id, self.user.id, self._world.clock(), text, **more)
        self._office.posting.tell("MESSAGE_CREATE", self._world.put(made))
        return made

    def _seen(self) -> Seen:
        known = frozenset(m.id for m in self._world.ephemerals)
        return Seen(self.user.id, (), self._world, known, len(self._world.shown))

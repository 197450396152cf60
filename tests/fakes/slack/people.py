"""Scripted people: they see messages and views, press, choose, fill in, submit and write.

Rule: a person can only use what is on the screen, by the words on it; anything else is a LookupError.
"""

import asyncio
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack import controls, state
from tests.fakes.slack import payloads as slack_payloads
from tests.fakes.slack.chat import Chat
from tests.fakes.slack.controls import Control, Json
from tests.fakes.slack.delivery import Delivery, Post
from tests.fakes.slack.limits import Refused
from tests.fakes.slack.passes import Passes
from tests.fakes.slack.views import Views
from tests.fakes.slack.world import BOT_USER, Message, User, View, World

TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True)
class Office:
    """What a person needs to reach the app."""

    world: World
    passes: Passes
    views: Views
    post: Post
    chat: Chat


@dataclass(frozen=True)
class Seen:
    """What a person saw of one act; `ephemerals` and `views` keep growing while the app goes on."""

    person: str
    deliveries: tuple[Delivery, ...]
    world: World = field(repr=False)
    ephemerals_before: frozenset[str] = frozenset()
    views_before: int = 0
    errors: dict[str, str] = field(default_factory=dict[str, str])
    trouble: str = ""

    @property
    def acked(self) -> bool:
        """Whether the app answered everything in time (no warning sign)."""
        return all(delivery.acked for delivery in self.deliveries)

    @property
    def ephemerals(self) -> list[Message]:
        """Messages only for this person that came since."""
        fresh = (m for m in self.world.ephemerals if m.ts not in self.ephemerals_before)
        return [m for m in fresh if m.only_for == self.person]

    @property
    def views(self) -> list[View]:
        """Views shown to this person since, in order, updates included."""
        return [v for v in self.world.shown[self.views_before :] if v.user == self.person]


class Person:
    """Somebody in front of Slack."""

    def __init__(self, user: User, office: Office) -> None:
        self.user = user
        self._office = office
        self._world = office.world
        self.asked: list[str] = []
        """What confirm dialogs asked."""

    @property
    def view(self) -> View:
        """The modal on top; LookupError when none is open."""
        stack = self._world.stacks.get(self.user.id)
        if not stack:
            raise LookupError(f"{self.user.name} has no modal open")
        return stack[-1]

    @property
    def home(self) -> View:
        """The Home tab of the app as published for this person."""
        return self._world.homes[self.user.id]

    async def press(self, where: Message | View, label: str, *, times: int = 1, sure: bool = True) -> Seen:
        """Press a button, *times* at once (a double click). A confirm dialog is confirmed if they are *sure*."""
        control = self._one(where, [c for c in self._controls(where) if self._is_button(c) and c.label == label], label)
        if asked := control.element.get("confirm"):
            self.asked.append(f"{asked['title']['text']}: {asked['text']['text']}")
            if not sure:
                return self._seen()
        return await self._act(where, control, {}, times)

    async def choose(self, where: Message | View, *texts: str, label: str | None = None) -> Seen:
        """Pick options by their text; sends the action unless the element waits for a submit."""
        found = [c for c in self._controls(where) if set(texts) <= set(c.options) and label in (None, c.label)]
        control = self._one(where, found, str(texts))
        if control.element["type"] == "overflow":
            return await self._act(where, control, {"selected_option": state.option(control.element, texts[0])})
        many = "multi" in control.element["type"] or control.element["type"] == "checkboxes"
        return await self._enter(where, control, list(texts) if many else texts[0])

    async def fill(self, where: Message | View, answers: dict[str, Any]) -> Seen:
        """Fill in inputs by their label; lists for several options. Returns the last act."""
        seen = self._seen()
        for label, given in answers.items():
            found = [c for c in self._controls(where) if c.block["type"] == "input" and c.label == label]
            seen = await self._enter(where, self._one(where, found, label), given)
        return seen

    async def submit(self, view: View) -> Seen:
        """Press the submit button of a modal; `errors` has what the person then reads, by label."""
        seen, entered = self._seen(), self._world.entered(self.user.id, view)
        if complaints := state.complaints(view.blocks, entered):
            return dataclasses.replace(seen, errors=complaints)
        payload: Json = {**self._interaction("view_submission"), "response_urls": []}
        payload["view"] = self._office.views.echo(view)
        done = await self._office.post.interaction(payload)
        seen = dataclasses.replace(seen, deliveries=(done,), trouble="" if done.acked else TROUBLE)
        if not done.acked:
            return seen
        try:
            return dataclasses.replace(seen, errors=self._office.views.answer(view, done.answer or {}))
        except Refused as refused:
            return dataclasses.replace(seen, trouble=f"{TROUBLE} {refused.answer}")

    async def close(self, view: View) -> Seen:
        """Close a modal without submitting; the app hears of it only if it asked to."""
        seen = self._seen()
        self._office.views.close(view)
        if not view.content.get("notify_on_close"):
            return seen
        payload = {**self._interaction("view_closed"), "view": self._office.views.echo(view), "is_cleared": False}
        del payload["trigger_id"]  # closing is no interaction that may open a new modal
        return dataclasses.replace(seen, deliveries=(await self._office.post.interaction(payload),))

    async def reply(self, message: Message, text: str, **changes: Any) -> Seen:
        """Write into the thread of *message*; *changes* go into the event (`subtype`, `event_id` of a repeat, ...)."""
        return await self._write(message.channel, text, message.thread_ts or message.ts, changes)

    async def say(self, channel: str, text: str, **changes: Any) -> Seen:
        """Write into a channel; the app hears of it only where it is a member."""
        return await self._write(channel, text, None, changes)

    async def edit(self, message: Message, text: str) -> Seen:
        """Change an own message; the app gets `message_changed`."""
        new = self._world.put(dataclasses.replace(message, text=slack_payloads.typed(text), edits=message.edits + 1))
        channel = self._world.channels[message.channel]
        before, after = (slack_payloads.written(self.user, channel, m, None) for m in (message, new))
        outer: Json = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": channel.id}
        return await self._event({**outer, "ts": self._world.next_ts(), "message": after, "previous_message": before})

    async def open_home(self) -> Seen:
        """Open the app's Home tab."""
        dm, home = self._world.dm(self.user.id), self._world.homes.get(self.user.id)
        view: Json = {"view": self._office.views.echo(home)} if home else {}
        return await self._event(
            {"type": "app_home_opened", "user": self.user.id, "channel": dm.id, "tab": "home", **view}
        )

    async def command(self, channel: str, command: str, words: str = "") -> Seen:
        """Type a slash command; what the app answers at once is for this person, unless it says otherwise."""
        seen, key = self._seen(), self._office.passes.url(channel, "", self.user.id)
        url, trigger = f"{self._world.base_url}/response/{key}", self._office.passes.trigger(self.user.id)
        asked = slack_payloads.command(self.user, self._world.channels[channel], (command, words), url, trigger)
        done = await self._office.post.command(asked)
        seen = dataclasses.replace(seen, deliveries=(done,), trouble="" if done.acked else TROUBLE)
        if not done.answer:
            return seen
        try:
            self._office.chat.respond(self._office.passes.spend(key), done.answer)
        except Refused as refused:
            return dataclasses.replace(seen, trouble=f"{TROUBLE} {refused.answer}")
        return seen

    async def use_on(self, message: Message, callback_id: str) -> Seen:
        """Use a message shortcut, from the menu beside a message."""
        seen, key = self._seen(), self._office.passes.url(message.channel, message.ts, self.user.id)
        url, channel = f"{self._world.base_url}/response/{key}", self._world.channels[message.channel]
        about = slack_payloads.on_message(message, channel, {}, url)
        payload = {**self._interaction("message_action"), **about, "message_ts": message.ts}
        done = await self._office.post.interaction({**payload, "callback_id": callback_id})
        return dataclasses.replace(seen, deliveries=(done,), trouble="" if done.acked else TROUBLE)

    async def use_shortcut(self, callback_id: str) -> Seen:
        """Start a global shortcut."""
        seen = self._seen()
        done = await self._office.post.interaction({**self._interaction("shortcut"), "callback_id": callback_id})
        return dataclasses.replace(seen, deliveries=(done,))

    def _controls(self, where: Message | View) -> Iterator[Control]:
        if isinstance(where, View):
            allowed = where.user == self.user.id
        else:
            channel = self._world.channels[where.channel]
            allowed = where.only_for in (None, self.user.id) and channel.dm_with in (None, self.user.id)
        if not allowed:
            raise LookupError(f"{self.user.name} cannot see this: {where}")
        attached = [b for a in where.attachments for b in a.get("blocks", [])] if isinstance(where, Message) else []
        yield from controls.controls([*where.blocks, *attached])

    def _is_button(self, control: Control) -> bool:
        shown_to = control.element.get("visible_to_user_ids")
        return control.element["type"] == "button" and (not shown_to or self.user.id in shown_to)

    def _one(self, where: Message | View, found: list[Control], wanted: str) -> Control:
        if len(found) != 1:
            there = [[c.label, *c.options] for c in self._controls(where)]
            raise LookupError(f"{len(found)} controls say {wanted!r}; on the screen: {there}")
        return found[0]

    async def _enter(self, where: Message | View, control: Control, given: Any) -> Seen:
        leaf = state.filled(control.element, given)
        self._world.entered(self.user.id, where)[control.key] = leaf
        # Inputs keep what was typed to themselves until a submit or a button takes it along.
        if control.block["type"] == "input" and not control.block.get("dispatch_action"):
            return self._seen()
        return await self._act(where, control, leaf)

    async def _act(self, where: Message | View, control: Control, leaf: Json, times: int = 1) -> Seen:
        seen = self._seen()
        payloads = [self._clicked(where, control, leaf) for _ in range(times)]
        done = await asyncio.gather(*(self._office.post.interaction(p) for p in payloads))
        return dataclasses.replace(seen, deliveries=tuple(done), trouble="" if all(d.acked for d in done) else TROUBLE)

    def _clicked(self, where: Message | View, control: Control, leaf: Json) -> Json:
        payload = self._interaction("block_actions")
        if isinstance(where, View):
            payload |= slack_payloads.on_view(self._office.views.echo(where))
        else:
            key = self._office.passes.url(where.channel, where.ts, self.user.id)
            entered, channel = self._world.entered(self.user.id, where), self._world.channels[where.channel]
            url = f"{self._world.base_url}/response/{key}"
            payload |= slack_payloads.on_message(where, channel, entered, url)
        return {
            **payload,
            "actions": [slack_payloads.action(control.block, control.element, leaf, self._world.next_ts())],
        }

    async def _write(self, channel_id: str, text: str, thread: str | None, changes: Json) -> Seen:
        channel = self._world.channels[channel_id]
        words = slack_payloads.typed(text)
        new = Message(channel_id, self._world.next_ts(), self.user.id, words, thread_ts=thread)
        self._world.put(new)
        if BOT_USER not in channel.members:
            return self._seen()
        parent = channel.messages[thread].user if thread in channel.messages else None
        return await self._event({**slack_payloads.written(self.user, channel, new, parent), **changes})

    async def _event(self, inner: Json) -> Seen:
        event_id = inner.pop("event_id", None) or f"Ev{self._world.number()}"
        seen = self._seen()
        done = await self._office.post.event(slack_payloads.event(inner, event_id, self._world.clock()))
        return dataclasses.replace(seen, deliveries=(done,))

    def _interaction(self, kind: str) -> Json:
        return slack_payloads.interaction(kind, self.user, self._office.passes.trigger(self.user.id))

    def _seen(self) -> Seen:
        known = frozenset(m.ts for m in self._world.ephemerals)
        return Seen(self.user.id, (), self._world, known, len(self._world.shown))

"""The people of a run: they look at cards, also at old ones, and press, twice and at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from sayso import errors, model
from sayso.cards import batch, batch_tokens, card, dialog, inputs
from sayso.desk import Desk, PressedMessage
from tests.simulation import town
from tests.simulation.agents import Agents
from tests.simulation.chats import Chat, Message
from tests.simulation.copies import Copy, House, Unreachable
from tests.simulation.witness import Witness

LIMITS = dialog.WindowLimits(content=3000, inputs=5, typed=2000, asks_again=True)
# A person gives up after so many windows.
_MOST_WINDOWS = 6
_NO_ANSWER = ("undo", "pass", "claim", "snooze", "details", "review")
_LIKED = (
    "allow",
    "allow",
    "allow",
    "deny",
    "review",
    "edit",
    "call",
    "tool",
    "pass",
    "snooze",
    "reason",
    "undo",
    "fill",
    "session",
)


@dataclass(frozen=True)
class Look:
    """A card as somebody sees it, and the button that they choose."""

    account: str
    message: Message
    drawn: card.Card
    token: str
    action: str
    ids: tuple[str, ...]
    """The requests on it."""


class Persons:
    """All of them."""

    def __init__(self, house: House, agents: Agents, seen: Witness) -> None:
        self.house, self.world, self.agents, self.seen = house, house.world, agents, seen
        self.chats: Mapping[str, Chat] = house.chats

    async def act(self, chance: random.Random) -> None:
        """One person does something; most of them what they may, and some at the last moment."""
        known = self.house.disk._tickets.values()
        # what the service itself asks is open for a week
        open_ones = [one for one in known if one.decision is None and not one.stopped and one.owner in town.AGENTS]
        if open_ones and chance.random() < 0.12:
            left = chance.choice(open_ones).expires_at - self.world.clock.now()
            await asyncio.sleep(max(0.0, left.total_seconds() - chance.choice((0.0, 0.001, 0.05))))
        account = chance.choice(town.PRESSING)
        if chance.random() < 0.15:
            await self._answer_in_inbox(account, chance)
            return
        look: Look | None = None
        for _ in range(6):
            look = self._look(account, chance)
            ticket = self.house.disk._tickets.get(next(iter(look.ids), "")) if look else None
            if ticket is None or chance.random() < 0.25 or town.is_meant(ticket, account, self.chats["a"]):
                break
            account = chance.choice(town.PRESSING)
        if look is not None:
            await self._press(look, chance)

    async def forge(self, chance: random.Random) -> None:
        """Somebody tries what no card offers: a token put together from two, or a card's token elsewhere."""
        first, second = (self._look(chance.choice(town.PRESSING), chance) for _ in range(2))
        if first is None or second is None or set(first.ids) & set(second.ids):
            return
        posted = first.message
        if posted.orphan or (posted.place[:1], posted.room, posted.id) not in self.house.disk._cards:
            # of a message that it never heard it had posted, the service knows no request but the token's
            return
        mine, other = first.token.split("."), second.token.split(".")
        # the code of the one with what the other is about, or the whole token of another card
        mixed = len(mine) == len(other) and mine[0] == other[0] and chance.random() < 0.5
        token = ".".join([*mine[:2], *other[2:]]) if mixed else second.token
        found = await self._deliver(replace(first, token=token), None, chance)
        if isinstance(found, model.Ticket | dialog.Dialog | card.Line):
            self.world.blame(f"{first.drawn.ticket_id}: a forged press of {first.account} was taken")

    def _look(self, account: str, chance: random.Random) -> Look | None:
        chat = self.chats[model.channel_of(account)]
        open_ones = [one for one in chat.messages if not one.deleted]
        if not open_ones or chat.accounts[account].closed is not None:
            return None
        pending = [one for one in open_ones if one.drawn.tone == "pending"]
        message = chance.choice(pending if pending and chance.random() < 0.85 else open_ones)
        drawn = chance.choice(message.earlier) if message.earlier and chance.random() < 0.2 else message.drawn
        rows = drawn.rows if isinstance(drawn, batch.BatchCard) else ()
        in_rows = [one for row in rows for one in row.controls]
        buttons = [*(one for one in drawn.controls if isinstance(one, card.Button)), *in_rows]
        if not buttons:
            return None
        liked = chance.choice(_LIKED)
        chosen = next((one for one in buttons if one.action == liked), None) or chance.choice(buttons)
        return Look(account, message, drawn, chosen.token, chosen.action, self.house.disk.shown_on(drawn))

    async def _press(self, look: Look, chance: random.Random) -> None:
        rows = look.drawn.rows if isinstance(look.drawn, batch.BatchCard) else ()
        self._see(look, _words((*look.drawn.parts, *(part for row in rows for part in row.parts))))
        draft: dict[str, inputs.Submitted] | None = None
        for _ in range(_MOST_WINDOWS):
            found = await self._deliver(look, draft, chance)
            if isinstance(found, model.Ticket):
                if look.action not in _NO_ANSWER or (look.action == "review" and draft is not None):
                    self.seen.press(found.id, look.account)
                self._check_seen(found, look)
                return
            if not isinstance(found, dialog.Dialog) or found.submit is None:
                return
            self._see(look, _words(found.parts))
            await asyncio.sleep(chance.uniform(0.2, 4))
            draft = {one.name: _filled(one, chance) for one in found.inputs}
            look = replace(look, token=found.token)

    def _see(self, look: Look, words: str) -> None:
        for wanted in self.agents.errands:
            if wanted.id in look.ids and wanted.nonce in words:
                self.seen.shown.add((look.account, wanted.id))

    def _check_seen(self, ticket: model.Ticket, look: Look) -> None:
        if ticket.id not in look.ids:
            self.world.blame(f"{ticket.id}: pressed on the card of {look.drawn.ticket_id}")

    async def _deliver(
        self, look: Look, draft: dict[str, inputs.Submitted] | None, chance: random.Random
    ) -> model.Ticket | dialog.Dialog | card.Line | None:
        """Let the platform bring it to the service: to any copy, perhaps twice. None where it was refused or lost."""
        message = PressedMessage(look.message.place[:1], look.message.room, look.message.id)

        async def act(desk: Desk) -> model.Ticket | dialog.Dialog | card.Line:
            actor = town.actor_of(look.account)
            if batch_tokens.is_one(look.token):
                return await desk.press_batch(look.token, actor, LIMITS, message, draft)
            return await desk.press(look.token, actor, LIMITS, message, draft)

        self.world.say("press", look.account, look.action, look.drawn.ticket_id, draft or "")
        if chance.random() < 0.2:
            self.world.later(chance.choice((0.0, 0.01, 3.0)), lambda: asyncio.ensure_future(self._again(act, chance)))
        try:
            copy = self.house.pick(chance)
            return None if copy is None else await copy.call(act)
        except Unreachable:
            self.world.say("no answer", look.account)
        except errors.SaysoError as refused:
            self.world.say("refused", look.account, look.drawn.ticket_id, refused.code, refused.message)
        return None

    async def _again(self, act: object, chance: random.Random) -> None:
        with contextlib.suppress(Unreachable, errors.SaysoError):
            copy: Copy | None = self.house.pick(chance)
            if copy is not None:
                await copy.call(act)  # type: ignore[arg-type]

    async def _answer_in_inbox(self, account: str, chance: random.Random) -> None:
        """Answer on the page, where a request is shown whole; or in plain words, which can be taken back."""
        asked = [one for one in self.agents.errands if not one.heard]
        copy, closed = self.house.pick(chance), self.chats[account[0]].accounts[account].closed
        if not asked or copy is None or closed is not None:
            return
        wanted, actor = chance.choice(asked), town.actor_of(account)
        question = wanted.request.kind == "question"
        answer = (
            model.Answer(text="do it") if question else model.Answer(verdict=chance.choice(("allow", "allow", "deny")))
        )
        if answer.verdict == "deny":
            answer = answer.model_copy(update={"reason": "not now"})
        self.seen.shown.add((account, wanted.id))
        grace = timedelta(seconds=chance.choice((0, 0, 10)))
        try:
            counted = await copy.call(lambda desk: desk.answer(wanted.id, answer, actor, grace=grace))
            self.seen.press(wanted.id, account, counted, answer)
            self.world.say("answered", account, wanted.id, answer.verdict, grace)
            if grace and chance.random() < 0.4:
                await asyncio.sleep(chance.uniform(0, 12))
                await copy.call(lambda desk: desk.take_back(wanted.id, actor))
        except Unreachable:
            pass
        except errors.SaysoError as refused:
            self.world.say("refused", account, wanted.id, refused.code)


def _words(parts: tuple[card.Part, ...]) -> str:
    return " ".join(piece for part in parts for piece in card.pieces(part))


def _filled(one: inputs.Input, chance: random.Random) -> inputs.Submitted:
    if one.options:
        return [chance.randrange(len(one.options))]
    if one.value is not None:
        return f"{one.value} --edited" if chance.random() < 0.5 else one.value
    return "because of that" if one.kind == "text" else None

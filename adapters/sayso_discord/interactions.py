"""What follows from a press or a submitted modal: the desk judges it, and the person is told.

The rule: an answer is stored before Discord hears that it was received, and no act is left without a response.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from sayso import aside, errors, model
from sayso.cards import batch_tokens, card, phrases, sections, telling, tokens
from sayso.cards.dialog import Dialog
from sayso.chat import background
from sayso.chat.received import Json
from sayso.chat.recent import Recent
from sayso.content import wording
from sayso.desk import Desk, PressedMessage
from sayso_discord import components, looks, parse, render
from sayso_discord.api import Api
from sayso_discord.channel import DiscordChannel
from sayso_discord.members import Members
from sayso_discord.settings import NAME
from sayso_discord.stale import Stale
from sayso_discord.ways import Ways

log = logging.getLogger(__name__)

# Callback types of Discord's interaction reference.
MESSAGE, LATER, RECEIVED, CHANGE, MODAL = 4, 5, 6, 7, 9
# Seconds. Discord shows the clicker a failure after three, and the answer itself takes a moment.
_ANSWER_WITHIN = 2.0
_RESPONDED_WITHIN = 10.0
# Discord takes more about an interaction for fifteen minutes.
_TOKEN_LIVES = timedelta(minutes=14)
# Seconds between tries.
_PAUSES = (1.0, 5.0, 25.0, 60.0)
# The response to a press on a card that is not known here waits this long: another program may know the card.
OTHERS_FIRST = 1.4
# One person is told the same about the same card once in this time.
_ONCE_IN = 60.0
_REMEMBERED = 5_000

_NO_WINDOW = "The window could not be opened in time. Please press again."
_NOTHING_HERE = "There is nothing here to do. What agents ask comes as a card with buttons."


class Interactions:
    """Turns what people do in Discord into answers at the desk."""

    def __init__(
        self, desk: Desk, members: Members, channel: DiscordChannel, api: Api, work: background.Background
    ) -> None:
        self._desk = desk
        self._members = members
        self._channel = channel
        self._api = api
        self._background = work
        self._seen: Recent[str, None] = Recent(_REMEMBERED)
        self._answers: dict[str, asyncio.Future[bool]] = {}
        self._told: Recent[tuple[str, str, str], float] = Recent(_REMEMBERED)
        self._ways = Ways(desk, members)
        self._stale = Stale(desk, channel, api)
        self.on_taken_back: Callable[[model.Ticket], Coroutine[Any, Any, None]] | None = None
        """Called after somebody took back an answer by words with its button."""
        self.others_first = OTHERS_FIRST
        """Seconds; 0 if Discord tells only one program of a press."""

    async def handle(self, payload: Any) -> Json | None:
        """The response to an interaction, in time; None if it was answered before.

        Work that takes longer goes on, and another message tells its outcome.
        """
        act = looks.read(payload) or parse.parse(payload)
        if act is None:
            return {"type": MESSAGE, "data": render.whisper(telling.line(_NOTHING_HERE))}
        if act.interaction.id in self._seen:
            return None  # events may come several times
        self._seen[act.interaction.id] = None
        self._answers[act.interaction.id] = asyncio.get_running_loop().create_future()
        task = self._background.start(self._look(act) if isinstance(act, looks.Look) else self._act(act))
        done, _ = await asyncio.wait({task}, timeout=_ANSWER_WITHIN)
        if done:
            return task.result()
        self._background.start(self._tell_late(act.interaction, task))
        # silence answers only a press
        if looks.is_command(payload):
            return {"type": LATER, "data": {"flags": components.EPHEMERAL}}
        return {"type": RECEIVED}

    def mark_responded(self, payload: Any, *, taken: bool = True) -> None:
        """Know that the response has left, and whether Discord took it: only then it takes more about it."""
        sent = self._answers.pop(str(payload.get("id")), None)
        if sent is not None and not sent.done():
            sent.set_result(taken)

    async def _look(self, look: looks.Look) -> Json:
        try:
            shown = await self._ways.show(look)
        except errors.SaysoError as error:
            shown = render.whisper(telling.refusal(error))
        except Exception:
            # the outermost loop of a look, as that of a press is below
            log.exception("nothing shown")
            shown = render.whisper(telling.line(phrases.TRY_AGAIN))
        return {"type": CHANGE if look.what in ("turn", "end") else MESSAGE, "data": shown}

    async def _act(self, act: parse.Click | parse.Submission) -> Json:
        account = ""
        several, before = batch_tokens.is_one(act.token), None
        following: model.Ticket | Dialog | card.Line
        try:
            actor = await self._members.actor(act.who)
            account = actor.account
            pressed = act.token, actor, render.ROOM, _pressed_message(act.spot), act.draft
            if several:
                following = await self._desk.press_batch(*pressed)
            else:
                before = await self._load_before(act.token)
                following = await self._desk.press(*pressed, before)
        except errors.InvalidAnswer as error:
            return self._refuse_answer(act, error)
        except errors.AlreadyDecided as error:
            what = error.ticket.id, error.ticket.version
            self._background.start_once(what, functools.partial(self._stale.freshen, error.ticket))
            late = telling.refusal(error, account) if several else telling.late_press(error, account, act.token)
            return self._tell_once(act, late)
        except (errors.InvalidToken, errors.NotFound) as error:
            return await self._refuse_unknown(act, error, account)
        except errors.SaysoError as error:
            return self._tell_once(act, telling.refusal(error))
        except Exception:
            # the outermost loop of a press: a failure here must not be taken for an answer
            log.exception("act failed")
            return _privately(act.interaction, render.whisper(telling.line(phrases.TRY_AGAIN)))
        if isinstance(following, Dialog):
            return self._open(act, following)
        if isinstance(following, card.Line):
            return _privately(act.interaction, render.whisper(following))
        return self._tell_outcome(act, following, before, account)

    async def _load_before(self, token: str) -> model.Ticket | None:
        """The request before a press, to recognise a second press of the same person."""
        try:
            return await self._desk.store.load_by_ref(tokens.read(token).ref)
        except (errors.InvalidToken, errors.NotFound):
            return None  # what that means is for the desk to say

    def _tell_outcome(
        self, act: parse.Click | parse.Submission, ticket: model.Ticket, before: model.Ticket | None, account: str
    ) -> Json:
        if self.on_taken_back is not None and tokens.read(act.token).action == "undo":
            self._background.start(self.on_taken_back(ticket))
        told = telling.tally(ticket, before, account)
        if act.interaction.private:
            said = phrases.outcome_words(ticket.request.kind, ticket.decision) if ticket.decision else "Counted"
            return {"type": CHANGE, "data": render.whisper(told or telling.line(f"{said}."))}
        return self._tell_once(act, told) if told else {"type": RECEIVED}

    async def _refuse_unknown(
        self, act: parse.Click | parse.Submission, error: errors.SaysoError, account: str
    ) -> Json:
        """Respond to a button that is not valid: its card is put right, or its request is not known here."""
        try:
            if told := await self._stale.renew(act.spot, account):
                return self._tell_once(act, told)
            known = await self._stale.is_known(act.token)
        except errors.SaysoError as trouble:
            return self._tell_once(act, telling.refusal(trouble))
        if known:
            return self._tell_once(act, telling.refusal(error))
        # if another program has the request, it answers meanwhile
        await asyncio.sleep(self.others_first)
        if act.spot is not None:
            self._background.start(self._disarm(act.interaction, act.spot, act.token))
        return _privately(act.interaction, render.whisper(telling.line(telling.GONE)))

    async def _disarm(self, interaction: parse.Interaction, spot: parse.Spot, token: str) -> None:
        try:
            if await _when_responded(self._answers.get(interaction.id)):
                await self._stale.disarm(spot, token)
        except (errors.ChannelError, TimeoutError) as error:
            log.info("buttons not taken away", extra={"error": wording.of_error(error)})

    def _tell_once(self, act: parse.Click | parse.Submission, told: card.Line) -> Json:
        """Tell this person only, unless they have just been told the same about the same card."""
        mark = (act.who.user, act.spot.message if act.spot else act.interaction.id, str(told))
        now = asyncio.get_running_loop().time()
        if now - self._told.get(mark, -_ONCE_IN) < _ONCE_IN:
            return {"type": RECEIVED}
        self._told[mark] = now
        return _privately(act.interaction, render.whisper(told))

    def _open(self, act: parse.Click | parse.Submission, dialog: Dialog) -> Json:
        if not dialog.inputs:
            pressed = None if batch_tokens.is_one(dialog.token) else tokens.read(dialog.token)
            if pressed and pressed.action in ("review", "details") and pressed.index == 0 and dialog.more:
                self._background.start(self._hand_file(act.interaction, pressed.ref))
            return _privately(act.interaction, render.page(dialog))
        if isinstance(act, parse.Submission):
            # Discord opens a window only after a press on a component
            return _privately(act.interaction, render.step(dialog, f"Received. {dialog.title} is next."))
        return {"type": MODAL, "data": render.modal(dialog)}

    def _refuse_answer(self, act: parse.Click | parse.Submission, error: errors.InvalidAnswer) -> Json:
        if isinstance(act, parse.Click):
            if act.interaction.private:
                # the window was a message, and this takes its place
                return _privately(act.interaction, render.retry(act.token, telling.refusal(error)))
            return self._tell_once(act, telling.refusal(error))
        return _privately(act.interaction, render.retry(act.token, telling.refusal(error)))

    async def _tell_late(self, interaction: parse.Interaction, task: asyncio.Task[Json]) -> None:
        """Tell the outcome of an act that took longer than Discord waits."""
        sent, until = self._answers.get(interaction.id), self._desk.clock.now() + _TOKEN_LIVES
        response = await task
        try:
            await _when_responded(sent)
            if response["type"] == MODAL:
                shown = render.whisper(telling.line(_NO_WINDOW))
                await self._persist(functools.partial(self._api.follow_up, interaction, shown), until)
            elif response["type"] == MESSAGE:
                await self._persist(functools.partial(self._api.follow_up, interaction, response["data"]), until)
            elif response["type"] == CHANGE:
                await self._persist(functools.partial(self._api.change, interaction, response["data"]), until)
        except (errors.ChannelError, TimeoutError) as error:
            log.warning("late outcome not told", extra={"error": wording.of_error(error)})

    async def _hand_file(self, interaction: parse.Interaction, ref: str) -> None:
        sent, until = self._answers.get(interaction.id), self._desk.clock.now() + _TOKEN_LIVES
        ticket = await self._desk.store.load_by_ref(ref)
        drawn = await self._desk.draw(ticket)
        content = await aside.run(sections.text_of, drawn)
        try:
            await _when_responded(sent)
            hand = functools.partial(self._api.hand_file, interaction, "request.txt", content)
            await self._persist(hand, until)
        except (errors.ChannelError, TimeoutError) as error:
            # the pages show the same
            log.warning("file not handed out", extra={"error": wording.of_error(error)})

    async def _persist(self, say: Callable[[], Awaitable[None]], until: datetime) -> None:
        """Say something more about an interaction, and try again while Discord takes that. Raises `ChannelError`."""
        await background.persist(say, "late outcome not told yet", _PAUSES, self._desk.clock, until=until)


async def _when_responded(sent: asyncio.Future[bool] | None) -> bool:
    """Wait until an interaction was responded to. Returns whether Discord took the response."""
    if sent is None:
        return True
    async with asyncio.timeout(_RESPONDED_WITHIN):
        return await asyncio.shield(sent)


def _privately(interaction: parse.Interaction, body: Json) -> Json:
    """Shown to this person only; a message that only they see is replaced, so that old buttons are gone."""
    return {"type": CHANGE if interaction.private else MESSAGE, "data": body}


def _pressed_message(spot: parse.Spot | None) -> PressedMessage | None:
    return None if spot is None else PressedMessage(NAME, spot.channel, spot.message, spot.within)

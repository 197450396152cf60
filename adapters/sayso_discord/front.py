"""What follows from a press or a submitted modal: the desk decides, everybody is told.

The rule: what counts is stored before Discord hears that it was received, and no act is ever left without an answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from sayso import card, desk, dialog, draw, errors, tokens, wording
from sayso_discord import parse, render, web
from sayso_discord.channel import NAME, DiscordChannel
from sayso_discord.members import Members

log = logging.getLogger(__name__)

Json = dict[str, Any]

# Callback types of Discord's interaction reference.
MESSAGE, RECEIVED, CHANGE, MODAL = 4, 6, 7, 9
# Seconds. Discord shows the clicker a failure after three, and the answer itself takes a moment.
_ANSWER_WITHIN = 2.0
_CLOSE_WITHIN = 10.0
_REMEMBERED = 5_000

_NO_WINDOW = "The window could not be opened in time. Please press again."
_NOTHING_HERE = "There is nothing here to do. What agents ask comes as a card with buttons."


class Front:
    """Turns what people do in Discord into answers at the desk."""

    def __init__(self, front: desk.Desk, members: Members, posts: DiscordChannel, api: web.Web) -> None:
        self._desk = front
        self._members = members
        self._posts = posts
        self._api = api
        self._running: set[asyncio.Task[Any]] = set()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._answers: dict[str, asyncio.Event] = {}
        self._typed: OrderedDict[tuple[str, str], dialog.Draft] = OrderedDict()

    async def handle(self, payload: Any) -> Json | None:
        """The response to an interaction, in time; None where it was answered before.

        Work that takes longer goes on, and its outcome is told by another message.
        """
        act = parse.parse(payload)
        if act is None:
            return {"type": MESSAGE, "data": render.whisper(_NOTHING_HERE)}
        if act.way.id in self._seen:
            return None  # events may come several times
        self._remember(act.way.id)
        self._answers[act.way.id] = asyncio.Event()
        task: asyncio.Task[Json] = self.start(self._act(act))
        done, _ = await asyncio.wait({task}, timeout=_ANSWER_WITHIN)
        if done:
            return task.result()
        self.start(self._late(act.way, task))
        return {"type": RECEIVED}

    def answered(self, payload: Any) -> None:
        """The response has left: only now Discord takes more about this interaction."""
        sent = self._answers.pop(str(payload.get("id")), None)
        if sent is not None:
            sent.set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something beside what is answered now; it is finished before the adapter closes."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Let what was begun come to its end."""
        if self._running:
            await asyncio.wait(self._running, timeout=_CLOSE_WITHIN)

    async def _act(self, act: parse.Click | parse.Submission) -> Json:
        try:
            actor = await self._members.actor(act.who)
            following = await self._desk.press(act.token, actor, render.ROOM, _seat(act.spot), act.draft)
        except errors.InvalidAnswer as error:
            return self._wrong(act, error)
        except errors.SaysoError as error:
            if isinstance(error, errors.AlreadyDecided):
                # whoever was late looked at a card that was not up to date
                self.start(self._freshen(error))
            return _private(act.way, render.whisper(wording.told(error)))
        except Exception:
            # the outermost loop of a press: whatever went wrong here must not be taken for an answer
            log.exception("act failed")
            return _private(act.way, render.whisper(wording.TRY_AGAIN))
        if isinstance(following, dialog.Dialog):
            return self._opened(act, following)
        if act.way.private:
            said = wording.verdict(following.decision) if following.decision else "Counted; others have to agree"
            return {"type": CHANGE, "data": render.whisper(f"{said}.")}
        return {"type": RECEIVED}

    def _opened(self, act: parse.Click | parse.Submission, opened: dialog.Dialog) -> Json:
        if not opened.inputs:
            pressed = tokens.read(opened.token)
            if pressed.action == "review" and pressed.index == 0 and opened.submit == "Next page":
                self.start(self._hand_file(act.way, pressed.ref))
            return _private(act.way, render.page(opened))
        if isinstance(act, parse.Submission):
            # only a press on a component may open a window
            return _private(act.way, render.step(opened, f"Received. {opened.title} is next."))
        return {"type": MODAL, "data": render.modal(self._prefilled(act, opened))}

    def _wrong(self, act: parse.Click | parse.Submission, error: errors.InvalidAnswer) -> Json:
        if isinstance(act, parse.Click):
            return _private(act.way, render.whisper(wording.told(error)))
        self._typed[act.who.user, act.token] = act.draft
        while len(self._typed) > _REMEMBERED // 10:
            self._typed.popitem(last=False)
        return _private(act.way, render.retry(act.token, wording.told(error)))

    def _prefilled(self, act: parse.Click, opened: dialog.Dialog) -> dialog.Dialog:
        """What somebody typed before is there again after it was found wrong."""
        before = self._typed.pop((act.who.user, opened.token), None)
        if not before:
            return opened
        typed = {name: value for name, value in before.items() if isinstance(value, str)}
        kept = tuple(replace(given, value=typed.get(given.name, given.value)) for given in opened.inputs)
        return replace(opened, inputs=kept)

    async def _late(self, way: parse.Way, task: asyncio.Task[Json]) -> None:
        """Tell the outcome of an act that took longer than Discord waits."""
        sent = self._answers.get(way.id)
        response = await task
        try:
            await _after(sent)
            if response["type"] == MODAL:
                await self._api.follow_up(way, render.whisper(_NO_WINDOW))
            elif response["type"] == MESSAGE:
                await self._api.follow_up(way, response["data"])
            elif response["type"] == CHANGE:
                await self._api.change(way, response["data"])
        except (errors.ChannelError, TimeoutError) as error:
            log.warning("late outcome not told", extra={"error": str(error)})

    async def _hand_file(self, way: parse.Way, ref: str) -> None:
        sent = self._answers.get(way.id)
        ticket = await self._desk.store.load_ref(ref)
        parts = draw.card_of(ticket, self._desk.mint).parts
        content = "\n\n".join("\n".join(card.pieces(part)) for part in parts)
        try:
            await _after(sent)
            await self._api.hand_file(way, "request.txt", content)
        except (errors.ChannelError, TimeoutError) as error:
            # the pages show the same
            log.warning("file not handed out", extra={"error": str(error)})

    async def _freshen(self, late: errors.AlreadyDecided) -> None:
        drawn = draw.card_of(late.ticket, self._desk.mint)
        for ref in await self._desk.store.refs(late.ticket.id):
            try:
                if ref.channel == NAME:
                    await self._posts.edit(ref, drawn)
            except errors.ChannelError as error:
                log.info("late card not edited", extra={"error": error.message})

    def _remember(self, mark: str) -> None:
        self._seen[mark] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("follow-up failed", exc_info=error)


async def _after(sent: asyncio.Event | None) -> None:
    if sent is not None:
        async with asyncio.timeout(_CLOSE_WITHIN):
            await sent.wait()


def _private(way: parse.Way, body: Json) -> Json:
    """Shown to this person only; a message that only they see is replaced, so that old buttons are gone."""
    return {"type": CHANGE if way.private else MESSAGE, "data": body}


def _seat(spot: parse.Spot | None) -> desk.Seat | None:
    return None if spot is None else desk.Seat(NAME, spot.channel, spot.message)

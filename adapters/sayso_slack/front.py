"""What follows from a click, a submitted modal or a reply in a thread: the desk decides, everybody is told.

The rule: what counts is stored before Slack hears that it was received, and no act is ever left without an answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any

from slack_bolt.response import BoltResponse

from sayso import channel, desk, dialog, draw, errors, model, submission, wording
from sayso_slack import parse, render, web
from sayso_slack.channel import NAME, SlackChannel
from sayso_slack.members import Members

log = logging.getLogger(__name__)

# Seconds. Slack shows the clicker a failure after three.
_ANSWER_WITHIN = 2.5
_CLOSE_WITHIN = 10.0
_REMEMBERED = 5_000

_RECEIVED = BoltResponse(status=200)
# Slack shows that this failed and repeats events, but not clicks.
_FAILED = BoltResponse(status=503)

_NO_WINDOW = "The window could not be opened. Please press again."
_NOT_BY_REPLY = "A reply does not decide this request. Please use the buttons on its card."


class Front:
    """Turns what people do in Slack into answers at the desk."""

    def __init__(self, front: desk.Desk, members: Members, posts: SlackChannel, api: web.Web) -> None:
        self._desk = front
        self._members = members
        self._posts = posts
        self._api = api
        self._running: set[asyncio.Task[Any]] = set()
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def handle(self, payload: Any) -> BoltResponse:
        """The answer to one payload, in time; work that takes longer goes on, and its outcome is told by message."""
        act = self._start(self._act(parse.parse(payload)))
        done, _ = await asyncio.wait({act}, timeout=_ANSWER_WITHIN)
        return act.result() if done else _FAILED

    async def close(self) -> None:
        """Let what was begun come to its end."""
        if self._running:
            await asyncio.wait(self._running, timeout=_CLOSE_WITHIN)

    async def _act(self, act: parse.Click | parse.Submission | parse.Reply | None) -> BoltResponse:
        try:
            match act:
                case parse.Click():
                    return await self._clicked(act)
                case parse.Submission():
                    return await self._submitted(act)
                case parse.Reply():
                    return await self._replied(act)
                case None:
                    return _RECEIVED
        except errors.SaysoError as error:
            log.warning("act not counted", extra={"error": error.message})
            return _FAILED
        except Exception:
            # the outermost loop of a click: whatever went wrong here must not be taken for an answer
            log.exception("act failed")
            if isinstance(act, parse.Click):
                self._start(self._whisper(act, wording.TRY_AGAIN))
            return _FAILED

    async def _clicked(self, click: parse.Click) -> BoltResponse:
        if click.spot is not None and click.response_url:
            self._posts.pressed(click.spot.channel, click.spot.message, click.response_url)
        try:
            actor = await self._members.actor(click.who)
            following = await self._desk.press(click.token, actor, render.ROOM, _seat(click.spot), click.draft)
        except errors.SaysoError as error:
            self._start(self._whisper(click, wording.told(error)))
            self._freshen(click, error)
            return _RECEIVED if isinstance(error, errors.Refused | errors.NotFound) else _FAILED
        if isinstance(following, dialog.Dialog):
            self._start(self._show(click, following))
        return _RECEIVED

    async def _submitted(self, sent: parse.Submission) -> BoltResponse:
        try:
            actor = await self._members.actor(sent.who)
            following = await self._desk.press(sent.token, actor, render.ROOM, _seat(sent.spot), sent.draft)
        except errors.SaysoError as error:
            self._freshen(sent, error)
            return _turned(sent, error)
        if isinstance(following, dialog.Dialog):
            return _modal({"response_action": "update", "view": _view(following, sent.spot)})
        return _modal({"response_action": "clear"})

    async def _replied(self, reply: parse.Reply) -> BoltResponse:
        ref = await self._desk.store.find_ref(NAME, reply.spot.channel, reply.spot.message)
        marks = [f"{reply.spot.channel}/{reply.ts}", *([reply.event_id] if reply.event_id else [])]
        if ref is None or any(mark in self._seen for mark in marks):
            return _RECEIVED
        ticket = await self._desk.get(ref.ticket_id)
        if ticket.request.kind in ("permission", "form"):
            if ticket.decision is None:
                self._tell_once(reply, ticket, _NOT_BY_REPLY)
        else:
            await self._answered(reply, ticket)
        self._remember(marks)
        return _RECEIVED

    async def _answered(self, reply: parse.Reply, ticket: model.Ticket) -> None:
        account = ""
        try:
            actor = await self._members.actor(reply.who)
            account = actor.account
            await self._desk.answer(ticket.id, submission.spoken(ticket, reply.text), actor)
        except errors.AlreadyDecided as error:
            if not submission.repeated(error.ticket, account, reply.text):
                self._tell_once(reply, ticket, wording.told(error))
                self._freshen(reply, error)
        except (errors.Refused, errors.NotFound) as error:
            self._tell_once(reply, ticket, wording.told(error))

    async def _show(self, click: parse.Click, opened: dialog.Dialog) -> None:
        view = _view(opened, click.spot)
        try:
            # a press inside a modal opens the next one on top of it
            method = "views.push" if click.spot is None else "views.open"
            await self._api.post(method, trigger_id=click.trigger, view=view)
        except errors.ChannelError as error:
            log.warning("modal not opened", extra={"error": error.message})
            await self._whisper(click, _NO_WINDOW)

    async def _whisper(self, to: parse.Click | parse.Reply, said: str) -> None:
        shown = render.whisper(said)
        try:
            if to.spot is not None:
                thread = {"thread_ts": to.spot.message} if isinstance(to, parse.Reply) else {}
                seen_by = {"channel": to.spot.channel, "user": to.who.user}
                await self._api.post("chat.postEphemeral", **seen_by, **shown, **thread)
                return
        except errors.ChannelError as error:
            log.info("ephemeral refused", extra={"error": error.message})
        if isinstance(to, parse.Click) and to.response_url:
            # works without membership and without scopes
            await self._respond(to.response_url, {**shown, "response_type": "ephemeral", "replace_original": False})

    async def _respond(self, url: str, body: dict[str, Any]) -> None:
        try:
            await self._api.respond(url, body)
        except errors.ChannelError as error:
            log.warning("response refused", extra={"error": error.message})

    def _freshen(self, act: parse.Click | parse.Submission | parse.Reply, error: errors.SaysoError) -> None:
        """Whoever was late looked at a card that was not up to date."""
        if isinstance(error, errors.AlreadyDecided) and act.spot is not None:
            url = act.response_url if isinstance(act, parse.Click) else ""
            self._start(self._redraw(error.ticket, act.spot, url))

    async def _redraw(self, ticket: model.Ticket, spot: parse.Spot, url: str) -> None:
        drawn = draw.card_of(ticket, self._desk.mint)
        try:
            await self._posts.edit(channel.MessageRef(ticket.id, NAME, NAME, spot.channel, spot.message), drawn)
        except errors.ChannelError as error:
            log.info("late card not edited", extra={"error": error.message})
            if url:
                await self._respond(url, {**render.render(drawn), "replace_original": True})

    def _tell_once(self, reply: parse.Reply, ticket: model.Ticket, said: str) -> None:
        # people go on talking in a thread; the same thing is said to each of them once
        mark = f"{ticket.id}/{reply.who.user}/{said}"
        if mark not in self._seen:
            self._remember([mark])
            self._start(self._whisper(reply, said))

    def _remember(self, marks: list[str]) -> None:
        self._seen.update(dict.fromkeys(marks))
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("follow-up failed", exc_info=error)


def _turned(sent: parse.Submission, error: errors.SaysoError) -> BoltResponse:
    """What a submission is answered with that did not count; what was typed stays, where trying again makes sense."""
    final = isinstance(error, errors.Refused | errors.NotFound) and not isinstance(error, errors.InvalidAnswer)
    if isinstance(error, errors.InvalidAnswer) and (wrong := wording.beside(error, sent.inputs)):
        return _modal({"response_action": "errors", "errors": wrong})
    first = next(iter(sent.inputs), None)
    if not final and first is not None:
        return _modal({"response_action": "errors", "errors": {first: wording.told(error)}})
    if not final and not isinstance(error, errors.InvalidAnswer):
        return _FAILED
    return _modal({"response_action": "update", "view": render.notice("Not counted", wording.told(error))})


def _seat(spot: parse.Spot | None) -> desk.Seat | None:
    return None if spot is None else desk.Seat(NAME, spot.channel, spot.message)


def _view(opened: dialog.Dialog, spot: parse.Spot | None) -> dict[str, Any]:
    seat = {} if spot is None else {"channel": spot.channel, "message": spot.message}
    return render.render_dialog(opened, seat)


def _modal(answer: dict[str, Any]) -> BoltResponse:
    return BoltResponse(status=200, body=answer)

"""What follows from a click, from a submitted modal, and from what happens to words, cards and channels.

The rule: an answer is stored before Slack hears that it was received, and no act is left without a response.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, assert_never

from slack_bolt.response import BoltResponse

from sayso import errors, model
from sayso.cards import batch_tokens, card, phrases, telling, tokens
from sayso.cards.dialog import Dialog
from sayso.chat.background import Background
from sayso.desk import Desk, PressedMessage
from sayso.desk.posting import batching
from sayso_slack import happenings, looks, parse, render, spoken, ways
from sayso_slack.api import Api
from sayso_slack.channel import SlackChannel
from sayso_slack.replies import Replies
from sayso_slack.settings import NAME
from sayso_slack.teller import Teller, explain
from sayso_slack.upkeep import Upkeep

log = logging.getLogger(__name__)

# Seconds. Slack shows the clicker a failure after three.
_ANSWER_WITHIN = 2.5

_RECEIVED = BoltResponse(status=200)
# Slack shows that this failed and repeats events, but not clicks.
_FAILED = BoltResponse(status=503)

# Whoever pressed sees that it failed: silence would look like an answer.
_ODD = BoltResponse(status=400)

_NO_WINDOW = "The window could not be opened. Please press again."
_TAKEN_BACK = "Taken back: the agent has not been told. You can answer again."


class Interactions:
    """Turns what people do in Slack into answers at the desk."""

    def __init__(
        self,
        desk: Desk,
        teller: Teller,
        replies: Replies,
        upkeep: Upkeep,
        channel: SlackChannel,
        api: Api,
        background: Background,
        shown: ways.Ways,
    ) -> None:
        self._desk = desk
        self._teller = teller
        self._replies = replies
        self._upkeep = upkeep
        self._channel = channel
        self._api = api
        self._background = background
        self._ways = shown
        self.app = spoken.App()
        self.is_shared: Callable[[], bool] = lambda: False
        """Whether another program receives some of what Slack sends to this app."""

    async def handle(self, payload: Any) -> BoltResponse:
        """Respond to one payload, in time; work that takes longer goes on, and a message tells its outcome."""
        if parse.is_odd(payload):
            return _ODD
        act = looks.read(payload) or parse.parse(payload) or happenings.read(payload, self.app)
        if isinstance(act, looks.Look | parse.Click) and act.response_url:
            pressed = act.spot if isinstance(act, parse.Click) else None
            self._channel.response_urls.add(act.response_url, f"{pressed.channel}/{pressed.message}" if pressed else "")
        doing = self._background.start(self._act(act))
        done, _ = await asyncio.wait({doing}, timeout=_ANSWER_WITHIN)
        if not done and isinstance(act, looks.Look):
            # nothing is decided by a look, so that Slack may hear before its end that it was received
            self._background.start(self._ways.tell_late(act, doing))
            return _RECEIVED
        return doing.result() if done else _FAILED

    async def _act(
        self, act: looks.Look | parse.Click | parse.Submission | happenings.Happening | None
    ) -> BoltResponse:
        try:
            match act:
                case looks.Look():
                    shown = await self._ways.show(act)
                    return _RECEIVED if shown is None else _respond(shown)
                case parse.Click():
                    return await self._click(act)
                case parse.Submission():
                    return await self._submit(act)
                case None:
                    return _RECEIVED
                case parse.Reply() | happenings.Changed() | happenings.Deleted() | happenings.Room():
                    await self._follow(act)
                    return _RECEIVED
                case _:
                    assert_never(act)
        except errors.SaysoError as error:
            log.warning("act not counted", extra={"error": error.message})
            return _FAILED
        except Exception:
            # the outermost loop of a click: a failure here must not be taken for an answer
            log.exception("act failed")
            if isinstance(act, parse.Click):
                self._teller.tell(act, telling.line(phrases.TRY_AGAIN))
            return _FAILED

    async def _follow(self, happening: happenings.Happening) -> None:
        match happening:
            case parse.Reply():
                await self._replies.handle(happening)
            case happenings.Changed(said=said):
                await self._replies.handle_change(said)
            case happenings.Deleted(channel=channel, message=message):
                await self._upkeep.handle_deletion(channel, message)
                await self._replies.handle_deletion(channel, message)
            case happenings.Room():
                await self._upkeep.handle_change(happening)
            case _:
                assert_never(happening)

    async def _click(self, click: parse.Click) -> BoltResponse:
        if batch_tokens.is_one(click.token):
            return await self._click_batch(click)
        account = ""
        try:
            actor = await self._replies.members.actor(click.who)
            account = actor.account
            # once who pressed is known, which may have taken its time: it is read for all that follows
            pressed, before = await self._find_ticket(click.token)
            message = _pressed_message(click.spot)
            following = await self._desk.press(click.token, actor, render.ROOM, message, click.draft, before)
        except errors.SaysoError as error:
            return await self._refuse(click, error, account)
        if isinstance(following, Dialog):
            self._background.start(self._show(click, following))
            return _RECEIVED
        said = telling.tally(following, before, actor.account)
        if pressed.action == "undo":
            self._tell_taken_back(click)
            self._background.start(self._replies.unmark_taken(before))
        elif said and not click.view:
            self._teller.tell(click, said)
        if click.view:
            self._background.start(self._renew_window(click, following, said))
        self._ways.renew_home(click.who)
        return _RECEIVED

    async def _click_batch(self, click: parse.Click) -> BoltResponse:
        """A press on the card of several requests, or in one of its windows."""
        account = ""
        try:
            actor = await self._replies.members.actor(click.who)
            account = actor.account
            following = await self._desk.press_batch(click.token, actor, render.ROOM, _pressed_message(click.spot))
        except errors.SaysoError as error:
            return await self._refuse(click, error, account)
        if isinstance(following, Dialog):
            self._background.start(self._show(click, following))
        else:
            self._teller.tell(click, following)
        return _RECEIVED

    async def _submit(self, submission: parse.Submission) -> BoltResponse:
        account = ""
        following: model.Ticket | Dialog | card.Line
        before = None
        try:
            actor = await self._replies.members.actor(submission.who)
            account = actor.account
            pressed = submission.token, actor, render.ROOM, _pressed_message(submission.spot), submission.draft
            if batch_tokens.is_one(submission.token):
                following = await self._desk.press_batch(*pressed)
            else:
                _, before = await self._find_ticket(submission.token)
                following = await self._desk.press(*pressed, before)
        except errors.SaysoError as error:
            self._teller.freshen(error, submission.spot)
            return self._refuse_submission(submission, error, account)
        if isinstance(following, Dialog):
            return _respond({"response_action": "update", "view": _view_of(following, submission.spot)})
        self._ways.renew_home(submission.who)
        if isinstance(following, card.Line):
            return _respond({"response_action": "update", "view": render.notice("Done", following)})
        if said := telling.tally(following, before, account):
            if submission.spot is None:
                return _respond({"response_action": "update", "view": render.notice("Done", said)})
            self._teller.tell(submission, said)
        return _respond({"response_action": "clear"})

    async def _find_ticket(self, token: str) -> tuple[tokens.Pressed, model.Ticket]:
        """The request that a button names; whether the button is genuine is for the desk to find out."""
        pressed = tokens.read(token)
        return pressed, await self._desk.store.load_by_ref(pressed.ref)

    async def _refuse(self, click: parse.Click, error: errors.SaysoError, account: str) -> BoltResponse:
        said = explain(error, account, shared=self.is_shared())
        if isinstance(error, errors.AlreadyDecided) and not batch_tokens.is_one(click.token):
            said = telling.late_press(error, account, click.token)
        if isinstance(error, errors.NotFound) and not self.is_shared() and click.blocks and click.response_url:
            self._background.start(self._teller.close_card(click))
        elif isinstance(error, errors.InvalidToken) and (shown := await self._renew(click)) is not None:
            late = errors.AlreadyDecided(shown)
            said = telling.line(telling.RENEWED) if shown.decision is None else telling.refusal(late, account)
        if click.view:
            self._background.start(self._tell_in_window(click, said))
        else:
            self._teller.tell(click, said)
        self._teller.freshen(error, click.spot)
        return _RECEIVED if isinstance(error, errors.Refused | errors.NotFound) else _FAILED

    async def _renew(self, click: parse.Click) -> model.Ticket | None:
        """Bring one of our cards up to date if its buttons were made with another secret, or for other content."""
        if click.spot is None:
            return None
        posted = await self._desk.store.find_card(NAME, click.spot.channel, click.spot.message)
        if posted is None:
            return None
        ticket = await batching.ticket_at(self._desk, posted)
        self._teller.redraw(ticket, click.spot)
        return ticket

    async def _renew_window(self, click: parse.Click, ticket: model.Ticket, told: card.Line | None) -> None:
        try:
            await self._ways.update(click, ticket, told)
        except errors.ChannelError as error:
            log.info("window not renewed", extra={"error": error.message})

    async def _tell_in_window(self, click: parse.Click, told: card.Line) -> None:
        """Tell in a window why the press in it was not counted."""
        try:
            _, ticket = await self._find_ticket(click.token)
        except errors.SaysoError:
            shown = render.notice("Not counted", told)
            with contextlib.suppress(errors.ChannelError):
                await self._api.post("views.update", view_id=click.view, view=shown)
            return
        await self._renew_window(click, ticket, told)

    def _tell_taken_back(self, click: parse.Click) -> None:
        said = telling.line(_TAKEN_BACK)
        if click.hidden and click.response_url:
            self._background.start(self._teller.close_whisper(click, said))
        else:
            self._teller.tell(click, said)

    async def _show(self, click: parse.Click, dialog: Dialog) -> None:
        view = _view_of(dialog, click.spot)
        try:
            if click.jumps:
                await self._api.post("views.update", view_id=click.view, view=view)
                return
            # a press inside a modal opens the next one on top of it
            method = "views.push" if click.spot is None and not click.hidden else "views.open"
            await self._api.post(method, trigger_id=click.trigger, view=view)
        except errors.ChannelError as error:
            log.warning("modal not opened", extra={"error": error.message})
            self._teller.tell(click, telling.line(_NO_WINDOW))

    def _refuse_submission(self, submission: parse.Submission, error: errors.SaysoError, account: str) -> BoltResponse:
        """Respond to a submission that did not count; what was typed stays if trying again can help."""
        final = isinstance(error, errors.Refused | errors.NotFound) and not isinstance(error, errors.InvalidAnswer)
        wrong = _complaints(submission, error)
        if not final and wrong:
            return _respond({"response_action": "errors", "errors": wrong})
        if not final and not isinstance(error, errors.InvalidAnswer):
            return _FAILED
        shown = render.notice("Not counted", explain(error, account, shared=self.is_shared()))
        return _respond({"response_action": "update", "view": shown})


def _complaints(submission: parse.Submission, error: errors.SaysoError) -> dict[str, str]:
    """What is wrong, beside the inputs that it is about."""
    if isinstance(error, errors.InvalidAnswer) and (wrong := phrases.beside(error, submission.inputs)):
        return wrong
    first = next(iter(submission.inputs), None)
    return {} if first is None else {first: phrases.explain(error)}


def _pressed_message(spot: parse.Spot | None) -> PressedMessage | None:
    return None if spot is None else PressedMessage(NAME, spot.channel, spot.message)


def _view_of(dialog: Dialog, spot: parse.Spot | None) -> dict[str, Any]:
    seat = {} if spot is None else {"channel": spot.channel, "message": spot.message}
    return render.render_dialog(dialog, seat)


def _respond(answer: dict[str, Any]) -> BoltResponse:
    return BoltResponse(status=200, body=answer)

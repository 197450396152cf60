"""Slack, connected: the channel for the courier, and the way in for clicks and words."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from sayso import errors
from sayso.chat.background import Background
from sayso.desk import Desk
from sayso.desk.channel import Platform
from sayso.stores import Store
from sayso_slack import batches, doctor, server, spoken
from sayso_slack.api import Api, api_of
from sayso_slack.app import Handle, build_app
from sayso_slack.catchup import CatchUp
from sayso_slack.channel import SlackChannel
from sayso_slack.interactions import Interactions
from sayso_slack.members import Home, Members
from sayso_slack.messages import Messages
from sayso_slack.names import KnownNames
from sayso_slack.notes import Notes
from sayso_slack.places import Places
from sayso_slack.reminders import Reminders
from sayso_slack.replies import Replies
from sayso_slack.settings import NAME, Settings
from sayso_slack.situation import Situation
from sayso_slack.sockets import Sockets
from sayso_slack.teller import Teller
from sayso_slack.upkeep import Upkeep
from sayso_slack.uploads import Uploads
from sayso_slack.ways import Ways


@dataclass(frozen=True, slots=True)
class Slack:
    """A connection to one workspace."""

    channel: SlackChannel
    app: AsyncApp
    handle: Handle
    settings: Settings
    sockets: Sockets | None
    api: Api = field(repr=False)
    _store: Store | None = field(default=None, repr=False)

    def add_routes(self, routes: web.Application, seconds: Callable[[], float] = time.time) -> None:
        """Serve Slack's HTTP posts. Raises `InvalidSettings` without a signing secret."""
        if not self.settings.signing_secret:
            hint = "copy it from the app's Basic Information page, or use Socket Mode with SLACK_APP_TOKEN"
            raise errors.InvalidSettings("SLACK_SIGNING_SECRET is missing", field="SLACK_SIGNING_SECRET", hint=hint)
        server.add_routes(routes, self.app, self.handle, self.settings.signing_secret, seconds, self._store)

    async def healthy(self) -> bool:
        """Whether clicks can arrive; over HTTP the web server answers that."""
        return self.sockets is None or await self.sockets.healthy()

    async def check_ready(self) -> None:
        """Raise `ChannelError` if clicks cannot arrive now, or the token is not good any more."""
        if not await self.healthy():
            raise errors.ChannelError("no connection to Slack is open; the log says why")
        if self.api.is_refused:
            # asked again, or what Slack refused once would stand for ever
            await self.api.identify()

    async def lost(self) -> None:
        """Return never: a connection to Slack is opened again for as long as it takes."""
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def connect(desk: Desk, settings: Settings) -> AsyncGenerator[Slack, None]:
    """Slack for this desk, with clicks coming in if there is an app token, until the block ends.

    Raises:
        InvalidSettings: Slack does not take a token, or the channel is not there, archived, or without the app.
        ChannelError: Slack cannot be reached.
    """
    async with api_of(settings) as api:
        identity, name, workspace = await _identify(api, settings)
        places = Places(api, lambda: desk.setup.directory, settings.channel, desk.clock)
        await doctor.require_channel(api, places, settings)
        uploads = Uploads(api, desk.store, desk.clock, settings.images)
        channel = SlackChannel(
            api,
            places,
            desk.clock,
            uploads,
            lambda: desk.setup.directory,
            lambda: desk.copies,
        )
        notes, messages = Notes(api, places, desk.store), Messages(api, places, workspace)
        members = Members(api, desk.clock, Home(identity.team_id or "", identity.enterprise_id))
        reminders = Reminders(api)
        desk.platforms[NAME] = Platform(
            channel, notes, places.find, places.check, messages, members, reminders, batches.ROWS, channel.find_cards
        )
        background = Background()
        app_named = spoken.App(api.bot_user, name)
        interactions, catch_up = _build(desk, api, places, channel, members, app_named, background)
        app = build_app(interactions.handle, api.client, identity)
        sockets = Sockets(app, settings.app_token, lambda: desk.copies) if settings.app_token else None
        interactions.is_shared = lambda: sockets is not None and sockets.is_shared
        if sockets is not None:
            await sockets.open(api)
        background.start_repeatable(catch_up.run())
        try:
            yield Slack(channel, app, interactions.handle, settings, sockets, api, desk.store)
        finally:
            if sockets is not None:
                await sockets.close()
            await background.close()
            await members.close()


def _build(
    desk: Desk,
    api: Api,
    places: Places,
    channel: SlackChannel,
    members: Members,
    named: spoken.App,
    background: Background,
) -> tuple[Interactions, CatchUp]:
    """What takes clicks and words, and what makes up for those that were missed."""
    teller, situation = Teller(desk, channel, api, background), Situation(desk, named.user)
    replies = Replies(desk, members, KnownNames(api, members, desk.clock, named), situation, teller)
    upkeep = Upkeep(desk, places, channel, api)
    shown = Ways(desk, members, api, channel.response_urls, background)
    interactions = Interactions(desk, teller, replies, upkeep, channel, api, background, shown)
    interactions.app = named
    return interactions, CatchUp(desk, replies, upkeep, api, named.user)


async def _identify(api: Api, settings: Settings) -> tuple[AuthorizeResult, str, str]:
    """Who the app is, its name, and the address of its workspace."""
    try:
        who, _ = await api.identify()
    except errors.ChannelError as error:
        if not error.final:
            raise
        raise errors.InvalidSettings(error.message, field="SLACK_BOT_TOKEN", hint=error.hint) from error
    identity = AuthorizeResult(
        enterprise_id=who.get("enterprise_id"),
        team_id=who.get("team_id"),
        bot_user_id=who.get("user_id"),
        bot_id=who.get("bot_id"),
        bot_token=settings.bot_token,
    )
    return identity, str(who.get("user") or ""), str(who.get("url") or "")

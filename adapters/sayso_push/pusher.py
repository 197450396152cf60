"""Tells people on their devices of what waits for them, and that it does no longer.

The rule: the message is what a notification says anyway, so no text of an agent. It is encrypted for the one device.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Literal, Protocol

from webpush import WebPush, WebPushSubscription  # type: ignore[import-untyped]

from sayso import aside, errors, machine, model
from sayso.cards import draw
from sayso.desk import Desk
from sayso.desk.answering import identity
from sayso.machine import approvers, rounds, silence
from sayso.stores import Record
from sayso_push.server_keys import ServerKeys
from sayso_push.subscriptions import Device, Subscriber, Subscriptions

# webpush has types, and does not say so.
# pyright: reportMissingTypeStubs=false

log = logging.getLogger(__name__)

KIND = "pushed"
# Seconds. A push service keeps a message for a device that is off; one that is over is not worth long.
_LONGEST, _OVER = 86_400, 3_600
_AT_ONCE = 8
MOST_DEVICES = 200
"""Of one request; whoever is beyond finds it in the inbox."""
_GONE = (404, 410)

State = Literal["pending", "over"]
Due = tuple[Device, Subscriber, State]


class Reply(Protocol):
    """What a push service answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        ...


Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Reply]]
"""Posts to an address that a browser named. Raises `ChannelError`."""


class Pusher:
    """Keeps the notifications of requests up to date. *contact* is an e-mail address for push services."""

    def __init__(self, desk: Desk, devices: Subscriptions, keys: ServerKeys, contact: str, post: Post) -> None:
        self._desk = desk
        self._devices = devices
        self._keys = keys
        self._contact = contact
        self._post = post

    async def update(self, ticket: model.Ticket) -> None:
        """Bring the notifications of a request up to date. Raises `ChannelError` if somebody was not reached."""
        record = await self._desk.store.get(KIND, ticket.id)
        told = set[str](record.value["devices"] if record else ())
        subscribers = await self._devices.all()
        if not told and (ticket.decision is not None or not subscribers):
            return
        wanted = await self._wanted(ticket, subscribers)
        ids = {one.id for _, one in wanted}
        every = [(who, one) for who in subscribers for one in who.devices]
        fresh: list[Due] = [(one, who, "pending") for who, one in wanted if one.id not in told]
        over: list[Due] = [(one, who, "over") for who, one in every if one.id in told and one.id not in ids]
        shown = {one.id for _, one in every} & told & ids
        failed = await self._send_all(ticket, [*fresh, *over], shown)
        await self._keep(ticket, shown, record)
        if failed:
            raise failed[0]

    async def _wanted(
        self, ticket: model.Ticket, subscribers: Sequence[Subscriber]
    ) -> Sequence[tuple[Subscriber, Device]]:
        """The devices of those for whom it waits."""
        if ticket.decision or ticket.taken or ticket.held or ticket.stopped:
            return []
        found: list[tuple[Subscriber, Device]] = []
        for who in subscribers:
            if who.devices and len(found) < MOST_DEVICES and await self._waits_for(ticket, who):
                found += [(who, one) for one in who.devices]
        return found

    async def _waits_for(self, ticket: model.Ticket, who: Subscriber) -> bool:
        person = await identity.find(self._desk, ticket, who.actor)
        answered = any(given.person == person.id for given in approvers.latest(ticket))
        now = self._desk.clock.now()
        left_alone = silence.is_quiet(ticket.policy, now) or person.id in silence.silent(ticket, now)
        first = rounds.current(ticket)
        put_to = not first or identity.is_among(first, person)
        return machine.may_answer(ticket, person) and not (answered or left_alone) and put_to

    async def _send_all(self, ticket: model.Ticket, due: Sequence[Due], shown: set[str]) -> list[errors.ChannelError]:
        """Send what is due, a few at a time; *shown* is brought up to date, and what failed is returned."""
        failed: list[errors.ChannelError] = []
        room = asyncio.Semaphore(_AT_ONCE)

        async def send(device: Device, who: Subscriber, state: State) -> None:
            async with room:
                try:
                    await self._send(ticket, device, who, state)
                except errors.ChannelError as error:
                    failed.append(error)
                    if state == "over":
                        shown.add(device.id)
                    return
            if state == "pending":
                shown.add(device.id)

        await asyncio.gather(*(send(*one) for one in due))
        return failed

    async def _send(self, ticket: model.Ticket, device: Device, who: Subscriber, state: State) -> None:
        body, headers = await aside.run(self._message, ticket, device, state)
        try:
            reply = await self._post(device.endpoint, body, headers)
        except errors.ChannelError as error:
            if not error.final:
                raise
            await self._devices.remove(who.actor, device.endpoint)
            log.warning("a device is forgotten", extra={"error": error.message})
            return
        if reply.status in _GONE:
            await self._devices.remove(who.actor, device.endpoint)
        elif reply.status == 429 or reply.status >= 500:
            wait = reply.headers.get("retry-after", "")
            seconds = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else None
            raise errors.ChannelError(f"a push service answers with {reply.status}", retry_after=seconds)
        elif not 200 <= reply.status < 300:
            # another try would be refused as well
            log.error("a push service refuses", extra={"ticket": ticket.id, "status": reply.status})

    def _message(self, ticket: model.Ticket, device: Device, state: State) -> tuple[bytes, Mapping[str, str]]:
        """The encrypted message, and its headers."""
        drawn = draw.card_of(ticket, self._desk.mint, self._desk.setup.directory)
        said = json.dumps({"id": ticket.id, "body": drawn.summary, "state": state}).encode()
        left = int((ticket.expires_at - self._desk.clock.now()).total_seconds())
        lasts = _OVER if state == "over" else max(1, min(left, _LONGEST))
        made = WebPush(self._keys.private, self._keys.public, subscriber=self._contact, ttl=lasts).get(
            said,
            WebPushSubscription.model_validate(
                {"endpoint": device.endpoint, "keys": {"p256dh": device.p256dh, "auth": device.auth}}
            ),
        )
        # a device that was off gets only the last one of a request
        topic = base64.urlsafe_b64encode(hashlib.sha256(ticket.id.encode()).digest())[:32].decode()
        urgency = "high" if state == "pending" else "low"
        kind = {"Content-Type": "application/octet-stream", "Topic": topic, "Urgency": urgency}
        return made.encrypted, {**kind, **{name.title(): str(value) for name, value in made.headers.items()}}

    async def _keep(self, ticket: model.Ticket, shown: set[str], record: Record | None) -> None:
        """Keep on which devices it stands. A lease lets one courier at a time do this."""
        if not shown:
            if record is not None:
                await self._desk.store.remove(KIND, ticket.id)
            return
        value = {"devices": sorted(shown)}
        if record is None or record.value != value:
            until = ticket.expires_at + timedelta(days=1)
            # whoever took it over after the lease ended has written the same or more
            with contextlib.suppress(errors.Conflict):
                await self._desk.store.put(Record(KIND, ticket.id, value, until, record.version if record else 0))

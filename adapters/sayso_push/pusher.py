"""Tells people on their devices of what waits for them, and that it does no longer.

The rule: the message is what a notification says anyway, so no text of an agent. It is encrypted for the one device.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from webpush import WebPush, WebPushSubscription  # type: ignore[import-untyped]

from sayso import aside, errors, machine, model
from sayso.cards import draw
from sayso.desk import Desk
from sayso.desk.answering import identity
from sayso.machine import approvers, rounds, silence
from sayso.stores import Query, Record
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
# Of what is gathered, as many are looked through.
_GATHERED = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification: of a request, or of all that are shown together."""

    id: str
    tickets: Sequence[model.Ticket]
    """Those that are open; none once it is over."""
    body: str
    path: str
    """The page that it opens."""
    ends: datetime


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
        self._gathering = asyncio.Lock()

    async def update(self, ticket: model.Ticket) -> None:
        """Bring the notifications of a request up to date. Raises `ChannelError` if somebody was not reached."""
        if ticket.reach is None or ticket.reach.shown_at is None:
            open_ones = () if ticket.decision or ticket.taken or ticket.held or ticket.stopped else (ticket,)
            await self._update(ticket, lambda: aside.run(self._of_one, ticket, open_ones))
            return
        # each of them brings this up to date, and only one tells somebody
        async with self._gathering:
            await self._update(ticket, lambda: self._of_all(ticket))

    async def _of_all(self, ticket: model.Ticket) -> Notice:
        """The notice of all requests that are shown together with this one."""
        shown_at = ticket.reach.shown_at if ticket.reach else None
        there = await self._desk.store.list(Query(state="pending", limit=_GATHERED))
        alike = [
            one
            for one in there
            if one.policy_name == ticket.policy_name and one.reach and one.reach.shown_at == shown_at
        ]
        open_ones = [one for one in alike if not (one.taken or one.held or one.stopped)]
        count, name = len(open_ones), ticket.policy_name
        body = {0: f"What was gathered for {name} waits no more", 1: f"A request of {name} waits for an answer"}
        ends = max((one.expires_at for one in open_ones), default=ticket.expires_at)
        return Notice(
            _name(ticket), open_ones, body.get(count, f"{count} requests of {name} wait for an answer"), "/", ends
        )

    def _of_one(self, ticket: model.Ticket, open_ones: Sequence[model.Ticket]) -> Notice:
        drawn = draw.card_of(ticket, self._desk.mint, self._desk.setup.directory)
        return Notice(ticket.id, open_ones, drawn.summary, f"/requests/{ticket.id}", ticket.expires_at)

    async def _update(self, ticket: model.Ticket, make: Callable[[], Awaitable[Notice]]) -> None:
        record = await self._desk.store.get(KIND, _name(ticket))
        told, maybe = _known(record, "devices"), _known(record, "maybe")
        subscribers = await self._devices.all()
        if not (told or maybe) and (ticket.decision is not None or not subscribers):
            return
        notice = await make()
        wanted = await self._wanted(notice, subscribers)
        ids = {one.id for _, one in wanted}
        every = [(who, one) for who in subscribers for one in who.devices]
        fresh: list[Due] = [(one, who, "pending") for who, one in wanted if one.id not in told]
        over: list[Due] = [(one, who, "over") for who, one in every if one.id in told | maybe and one.id not in ids]
        shown = {one.id for _, one in every} & told & ids
        maybe &= {one.id for _, one in every}
        if fresh:
            # first, so that whoever goes on for a process that dies now knows where it may stand
            record = await self._keep(notice, told, maybe | {one.id for one, _, _ in fresh}, record)
        failed = await self._send_all(notice, [*fresh, *over], shown, maybe)
        await self._keep(notice, shown, maybe, record)
        if failed:
            raise failed[0]

    async def _wanted(self, notice: Notice, subscribers: Sequence[Subscriber]) -> Sequence[tuple[Subscriber, Device]]:
        """The devices of those for whom it waits."""
        found: list[tuple[Subscriber, Device]] = []
        for who in subscribers:
            if who.devices and len(found) < MOST_DEVICES:
                for ticket in notice.tickets:
                    if await self._waits_for(ticket, who):
                        found += [(who, one) for one in who.devices]
                        break
        return found

    async def _waits_for(self, ticket: model.Ticket, who: Subscriber) -> bool:
        person = await identity.find(self._desk, ticket, who.actor)
        answered = any(given.person == person.id for given in approvers.latest(ticket))
        now = self._desk.clock.now()
        left_alone = silence.is_quiet(ticket.policy, now) or person.id in silence.silent(ticket, now)
        first = rounds.current(ticket)
        put_to = not first or identity.is_among(first, person)
        return machine.may_answer(ticket, person) and not (answered or left_alone) and put_to

    async def _send_all(
        self, notice: Notice, due: Sequence[Due], shown: set[str], maybe: set[str]
    ) -> list[errors.ChannelError]:
        """Send what is due, a few at a time; what failed is returned, and where it is *shown*, or *maybe* is, noted.

        What is refused now may have come at an earlier try, of which nobody knows.
        """
        failed: list[errors.ChannelError] = []
        room = asyncio.Semaphore(_AT_ONCE)

        async def send(device: Device, who: Subscriber, state: State) -> None:
            async with room:
                try:
                    await self._send(notice, device, who, state)
                except errors.ChannelError as error:
                    failed.append(error)
                    if state == "over":
                        shown.add(device.id)
                    elif error.unsure:
                        maybe.add(device.id)
                    return
            maybe.discard(device.id)
            if state == "pending":
                shown.add(device.id)

        await asyncio.gather(*(send(*one) for one in due))
        return failed

    async def _send(self, notice: Notice, device: Device, who: Subscriber, state: State) -> None:
        body, headers = await aside.run(self._message, notice, device, state)
        try:
            reply = await self._post(device.endpoint, body, headers)
        except errors.ChannelError as error:
            if not error.final:
                error.unsure = True
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
            log.error("a push service refuses", extra={"notice": notice.id, "status": reply.status})

    def _message(self, notice: Notice, device: Device, state: State) -> tuple[bytes, Mapping[str, str]]:
        """The encrypted message, and its headers."""
        said = json.dumps({"id": notice.id, "body": notice.body, "state": state, "path": notice.path}).encode()
        left = int((notice.ends - self._desk.clock.now()).total_seconds())
        lasts = _OVER if state == "over" else max(1, min(left, _LONGEST))
        made = WebPush(self._keys.private, self._keys.public, subscriber=self._contact, ttl=lasts).get(
            said,
            WebPushSubscription.model_validate(
                {"endpoint": device.endpoint, "keys": {"p256dh": device.p256dh, "auth": device.auth}}
            ),
        )
        # a device that was off gets only the last one of a request
        topic = base64.urlsafe_b64encode(hashlib.sha256(notice.id.encode()).digest())[:32].decode()
        urgency = "high" if state == "pending" else "low"
        kind = {"Content-Type": "application/octet-stream", "Topic": topic, "Urgency": urgency}
        return made.encrypted, {**kind, **{name.title(): str(value) for name, value in made.headers.items()}}

    async def _keep(self, notice: Notice, shown: set[str], maybe: set[str], record: Record | None) -> Record | None:
        """Keep on which devices it stands, and may stand. A lease lets one courier at a time do this."""
        if not shown and not maybe:
            if record is not None:
                await self._desk.store.remove(KIND, notice.id)
            return None
        value = {"devices": sorted(shown), **({"maybe": sorted(maybe)} if maybe else {})}
        if record is not None and record.value == value:
            return record
        made = Record(KIND, notice.id, value, notice.ends + timedelta(days=1), record.version if record else 0)
        # whoever took it over after the lease ended has written the same or more
        with contextlib.suppress(errors.Conflict):
            await self._desk.store.put(made)
        return dataclasses.replace(made, version=made.version + 1)


def _known(record: Record | None, what: str) -> set[str]:
    return set[str](record.value.get(what, ()) if record else ())


def _name(ticket: model.Ticket) -> str:
    """What its notification is called: that of a request, or of all that are shown together."""
    shown_at = ticket.reach.shown_at if ticket.reach else None
    return ticket.id if shown_at is None else f"together-{ticket.policy_name}-{int(shown_at.timestamp())}"

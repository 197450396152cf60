"""Who is signed in. Secrets are given out once and kept as hashes: nobody signs in with a copy of the database."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sayso import errors
from sayso.clock import Clock, SystemClock
from sayso.desk import authority, keys
from sayso.machine import people
from sayso.stores import Record, Store, record_kinds

"""The kinds of the records of links and of sessions."""

LINK_LASTS = timedelta(minutes=15)
IDLE_LASTS = timedelta(hours=12)
LONGEST = timedelta(days=30)
# A session is written again only when this much of its idle time is gone, not at every press.
_WRITTEN_AFTER = timedelta(minutes=5)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser of one person."""

    secret: str
    person: str

    @property
    def name(self) -> str:
        """What the store knows it by."""
        return _hash(self.secret)

    @property
    def csrf(self) -> str:
        """Every form carries it. Made from the cookie, so a page of another site cannot know it."""
        return hmac.digest(self.secret.encode(), b"csrf", "sha256").hex()

    @property
    def actor(self) -> people.Actor:
        """Who answers in this session; they are a full member of the organisation."""
        return people.Actor(account=f"web:{self.person}", name=self.person, member=True, person=self.person)


class Sessions:
    """Sign-in links and sessions in a store."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._keys = keys.Keys(store)
        self._clock: Clock = clock or SystemClock()

    async def link(self, person: str, base_url: str) -> str:
        """Make an address that signs *person* in once, within fifteen minutes.

        The code stands behind a `#`: browsers do not send that part, so it is in no log on the way.
        """
        await self._sweep()
        code = secrets.token_urlsafe(32)
        until = self._clock.now() + LINK_LASTS
        await self._store.put(Record(record_kinds.SIGN_IN, _hash(code), {"person": person}, until))
        return f"{base_url.rstrip('/')}/signin#{code}"

    async def sign_in(self, typed: str) -> Session:
        """Begin a session for a sign-in link, its code, or an approver's key.

        Raises:
            Unauthorized: the link was used or is too old, or the key is unknown.
            NotAllowed: it is the key of an agent or an operator; those never answer.
        """
        code = typed.strip().rpartition("#")[2]
        if code.startswith("sayso_"):
            key = await self._keys.find(code)
            person = key.actor.person or key.name
            return await self._begin(person, {"key": key.record})
        # a wrong code, which anybody can send, writes nothing
        known = await self._store.get(record_kinds.SIGN_IN, _hash(code))
        record = await self._store.remove(record_kinds.SIGN_IN, _hash(code)) if known else None
        if record is None or _is_over(record, self._clock.now()):
            hint = "get a new one with: sayso link"
            raise errors.Unauthorized("this sign-in link was used before, or its time is over", hint=hint)
        return await self._begin(record.value["person"], {})

    async def find(self, secret: str) -> Session:
        """Find the session with this secret. Raises `Unauthorized` if it ended, or its key was revoked."""
        record = await self._store.get(record_kinds.SESSION, _hash(secret)) if secret else None
        if record is None or _is_over(record, self._clock.now()) or not await self._key_lives(record):
            raise signed_out()
        await self._prolong(record)
        return Session(secret, record.value["person"])

    async def holding(self, asked: Collection[str]) -> Collection[str]:
        """Those of these secrets whose session has not ended, and whose key was not revoked."""
        names = {(record_kinds.SESSION, _hash(secret)): secret for secret in asked}
        found, now = await self._store.get_all(names), self._clock.now()
        going = {names[name]: record for name, record in found.items() if not _is_over(record, now)}
        # one that was begun by an older version names its key in another way, and is begun again
        named = {(record_kinds.KEY, str(key)) for one in going.values() if (key := one.value.get("key")) is not None}
        keys_there = await self._store.get_all(named)
        held = {
            secret: record
            for secret, record in going.items()
            if (key := record.value.get("key")) is None or (record_kinds.KEY, str(key)) in keys_there
        }
        await self._prolong(*held.values())
        return held.keys()

    async def end(self, session: Session) -> None:
        """Sign out."""
        await self._store.remove(record_kinds.SESSION, session.name)
        log.info("signed out", extra={"person": session.person})

    async def _begin(self, person: str, opened_with: dict[str, str | None]) -> Session:
        session = Session(secrets.token_urlsafe(32), person)
        now = self._clock.now()
        value = {"person": person, "began_at": now.isoformat(), **opened_with}
        await self._store.put(Record(record_kinds.SESSION, session.name, value, now + IDLE_LASTS))
        log.info("signed in", extra={"person": person})
        return session

    def _prolonged(self, record: Record) -> Record | None:
        until = min(self._clock.now() + IDLE_LASTS, datetime.fromisoformat(record.value["began_at"]) + LONGEST)
        fresh = record.expires_at is not None and until - record.expires_at <= _WRITTEN_AFTER
        return None if fresh else replace(record, expires_at=until)

    async def _prolong(self, *records: Record) -> None:
        # one after the other, all pages would wait for the disk as often as there are pages
        await asyncio.gather(*(self._write(later) for one in records if (later := self._prolonged(one))))

    async def _write(self, record: Record) -> None:
        # another request of the same browser wrote it a moment ago
        with contextlib.suppress(errors.Conflict):
            await self._store.put(record)

    async def _key_lives(self, record: Record) -> bool:
        return await authority.holds(self._store, record.value.get("key"))

    async def _sweep(self) -> None:
        now = self._clock.now()
        for kind in (record_kinds.SIGN_IN, record_kinds.SESSION):
            for record in await self._store.scan(kind):
                if _is_over(record, now):
                    await self._store.remove(kind, record.name)


def signed_out() -> errors.Unauthorized:
    """What is told to whoever has no session."""
    return errors.Unauthorized("you are not signed in", hint="sign in and try again")


def _is_over(record: Record, now: datetime) -> bool:
    return record.expires_at is not None and record.expires_at <= now


def _hash(secret: str) -> str:
    # 256 random bits: a plain hash cannot be turned round
    return hashlib.sha256(secret.encode()).hexdigest()

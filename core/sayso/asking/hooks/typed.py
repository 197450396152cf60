"""Typed hooks: a program waits under a token that others can find. A hook is a request with a stable id.

The rule: the requests under a token have turns, and a hook takes the first turn that is free. A turn is free once its
request is closed and was another run's. A run that comes back, by its session, finds its own turns and their answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Generator, Mapping
from types import TracebackType
from typing import Any, Generic, Self

from sayso import errors, model
from sayso.asking.hooks import hook_errors, payloads, turns, waits
from sayso.asking.hooks.payloads import P
from sayso.cards import phrases
from sayso.desk import asker


class HookType(Generic[P]):
    """Hooks of one type; made by `define_hook`."""

    def __init__(
        self, shape: type[P], desk: asker.Asker | None = None, title: str | None = None, label: str | None = None
    ) -> None:
        self._payload = payloads.of(shape)
        self._desk = desk
        self._title = title
        self._label = label or str(self._payload.schema.get("title", shape.__name__))

    def create(
        self,
        *,
        token: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        title: str | None = None,
        **common: Any,
    ) -> Hook[P]:
        """A hook; it is asked once it is awaited, or opened.

        *token* is what `resume` finds it by, a random one unless given. *metadata* is shown to whoever answers. With
        *session* a restarted run finds its hook and its answer again; without, the hook ends with the task that waits.
        *common* are other keys of a request: `policy`, `route`, `expires_in` (in seconds; an hour unless given) …
        """
        source = common.get("source") or model.Source()
        if session is not None:
            common["source"] = source.model_copy(update={"session": session})
        run = session or source.session
        request = {"label": self._label, "title": title or self._title, "metadata": metadata or {}, **common}
        return Hook(self._payload, token or secrets.token_urlsafe(16), run, request, self._desk)

    async def resume(self, token: str, payload: P | Mapping[str, Any], *, request: str | None = None) -> model.Ticket:
        """Answer the hook that waits under *token*, as the person at this terminal or behind an approver's key.

        *request* names the pause it is for, by its request's id: a message that is delivered twice then answers it
        once. In a run that had a yes under this token already, another yes has to name it.

        Raises:
            InvalidAnswer: the payload does not fit; `field` names the part, and the hook goes on waiting.
            NotFound: nobody ever waited under this token.
            AlreadyDecided: it was answered, cancelled or expired before.
            NotAllowed: this key or person may not answer; an agent's key never may.
        """
        answer = self._payload.answer(payload)
        async with turns.at(self._desk) as desk:
            return await turns.answer(desk, token, answer, request)

    async def get(self, token: str) -> model.Ticket:
        """The newest request under *token*; its metadata has what came along as `hook`. Raises `NotFound`."""
        async with turns.at(self._desk) as desk:
            return await turns.latest(desk, token)


class Hook(Generic[P]):
    """One pause. `await` it for the answer, or iterate for many; `async with` frees the token at the end."""

    def __init__(
        self,
        payload: payloads.Payload[P],
        token: str,
        session: str | None,
        request: Mapping[str, Any],
        desk: asker.Asker | None,
    ) -> None:
        self.token = token
        self._payload = payload
        self._session = session
        # without a session this very object is the run: nobody else may ever find its answers
        self._run = f"session:{session}" if session else f"once:{secrets.token_hex(8)}"
        self._wanted = dict(request)
        self._desk = desk
        self._disposed = False

    def __await__(self) -> Generator[Any, Any, P]:
        """The first answer.

        Raises:
            HookCancelled, HookExpired: it was closed without one.
            HookConflict: another run waits under this token.
            HookDeferred: this run was told to stop waiting.
            InvalidRequest: the payload cannot be shown as a card.
        """
        return self._first().__await__()

    async def __aiter__(self) -> AsyncIterator[P]:
        """Every answer, each asked for when the one before was taken, until the hook is disposed. Raises as `await`."""
        turn = 0
        while not self._disposed:
            try:
                value, turn = await self._next(turn)
            except hook_errors.HookCancelled:
                if self._disposed:
                    return
                raise
            yield value
            turn += 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a run that was told to leave it open, or dies, did not dispose of it
        if not isinstance(error, hook_errors.HookDeferred | asyncio.CancelledError):
            await self.dispose()

    async def open(self) -> model.Ticket:
        """Ask now, and wait later. Raises as `await`."""
        async with turns.at(self._desk) as desk:
            return (await self._claim(desk, 0, None))[0]

    async def conflict(self) -> model.Ticket | None:
        """The request of another run that waits under this token; None if this hook has it now.

        Raises:
            HookConflict: the other one belongs to somebody else's key, and cannot be shown.
        """
        try:
            await self.open()
        except hook_errors.HookConflict as conflict:
            if conflict.ticket is None:
                raise
            return conflict.ticket
        return None

    async def dispose(self, reason: str = "the agent no longer waits for this") -> None:
        """Withdraw what is open, and free the token. Again is nothing."""
        self._disposed = True
        with contextlib.suppress(errors.NotFound):
            async with turns.at(self._desk) as desk:
                await self._withdraw(desk, reason)

    async def _first(self) -> P:
        return (await self._next(0))[0]

    async def _next(self, turn: int) -> tuple[P, int]:
        """The answer of this turn or, if it did not fit, of a later one; and which turn that was."""
        before: str | None = None
        async with turns.at(self._desk) as desk:
            while True:
                ticket, turn = await self._claim(desk, turn, before)
                decision = await self._decision(desk, ticket)
                try:
                    value = self._payload.value(decision)
                except errors.InvalidAnswer as unfit:
                    # the fields were right, and the type's own validators say no: somebody is asked once more
                    before, turn = f"The last answer did not fit: {unfit.message}", turn + 1
                    continue
                if decision.outcome != "allowed":
                    return value, turn
                try:
                    # a yes is good once: a run that comes back for it may have run already
                    await desk.use(decision.id)
                except (errors.AlreadyUsed, errors.NotUsable):
                    found = (await desk.get(decision.id)).decision or decision
                    before, turn = f"Asked before: {phrases.asked_before(found)}", turn + 1
                    continue
                return value, turn

    async def _claim(self, desk: asker.Asker, turn: int, before: str | None) -> tuple[model.Ticket, int]:
        try:
            while True:
                try:
                    return await desk.open(self._request(turn, before)), turn
                except errors.AlreadyExists as taken:
                    await self._over(desk, turn, taken)
                turn = max(turn + 1, await self._newest(desk))
        except asyncio.CancelledError:
            await self._left(desk)
            raise

    async def _newest(self, desk: asker.Asker) -> int:
        """The turn of the newest request. What a run without a session finds before it is never its own."""
        return 0 if self._session else turns.turn_of((await turns.latest(desk, self.token)).id)

    def _request(self, turn: int, before: str | None) -> model.Request:
        wanted = dict(self._wanted)
        if before:
            body = wanted.get("body")
            wanted["body"] = before + (f"\n\n{body}" if body else "")
        marks = {"token": self.token, "run": self._run}
        return self._payload.request(turns.id_of(self.token, turn), marks=marks, **wanted)

    async def _over(self, desk: asker.Asker, turn: int, taken: errors.AlreadyExists) -> None:
        """Return if the turn is an earlier run's and closed; else raise `HookConflict`."""
        try:
            found = await desk.get(turns.id_of(self.token, turn))
        except errors.NotFound:
            why = f"the token {self.token!r} belongs to somebody else's key"
            raise hook_errors.HookConflict(self.token, None, why, "choose another token") from taken
        if turns.mark(found, "run") == self._run:
            why = f"the token {self.token!r} was asked in this session with other content"
            raise hook_errors.HookConflict(self.token, found, why, "one token, one question: choose another") from taken
        if found.decision is None:
            session = found.request.source.session
            who = f"session {session}" if session else "a run without a session"
            hint = "wait until it is decided, cancel it with sayso.cancel_hook, or choose another token"
            why = f"{who} waits under the token {self.token!r}"
            raise hook_errors.HookConflict(self.token, found, why, hint) from taken

    async def _decision(self, desk: asker.Asker, ticket: model.Ticket) -> model.Decision:
        try:
            decision = await waits.wait(desk, ticket.id, self.token, durable=self._session is not None)
        except asyncio.CancelledError:
            await self._left(desk)
            raise
        if decision.outcome == "expired":
            raise hook_errors.HookExpired(self.token, decision)
        if decision.outcome not in ("allowed", "denied", "answered"):
            raise hook_errors.HookCancelled(self.token, decision)
        return decision

    async def _left(self, desk: asker.Asker) -> None:
        if self._session is None:
            with contextlib.suppress(errors.SaysoError):
                await asyncio.shield(self._withdraw(desk, "the agent stopped waiting"))

    async def _withdraw(self, desk: asker.Asker, reason: str) -> None:
        newest = await turns.latest(desk, self.token)
        if turns.mark(newest, "run") == self._run and newest.decision is None:
            await desk.cancel(newest.id, reason=reason)


def define_hook(shape: type[P], *, desk: asker.Asker | None = None, title: str | None = None) -> HookType[P]:
    """Hooks that wait for *shape*, a Pydantic model or a dataclass of one to ten plain fields.

    A model of nothing but `granted` or `approved`, and perhaps an optional `reason` or `comment`, is asked as a
    permission, any other as a form. *desk* is where to ask; by default `sayso.open()` each time.

    Raises:
        InvalidRequest: *shape* is no such type.
    """
    return HookType(shape, desk, title)


# Its name until 0.2.
Defined = HookType

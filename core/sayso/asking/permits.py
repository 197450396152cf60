"""One allow for one run, if a run may come twice: what was allowed and used, or is void, is asked about again.

The rule: a run that is taken up finds its decisions by the same ids; each further try of a call has the next id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sayso import errors, model
from sayso.cards import phrases
from sayso.content import requests
from sayso.desk import asker

_SILENCE = ("expired", "cancelled", "superseded", "undeliverable")
# A card has room for this many facts.
_MOST_FACTS = 10

Check = Callable[[model.Decision], str | None]
"""Why the tool cannot take the input of an allow; None if it can."""


class Call:
    """One thing that a run asks people, in as many tries as it takes."""

    def __init__(
        self,
        desk: asker.Asker,
        request: model.Request,
        *,
        check: Check | None = None,
        held: bool = False,
        silence: bool = False,
        shared: bool = False,
    ) -> None:
        """With *held* the request is withdrawn if the caller is cancelled; otherwise a later run finds it by its id.

        People are asked again if *check* complains, if an earlier run's allow was used or is void, and with *silence*
        also if an earlier run's try ended without an answer. With *shared* the id may be that of another call, too:
        then this one has the next.
        """
        self._desk = desk
        self._first = request
        self._check = check
        self._held = held
        self._silence = silence
        self._shared = shared
        self._attempt = 1
        self._fact: tuple[str, str] | None = None

    async def open(self) -> model.Ticket:
        """The request of the first try that is not over. Raises as `Desk.open`."""
        while True:
            ticket = await self._open(self._request())
            if ticket is not None and not self._goes_on(ticket.decision):
                return ticket

    async def ask(self) -> model.Decision:
        """The decision, once there is one. Raises as `Desk.ask`."""
        while True:
            if self._held:
                decision = await asker.held(self._desk, self._request())
            else:
                ticket = await self.open()
                decision = requests.with_value(ticket.request, await self._desk.wait(ticket.id))
            if not self._misfits(decision):
                return requests.with_value(self._first, decision)

    async def use(self, decision: model.Decision) -> model.Decision:
        """The decision to act on at once. An allow is used by this; if it cannot be any more, people are asked again.

        Raises as `Desk.ask`.
        """
        while decision.outcome == "allowed" and not await self.try_use(decision):
            decision = await self.ask()
        return decision

    async def try_use(self, decision: model.Decision) -> bool:
        """Use an allow. Returns False if that is no longer possible; then the next try is due."""
        try:
            await self._desk.use(decision.id)
        except (errors.AlreadyUsed, errors.NotUsable):
            before = (await self._desk.get(decision.id)).decision or decision
            self._again("Asked before", phrases.asked_before(before))
            return False
        return True

    async def _open(self, request: model.Request) -> model.Ticket | None:
        try:
            return await self._desk.open(request)
        except errors.AlreadyExists:
            if self._attempt == 1 and not self._shared:
                raise
            # another call of the same name, or the same in other words of an earlier version
            self._attempt += 1
            return None

    def _goes_on(self, found: model.Decision | None) -> bool:
        """Whether what an earlier run was told no longer counts, so that the next try is due."""
        if found is None:
            return False
        if self._misfits(found):
            return True
        over = found.outcome == "allowed" and not found.allowed
        if over or (self._silence and found.outcome in _SILENCE):
            self._again("Asked before", phrases.asked_before(found))
            return True
        return False

    def _misfits(self, decision: model.Decision) -> bool:
        complaint = self._check(decision) if self._check and decision.outcome == "allowed" else None
        if complaint is not None:
            self._again("The last edit did not fit", complaint)
        return complaint is not None

    def _again(self, name: str, fact: str) -> None:
        self._attempt += 1
        self._fact = (name, fact)

    def _request(self) -> model.Request:
        first, said = self._first, dict[str, Any]()
        if self._attempt > 1 and first.id:
            said["id"] = f"{first.id}-{self._attempt}"
        if self._fact is not None:
            name, fact = self._fact
            if len(first.context) < _MOST_FACTS:
                said["context"] = {**first.context, name: fact}
            else:
                said["body"] = f"{name}: {fact}" + (f"\n\n{first.body}" if first.body else "")
        return first.model_copy(update=said) if said else first

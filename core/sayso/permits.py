"""One allow for one run, where a run may come twice: what was allowed and used, or is void, is asked about again.

The rule: a run that is taken up finds its decisions by the same ids; each further try of a call has the next id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sayso import asking, errors, handles, model, opening, wording

_SILENCE = ("expired", "cancelled", "superseded", "undeliverable")
# A card has room for this many facts.
_MOST_FACTS = 10

Check = Callable[[model.Decision], str | None]
"""Why the tool cannot take the input of an allow; None if it can."""


class Call:
    """One thing that a run asks people, in as many tries as it takes."""

    def __init__(
        self,
        desk: opening.Asker,
        request: model.Request,
        *,
        check: Check | None = None,
        held: bool = False,
        silence: bool = False,
    ) -> None:
        """With *held* the request is withdrawn if the caller is cancelled; otherwise a later run finds it by its id.

        People are asked again if *check* complains, if an earlier run's allow was used or is void, and with *silence*
        also if an earlier run's try ended without an answer.
        """
        self._desk = desk
        self._first = request
        self._check = check
        self._held = held
        self._silence = silence
        self._attempt = 1
        self._fact: tuple[str, str] | None = None

    async def decided(self) -> model.Decision:
        """The decision, once there is one. Raises as `Desk.ask`."""
        while True:
            decision = await self._try()
            if decision is not None:
                return decision

    async def use(self, decision: model.Decision) -> model.Decision:
        """The decision to act on at once. An allow is used by this; if it cannot be any more, people are asked again.

        Raises as `Desk.ask`.
        """
        while decision.outcome == "allowed":
            try:
                await self._desk.use(decision.id)
                return decision
            except (errors.AlreadyUsed, errors.NotUsable):
                before = (await self._desk.get(decision.id)).decision or decision
                self._again("Asked before", wording.asked_before(before))
                decision = await self.decided()
        return decision

    async def _try(self) -> model.Decision | None:
        """The decision on this try; None if it takes another."""
        request = self._request()
        try:
            found, decision = await self._ask(request)
        except errors.AlreadyExists:
            if self._attempt == 1:
                raise
            # an earlier version of the program, or of us, said why in other words
            self._attempt += 1
            return None
        complaint = self._check(decision) if self._check and decision.outcome == "allowed" else None
        if complaint is not None:
            self._again("The last edit did not fit", complaint)
        elif found and self._is_over(decision):
            self._again("Asked before", wording.asked_before(decision))
        else:
            return decision
        return None

    async def _ask(self, request: model.Request) -> tuple[bool, model.Decision]:
        """Whether it was decided before, and the decision."""
        if self._held:
            return False, await handles.held(self._desk, request)
        ticket = await self._desk.open(request)
        decision = asking.with_value(request, await self._desk.wait(ticket.id))
        return ticket.decision is not None, decision

    def _is_over(self, found: model.Decision) -> bool:
        return (found.outcome == "allowed" and not found.allowed) or (self._silence and found.outcome in _SILENCE)

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


def refusal(error: errors.InvalidRequest, common: Mapping[str, Any]) -> str:
    """What a model reads about its call that cannot be asked, so that the calls beside it can be.

    Raises the error itself where what is wrong is the program's: one of the keys in *common*.
    """
    if (error.field or "").partition(".")[0] in common:
        raise error
    return wording.unasked(error)

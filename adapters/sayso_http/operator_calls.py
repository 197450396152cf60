"""What operators do over HTTP, and people whom the settings name: stops, grants, numbers."""

from __future__ import annotations

from collections.abc import Sequence

from sayso import model, stats
from sayso.desk.admission import granting
from sayso.desk.answering import overview
from sayso_http import calls, routes, standing_grants, standing_stops


class OperatorCalls:
    """The part of a `RemoteDesk` for operators."""

    _calls: calls.Calls

    async def stop(self, agent: str | None = None, reason: str | None = None) -> Sequence[model.Stop]:
        """Stop everything, or one agent; returns all stops. Raises `NotAllowed`, `InvalidRequest`."""
        body = standing_stops.Wanted(agent=agent, reason=reason).model_dump_json().encode()
        return calls.read(await self._calls.send(routes.STOP, body=body), standing_stops.Standing).stops

    async def resume(self, agent: str | None = None) -> Sequence[model.Stop]:
        """Lift the stop of everything, or of one agent; returns the others. Raises `NotAllowed`, `NotFound`."""
        body = standing_stops.Lifted(agent=agent).model_dump_json().encode()
        return calls.read(await self._calls.send(routes.LIFT, body=body, once=True), standing_stops.Standing).stops

    async def stops(self) -> Sequence[model.Stop]:
        """What is stopped. Raises `NotAllowed`."""
        return calls.read(await self._calls.send(routes.STOPS), standing_stops.Standing).stops

    async def grants(self) -> Sequence[granting.Grant]:
        """What people allowed for a while. Raises `NotAllowed`."""
        return calls.read(await self._calls.send(routes.GRANTS), standing_grants.Grants).grants

    async def end_grant(self, id: str) -> Sequence[granting.Grant]:
        """End a grant; returns those that are left. Raises `NotAllowed`, `NotFound`."""
        return calls.read(await self._calls.send(routes.END_GRANT, id, once=True), standing_grants.Grants).grants

    async def people(self, page: int = 0) -> overview.People:
        """A page of people, and all groups. Raises `NotAllowed`, `NotFound`."""
        return calls.read(await self._calls.send(routes.PEOPLE, query={"page": f"{page}"}), overview.People)

    async def policies(self) -> overview.Policies:
        """All policies and rules. Raises `NotAllowed`."""
        return calls.read(await self._calls.send(routes.POLICIES), overview.Policies)

    async def stats(self, days: float) -> stats.Figures:
        """Read the numbers of the last *days*, with the key of an operator."""
        return calls.read(await self._calls.send(routes.STATS, query={"days": f"{days:g}"}), stats.Figures)

"""The page on which somebody answers many requests at once: a grid of groups, and one answer for what was chosen.

The rule: a row can be chosen only where all of it is shown. What is sent is a proof for each row that it was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aiohttp import web

from sayso import aside, errors, model
from sayso.cards import card, grid
from sayso.desk import Desk
from sayso.desk.answering import batch_presses
from sayso.desk.posting import batching
from sayso.stores import Query
from sayso_web import render, sessions, view
from sayso_web.guard import Guard

# More than anybody answers at once; those that expire first are shown.
_MOST = 200
_AT_ONCE = 50


class ManyPage:
    """Handlers for `/many`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def show(self, request: web.Request) -> web.Response:
        """Show what waits for this person; the rows that `open` names are shown whole."""
        session = await self._guard.session_of(request)
        return await self._page(session, request.query.getall("open", []))

    async def answer(self, request: web.Request) -> web.Response:
        """Take one answer for all rows that were chosen. Raises `InvalidRequest`."""
        session, form = await self._guard.read_post(request)
        verdict = form.first("verdict")
        if verdict not in ("allow", "deny"):
            raise errors.InvalidRequest("say whether they are allowed or denied", field="verdict")
        proofs, reason = form.values.get("row", []), form.first("reason").strip() or None
        own = await view.of(self._desk, session)
        chosen = await batch_presses.proven(self._desk, proofs, session.actor.account)
        if not chosen:
            return await self._page(session, (), told=card.Line((card.Trusted("Nothing was chosen."),)))
        if verdict == "allow" and not form.first("sure"):
            risky = [one for one in chosen if own.level(one) == "high"]
            if risky:
                return await self._page(session, [one.id for one in risky], sure=chosen, reason=reason, risky=risky)
        answer = model.Answer(verdict="allow" if verdict == "allow" else "deny", reason=reason)
        told = await batch_presses.answer_shown(self._desk.answer, chosen, answer, session.actor)
        return await self._page(session, (), told=told)

    async def _page(
        self,
        session: sessions.Session,
        opened: Collection[str],
        *,
        told: card.Line | None = None,
        sure: Sequence[model.Ticket] = (),
        risky: Sequence[model.Ticket] = (),
        reason: str | None = None,
    ) -> web.Response:
        waiting, others = await self._read(await view.of(self._desk, session))
        if sure:
            # asked once more, over those that are risky and nothing else
            waiting, others = [one for one in waiting if one.id in {ticket.id for ticket in risky}], 0
        desk, account = self._desk, session.actor.account
        groups = await aside.run(grid.groups, waiting, batching.group_of, opened, desk.mint, desk.setup.directory)
        cells = [cell for group in groups for cell in group.cells]
        body = render.fill(
            "many.html",
            session=session,
            groups=groups,
            proofs={cell.ticket.id: batch_presses.proof(desk, cell.ticket, account) for cell in cells if cell.whole},
            others=others,
            told=told,
            sure=[batch_presses.proof(desk, one, account) for one in sure],
            reason=reason or "",
            opened=sorted(opened),
        )
        return web.Response(text=body, content_type="text/html", charset="utf-8")

    async def _read(self, own: view.View) -> tuple[list[model.Ticket], int]:
        """What waits for this person and can stand in a grid, and how much else does."""
        found: list[model.Ticket] = []
        query = Query(state="pending", soonest=True, limit=_AT_ONCE)
        read = 0
        while read < _MOST and (some := await self._desk.store.list(query)):
            read += len(some)
            found += [one for one in some if own.waits(one)]
            query = Query(state="pending", soonest=True, limit=_AT_ONCE, before=(some[-1].expires_at, some[-1].id))
        rows = [one for one in found if batching.may_stand(one)]
        return rows, len(found) - len(rows)

"""What rules that only observe would have decided, told in a chat now and then, so that somebody decides about them.

The rule: one process tells it. A crash between telling and noting that may tell it twice, and never not at all.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sayso import errors, model, stats
from sayso.cards import card, naming
from sayso.content import text, wording
from sayso.desk.desk import Desk
from sayso.desk.upkeep import duties
from sayso.rules.rule import Effect, Rule
from sayso.stores import Record

log = logging.getLogger(__name__)

_KIND, _NAME = "observed", "told"
_SESSION = "rules that only observe"
# Seconds between two looks whether it is time.
_LOOK = 3600.0
# Rules that one message names.
_MOST = 20
_DONE: Mapping[Effect, str] = {"allow": "allowed", "deny": "denied", "ask": "asked people about"}


async def tell_on(desk: Desk) -> None:
    """Tell it again and again, for ever, as the settings say at that moment; one process at a time."""
    duty = duties.Duty(desk.store, desk.clock, "observed", _LOOK)
    await duties.repeat(duty, desk.clock, _LOOK, lambda: tell_if_due(desk))


async def tell_if_due(desk: Desk) -> bool:
    """Tell it if it is time, and whether it was told."""
    told, watched = desk.setup.observed, [rule for rule in desk.setup.rules.rules if rule.observed]
    if not told.places or not watched:
        return False
    record, now = await desk.store.get(_KIND, _NAME), desk.clock.now()
    if record is None:
        # the first time begins now
        await _note(desk, now, (), None)
        return False
    at, places = datetime.fromisoformat(record.value["at"]), _left(record, told.places)
    if now - at >= told.every:
        at, places = now, told.places
    if not places:
        return False
    found = await desk.numbers.of_last(told.every / timedelta(days=1))
    left = [place for place in places if not await _is_done(desk, place, describe(found, watched))]
    # a place that fails is told again alone: the others have heard it
    await _note(desk, at, left, record)
    return len(left) < len(places)


def describe(found: stats.Figures, watched: Sequence[Rule]) -> card.Line:
    """What these rules would have done, in one line."""
    seen = {one.name: one for one in found.watched}
    period = f"From {found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}, rules that only observe: "
    parts: list[card.Inline] = [text.Trusted(period)]
    for number, rule in enumerate(watched[:_MOST]):
        parts += [text.Trusted("; " if number else ""), text.line(rule.id), _of_rule(rule, seen.get(rule.id))]
    if more := len(watched) - _MOST:
        parts += [text.Trusted(f"; and {more} more")] if more > 0 else []
    return card.Line((*parts, text.Trusted(". Which requests these are: sayso policy replay")))


def _of_rule(rule: Rule, one: stats.Named | None) -> text.Trusted:
    if one is None:
        return text.Trusted(" matched nothing that was decided")
    became = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(one.outcomes.items()))
    what = wording.counted(one.requests, "request")
    return text.Trusted(f" would have {_DONE[rule.effect]} {what}; in fact {became}")


async def _tell(desk: Desk, place: model.Place, said: card.Line) -> None:
    platform = desk.platforms.get(model.channel_of(place))
    if platform is None or platform.teller is None:
        raise errors.ChannelError(f"nothing can be told at {place} now", hint="see: sayso doctor")
    await platform.teller.note(place, naming.session("sayso", _SESSION), said)


async def _is_done(desk: Desk, place: model.Place, said: card.Line) -> bool:
    """Whether it was told there, or never will be."""
    try:
        await _tell(desk, place, said)
    except errors.ChannelError as error:
        log.warning("not told what rules would have done", extra={"place": place, "error": error.message})
        return error.final
    return True


def _left(record: Record, places: Sequence[model.Place]) -> Sequence[model.Place]:
    known = record.value.get("left", ())
    return [place for place in places if place in known]


async def _note(desk: Desk, at: datetime, left: Sequence[model.Place], before: Record | None) -> None:
    """Keep when it was told last, and the places that have not heard it yet."""
    value = {"at": at.isoformat(), "left": list(left)}
    with contextlib.suppress(errors.Conflict):
        await desk.store.put(Record(_KIND, _NAME, value, version=before.version if before else 0))

"""`/sayso stop` and `/sayso resume` in a chat: the words, and what follows from them.

The rule: a stop may be said with any words behind it, which are its reason. What lifts one must be said exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sayso import errors
from sayso.cards import card, phrases
from sayso.content import text
from sayso.desk import Desk
from sayso.desk.upkeep import stopping, stops
from sayso.machine import people
from sayso.stores.record_kinds import KEY

Trusted = text.Trusted

STOP, RESUME, AGENT, REASON = "stop", "resume", "agent", "reason"
STOP_ONE, RESUME_ONE = "stop agent", "resume agent"
SEARCH = "search"
SAID = {
    STOP: "Stops everything, or one agent, until it is resumed",
    RESUME: "Lets everything that was stopped go on, or one agent",
    AGENT: "The name of the agent's key; without it everything is meant",
    SEARCH: "Only requests in which all of these words stand",
    REASON: "Why; people read it on every open card",
}
"""What a platform that lists commands says of each."""
HINT = (
    "pending [words], mine [words], history [words], grants, people, policies, stats, stop [agent NAME] [why], "
    "resume [agent NAME]"
)
HOW = (
    "Type /sayso pending for what waits for you, /sayso mine for what was asked on your behalf, /sayso history for "
    "what was decided, and /sayso grants for what you allowed for a while. Words behind the first three are looked for "
    "in the list. /sayso people says who is who and on call, /sayso policies what each policy and rule says, and "
    "/sayso stats how people decided. What agents ask comes as a card, too. "
    "Whoever may, types /sayso stop or /sayso stop agent NAME to stop everything or one agent, and /sayso resume."
)


class Asked(NamedTuple):
    """What is asked before a press on a button counts."""

    title: text.Trusted
    text: text.Trusted


ASKED: Mapping[str, Asked] = {
    STOP: Asked(
        Trusted("Stop everything"), Trusted("Nothing is allowed or used, and no time runs, until it is lifted.")
    ),
    STOP_ONE: Asked(Trusted("Stop one agent"), Trusted("Nothing of it is allowed or used, until it is lifted.")),
    RESUME_ONE: Asked(Trusted("Resume one agent"), Trusted("What it asked goes on, with as much time as it had.")),
    RESUME: Asked(Trusted("Resume everything"), Trusted("What was open goes on, with as much time as it had.")),
}
"""The same as a button."""
_LIFTED = "Lifted. What was open goes on, with as much time as it had."
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody orders."""

    what: Literal["stop", "resume"]
    agent: str | None = None
    reason: str | None = None


def read(words: str) -> Order | None:
    """The order in the words after the command; None if they are something else."""
    verb, _, rest = words.strip().partition(" ")
    first, _, more = rest.strip().partition(" ")
    agent, _, after = more.strip().partition(" ")
    named = first.lower() == AGENT
    match verb.lower():
        case "stop":
            return Order("stop", agent, after.strip() or None) if named else Order("stop", None, rest.strip() or None)
        case "resume" if named and not after.strip():
            return Order("resume", agent)
        case "resume" if not rest.strip():
            return Order("resume")
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Offered:
    """What buttons may order for somebody."""

    everything: Order
    """To stop everything, or to lift that."""
    agents: tuple[str, ...] = ()
    """Agents that may be stopped by themselves, by the names of their keys."""
    stopped: tuple[str, ...] = ()
    """Agents that are, and may go on."""


async def offered(desk: Desk, actor: people.Actor) -> Offered | None:
    """What buttons may order for this person; None if they may stop nothing."""
    if not await stopping.may(desk, actor):
        return None
    standing, keys = await stops.standing(desk.store), await desk.store.scan(KEY)
    stopped = {one.agent for one in standing.all if one.agent is not None}
    agents = sorted({str(one.value.get("name")) for one in keys if one.value.get("role") == "agent"} - stopped)
    order = Order("resume" if standing.exactly(None) else "stop")
    return Offered(order, tuple(agents), tuple(sorted(stopped)))


async def obey(desk: Desk, order: Order, actor: people.Actor) -> card.Line:
    """Stop, or lift a stop; what whoever ordered it is told. Raises `NotAllowed`.

    Open cards follow by themselves: a chat waits three seconds for an answer.
    """
    who = await stopping.find(desk, actor)
    try:
        if order.what == "stop":
            await stopping.stop(desk, who, order.agent, order.reason, follow=False)
        else:
            await stopping.resume(desk, who, order.agent, follow=False)
    except (errors.InvalidRequest, errors.NotFound) as error:
        # it repeats what was typed
        return card.Line((text.line(f"{phrases.sentence(error.message)} {phrases.sentence(error.hint or '')}"),))
    standing = (await stops.standing(desk.store)).all
    spans: list[card.Inline] = [Trusted(_LIFTED)] if order.what == "resume" else []
    for stop in standing:
        spans.append(Trusted(f"{' ' if spans else ''}{phrases.stopped(stop)}"))
        spans += [Trusted(": "), text.line(stop.reason[:_LONGEST_REASON])] if stop.reason else [Trusted(".")]
    return card.Line(tuple(spans))

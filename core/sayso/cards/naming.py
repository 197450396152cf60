"""Who asks, in which session, and for whom a request is, as people say it. Pure.

The rule: a name that the operator gave is the service's own word. What an agent calls itself is foreign, and marked.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from sayso import model
from sayso.cards import card
from sayso.content import text
from sayso.machine import approvers, people

Trusted = text.Trusted

SERVICE = "sayso/review"
"""The owner of what the service asks by itself; no key can be called so."""
SUGGESTED = "suggested"
"""Under this name the metadata of what the service asks say which rule it suggests."""
EMBEDDED = "local"
"""The owner of what a program asks at its own desk: no operator gave it a name."""

# What `sayso keys add` takes, and what people and groups are called in the settings: nothing in it can deceive.
_OPERATORS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_HEX = re.compile(r"[0-9A-Fa-f]{16,}")
_SHORT_ID = 8
_MOST_PEOPLE = 8


def somebody(person: str) -> card.Inline:
    """A person of the settings by name; an account that these do not know by its platform."""
    platform, is_account, _ = person.partition(":")
    return text.line(f"{platform.title()} user {people.id_of(person)}") if is_account else given_name(person)


def given_name(name: str) -> card.Inline:
    """A name from the settings; one of another form is as foreign as an account."""
    return Trusted(name) if _OPERATORS.fullmatch(name) else text.line(name)


def asker(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    """Who asks: the name of the key, which the operator gave, and beside it what the agent calls itself."""
    if ticket.owner == SERVICE:
        return (Trusted("Sayso"),)
    agent = ticket.request.source.agent
    if ticket.owner == EMBEDDED:
        return (text.line(agent), Trusted(" (self-named)")) if agent else (Trusted("An agent"),)
    if agent is None or agent.strip().casefold() == ticket.owner.casefold():
        return (given_name(ticket.owner),)
    return (given_name(ticket.owner), Trusted(" (calls itself "), text.line(agent), Trusted(")"))


def suggests(ticket: model.Ticket) -> bool:
    """Whether the service suggests a rule by it."""
    return ticket.owner == SERVICE and SUGGESTED in ticket.request.metadata


def on_behalf(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    """For whom the agent runs, if the operator said so."""
    return (Trusted(" on behalf of "), *requester(ticket)) if ticket.requester else ()


def requester(ticket: model.Ticket) -> tuple[card.Inline, ...]:
    """For whom it is asked; in a review, whose act is reviewed."""
    return (given_name(ticket.requester),) if ticket.requester else ()


def session_words(session: str) -> str:
    """A session as people say it: the first signs of what is only an id, else its own words."""
    bare = _UUID.fullmatch(session.strip()) or _HEX.fullmatch(session.strip())
    return session.strip()[:_SHORT_ID] if bare else session


def session_of(ticket: model.Ticket) -> card.Session | None:
    """The agent session that asks, if the agent named one."""
    source = ticket.request.source
    return session(ticket.owner, source.session, source.agent, source.project) if source.session else None


@functools.lru_cache(1_000)
def session(owner: str, id: str, agent: str | None = None, project: str | None = None) -> card.Session:
    """A session with its name: two agents that call a session the same can be told apart."""
    # names are short, and every card of a session has the same one
    said = [agent if owner == EMBEDDED else owner, project, session_words(id)]
    return card.Session(owner, id, text.line(" · ".join(word for word in said if word and word.strip())))


def project_and_session(request: model.Request) -> card.Inline | None:
    """What the agent works on, in its own words."""
    source = request.source
    words = [word for word in (source.project, session_words(source.session or "")) if word]
    return text.line(" · ".join(words)) if words else None


def who_may(ticket: model.Ticket, directory: people.Directory) -> tuple[card.Inline, ...]:
    """Those who may answer, as people: a group with its members, as far as the settings name them."""
    shown = [
        spans
        for name in approvers.names_of(approvers.open_needs(ticket))
        if (spans := _approver(name, ticket, directory))
    ]
    return listed(shown) or (Trusted("nobody"),)


def _approver(name: str, ticket: model.Ticket, directory: people.Directory) -> tuple[card.Inline, ...]:
    if name == "anyone":
        return (Trusted("anyone here"),)
    if name.startswith(people.ON_CALL):
        return (Trusted("whoever is on call for "), given_name(name.removeprefix(people.ON_CALL)))
    if not name.startswith("group:"):
        person = ticket.requester if name == "requester" else name
        return _person(person, ticket, directory) if person and not approvers.is_barred(ticket, person) else ()
    group = name.removeprefix("group:")
    known = directory.groups.get(group, people.Group())
    free = (one for one in sorted(known.members) if not approvers.is_barred(ticket, one))
    members = [_person(one, ticket, directory) for one in free]
    others = [(Trusted(f"its members in {one.title()}"),) for one in _platforms(known)]
    inside = listed([*members, *others])
    return (given_name(group), Trusted(" ("), *inside, Trusted(")")) if inside else (given_name(group),)


def _person(name: str, ticket: model.Ticket, directory: people.Directory) -> tuple[card.Inline, ...]:
    """Somebody, and who acts for them while they are away."""
    spans: list[card.Inline] = [given_name(name)]
    for one in directory.delegations:
        if one.of == name and one.until > ticket.created_at and one.covers(ticket.policy_name):
            for index, other in enumerate(sorted(one.to)):
                spans += [Trusted(" or " if index else ", away: "), given_name(other)]
            # the end is the midnight after the last day
            spans.append(Trusted(f" until {one.until - timedelta(days=1):%Y-%m-%d}"))
    return tuple(spans)


def _platforms(group: people.Group) -> Iterable[str]:
    return sorted({one.partition(":")[0] for one in group.platform_groups})


def listed(items: Sequence[tuple[card.Inline, ...]]) -> tuple[card.Inline, ...]:
    """Names one after the other, as many as a line has room for."""
    spans: list[card.Inline] = []
    for index, item in enumerate(items[:_MOST_PEOPLE]):
        spans += [Trusted(", ") if index else Trusted(""), *item]
    more = len(items) - _MOST_PEOPLE
    spans += [Trusted(f" and {more} more")] if more > 0 else []
    return tuple(span for span in spans if not isinstance(span, str) or span)

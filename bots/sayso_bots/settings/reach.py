"""Routes to the approvers of a policy, wherever the operator set one: each must be able to reach somebody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import sayso
from sayso import errors, machine, model, parts
from sayso.chat import plugin
from sayso.desk import keys
from sayso.desk import setup as setups
from sayso_bots.settings import spelling


def check(made: sayso.Setup) -> None:
    """Refuse a rule or an escalation that writes to nobody. Raises `InvalidSettings`."""
    for rule in made.rules.rules:
        key = f"rules.{rule.id}.route"
        _check_connected(made, rule.route, key)
        setups.check_route(made, rule.route, rule.policy or made.policy, key)
    if made.suggesting.ask:
        _check_connected(made, made.suggesting.route, "suggestions.route")
    for name, policy in made.policies.items():
        for key, places in (("route", made.routes.get(name, ())), ("fallback", policy.fallback)):
            _check_connected(made, places, f"policies.{name}.{key}")
            setups.check_route(made, places, name, f"policies.{name}.{key}")
        for number, step in enumerate(policy.escalate):
            key = f"policies.{name}.escalate.{number}.route"
            _check_connected(made, step.route, key)
            if not step.brings_in:
                setups.check_route(made, step.route, name, key)


def _check_connected(made: sayso.Setup, places: Sequence[model.Place], key: str) -> None:
    """When a request waits already it is too late to find out that nobody is reached there."""
    for name in not_connected(made, places):
        # the rest of what stands there may be the address of a webhook, which is a secret
        said = f"{key}: no chat {name!r} is connected"
        raise errors.InvalidSettings(said, field=key, hint="name a place of a chat that is set up, or set it up")


def not_connected(made: sayso.Setup, places: Sequence[model.Place]) -> list[str]:
    """The chats of these places that are not there."""
    reached = {*made.chats, machine.INBOX, parts.APPROVERS}
    return [name for place in places if (name := model.channel_of(place)) not in reached]


def check_chats(places: Iterable[model.Place]) -> None:
    """Refuse a place of a chat that is not installed: no service could ask there. Raises `InvalidRequest`."""
    known = [machine.INBOX, parts.APPROVERS, *(chat.name for chat in plugin.installed())]
    for place in places:
        # the rest of it may be a secret
        if (name := model.channel_of(place)) not in known:
            hint = spelling.suggest(name, known) or f"places begin with: {', '.join(known)}"
            raise errors.InvalidRequest(f"there is no chat {name!r}", field="route", hint=hint)


def rooms(made: sayso.Setup, known: Iterable[keys.Key]) -> dict[model.Place, str]:
    """The rooms that routes and fallbacks name, each with the keys that do so; direct messages are none."""
    found = dict[model.Place, list[str]]()
    for key, places in _routes(made, known):
        for place in places:
            name, _, address = place.partition(":")
            if place not in (parts.APPROVERS, machine.INBOX) and address and not address.startswith("@") and name:
                found.setdefault(place, []).append(key)
    return {place: ", ".join(named) for place, named in found.items()}


def _routes(made: sayso.Setup, known: Iterable[keys.Key]) -> Iterator[tuple[str, Sequence[model.Place]]]:
    for rule in made.rules.rules:
        yield f"rules.{rule.id}.route", rule.route
    for name, policy in made.policies.items():
        yield f"policies.{name}.route", made.routes.get(name, ())
        yield f"policies.{name}.fallback", policy.fallback
        for number, step in enumerate(policy.escalate):
            yield f"policies.{name}.escalate.{number}.route", step.route
        if policy.break_glass:
            yield f"policies.{name}.break_glass.tell", policy.break_glass.tell
    yield "stats.tell", made.observed.places
    for key in known:
        yield f"the route of the key {key.name}", key.route


def check_keys(made: sayso.Setup, known: Iterable[keys.Key]) -> None:
    """Refuse keys that were made with a route that writes to nobody. Raises `InvalidSettings`."""
    for key in known:
        setups.check_route(made, key.route, key.policy or made.policy, f"the route of the key {key.name}")

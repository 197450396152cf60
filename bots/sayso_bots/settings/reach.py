"""Routes to the approvers of a policy, wherever the operator set one: each must be able to reach somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sayso
from sayso import errors, machine, model, parts
from sayso.desk import keys
from sayso.desk import setup as setups


def check(made: sayso.Setup) -> None:
    """Refuse a rule or an escalation that writes to nobody. Raises `InvalidSettings`."""
    for number, rule in enumerate(made.rules.rules):
        setups.check_route(made, rule.route, rule.policy or made.policy, f"rules.{number}.route")
    if made.suggesting.ask:
        _check_connected(made, made.suggesting.route, "suggestions.route")
    for name, policy in made.policies.items():
        _check_connected(made, policy.fallback, f"policies.{name}.fallback")
        setups.check_route(made, policy.fallback, name, f"policies.{name}.fallback")
        for number, step in enumerate(policy.escalate):
            key = f"policies.{name}.escalate.{number}.route"
            _check_connected(made, step.route, key)
            if not step.brings_in:
                setups.check_route(made, step.route, name, key)


def _check_connected(made: sayso.Setup, places: Sequence[model.Place], key: str) -> None:
    """When a request waits already it is too late to find out that nobody is reached there."""
    reached = {*made.chats, machine.INBOX, parts.APPROVERS}
    for place in places:
        if model.channel_of(place) not in reached:
            said = f"{key}: no chat for {place!r} is connected"
            raise errors.InvalidSettings(said, field=key, hint="name a place of a chat that is set up, or set it up")


def check_keys(made: sayso.Setup, known: Iterable[keys.Key]) -> None:
    """Refuse keys that were made with a route that writes to nobody. Raises `InvalidSettings`."""
    for key in known:
        setups.check_route(made, key.route, key.policy or made.policy, f"the route of the key {key.name}")

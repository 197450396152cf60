"""What the operator configured, and the terms that this gives to a request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sayso import errors, machine, model, people, quota

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the key, and the person on whose behalf its agent runs."""

    owner: str = "local"
    requester: str | None = None
    operator: bool = False
    """An operator reads and cancels what others asked."""


@dataclass(frozen=True, slots=True)
class House:
    """What the operator configured: policies, people, where requests go."""

    policies: Mapping[str, model.Policy] = field(default_factory=lambda: {DEFAULT: model.Policy()})
    directory: people.Directory = field(default_factory=people.Directory)
    route: tuple[model.Place, ...] = ("web",)
    channels: Collection[str] | None = None
    """Names of the channels that can be reached; None where another process reaches them."""
    callbacks: bool = False
    """Whether decisions can be sent to a request's callback address."""
    limits: quota.Limits = field(default_factory=quota.Limits)
    """What one caller may ask."""


def terms(house: House, request: model.Request, caller: Caller) -> machine.Terms:
    """Under which policy this is asked, and where it goes.

    Raises:
        InvalidRequest: the house has no such policy or place.
    """
    name = request.policy or DEFAULT
    policy = house.policies.get(name)
    if policy is None:
        known = ", ".join(house.policies)
        raise errors.InvalidRequest(f"there is no policy {name!r}", field="policy", hint=f"policies: {known}")
    for place in request.route:
        _reachable(house, place)
    if request.callback_url and not house.callbacks:
        raise errors.InvalidRequest("callbacks need a running service", field="callback_url", hint="set SAYSO_URL")
    route = tuple(dict.fromkeys(request.route)) or house.route
    return machine.Terms(owner=caller.owner, policy=policy, route=route, requester=caller.requester)


def _reachable(house: House, place: model.Place) -> None:
    channels = house.channels
    if channels is not None and place.partition(":")[0] not in channels:
        hint = f"channels here: {', '.join(sorted(channels))}"
        raise errors.InvalidRequest(f"there is no channel for {place!r}", field="route", hint=hint)

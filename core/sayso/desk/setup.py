"""What the operator configured, and the terms that this gives to a request."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sayso import errors, machine, model, parts, rules
from sayso.calendars import Calendar
from sayso.desk import direct, quota, rotas
from sayso.machine import approvers, people, priorities

DEFAULT = "default"
_NO_RULING = rules.Ruling()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the key, and the person on whose behalf its agent runs."""

    owner: str = "local"
    requester: str | None = None
    operator: bool = False
    """An operator reads and cancels what others asked."""
    key: str | None = None
    """Its key's record in the store, looked up again whenever it has waited; None if it needs no key."""
    policy: model.Name | None = None
    """The policy that the operator bound to the key."""
    route: tuple[model.Place, ...] = ()
    """The places that the operator bound to the key."""


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long something is kept after its request was decided, in seconds; None is for ever."""

    content: float | None = None
    traces: float | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What the operator configured: policies, people, where requests go."""

    policies: Mapping[str, model.Policy] = field(default_factory=lambda: {DEFAULT: model.Policy()})
    directory: people.Directory = field(default_factory=people.Directory)
    route: tuple[model.Place, ...] = (machine.INBOX,)
    channels: Collection[str] | None = None
    """Names of the channels that can be reached; None where another process reaches them."""
    callbacks: bool = False
    """Whether decisions can be sent to a request's callback address."""
    grace: timedelta = timedelta(0)
    """How long an answer by plain words can be taken back before the agent is told; a minute at most."""
    limits: quota.Limits = field(default_factory=quota.Limits)
    """What one caller may ask."""
    address: str = ""
    """Where people reach the inbox, if the operator named it: windows of a review link to the request there."""
    policy: str = DEFAULT
    """Of requests that name no policy, from callers who are bound to none."""
    stoppers: tuple[str, ...] = ()
    """People and `group:NAME` who may stop everything, or an agent, and lift that again."""
    rotas: Mapping[str, rotas.Rota] = field(default_factory=dict[str, rotas.Rota])
    """Who is on call, by the names of groups."""
    readers: tuple[str, ...] = ("anyone",)
    """People, `group:NAME` or `anyone` who may see the numbers of everybody's answers."""
    tell_requester: bool = False
    """Whether the person on whose behalf something is asked is told in a chat what became of it."""
    push: bool = False
    """Whether people are told on their devices, where they asked for it."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict[str, Calendar])
    """By their names."""
    rules: rules.Book = field(default_factory=rules.Book)
    """What is decided without anybody, and what is asked otherwise than it would be."""
    retention: Retention = field(default_factory=Retention)
    """For how long what is kept."""
    audience: str | None = None
    """Whom the receipts of allows are for; None if allows carry none."""
    digest: str | None = None
    """Of the settings, for the log."""

    @property
    def chats(self) -> tuple[str, ...]:
        """The channels on which somebody may be written to, in the order in which they are tried."""
        return tuple(map(model.channel_of, self.route) if self.channels is None else self.channels)


def terms(
    setup: Setup,
    request: model.Request,
    caller: Caller,
    ruling: rules.Ruling = _NO_RULING,
    present: direct.Present | None = None,
) -> machine.Terms:
    """Under which policy this is asked, and where it goes: first by a rule, then by the key, then by the request.

    Without *present* it is not known yet who is behind groups and rotas, and nothing is refused for it.

    Raises:
        InvalidRequest: the setup has no such policy or place, or the caller is bound to another.
        MembershipUnknown: it goes to those whom the policy names, and nobody could find out who that is.
    """
    rule = ruling.rule
    name = policy_of(setup, request.policy, caller)
    name = rule.policy if rule and rule.policy else name
    policy = setup.policies.get(name)
    if policy is None:
        known = ", ".join(setup.policies)
        raise errors.InvalidRequest(f"there is no policy {name!r}", field="policy", hint=f"policies: {known}")
    if request.callback_url and not setup.callbacks:
        raise errors.InvalidRequest("callbacks need a running service", field="callback_url", hint="set SAYSO_URL")
    asked = _route(request, caller)
    asked = rule.route if rule and rule.route else asked
    # what a rule decides is asked nowhere; the inbox shows what is stored
    route = _reached(setup, asked, policy, caller, present) if ruling.effect == "ask" else (machine.INBOX,)
    urgent = _priority(ruling) == "urgent"
    if urgent:
        route = _written_to_as_well(setup, route, policy, caller, present)
    policy = priorities.applied(_escalating(setup, policy, caller, present), _priority(ruling))
    return machine.Terms(
        owner=caller.owner,
        policy=policy,
        route=route,
        requester=caller.requester,
        key=caller.key,
        tell=_tell(setup, caller.requester, route),
        push=setup.push,
        policy_name=name,
        stage_routes=_stage_routes(setup, policy, caller, present) if urgent or parts.APPROVERS in asked else (),
        ruled=_ruled(ruling) if setup.rules.rules else None,
    )


def _reached(
    setup: Setup,
    asked: tuple[model.Place, ...],
    policy: model.Policy,
    caller: Caller,
    present: direct.Present | None,
) -> tuple[model.Place, ...]:
    wanted = _expanded(setup, asked, approvers.names_of(policy.needs_by_stage[0]), caller, present)
    for place in wanted:
        _reachable(setup, place)
    return wanted or setup.route


def _ruled(ruling: rules.Ruling) -> model.Ruled:
    rule = ruling.rule
    if rule is None:
        return model.Ruled(watched=ruling.watched)
    return model.Ruled(
        rule=rule.id, effect=rule.effect, reason=rule.reason, priority=rule.priority, watched=ruling.watched
    )


def _priority(ruling: rules.Ruling) -> model.Priority | None:
    return ruling.rule.priority if ruling.rule else None


def _written_to_as_well(
    setup: Setup,
    route: tuple[model.Place, ...],
    policy: model.Policy,
    caller: Caller,
    present: direct.Present | None,
) -> tuple[model.Place, ...]:
    """The places of something urgent: whoever has a direct message gets one, and nothing is refused for want of it."""
    who = approvers.names_of(policy.needs_by_stage[0])
    return tuple(dict.fromkeys((*route, *_direct(setup, who, caller, present))))


def _tell(setup: Setup, requester: str | None, route: tuple[model.Place, ...]) -> tuple[model.Place, ...]:
    """Where the requester is told of the outcome: in one chat, if possible in one in which it is asked."""
    if requester is None or not setup.tell_requester:
        return ()
    known = setup.directory.people.get(requester, people.Profile())
    names = [model.channel_of(place) for place in (*route, *sorted(setup.channels or ()))]
    accounts = {model.channel_of(account) for account in known.accounts}
    reached = (name for name in names if name in accounts and (setup.channels is None or name in setup.channels))
    place = next((f"{name}:@{requester}" for name in reached), None)
    return () if place is None or place in route else (place,)


def written_to(setup: Setup, request: model.Request, caller: Caller, ruling: rules.Ruling) -> tuple[str, ...]:
    """The names whose direct messages a request may be sent to; none if it goes to places only."""
    rule = ruling.rule
    if ruling.effect != "ask":
        return ()
    name = rule.policy if rule and rule.policy else policy_of(setup, request.policy, caller)
    policy = setup.policies.get(name, model.Policy(approvers=()))
    route = rule.route if rule and rule.route else _route(request, caller)
    routes = (route, *(step.route for step in policy.escalate))
    urgent = _priority(ruling) == "urgent"
    return policy.everybody if urgent or any(parts.APPROVERS in one for one in routes) else ()


def check_route(setup: Setup, route: Sequence[model.Place], policy: str, key: str) -> None:
    """Refuse a route to the approvers of a policy that can never name anybody who has a direct message.

    Raises:
        InvalidSettings: `field` is *key*, which has this route.
    """
    known = setup.policies.get(policy)
    if known is None or parts.APPROVERS not in route:
        return
    who = approvers.names_of(known.needs_by_stage[0])
    if not direct.may_reach(setup.directory, setup.chats, who):
        said = f"{key}: nobody whom policies.{policy} names can have a direct message"
        hint = "name people, groups or a rota under its approvers, with accounts on a chat, or another route"
        raise errors.InvalidSettings(said, field=key, hint=hint)


def policy_of(setup: Setup, wanted: str | None, caller: Caller) -> str:
    """The name of the policy for a request that wants this one.

    Raises:
        InvalidRequest: the caller is bound to another.
    """
    if caller.policy is None:
        return wanted or setup.policy
    if wanted not in (None, caller.policy):
        hint = f"leave policy out; this key asks under {caller.policy!r}"
        raise errors.InvalidRequest(f"this key cannot choose the policy {wanted!r}", field="policy", hint=hint)
    return caller.policy


def _route(request: model.Request, caller: Caller) -> tuple[model.Place, ...]:
    wanted = tuple(dict.fromkeys(request.route))
    if caller.route and wanted and set(wanted) != set(caller.route):
        hint = f"leave route out; this key asks at {', '.join(caller.route)}"
        raise errors.InvalidRequest("this key cannot choose its places", field="route", hint=hint)
    return caller.route or wanted


def _expanded(
    setup: Setup, places: tuple[model.Place, ...], who: Sequence[str], caller: Caller, present: direct.Present | None
) -> tuple[model.Place, ...]:
    """The places, with a direct message to each approver in place of `approvers`."""
    if parts.APPROVERS not in places:
        return places
    found = _direct(setup, who, caller, present)
    if not found and present is not None:
        raise direct.refuse(who, present)
    shown = (found if place == parts.APPROVERS else [place] for place in places)
    return tuple(dict.fromkeys(place for some in shown for place in some))


def _stage_routes(
    setup: Setup, policy: model.Policy, caller: Caller, present: direct.Present | None
) -> tuple[tuple[model.Place, ...], ...]:
    """The direct messages of each stage after the first; none if there is one stage only."""
    stages = policy.needs_by_stage
    later = (_direct(setup, approvers.names_of(needs), caller, present) for needs in stages[1:])
    return ((), *later) if len(stages) > 1 else ()


def _escalating(setup: Setup, policy: model.Policy, caller: Caller, present: direct.Present | None) -> model.Policy:
    """The policy, with the direct messages of those whom each escalation brings in. Raises as `terms`."""
    if not policy.escalate:
        return policy
    everybody = approvers.names_of(need for needs in policy.needs_by_stage for need in needs)
    steps = list[model.Escalation]()
    for step in policy.escalate:
        route = _expanded(setup, step.route, step.brings_in or everybody, caller, present)
        for place in route:
            _reachable(setup, place)
        steps.append(step.model_copy(update={"route": route}))
    return policy.model_copy(update={"escalate": tuple(steps)})


def _direct(
    setup: Setup, who: Sequence[str], caller: Caller, present: direct.Present | None
) -> tuple[model.Place, ...]:
    """The direct messages of these people, groups and rotas."""
    names = (caller.requester if name == "requester" else name for name in who)
    return direct.places(setup.directory, setup.chats, [name for name in names if name], present or direct.Present())


def _reachable(setup: Setup, place: model.Place) -> None:
    channels = setup.channels
    if channels is not None and model.channel_of(place) not in channels:
        hint = f"channels here: {', '.join(sorted(channels))}"
        raise errors.InvalidRequest(f"there is no channel for {place!r}", field="route", hint=hint)

"""What the operator configured, and the terms that this gives to a request."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sayso import attention, errors, machine, model, parts, rules
from sayso.calendars import Calendar
from sayso.desk.admission import direct, quota, rotas, routes
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
class Telling:
    """Where something is told now and then, and how often."""

    places: tuple[model.Place, ...] = ()
    every: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Suggesting:
    """What is suggested as a rule, and to whom."""

    ask: tuple[str, ...] = ()
    """People and `group:NAME` who may accept a suggestion; nobody is asked if there are none."""
    route: tuple[model.Place, ...] = (parts.APPROVERS,)
    every: timedelta = timedelta(days=1)
    since: timedelta = timedelta(days=30)
    least: int = 5
    """How often people allowed it."""
    lasts: timedelta = timedelta(days=90)
    """How long what is accepted holds, and a suggestion that nobody answered is not made again."""
    costly: bool = False
    """Whether also what costs money, is secret or cannot be taken back."""


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
    quiet: Mapping[str, attention.Quiet] = field(default_factory=dict[str, attention.Quiet])
    """When people are not mentioned and not written to, by their names."""
    rules: rules.Book = field(default_factory=rules.Book)
    """What is decided without anybody, and what is asked otherwise than it would be."""
    observed: Telling = Telling()
    """Where it is told what rules that only observe would have done."""
    suggesting: Suggesting = Suggesting()
    """What is suggested as a rule, and to whom."""
    retention: Retention = field(default_factory=Retention)
    """For how long what is kept."""
    audience: str | None = None
    """Whom the receipts of allows are for; None if allows carry none."""
    digest: str | None = None
    """Of the settings, for the log."""
    routes: Mapping[str, tuple[model.Place, ...]] = field(default_factory=dict[str, tuple[model.Place, ...]])
    """Where requests under a policy go that name no place, by its name; the others go to `route`."""

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
    """Under which policy this is asked, and where it goes: by a rule, else its key, else itself, else its policy.

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
    asked = _asked(setup, name, rule, request, caller)
    where = routes.Routes(setup.directory, setup.chats, setup.channels, caller.requester, present, name)
    route, urgent = routes.INBOX, _priority(ruling) == "urgent"
    # what a rule decides is asked nowhere; the inbox shows what is stored
    if ruling.effect == "ask":
        route = (where.expanded(asked, routes.first_names(policy)) if asked else ()) or setup.route
        route = where.written_to_as_well(route, policy) if urgent else route
    policy = where.escalating(policy)
    return machine.Terms(
        owner=caller.owner,
        policy=priorities.applied(policy, _priority(ruling)),
        route=route,
        fallback=where.fallback(policy) if policy.fallback and ruling.effect == "ask" else (),
        requester=caller.requester,
        key=caller.key,
        tell=routes.told(setup.directory, setup.channels, caller.requester, route) if setup.tell_requester else (),
        push=setup.push,
        policy_name=name,
        stage_routes=where.of_stages(policy) if urgent or parts.APPROVERS in asked else (),
        ruled=_ruled(ruling) if setup.rules.rules else None,
    )


def _ruled(ruling: rules.Ruling) -> model.Ruled:
    rule = ruling.rule
    if rule is None:
        return model.Ruled(watched=ruling.watched)
    return model.Ruled(
        rule=rule.id, effect=rule.effect, reason=rule.reason, priority=rule.priority, watched=ruling.watched
    )


def _priority(ruling: rules.Ruling) -> model.Priority | None:
    return ruling.rule.priority if ruling.rule else None


def written_to(setup: Setup, request: model.Request, caller: Caller, ruling: rules.Ruling) -> tuple[str, ...]:
    """The names whose direct messages a request may be sent to; none if it goes to places only."""
    rule = ruling.rule
    if ruling.effect != "ask":
        return ()
    name = rule.policy if rule and rule.policy else policy_of(setup, request.policy, caller)
    policy = setup.policies.get(name)
    if policy is None:
        return ()
    routes = [_asked(setup, name, rule, request, caller), policy.fallback, *[step.route for step in policy.escalate]]
    urgent = _priority(ruling) == "urgent"
    return policy.everybody if urgent or [one for one in routes if parts.APPROVERS in one] else ()


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


def _asked(
    setup: Setup, policy: str, rule: rules.Rule | None, request: model.Request, caller: Caller
) -> tuple[model.Place, ...]:
    """The places that are named for a request; none if it goes where all go."""
    return (rule.route if rule else ()) or _route(request, caller) or setup.routes.get(policy, ())


def _route(request: model.Request, caller: Caller) -> tuple[model.Place, ...]:
    wanted = tuple(dict.fromkeys(request.route))
    if caller.route and wanted and set(wanted) != set(caller.route):
        hint = f"leave route out; this key asks at {', '.join(caller.route)}"
        raise errors.InvalidRequest("this key cannot choose its places", field="route", hint=hint)
    return caller.route or wanted

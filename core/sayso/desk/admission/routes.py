"""Where a request goes: its places, direct messages for `approvers`, later stages, escalations, fallbacks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sayso import errors, machine, model, parts
from sayso.desk.admission import direct
from sayso.machine import approvers, people

Places = tuple[model.Place, ...]


@dataclass(frozen=True, slots=True)
class Routes:
    """The places of one request. Methods raise `InvalidRequest` for a place that no channel here has."""

    directory: people.Directory
    chats: Sequence[str]
    """The channels on which somebody may be written to, in the order in which they are tried."""
    channels: Collection[str] | None
    """All that can be reached; None where another process reaches them."""
    requester: str | None
    present: direct.Present | None
    """Who is behind groups and rotas now; None where it is not known yet, and nothing is refused for it."""
    policy: str | None = None
    """Under which delegates may act."""

    def expanded(self, places: Places, who: Sequence[str]) -> Places:
        """The places, with a direct message to each of these people in place of `approvers`.

        Raises:
            InvalidRequest, MembershipUnknown: nobody of them has one.
        """
        if parts.APPROVERS in places:
            found = self.direct(who)
            if not found and self.present is not None:
                raise direct.refuse(who, self.present)
            shown = (found if place == parts.APPROVERS else (place,) for place in places)
            places = _once(place for some in shown for place in some)
        self._check(places)
        return places

    def written_to_as_well(self, places: Places, policy: model.Policy) -> Places:
        """The places of something urgent: whoever has a direct message gets one, and nothing is refused for it."""
        return _once((*places, *self.direct(first_names(policy))))

    def of_stages(self, policy: model.Policy) -> tuple[Places, ...]:
        """The direct messages of each stage after the first; none if there is one stage only."""
        stages = policy.needs_by_stage
        later = (self.direct(approvers.names_of(needs)) for needs in stages[1:])
        return ((), *later) if len(stages) > 1 else ()

    def escalating(self, policy: model.Policy) -> model.Policy:
        """The policy, with the direct messages of those whom each escalation brings in. Raises as `expanded`."""
        if not policy.escalate:
            return policy
        everybody = approvers.names_of(need for needs in policy.needs_by_stage for need in needs)
        steps = (
            step.model_copy(update={"route": self.expanded(step.route, step.brings_in or everybody)})
            for step in policy.escalate
        )
        return policy.model_copy(update={"escalate": tuple(steps)})

    def fallback(self, policy: model.Policy) -> tuple[Places, ...]:
        """The fallbacks of a policy, one after the other; none to people who have no direct message."""
        if not policy.fallback:
            return ()
        self._check(place for place in policy.fallback if place != parts.APPROVERS)
        steps = (
            self.direct(first_names(policy)) if place == parts.APPROVERS else (place,) for place in policy.fallback
        )
        return tuple(step for step in steps if step)

    def direct(self, who: Sequence[str]) -> Places:
        """The direct messages of these people, groups and rotas."""
        named = (self.requester if name == "requester" else name for name in who)
        names, present = [name for name in named if name], self.present or direct.Present()
        on_call = [person for name in names for person in present.on_call.get(name, ())]
        acting = self.directory.deputies([*names, *on_call], self.policy, present.at) if present.at else ()
        return direct.places(self.directory, self.chats, [*names, *acting], present)

    def _check(self, places: Iterable[model.Place]) -> None:
        for place in places:
            if self.channels is not None and model.channel_of(place) not in self.channels:
                hint = f"channels here: {', '.join(sorted(self.channels))}"
                raise errors.InvalidRequest(f"there is no channel for {place!r}", field="route", hint=hint)


def first_names(policy: model.Policy) -> tuple[str, ...]:
    """Whom the first stage of a policy names."""
    return approvers.names_of(policy.needs_by_stage[0])


def told(directory: people.Directory, channels: Collection[str] | None, requester: str | None, route: Places) -> Places:
    """Where the requester is told of the outcome: in one chat, if possible in one in which it is asked."""
    if requester is None:
        return ()
    known = directory.people.get(requester, people.Profile())
    names = [model.channel_of(place) for place in (*route, *sorted(channels or ()))]
    accounts = {model.channel_of(account) for account in known.accounts}
    reached = (name for name in names if name in accounts and (channels is None or name in channels))
    place = next((f"{name}:@{requester}" for name in reached), None)
    return () if place is None or place in route else (place,)


def _once(places: Iterable[model.Place]) -> Places:
    return tuple(dict.fromkeys(places))


INBOX: Places = (machine.INBOX,)

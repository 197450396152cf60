"""What the rules come to for one call: a deny wherever it stands, then the first match, else people are asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sayso.rules.rule import Effect, Rule


@dataclass(frozen=True, slots=True)
class Ruling:
    """Which rule decides, and what those that are only watched would have done."""

    rule: Rule | None = None
    """None where no rule matched: people are asked under the policy that the request has anyway."""
    watched: tuple[str, ...] = ()
    """Rules that matched and decide nothing yet."""

    @property
    def effect(self) -> Effect:
        """Allow, deny or ask."""
        return "ask" if self.rule is None else self.rule.effect


def decide(matching: Sequence[Rule], spent: Collection[str] = ()) -> Ruling:
    """What rules that match come to, in their order; allows whose limit is *spent* are passed over."""
    counted = [rule for rule in matching if not rule.observed]
    denies = (rule for rule in counted if rule.effect == "deny")
    others = (rule for rule in counted if rule.effect != "deny" and rule.id not in spent)
    first = next(denies, None) or next(others, None)
    return Ruling(first, tuple(rule.id for rule in matching if rule.observed))


def counted_by(by: str, owner: str, session: str | None) -> str:
    """In whose name a limit counts, or an earlier call is looked for."""
    if by == "all":
        return "all"
    return f"agent {owner}" if by == "agent" else f"session {owner} {session or ''}"

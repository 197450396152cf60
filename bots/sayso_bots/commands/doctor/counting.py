"""Where one human may count as two: several must agree, and who they are is not known from the settings."""

from __future__ import annotations

from collections.abc import Iterator

from sayso import model
from sayso.desk import keys
from sayso.desk.setup import Setup
from sayso_bots.commands.doctor.finding import Finding

_HINT = "name people and groups in its place, and all accounts of each person under [people.NAME]"
_KEYS = "revoke them, and make them anew with --person NAME"


def look(setup: Setup, surfaces: list[str], known: list[keys.Key]) -> Iterator[Finding]:
    """What to know about each policy under which several must agree; *surfaces* are where people answer."""
    alone = sorted(key.name for key in known if key.role == "approver" and key.person is None)
    for name, policy in setup.policies.items():
        needs = [need for stage in policy.needs_by_stage for need in stage]
        if sum(need.count for need in needs) < 2 or not any("anyone" in need.who for need in needs):
            continue
        yield _of_policy(f"policies.{name}", policy, surfaces)
        if len(alone) > 1:
            said = f"the keys {', '.join(alone)} belong to nobody, so each counts as a person of its own"
            yield Finding(f"policies.{name}", True, said, _KEYS, warn=True)


def _of_policy(key: str, policy: model.Policy, surfaces: list[str]) -> Finding:
    where = f" ({', '.join(surfaces)})" if len(surfaces) > 1 else ""
    said = (
        f"{policy.most_needed} people must allow, and anyone may{where}: whoever has two accounts on one chat counts "
        "twice there, and accounts without an entry under people do not count together over several chats"
    )
    return Finding(key, True, said, _HINT, warn=True)

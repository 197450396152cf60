"""The names of a policy as people say them: people by name, and of a group those whom the settings know. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sayso.content import wording
from sayso.machine import people

_MOST = 8


def in_words(names: Iterable[str], directory: people.Directory = people.NOBODY_KNOWN) -> str:
    """Whom these names are: `ann, bob or the group release (carl)`."""
    said = [_said(name, directory) for name in dict.fromkeys(names)]
    more = [f"{len(said) - _MOST} more"] if len(said) > _MOST else []
    return wording.in_a_row([*said[:_MOST], *more], "or") or "nobody"


def _said(name: str, directory: people.Directory) -> str:
    if name == "anyone":
        return "any full member of this place"
    if name == "requester":
        return "whoever it is asked for"
    if name.startswith("oncall:"):
        return f"whoever is on call for {name.removeprefix('oncall:')}"
    if not name.startswith("group:"):
        return name
    group = name.removeprefix("group:")
    known = directory.groups.get(group, people.Group())
    members = sorted(known.members)
    more = [f"{len(members) - _MOST} more"] if len(members) > _MOST else []
    platforms = sorted({one.partition(":")[0].title() for one in known.platform_groups})
    inside = ", ".join([*members[:_MOST], *more, *(f"its members in {platform}" for platform in platforms)])
    return f"the group {group} ({inside})" if inside else f"the group {group}"

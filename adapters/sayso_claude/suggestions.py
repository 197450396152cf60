"""Claude Code's suggestions beside a permission: each becomes one offer that says in full what it would add. Pure.

Never all of them: together they may switch a session to running without asking. What cannot be said in full, or is not
known here, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, runtime_checkable

import pydantic

from sayso import errors, model

# As many as a request takes; Claude Code 2.1 suggests up to three.
_MOST = 5

_KEPT = {
    "session": "until this session ends",
    "localSettings": "from now on, for you in this project (.claude/settings.local.json)",
    "projectSettings": "from now on, for everybody in this project (.claude/settings.json)",
    "userSettings": "from now on, for you in all projects (~/.claude/settings.json)",
}
_LISTS = {"allow": "what runs without asking", "ask": "what is always asked about", "deny": "what is always denied"}
# `bypassPermissions` is not here: nobody is asked anything then, so it is nothing to allow with a button.
_MODES = {
    "default": "people are asked as usual",
    "acceptEdits": "files are edited and common file commands run without asking",
    "plan": "nothing is changed until a plan is approved",
    "dontAsk": "whatever is not allowed beforehand is denied, and nobody is asked",
    "auto": "a classifier decides in the place of people",
}


@runtime_checkable
class Update(Protocol):
    """The SDK's `PermissionUpdate`."""

    def to_dict(self) -> model.JsonObject:
        """As JSON. Raises ValueError if it says nothing that can be sent."""
        ...


Suggestion = model.JsonObject | Update


class _Shape(pydantic.BaseModel):
    # a key that we do not know could widen what the offer says
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)

    destination: Literal["session", "localSettings", "projectSettings", "userSettings"]


class _Rule(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)

    toolName: Annotated[str, pydantic.Field(min_length=1)]  # noqa: N815 (their word)
    ruleContent: str | None = None  # noqa: N815


class _Rules(_Shape):
    type: Literal["addRules", "replaceRules", "removeRules"]
    rules: Annotated[list[_Rule], pydantic.Field(min_length=1)]
    behavior: Literal["allow", "ask", "deny"]


class _Folders(_Shape):
    type: Literal["addDirectories", "removeDirectories"]
    directories: Annotated[list[str], pydantic.Field(min_length=1)]


class _Mode(_Shape):
    type: Literal["setMode"]
    mode: Literal["default", "acceptEdits", "plan", "dontAsk", "auto"]


_Known = _Rules | _Folders | _Mode
_KNOWN: pydantic.TypeAdapter[_Known] = pydantic.TypeAdapter(Annotated[_Known, pydantic.Field(discriminator="type")])


def offers(suggestions: Sequence[Suggestion]) -> tuple[model.Offer, ...]:
    """One offer for each suggestion that can be said in full; `s0` is the first suggestion, offered or not."""
    named = ((f"s{index}", _plain(suggestion)) for index, suggestion in enumerate(suggestions))
    made = (_offer(name, plain) for name, plain in named if plain is not None)
    return tuple(offer for offer in made if offer is not None)[:_MOST]


def chosen(suggestions: Sequence[Suggestion], grant: str | None) -> model.JsonObject | None:
    """The suggestion, as JSON, whose offer a person chose; None if they chose none."""
    if grant is None or grant not in {offer.name for offer in offers(suggestions)}:
        return None
    return _plain(suggestions[int(grant[1:])])


def _plain(suggestion: Suggestion) -> model.JsonObject | None:
    try:
        return suggestion.to_dict() if isinstance(suggestion, Update) else suggestion
    except ValueError:
        return None


def _offer(name: str, plain: model.JsonObject) -> model.Offer | None:
    try:
        known = _KNOWN.validate_python(plain)
        kind, effect = _describe(known)
        return model.Offer(name=name, kind=kind, effect=f"{effect} · {_KEPT[known.destination]}")
    except (pydantic.ValidationError, errors.InvalidRequest):
        return None


def _describe(known: _Known) -> tuple[model.OfferKind, str]:
    match known:
        case _Rules():
            return "rule", _rules(known)
        case _Folders():
            those = ", ".join(known.directories)
            ends = known.type == "removeDirectories"
            return "folder", f"takes away: work in {those}" if ends else f"work in {those} as in its own folder"
        case _Mode():
            return "mode", f"{known.mode}: {_MODES[known.mode]}"


def _rules(known: _Rules) -> str:
    those = ", ".join(_rule(rule) for rule in known.rules)
    which = _LISTS[known.behavior]
    if known.type == "addRules":
        return f"{those} to {which}"
    return f"takes away: {those} from {which}" if known.type == "removeRules" else f"nothing but {those} is {which}"


def _rule(rule: _Rule) -> str:
    return f"{rule.toolName}({rule.ruleContent})" if rule.ruleContent else f"every use of {rule.toolName}"

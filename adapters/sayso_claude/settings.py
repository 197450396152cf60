"""The settings that make Claude Code ask: typed, because one wrong value makes it drop the whole file in silence."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence, Set
from typing import Literal, NotRequired
from urllib.parse import quote, urlsplit

from typing_extensions import TypedDict

from sayso import errors
from sayso_claude import forms

EVENTS = tuple(sorted(forms.GATES | {forms.NOTIFICATION}))
"""Events that a hook of ours is for."""

DEFAULT_URL = "http://127.0.0.1:8700"
PATH = "/claude/hooks"
# Seconds; what Claude Code gives a hook without a limit of its own.
DEFAULT_TIMEOUT = 600
# Seconds; a day.
LONGEST = 86_400
# Seconds by which a command hook gives up before Claude Code would kill it, which it takes for "no decision".
MARGIN = 10


BEFORE_CALLS = frozenset({"PreToolUse", "PermissionRequest"})
"""Events that stand between an agent and a tool call."""

SHELLS = frozenset({"Bash", "PowerShell"})
"""Tools that run shell commands."""

# Events whose matcher is about tool names; that of others is about something else, so a tool's name would never match.
_BY_TOOL = forms.TOOLS | {forms.RETRY}

# both words are Python's own
_Words = TypedDict("_Words", {"if": NotRequired[str], "async": NotRequired[Literal[True]]})


class Hook(_Words):
    """One hook handler; `if` is a rule that a tool call must match, and nobody waits for one that is `async`."""

    type: Literal["command", "http"]
    timeout: int
    onFailure: NotRequired[Literal["block"]]  # noqa: N815 (their word)
    """Without it a tool that is allowed beforehand runs whenever the hook fails."""
    command: NotRequired[str]
    url: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    allowedEnvVars: NotRequired[list[str]]  # noqa: N815


class Matcher(TypedDict):
    """The handlers for the tools that a pattern names."""

    matcher: str
    hooks: list[Hook]


class Permissions(TypedDict):
    """How Claude Code itself decides on calls."""

    defaultMode: Literal["default"]


class Settings(TypedDict):
    """What goes into `.claude/settings.json`."""

    permissions: NotRequired[Permissions]
    hooks: dict[str, list[Matcher]]


def settings(
    url: str = DEFAULT_URL,
    *,
    events: Sequence[str] = ("PermissionRequest",),
    matcher: str = "*",
    rule: str | None = None,
    timeout: int = DEFAULT_TIMEOUT,
    kind: Literal["command", "http"] = "command",
    policy: str | None = None,
) -> Settings:
    """Settings that ask at the service at *url*, for what *matcher* names, waiting *timeout* seconds at most.

    *policy* is a policy of the service, in place of its default. *rule* is a permission rule, such as
    `Bash(git push *)`: only tool calls that match it are asked about. People have at most `MARGIN` seconds less than
    *timeout*. A command hook survives a restart of the service; an http hook is denied by one.

    Raises:
        InvalidSettings: an address, an event, a rule or a time that Claude Code would not take as meant.
    """
    _check(url, events, timeout)
    if rule is not None and not set(events) <= forms.TOOLS:
        hint = f"other events than {', '.join(sorted(forms.TOOLS))} have no tool call to match, and would never run"
        raise errors.InvalidSettings("a rule is for tool calls only", field="rule", hint=hint)
    if kind == "http":
        _check_way(url)
    made = (_http if kind == "http" else _command)(url.rstrip("/"), timeout, policy)
    matchers = {event: matcher if event in _BY_TOOL or not _BY_TOOL & set(events) else "*" for event in events}
    return {"hooks": {event: [{"matcher": matchers[event], "hooks": [_for(event, made, rule)]}] for event in events}}


def complete(events: Sequence[str], matcher: str = "*", rule: str | None = None) -> tuple[str, ...]:
    """*events*, with those for shell commands in skills if *matcher* can match a shell: they are not tool calls.

    A typed skill has an event of its own, which no *rule* can narrow.
    """
    if not BEFORE_CALLS & set(events) or not matches(matcher, SHELLS):
        return tuple(events)
    typed = () if rule else ("UserPromptExpansion",)
    return tuple(dict.fromkeys((*events, forms.SKILL_SHELL, *typed)))


def asking(made: Settings) -> Settings:
    """*made*, with the mode in which Claude Code asks, if its own asking is what is gated.

    Interactive sessions start in auto mode otherwise, in which a model decides and hardly anything is asked.
    """
    if "PermissionRequest" not in made["hooks"]:
        return made
    return {"permissions": {"defaultMode": "default"}, "hooks": made["hooks"]}


def matches(matcher: str, tools: Set[str]) -> bool:
    """Whether a matcher may see one of these tools."""
    if matcher in ("", "*") or tools & {name.strip() for name in re.split(r"[|,]", matcher)}:
        return True
    if re.fullmatch(r"[\w|, -]*", matcher):
        return False  # names, and no pattern
    try:
        return any(re.search(matcher, tool) for tool in tools)
    except re.error:
        return True  # it may be a pattern in JavaScript's words


def _for(event: str, made: Hook, rule: str | None) -> Hook:
    hook = made.copy()
    if rule is not None:
        hook["if"] = rule
    if event != forms.NOTIFICATION:
        hook["onFailure"] = "block"
    elif hook["type"] == "command":
        hook["async"] = True
    return hook


def _command(url: str, timeout: int, policy: str | None) -> Hook:
    words = ["sayso", "hook", "claude-code", "--timeout", str(timeout - MARGIN)]
    words += ["--url", url] if url != DEFAULT_URL else []
    words += ["--policy", policy] if policy else []
    return {"type": "command", "command": shlex.join(words), "timeout": timeout}


def _http(url: str, timeout: int, policy: str | None) -> Hook:
    return {
        "type": "http",
        "url": url + PATH + (f"?policy={quote(policy, safe='')}" if policy else ""),
        "timeout": timeout,
        "headers": {"Authorization": "Bearer $SAYSO_KEY", "Sayso-Timeout": str(timeout)},
        "allowedEnvVars": ["SAYSO_KEY"],
    }


def _check_way(url: str) -> None:
    parts = urlsplit(url)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "http" and not here:
        hint = "use https, or a command hook"
        raise errors.InvalidSettings("plain http would show the key to the network", field="url", hint=hint)


def _check(url: str, events: Sequence[str], timeout: int) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        hint = f"an address such as {DEFAULT_URL}"
        raise errors.InvalidSettings("the url is no web address", field="url", hint=hint)
    if parts.username or parts.password or parts.query or parts.fragment:
        hint = "Claude Code shows the address to the model; the key goes into SAYSO_KEY"
        raise errors.InvalidSettings("the url must hold no secret, query or fragment", field="url", hint=hint)
    for event in events or [""]:
        if event not in EVENTS:
            hint = ", ".join(EVENTS)
            raise errors.InvalidSettings(f"{event!r} is not decided here", field="events", hint=hint)
    if type(timeout) is not int or not 2 * MARGIN <= timeout <= LONGEST:
        hint = f"whole seconds from {2 * MARGIN} to {LONGEST}"
        raise errors.InvalidSettings(f"a timeout of {timeout!r} does not do", field="timeout", hint=hint)

"""What the environment says: addresses, keys, secrets. A misspelt name stops the start as one in the file does."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sayso import errors, stores
from sayso.chat.settings import address_variable

# Read by the core and by the hook; named here, so that they are known.
_ELSEWHERE = {"SAYSO_SECRET", "SAYSO_SECRET_OLD", "SAYSO_PLAIN_HTTP"}
_OURS = {
    "SAYSO_CONFIG",
    "SAYSO_URL",
    "SAYSO_KEY",
    "SAYSO_DATABASE_URL",
    "SAYSO_HOST",
    "SAYSO_PORT",
    "SAYSO_LOG_LEVEL",
    "SAYSO_LOG_FORMAT",
    "SAYSO_SIGNING_KEY",
    "SAYSO_PUSH_KEY",
} | _ELSEWHERE
_URL = address_variable("SAYSO_URL")
_PAGERDUTY_URL = address_variable("PAGERDUTY_API_URL")
PAGERDUTY_URL = "https://api.pagerduty.com"
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMATS: Final = ("text", "json")


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings that come by environment; secrets are kept out of every `repr`."""

    config: Path | None = None
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    database: str = field(default=stores.DEFAULT_DATABASE, repr=False)
    host: str = "127.0.0.1"
    port: int = 8700
    log_level: str = "info"
    log_format: str = "text"
    pagerduty_token: str | None = field(default=None, repr=False)
    pagerduty_url: str = PAGERDUTY_URL
    signing_key: str | None = field(default=None, repr=False)
    """Private keys for seals and receipts."""
    push_key: str | None = field(default=None, repr=False)
    """The private key by which push services know this service."""
    chats: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The variables of chats, by name."""


def read(variables: Mapping[str, str] | None = None, *, chats: bool = True) -> Environment:
    """The environment, checked; an empty variable counts as none. Without *chats* it is for what reaches none.

    Raises:
        InvalidSettings: `field` is the name of the variable that is wrong.
    """
    given = {name: value for name, value in (os.environ if variables is None else variables).items() if value}
    for name in given:
        if name.startswith("SAYSO_") and name not in _OURS:
            near = difflib.get_close_matches(name, _OURS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(_OURS))}"
            raise errors.InvalidSettings(f"{name} is no setting", field=name, hint=hint)
    config = given.get("SAYSO_CONFIG")
    return Environment(
        config=Path(config) if config else None,
        url=_url(given),
        key=given.get("SAYSO_KEY"),
        database=given.get("SAYSO_DATABASE_URL", stores.DEFAULT_DATABASE),
        host=given.get("SAYSO_HOST", "127.0.0.1"),
        port=_port(given.get("SAYSO_PORT", "8700")),
        log_level=_one_of(LOG_LEVELS, given, "SAYSO_LOG_LEVEL", "info"),
        log_format=_one_of(LOG_FORMATS, given, "SAYSO_LOG_FORMAT", "text"),
        pagerduty_token=given.get("PAGERDUTY_TOKEN"),
        pagerduty_url=_pagerduty_url(given),
        signing_key=given.get("SAYSO_SIGNING_KEY"),
        push_key=given.get("SAYSO_PUSH_KEY"),
        chats=_of_chats(given) if chats else {},
    )


def _of_chats(given: Mapping[str, str]) -> dict[str, str]:
    """The variables of every chat that is installed, checked."""
    # what stands beside the packages is slow to look through
    from sayso.chat import plugin

    variables = [one for chat in plugin.installed() for one in chat.variables if one.name in given]
    for variable in variables:
        variable.check(given[variable.name])
    return {one.name: given[one.name] for one in variables}


def _url(given: Mapping[str, str]) -> str | None:
    url = given.get("SAYSO_URL")
    if url:
        _URL.check(url)
    return url


def _pagerduty_url(given: Mapping[str, str]) -> str:
    url = given.get("PAGERDUTY_API_URL", PAGERDUTY_URL)
    _PAGERDUTY_URL.check(url)
    return url


def _one_of(words: Sequence[str], given: Mapping[str, str], name: str, otherwise: str) -> str:
    value = given.get(name, otherwise).lower()
    if value not in words:
        raise errors.InvalidSettings(f"{name} is none of its words", field=name, hint=f"one of: {', '.join(words)}")
    return value


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise errors.InvalidSettings("SAYSO_PORT is no port", field="SAYSO_PORT", hint="0 to 65535; 0 takes a free one")
    return int(value)

"""What the environment says: addresses, keys, secrets. A misspelt name stops the start as one in the file does."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sayso import errors
from sayso.asking import opening

# Read by the core and by the hook; named here, so that they are known.
_ELSEWHERE = {"SAYSO_SECRET", "SAYSO_PLAIN_HTTP"}
_OURS = {"SAYSO_CONFIG", "SAYSO_URL", "SAYSO_KEY", "SAYSO_DATABASE_URL", "SAYSO_HOST", "SAYSO_PORT"} | _ELSEWHERE


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings that come by environment; secrets are kept out of every `repr`."""

    config: Path | None = None
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    database: str = field(default=opening.DEFAULT_DATABASE, repr=False)
    host: str = "127.0.0.1"
    port: int = 8700
    slack_bot_token: str | None = field(default=None, repr=False)
    slack_app_token: str | None = field(default=None, repr=False)
    slack_signing_secret: str | None = field(default=None, repr=False)
    slack_api_url: str | None = None
    discord_bot_token: str | None = field(default=None, repr=False)
    discord_public_key: str | None = None
    discord_api_url: str | None = None
    discord_gateway_url: str | None = None


def read(variables: Mapping[str, str] | None = None) -> Environment:
    """The environment, checked; an empty variable counts as none.

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
        url=_address(given, "SAYSO_URL"),
        key=given.get("SAYSO_KEY"),
        database=given.get("SAYSO_DATABASE_URL", opening.DEFAULT_DATABASE),
        host=given.get("SAYSO_HOST", "127.0.0.1"),
        port=_port(given.get("SAYSO_PORT", "8700")),
        slack_bot_token=_prefixed(given, "SLACK_BOT_TOKEN", "xoxb-"),
        slack_app_token=_prefixed(given, "SLACK_APP_TOKEN", "xapp-"),
        slack_signing_secret=given.get("SLACK_SIGNING_SECRET"),
        slack_api_url=_address(given, "SLACK_API_URL"),
        discord_bot_token=given.get("DISCORD_BOT_TOKEN"),
        discord_public_key=_public_key(given),
        discord_api_url=_address(given, "DISCORD_API_URL"),
        discord_gateway_url=_address(given, "DISCORD_GATEWAY_URL", "ws"),
    )


def _address(given: Mapping[str, str], name: str, scheme: str = "http") -> str | None:
    value = given.get(name)
    if value and not value.startswith((f"{scheme}://", f"{scheme}s://")):
        hint = f"an address such as {scheme}://127.0.0.1:8700"
        raise errors.InvalidSettings(f"{name} is no {scheme} address", field=name, hint=hint)
    return value


def _public_key(given: Mapping[str, str]) -> str | None:
    value = given.get("DISCORD_PUBLIC_KEY")
    if value and not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        hint = "64 hexadecimal digits, from General Information in the Developer Portal"
        raise errors.InvalidSettings("DISCORD_PUBLIC_KEY is no key", field="DISCORD_PUBLIC_KEY", hint=hint)
    return value


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise errors.InvalidSettings("SAYSO_PORT is no port", field="SAYSO_PORT", hint="0 to 65535; 0 takes a free one")
    return int(value)


def _prefixed(given: Mapping[str, str], name: str, prefix: str) -> str | None:
    value = given.get(name)
    if value and not value.startswith(prefix):
        # the two Slack tokens are easily swapped; the value itself is never shown
        raise errors.InvalidSettings(f"{name} does not begin with {prefix}", field=name, hint="see: sayso init slack")
    return value

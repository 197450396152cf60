"""Log lines on standard error: one event a line, for people or as JSON, nothing that could act on a terminal.

The rule: no secret of this process stands in a line, whoever logs it.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import unquote, urlsplit

from sayso.chat import plugin
from sayso.chat.recent import Recent
from sayso_bots.settings import environment

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_HIDDEN = "[secret]"
# A key as `sayso keys add` prints it, whoever's it is; tokens of chats, as far as they are told by their beginning.
_KEYS = r"\bsayso_(?:agent|approver|operator)_[A-Za-z0-9_-]{16,}|\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{8,}"
_SECRET_VARIABLES = ("_SECRET", "_TOKEN", "_KEY")
# Seconds.
_AGAIN_AFTER = 60.0
_MOST_TOLD = 1_000
# What is shorter may be a word that means something else.
_SHORTEST_SECRET = 8


class _Handler(logging.StreamHandler[TextIO]):
    """Writes the same trouble once a minute, with how often it came meanwhile: it may last, and come at every look."""

    def __init__(self) -> None:
        super().__init__()
        self._told: Recent[tuple[str, ...], _Told] = Recent(_MOST_TOLD)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, if it says something new."""
        if record.levelno >= logging.WARNING:
            same, at = _trouble(record), record.created
            told = self._told.get(same)
            if told is not None and 0 <= at - told.at < _AGAIN_AFTER:
                told.left_out += 1
                return
            self._told[same] = _Told(at)
            if told is not None and told.left_out:
                record.left_out = told.left_out
        super().emit(record)


@dataclass(slots=True)
class _Told:
    """When it was written, and how often it was not since."""

    at: float
    left_out: int = 0


class _Line(logging.Formatter):
    """A line for people: its data stands as JSON behind what is said."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._mask = _mask(secrets)

    def format(self, record: logging.LogRecord) -> str:
        data = _data(record)
        said = super().format(record)
        return self._mask(f"{said} {json.dumps(data, default=str)}" if data else said)


class _Json(logging.Formatter):
    """The same as one JSON object; what is logged cannot take the place of the first four keys."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._mask = _mask(secrets)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            **_data(record),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return self._mask(json.dumps(line, default=str))


def start(given: environment.Environment) -> None:
    """Send the logs of this process to standard error, as the settings say."""
    level = logging.getLevelNamesMapping()[given.log_level.upper()]
    handler = _Handler()
    secrets = _secrets_here(given)
    handler.setFormatter(_Json(secrets) if given.log_format == "json" else _Line(secrets))
    logging.basicConfig(level=level, handlers=[handler])
    # one line for every long poll, and two for every MCP call, say nothing
    for name in ("aiohttp.access", "mcp.server.streamable_http"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # what libraries say about each call of theirs: bodies, headers and frames, which hold what people wrote
    for name in ("asyncio", *(package for chat in plugin.installed() for package in chat.packages)):
        logging.getLogger(name).setLevel(max(level, logging.INFO))


def _trouble(record: logging.LogRecord) -> tuple[str, ...]:
    """What is wrong, whatever it is wrong for; where nothing is said to be, all that is said."""
    data = _data(record)
    raised = record.exc_info[1] if record.exc_info else None
    # an error without an exception is what something came to, and told of each
    lasts = raised is not None or ("error" in data and record.levelno == logging.WARNING)
    wrong = (repr(raised), str(data.get("error"))) if lasts else (json.dumps(data, default=str),)
    return record.name, record.levelname, record.getMessage(), *wrong


def _data(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _secrets_here(given: environment.Environment) -> set[str]:
    """The values of our variables that hold one, and the password in an address."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(("SAYSO_", "PAGERDUTY_"))}
    found = {
        value
        for name, value in {**ours, **given.chats}.items()
        if name.removesuffix("_OLD").endswith(_SECRET_VARIABLES)
    }
    password = _password_of(os.environ.get("SAYSO_DATABASE_URL", ""))
    # several keys may stand in one variable
    parts = {part for value in {*found, *password} for part in (value, *value.split(","))}
    return {part for part in parts if len(part) >= _SHORTEST_SECRET}


def _password_of(address: str) -> tuple[str, ...]:
    try:
        password = urlsplit(address).password or ""
    except ValueError:
        return ()
    return password, unquote(password)


def _mask(secrets: Iterable[str]) -> Callable[[str], str]:
    """What hides these secrets in a line, and whatever has the form of a key."""
    # longest first: one may begin with another
    known = sorted({form for one in secrets for form in (one, json.dumps(one)[1:-1])}, key=len, reverse=True)
    pattern = re.compile("|".join([*map(re.escape, known), _KEYS]))
    return lambda line: pattern.sub(_HIDDEN, line)

"""Log lines on standard error: one event a line, its data as JSON behind it, nothing that could act on a terminal."""

from __future__ import annotations

import json
import logging

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        data = {name: value for name, value in vars(record).items() if name not in _OWN}
        said = super().format(record)
        return f"{said} {json.dumps(data, default=str)}" if data else said


def start(level: int = logging.INFO) -> None:
    """Send the logs of this process to standard error, from *level* on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    # one line for every long poll, and two for every MCP call, say nothing
    for name in ("aiohttp.access", "mcp.server.streamable_http"):
        logging.getLogger(name).setLevel(logging.WARNING)

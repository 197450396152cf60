"""A tool server over stdio whose one tool asks the user something, and tells the model what came back.

It speaks only the wire format. The first argument is a JSON object: the parameters of `elicitation/create`, by the name
that the model gives.
"""

from __future__ import annotations

import json
import sys
from typing import Any

Json = dict[str, Any]

_SCHEMA = {"type": "object", "properties": {"which": {"type": "string"}}}
_TOOL = {"name": "ask", "description": "Asks the user.", "inputSchema": _SCHEMA}


def main(asked: Json) -> None:
    """Serve until the client goes away."""
    calling: Any = None
    for line in sys.stdin:
        message: Json = json.loads(line)
        match message.get("method"):
            case "initialize":
                version = message["params"]["protocolVersion"]
                about = {"name": "elicitor", "version": "1"}
                _result(message["id"], {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about})
            case "tools/list":
                _result(message["id"], {"tools": [_TOOL]})
            case "tools/call":
                calling = message["id"]
                params = asked[message["params"]["arguments"]["which"]]
                _send({"id": "e1", "method": "elicitation/create", "params": params})
            case None if message.get("id") == "e1":
                told = message.get("result") or message.get("error")
                _result(calling, {"content": [{"type": "text", "text": json.dumps(told, sort_keys=True)}]})
            case method:
                if method and "id" in message:
                    _result(message["id"], {})


def _result(id: Any, result: Json) -> None:
    _send({"id": id, "result": result})


def _send(message: Json) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

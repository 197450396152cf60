"""A hook of Claude Code for `PreToolUse` that asks through `sayso_hitl.client`, and says so in the form that counts.

{"type": "command", "command": "python hitl_hook.py", "timeout": 330}
"""

import json
import sys

from sayso_hitl import client


def main() -> None:
    """Read the call, ask, and spell the verdict out: to Claude Code anything else is no decision at all."""
    call = json.load(sys.stdin)
    asked = client.HITLRequest(f"May {call['tool_name']} run?", "permission", timeout=300)
    event = {"hook_event_type": call["hook_event_name"], "payload": call["tool_input"]}
    said = asked.send_and_wait(event, {"source_app": "claude-code", "session_id": call["session_id"]})
    allowed = said is not None and said["permission"] is True
    reason = f"{'Allowed' if allowed else 'Denied'} by {said['respondedBy']}" if said else "Nobody answered in time"
    decision = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "allow" if allowed else "deny",
        "permissionDecisionReason": reason,
    }
    json.dump({"hookSpecificOutput": decision}, sys.stdout)


if __name__ == "__main__":
    main()

"""An agent of the Claude Agent SDK that may be killed while people think: started again, it goes on as they decided.

    python claude_agent.py 2f1c9a52-5d0e-4c57-9d55-3a5c1d0a7b10 "Deploy the shop"

The first word names the session; the same one again goes on with it. `SAYSO_URL` and `SAYSO_KEY` say where people are.
"""

from __future__ import annotations

import asyncio
import sys

from claude_agent_sdk import ResultMessage

import sayso
from sayso_claude import defer, sdk


async def main(session: str, prompt: str) -> None:
    """Run the session to its end."""
    async with sayso.open() as desk:
        options = defer.options(desk, sdk.options(desk), tools="Bash|Write|Edit|NotebookEdit|Workflow")
        async for message in defer.run(desk, prompt, options, session=session):
            if isinstance(message, ResultMessage):
                said = "waiting for people" if message.deferred_tool_use else message.result
                sys.stdout.write(f"{said}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""A Pydantic AI agent whose refunds wait for somebody's yes. Killed and started again, it asks nobody twice.

In a clone of sayso: pip install '.[pydantic-ai]' 'pydantic-ai-slim[openai]'
SAYSO_URL=… SAYSO_KEY=… OPENAI_API_KEY=… python pydantic_ai_agent.py order-1042 "Refund order 1042, it came broken."
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pydantic_ai

import sayso
import sayso_pydantic_ai


def refund(order: int, amount: float) -> str:
    """Refund an order, in euros."""
    with Path("refunds.txt").open("a") as book:
        book.write(f"{order}: {amount}\n")
    return f"refunded {amount} for order {order}"


async def main(name: str, wish: str, model: Any = "openai:gpt-5") -> None:
    """Begin the run, or go on with it where it waits."""
    tools = [pydantic_ai.Tool(refund, requires_approval=True)]
    agent: pydantic_ai.Agent[Any, Any] = pydantic_ai.Agent(model, tools=tools, name="refunds")
    async with sayso.open() as desk:
        result = await sayso_pydantic_ai.run(desk, agent, wish, saved=f"{name}.json")
    sys.stdout.write(f"{result.output}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""An agent of the OpenAI Agents SDK whose refunds wait for a yes. Killed and started again, it asks nobody twice.

In a clone of sayso: pip install '.[openai]'
SAYSO_URL=… SAYSO_KEY=… OPENAI_API_KEY=… python openai_agents.py order-1042 "Refund order 1042, it came broken."
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from agents import Agent, function_tool

import sayso
import sayso_openai


@function_tool(needs_approval=True)
def refund(order: int, amount: float) -> str:
    """Refund an order, in euros."""
    with Path("refunds.txt").open("a") as book:
        book.write(f"{order}: {amount}\n")
    return f"refunded {amount} for order {order}"


async def main(name: str, wish: str, model: Any = None) -> None:
    """Begin the run, or go on with it where it waits."""
    agent: Agent[Any] = Agent("refunds", model=model, tools=[refund])
    async with sayso.open() as desk:
        result = await sayso_openai.run(desk, agent, wish, saved=f"{name}.json")
    sys.stdout.write(f"{result.final_output}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

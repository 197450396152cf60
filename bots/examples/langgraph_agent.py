"""A LangChain agent whose refunds wait for somebody's yes. Killed and started again, it asks nobody twice.

In a clone of sayso: pip install '.[langgraph]' langgraph-checkpoint-sqlite langchain-openai
SAYSO_URL=… SAYSO_KEY=… OPENAI_API_KEY=… python langgraph_agent.py order-1042 "Refund order 1042, it came broken."
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

import sayso
import sayso_langgraph

# LangChain leaves types of its own open.
# pyright: reportUnknownVariableType=false


@tool
def refund(order: int, amount: float) -> str:
    """Refund an order, in euros."""
    with Path("refunds.txt").open("a") as book:
        book.write(f"{order}: {amount}\n")
    return f"refunded {amount} for order {order}"


async def main(thread: str, wish: str, model: Any = "openai:gpt-5") -> None:
    """Begin the thread, or go on with it where it stands."""
    review: HumanInTheLoopMiddleware[Any, Any, Any] = HumanInTheLoopMiddleware({"refund": True})
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    async with AsyncSqliteSaver.from_conn_string("threads.db") as saver, sayso.open() as desk:
        agent: Any = create_agent(model, [refund], middleware=[review], checkpointer=saver, name="refunds")
        begun = (await agent.aget_state(config)).created_at
        given = None if begun else {"messages": [("user", wish)]}
        result = await sayso_langgraph.run(desk, agent, given, config)
    sys.stdout.write(f"{result['messages'][-1].text}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

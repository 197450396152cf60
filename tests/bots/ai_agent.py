"""An agent as users write one, to be killed and started again: it keeps its messages in a file."""

import asyncio
from pathlib import Path

import ai
import click
import pydantic

import sayso
import sayso_ai

KEPT = Path("messages.json")
MESSAGES = pydantic.TypeAdapter(list[ai.messages.Message])


START = [ai.user_message("A1 is late")]


def load() -> list[ai.messages.Message]:
    return MESSAGES.validate_json(KEPT.read_bytes()) if KEPT.exists() else START


def save(messages: list[ai.messages.Message]) -> None:
    KEPT.write_bytes(MESSAGES.dump_json(messages))


def done(what: str) -> None:
    with Path("done.txt").open("a") as log:
        log.write(f"{what}\n")


@ai.tool
async def look(order: str) -> str:
    """Look at an order."""
    done(f"looked at {order}")
    return f"{order} is late"


@ai.tool(require_approval=True)
async def refund(order: str, cents: int) -> str:
    """Refund an order."""
    done(f"refunded {order}: {cents}")
    return f"refunded {order}"


def scripted(*, again: bool) -> ai.Model:
    """Stands for a model; a turn that is taken up again is marked by the library."""
    calls = [
        ai.messages.ToolCallPart(tool_call_id="c1", tool_name="look", tool_args='{"order": "A1"}'),
        ai.messages.ToolCallPart(tool_call_id="c2", tool_name="refund", tool_args='{"order": "A1", "cents": 900}'),
    ]
    turn = ai.assistant_message(*calls).model_copy(update={"replay": again})
    return ai.testing.FakeModel([*START, turn, ai.assistant_message("All settled.")])


async def main() -> None:
    agent = sayso_ai.Agent(tools=[look, refund])
    async with sayso.open() as desk:
        while True:
            messages = load()
            run = agent.run(scripted(again=len(messages) > 1), messages)
            async with sayso_ai.people(desk, run, durable="order-A1") as stream:
                async for _ in stream:
                    pass
            save(stream.messages)
            if not stream.deferred:
                break
            click.echo(f"waiting for {stream.deferred[0]}")
            for id in stream.deferred:
                await desk.wait(id)
    click.echo(stream.output)


if __name__ == "__main__":
    asyncio.run(main())

"""What the pages of three systems take for granted: agents that their reader has, with models that follow a script."""

from __future__ import annotations

from typing import Any

CALL: dict[str, Any] = {"order": 1042, "amount": 25.0}


def langgraph() -> dict[str, Any]:
    from langchain_core.messages import AIMessage
    from langgraph.checkpoint.memory import InMemorySaver

    from tests.adapters.langgraph import scene

    threads = {name: scene.on(name) for name in ("config", "other", "third")}
    call = scene.call(**CALL)
    said = [call, AIMessage("done")]
    return {"agent": scene.agent([], *said, call), "saver": InMemorySaver(), **threads}


def openai() -> dict[str, Any]:
    import agents

    from tests.adapters.openai import test_openai

    # traces would be sent to OpenAI
    agents.set_tracing_disabled(True)
    return {name: test_openai.agent([], [test_openai.call()]) for name in ("agent", "second", "third")}


def pydantic_ai() -> dict[str, Any]:
    import pydantic_ai

    from tests.adapters.pydantic_ai import test_pydantic_ai

    made: dict[str, Any] = {
        name: test_pydantic_ai.agent([], [test_pydantic_ai.call()], output_type=[str, pydantic_ai.DeferredToolRequests])
        for name in ("agent", "second", "third")
    }
    return {**made, "curious": test_pydantic_ai.agent([], test_pydantic_ai.asks(question="Who is it for?"))}

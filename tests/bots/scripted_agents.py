"""The example of a system as a process of its own, whose model wants one refund and is then done: `… langgraph`."""

import asyncio
import runpy
import sys
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "bots" / "examples"
CALL: dict[str, Any] = {"order": 1042, "amount": 25.0}


def langgraph() -> Any:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    class Scripted(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
            results = [message.text for message in messages if isinstance(message, ToolMessage)]
            call: Any = {"name": "refund", "args": CALL, "id": "call_1", "type": "tool_call"}
            said = AIMessage(f"Done: {results[-1]}") if results else AIMessage("", tool_calls=[call])
            return ChatResult(generations=[ChatGeneration(message=said)])

    return Scripted()


def openai() -> Any:
    import agents
    from agents.testing import ScriptedModel, assistant_message, function_call

    agents.set_tracing_disabled(True)
    # a run that is taken up again goes on after the call
    first = [] if Path("order-1042.json").exists() else [[function_call("refund", CALL, call_id="call_1")]]
    return ScriptedModel([*first, [assistant_message("Done")]])


def pydantic_ai() -> Any:
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    def scripted(messages: list[ModelMessage], info: Any) -> ModelResponse:
        results = [part.content for one in messages for part in one.parts if isinstance(part, ToolReturnPart)]
        call = ToolCallPart("refund", CALL, tool_call_id="call_1")
        return ModelResponse([TextPart(f"Done: {results[-1]}") if results else call])

    return FunctionModel(scripted)


SCRIPTS = {
    "langgraph": ("langgraph_agent.py", langgraph),
    "openai": ("openai_agents.py", openai),
    "pydantic_ai": ("pydantic_ai_agent.py", pydantic_ai),
}

if __name__ == "__main__":
    example, model = SCRIPTS[sys.argv[1]]
    main = runpy.run_path(str(EXAMPLES / example))["main"]
    asyncio.run(main("order-1042", "Refund order 1042, it came broken.", model()))

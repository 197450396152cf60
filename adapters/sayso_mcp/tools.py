"""The tools of the MCP server. Each asks people and waits, and says so before its client gives up."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import inspect
import json
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Annotated, Any

import mcp_types as types
import pydantic
from mcp.server import mcpserver
from mcp.server.mcpserver import tools

from sayso import asking, errors, model
from sayso.desk import asker
from sayso_mcp import prompt, settings, standing, strict, waiting

log = logging.getLogger(__name__)

_INSTRUCTIONS = (
    "People decide here: ask before anything that is hard to undo, and whenever only a person can know. "
    "An answer with outcome 'pending' is no consent: call get_decision until there is another outcome."
)

Answer = Annotated[types.CallToolResult, standing.Standing]
Tool = Annotated[str, pydantic.Field(description="The tool or action that is to run, as people know it.")]
Input = Annotated[dict[str, Any], pydantic.Field(description="Exactly what will run; people see all of it.")]
Title = Annotated[str, pydantic.Field(description="The question itself, in one line.")]
Body = Annotated[str, pydantic.Field(description="What a person must know to decide, in Markdown.")]
Id = Annotated[
    str,
    pydantic.Field(
        description="An id of your own for this question: asking the same again with it finds the same request, "
        "so a call that was cut off never asks twice. An allow is good once: a new run needs a new id. "
        "Letters, digits and ._:-"
    ),
]
Seconds = Annotated[
    float | None,
    pydantic.Field(gt=0, description="How long people may take, in seconds; without it the policy says."),
    # without the null: some clients know no unions
    pydantic.WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
]
Priority = Annotated[
    model.Priority | None,
    pydantic.Field(description="How urgent it is, as you say; it alone changes nothing but the order of lists."),
    pydantic.WithJsonSchema({"type": "string", "enum": ["low", "normal", "urgent"]}),
]
Option = Annotated[
    model.Option,
    # not a union: what is wrong with one would be told of the other
    pydantic.BeforeValidator(
        lambda given: {"label": given} if isinstance(given, str) else given, json_schema_input_type=str | model.Option
    ),
]
Options = Annotated[list[Option], pydantic.Field(description=f"1 to {model.MAX_OPTIONS} of them.")]
Multiple = Annotated[bool, pydantic.Field(description="Several may be chosen.")]
Other = Annotated[bool, pydantic.Field(description="Free text may be given in place of an option.")]
Schema = Annotated[
    dict[str, Any],
    pydantic.Field(description="A JSON Schema of a flat object with 1 to 10 properties; titles are shown as labels."),
]
RequestId = Annotated[str, pydantic.Field(description="From the answer of the tool that asked.")]
# Their own validation would answer with an error, and Claude Code must read a denial.
Text = Annotated[Any, pydantic.WithJsonSchema({"type": "string"})]
Object = Annotated[Any, pydantic.WithJsonSchema({"type": "object"})]


# Who is asked, by the call.
DeskOf = Callable[[mcpserver.Context], asker.Asker]
Questions = Mapping[str, prompt.Question]


class Tools:
    """The tools, for whatever desk a call comes to.

    *questions* are tools of Claude Code that are questions themselves, by name; any other one needs permission.
    *beside* is for a client that asks about a call by something else as well.
    """

    def __init__(
        self,
        desk_of: DeskOf,
        given: settings.Settings | None = None,
        questions: Questions | None = None,
        beside: prompt.Beside | None = None,
    ) -> None:
        self._desk_of = desk_of
        self._settings = given or settings.Settings()
        self._questions = questions or {}
        self._beside = beside
        self._waits = waiting.Waits()

    def server(self) -> mcpserver.MCPServer:
        """An MCP server with these tools."""
        asks = types.ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
        # not idempotent: an allow is told as one once
        reads = types.ToolAnnotations(read_only_hint=True, open_world_hint=True)
        rows: Sequence[tuple[Any, str, types.ToolAnnotations]] = (
            (self.ask_permission, "Ask for permission", asks),
            (self.ask_question, "Ask a question", asks),
            (self.ask_choice, "Ask for a choice", asks),
            (self.ask_form, "Ask for several values", asks),
            (self.get_decision, "Go on waiting", reads),
        )
        served: list[tools.Tool] = [
            strict.Tool.from_function(tool, title=title, description=inspect.getdoc(tool), annotations=hints)
            for tool, title, hints in rows
        ]
        # a program calls it, of whichever version: it may send more, and reads the text with nothing beside it
        prompted = self.permission_prompt
        served.append(
            tools.Tool.from_function(
                prompted,
                title="For Claude Code itself",
                description=inspect.getdoc(prompted),
                annotations=asks,
                structured_output=False,
            )
        )
        return mcpserver.MCPServer(
            "sayso",
            instructions=_INSTRUCTIONS,
            version=importlib.metadata.version("sayso"),
            tools=served,
            subscriptions=False,
        )

    async def leave(self) -> None:
        """Withdraw what nobody can come back for, because this process ends."""
        await self._waits.leave()

    async def ask_permission(
        self,
        ctx: mcpserver.Context,
        tool: Tool,
        input: Input,
        body: Body = "",
        id: Id = "",
        expires_in: Seconds = None,
        priority: Priority = None,
    ) -> Answer:
        """Ask people whether you may do something. Act only on `allowed: true`, and only with the `input` returned.

        A denial comes with its reason. `pending` is no consent: call get_decision with the request_id.
        """
        common = self._common(ctx, id, body, expires_in, priority)
        return await self._ask(ctx, functools.partial(asking.Permission, tool=tool, input=input, **common))

    async def ask_question(
        self,
        ctx: mcpserver.Context,
        title: Title,
        body: Body = "",
        id: Id = "",
        expires_in: Seconds = None,
        priority: Priority = None,
    ) -> Answer:
        """Ask people a question that is answered in free text; the answer is in `text`.

        On `pending` call get_decision with the request_id.
        """
        common = self._common(ctx, id, body, expires_in, priority)
        return await self._ask(ctx, functools.partial(asking.Question, title, **common))

    async def ask_choice(
        self,
        ctx: mcpserver.Context,
        title: Title,
        options: Options,
        multiple: Multiple = False,
        other: Other = False,
        body: Body = "",
        id: Id = "",
        expires_in: Seconds = None,
        priority: Priority = None,
    ) -> Answer:
        """Ask people to choose among options; what they chose is in `choices`, by label.

        On `pending` call get_decision with the request_id.
        """
        common = self._common(ctx, id, body, expires_in, priority)
        make = functools.partial(asking.Choice, title, options, multiple=multiple, other=other, **common)
        return await self._ask(ctx, make)

    async def ask_form(
        self,
        ctx: mcpserver.Context,
        title: Title,
        schema: Schema,
        body: Body = "",
        id: Id = "",
        expires_in: Seconds = None,
        priority: Priority = None,
    ) -> Answer:
        """Ask people for several values at once; they are in `values`, and fit the schema.

        On `pending` call get_decision with the request_id.
        """
        common = self._common(ctx, id, body, expires_in, priority)
        return await self._ask(ctx, functools.partial(asking.Form, title, schema, **common))

    async def get_decision(self, ctx: mcpserver.Context, request_id: RequestId) -> Answer:
        """Go on waiting for a request that was pending. Call it again as long as the outcome is `pending`."""
        desk = self._desk_of(ctx)
        with _errors_in_words():
            ticket = await _find(desk, request_id)
            decision = await self._waits.decision(desk, ticket.id, ctx, patience=self._settings.patience)
            return await _tell(desk, ticket, decision)

    async def permission_prompt(
        self, ctx: mcpserver.Context, tool_name: Text = None, input: Object = None, tool_use_id: Text = None
    ) -> str:
        """For Claude Code's option --permission-prompt-tool. Models ask with ask_permission."""
        try:
            answer = await self._prompt(ctx, prompt.read(tool_name, input, tool_use_id))
        except Exception as error:
            known = isinstance(error, errors.SaysoError)
            log.warning("permission prompt denied", extra={"error": type(error).__name__}, exc_info=not known)
            answer = prompt.deny_failure(error)
        return json.dumps(answer)

    async def _prompt(self, ctx: mcpserver.Context, call: prompt.ToolUse) -> model.JsonObject:
        given, desk = self._settings, self._desk_of(ctx)
        open_for, wait_for = prompt.patience(given.limit)
        question = self._questions.get(call.tool_name)
        ask = functools.partial(prompt.request, call, given, question, expires_in=open_for)
        if self._beside is None:
            ticket, decision = await self._waits.ask(desk, ask(), ctx, patience=wait_for)
        else:
            use_id = call.tool_use_id
            opened = self._beside.open(desk, call.tool_name, call.input, use_id, lambda id: ask(id=id))
            ticket, decision = await self._waits.held(desk, opened, ctx, patience=wait_for)
        if decision is None:
            await waiting.withdraw(desk, ticket.id, "nobody decided in time")
            return prompt.deny("Nobody has decided in time, and silence is no consent. Do not work around it.")
        attempt = self._beside.attempt(ticket.id) if self._beside else None
        return prompt.answer(call, question, await waiting.hand_over(desk, ticket.id, decision, attempt=attempt))

    async def _ask(self, ctx: mcpserver.Context, make: Callable[[], model.Request]) -> types.CallToolResult:
        desk = self._desk_of(ctx)
        with _errors_in_words():
            return await _tell(desk, *await self._waits.ask(desk, make(), ctx, patience=self._settings.patience))

    def _common(
        self, ctx: mcpserver.Context, id: str, body: str, expires_in: float | None, priority: model.Priority | None
    ) -> dict[str, Any]:
        given = self._settings
        client = ctx.session.client_params
        agent = model.name_of(client.client_info.title or client.client_info.name) if client else None
        source = model.Source(agent=agent or None, session=given.session)
        common = {"id": id, "body": body, "expires_in": expires_in, "policy": given.policy, "route": given.route}
        common["priority"] = priority
        return {"source": source, **{name: value for name, value in common.items() if value}}


async def _find(desk: asker.Asker, id: str) -> model.Ticket:
    try:
        return await desk.get(id)
    except errors.NotFound as error:
        error.hint = "give the request_id that the tool returned which asked"
        raise


async def _tell(desk: asker.Asker, ticket: model.Ticket, decision: model.Decision | None) -> types.CallToolResult:
    """The answer, as data for programs and as the same JSON for clients that read only text."""
    known = standing.while_pending(ticket.id, ticket.request.kind)
    if decision is not None:
        known = standing.once_decided(ticket.request, await waiting.hand_over(desk, ticket.id, decision))
    shown = known.model_dump(mode="json", exclude_none=True)
    text = json.dumps(shown, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=shown)


@contextlib.contextmanager
def _errors_in_words() -> Generator[None]:
    """Our errors as the tool's, in words that say what to do."""
    try:
        yield
    except errors.SaysoError as error:
        raise strict.in_words(error) from error

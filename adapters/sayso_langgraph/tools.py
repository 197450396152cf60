"""The tools of a graph, and what their arguments may be: an edit is measured by what the tool itself takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pydantic
from langchain_core.tools import BaseTool
from langgraph.pregel import Pregel
from pydantic.fields import FieldInfo

from sayso.content import complaints, digest

# pyright: reportMissingTypeStubs=false

Json = dict[str, Any]
Shape = type[pydantic.BaseModel]


def of_graph(graph: Any) -> Mapping[str, BaseTool]:
    """The tools of this graph and of the graphs inside it, by name."""
    if not isinstance(graph, Pregel):
        return {}
    graphs: list[Any] = [graph, *(inner for _, inner in graph.get_subgraphs(recurse=True))]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    nodes = [node for one in graphs for node in getattr(one, "nodes", {}).values()]
    found: dict[str, list[BaseTool]] = {}
    for node in nodes:
        for name, tool in getattr(node.bound, "tools_by_name", {}).items():
            found.setdefault(name, []).append(tool)
    # of two with one name it is not known which will run
    return {name: tools[0] for name, tools in found.items() if len(tools) == 1}


def unfit(tool: BaseTool | None, asked: Json, args: Json) -> str | None:
    """Why the tool would not take *args* in place of *asked*; None if it would, or if only the tool itself knows.

    What is wrong with the call as the model made it is for the tool to say.
    """
    shape = _shape(tool)
    if tool is None or shape is None or digest.same(args, asked):
        return None
    taken = {name for _, names in _arguments(tool, shape) for name in names}
    for complaint in _complaints(shape, args):
        # the framework puts in what is not the model's
        if complaint["loc"] and complaint["loc"][0] in taken:
            return f"{'.'.join(map(str, complaint['loc']))}: {complaints.said(complaint)}"
        if not complaint["loc"]:
            return f"input: {complaints.said(complaint)}"
    # an argument that the model made up runs along, as it does in the call itself
    extra = set(args) - set(asked) - taken
    if extra and shape.model_config.get("extra") != "allow":
        return f"{', '.join(sorted(extra))}: there is no such argument"
    return None


def schema(tool: BaseTool | None, asked: Json) -> Json | None:
    """The JSON schema that an edit of *asked* has to fit, by the names that the call uses; None if there is none."""
    shape = _shape(tool)
    if tool is None or shape is None:
        return None
    try:
        found = [_schema(tool, shape, asked, by_alias) for by_alias in (True, False)]
    except pydantic.errors.PydanticUserError:
        # a type without a JSON schema, in an argument of the framework's own
        return None
    return next((one for one in found if set(one["required"]) <= set(asked)), None)


def rename(tool: BaseTool | None, args: Json) -> Json:
    """*args* as LangChain checks an edit: by the names of the fields, if it does not know their aliases."""
    shape = _shape(tool)
    known: Any = tool.tool_call_schema if tool else None
    if tool is None or shape is None or not _is_shape(known) or not _complaints(known, args):
        return args
    names = {alias: name for name, taken in _arguments(tool, shape) for alias in taken}
    by_name = {names.get(name, name): value for name, value in args.items()}
    return args if _complaints(shape, by_name) else by_name


def _schema(tool: BaseTool, shape: Shape, asked: Json, by_alias: bool) -> Json:
    """What the model may give. What it made up runs along, as it does in the call itself."""
    whole = shape.model_json_schema(by_alias=by_alias)
    fields = shape.model_fields
    own = [name for name, _ in _arguments(tool, shape)]
    names = {(fields[name].alias or name) if by_alias else name for name in own}
    known = {name: part for name, part in whole.get("properties", {}).items() if name in names}
    made_up: Json = {name: {} for name in asked if name not in known}
    closed: Json = {} if shape.model_config.get("extra") == "allow" else {"additionalProperties": False}
    needed = [name for name in whole.get("required", ()) if name in names]
    return {**whole, "properties": {**known, **made_up}, "required": needed, **closed}


def _shape(tool: BaseTool | None) -> Shape | None:
    shape: Any = tool.args_schema if tool else None
    if shape is None and tool is not None:
        shape = tool.tool_call_schema
    return shape if _is_shape(shape) else None


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, pydantic.BaseModel)


def _arguments(tool: BaseTool, shape: Shape) -> Iterator[tuple[str, set[str]]]:
    """The arguments that are the model's, each with all names that it may be given by."""
    known: Any = tool.tool_call_schema
    own = set(known.model_fields) if _is_shape(known) else set(shape.model_fields)
    for name, field in shape.model_fields.items():
        if name in own:
            yield name, {name, *_aliases(field)}


def _aliases(field: FieldInfo) -> Iterator[str]:
    given = field.validation_alias
    for one in given.choices if isinstance(given, pydantic.AliasChoices) else (given, field.alias):
        if isinstance(one, str):
            yield one


def _complaints(shape: Shape, args: Json) -> list[Any]:
    try:
        shape.model_validate(args)
    except pydantic.ValidationError as error:
        return list(error.errors(include_url=False, include_input=False))
    return []

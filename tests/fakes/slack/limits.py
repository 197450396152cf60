"""Refuses messages and views that Slack would refuse, in Slack's words and with its JSON pointers.

Rule: pure functions over payloads; nothing here knows who posts, where, or when.
Sources: the facts noted at each limit; error texts as quoted in public bug reports of Slack apps.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from tests.fakes.slack import blocks as slack_blocks
from tests.fakes.slack.controls import Json, children, controls, elements, offers

_TOTAL_TEXT = 12_000  # bolt-js#2509: Slack staff name 12,000 characters over all blocks of one message
_MARKDOWN_TEXT = 12_000
_TABLE_TEXT = 10_000
_VIEW_BYTES = 250_000
_MESSAGE_TEXT_ON_UPDATE = 4_000
_ATTACHMENTS = 100


class Refused(Exception):
    """The answer `{"ok": false, "error": error, **extra}`: for the caller to see, not a failure of the fake."""

    def __init__(self, error: str, messages: list[str] | None = None, **extra: Any) -> None:
        super().__init__(error, *(messages or []))
        self.error = error
        self.answer: Json = {"ok": False, "error": error, **extra}
        if messages:
            self.answer["response_metadata"] = {"messages": messages}


def check_message(args: Json, *, updating: bool = False) -> None:
    """Raise `Refused` when a message with these arguments could not be posted (or put in place of another one)."""
    blocks: list[Json] = args.get("blocks") or []
    attachments: list[Json] = args.get("attachments") or []
    if args.get("markdown_text") and (args.get("text") or blocks):
        raise Refused("markdown_text_conflict")
    if not (args.get("text") or blocks or attachments or args.get("markdown_text")):
        raise Refused("no_text")
    if len(args.get("markdown_text") or "") > _MARKDOWN_TEXT:
        raise Refused("msg_too_long")
    if updating and len(args.get("text") or "") > _MESSAGE_TEXT_ON_UPDATE:
        raise Refused("msg_too_long")
    if len(attachments) > _ATTACHMENTS:
        raise Refused("too_many_attachments")
    _check_metadata(args.get("metadata"))
    for group in (blocks, *(a.get("blocks") or [] for a in attachments)):
        _check_message_blocks(group)
    if text_length(blocks) + text_length(attachments) > _TOTAL_TEXT:
        raise Refused("msg_blocks_too_long")


def check_view(view: Any, *, at: str = "/view") -> None:
    """Raise `Refused` when this modal or Home tab could not be shown."""
    if len(json.dumps(view).encode()) > _VIEW_BYTES:
        raise Refused("view_too_large")
    problems = list(_misshapen(slack_blocks.VIEW, view, at))
    # The second pass reads fields by name, which is only safe when the shapes are right.
    if not problems:
        problems = [*_neighbours(view["blocks"], f"{at}/blocks"), *_view_rules(view, at)]
    if problems:
        raise Refused("invalid_arguments", [f"[ERROR] {p}" for p in problems])


def text_length(node: Any) -> int:
    """Characters of all `text` strings below *node*: what counts against a message's total."""
    if isinstance(node, dict):
        items: Json = node  # pyright: ignore[reportUnknownVariableType]
        return sum(len(v) if k == "text" and isinstance(v, str) else text_length(v) for k, v in items.items())
    if isinstance(node, list):
        children: list[Any] = node  # pyright: ignore[reportUnknownVariableType]
        return sum(text_length(child) for child in children)
    return 0


def _check_metadata(metadata: Any) -> None:
    if not metadata:
        return
    if not (isinstance(metadata, dict) and "event_type" in metadata and "event_payload" in metadata):
        raise Refused("invalid_metadata_format")


def _check_message_blocks(blocks: list[Json]) -> None:
    problems = list(_misshapen(slack_blocks.MESSAGE, blocks, "/blocks"))
    if not problems:
        problems = [*_neighbours(blocks, "/blocks"), *_message_rules(blocks)]
    if problems:
        raise Refused("invalid_blocks", [f"[ERROR] {p}" for p in problems], errors=problems)


def _message_rules(blocks: list[Json]) -> Iterator[str]:
    for index, block in enumerate(blocks):
        if block["type"] == "alert":
            yield f"unsupported type: alert [json-pointer:/blocks/{index}/type]"
    if sum(len(b["text"]) for b in blocks if b["type"] == "markdown") > _MARKDOWN_TEXT:
        yield f"must be less than {_MARKDOWN_TEXT + 1} characters [json-pointer:/blocks]"
    if sum(text_length(b) for b in blocks if b["type"] == "table") > _TABLE_TEXT:
        yield f"must be less than {_TABLE_TEXT + 1} characters [json-pointer:/blocks]"


def _view_rules(view: Json, at: str) -> Iterator[str]:
    never = {"markdown"} | ({"table", "container"} if view["type"] == "modal" else {"alert"})
    for index, block in enumerate(view["blocks"]):
        if block["type"] in never:
            yield f"unsupported type: {block['type']} [json-pointer:{at}/blocks/{index}/type]"
    if view["type"] == "modal" and not view.get("submit") and any(b["type"] == "input" for b in view["blocks"]):
        yield f"missing required field: submit [json-pointer:{at}]"
    if sum(bool(c.element.get("focus_on_load")) for c in controls(view["blocks"])) > 1:
        yield f"only one element may have focus_on_load [json-pointer:{at}/blocks]"


def _neighbours(blocks: list[Json], at: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id and block_id in seen:
            yield f"`block_id` {block_id} already exists [json-pointer:{at}/{index}/block_id]"
        seen.add(block_id or "")
        if block["type"] == "section" and not (block.get("text") or block.get("fields")):
            yield f"missing required field: text or fields [json-pointer:{at}/{index}]"
        yield from _choices(block, f"{at}/{index}")
        yield from _neighbours(children(block), f"{at}/{index}/child_blocks")


def _choices(block: Json, at: str) -> Iterator[str]:
    taken: set[str] = set()
    for pointer, element in elements(block):
        action_id = element.get("action_id")
        if action_id and action_id in taken:
            yield f"`action_id` {action_id} already exists [json-pointer:{at}{pointer}/action_id]"
        taken.add(action_id or "")
        if "static_select" in element["type"] and ("options" in element) == ("option_groups" in element):
            yield f"must have either options or option_groups [json-pointer:{at}{pointer}]"
        offered = offers(element)
        first = element.get("initial_options") or [element[k] for k in ("initial_option",) if element.get(k)]
        if any(option not in offered for option in first):
            yield f"initial option must be one of the options [json-pointer:{at}{pointer}]"


def _misshapen(shape: TypeAdapter[Any], value: Any, at: str) -> Iterator[str]:
    try:
        shape.validate_python(value)
    except ValidationError as refused:
        for problem in refused.errors(include_url=False):
            yield f"{_say(problem)} [json-pointer:{at}{_pointer(problem, value)}]"


def _say(problem: ErrorDetails) -> str:
    context = problem.get("ctx", {})
    match problem["type"]:
        case "text_object_too_long":
            return f"must be less than {context['limit'] + 1} characters"
        case "string_too_long":
            return f"must be less than {context['max_length'] + 1} characters"
        case "string_too_short":
            return f"must be more than {context['min_length'] - 1} characters"
        case "too_long":
            return f"no more than {context['max_length']} items allowed"
        case "missing" | "union_tag_not_found":
            return f"missing required field: {problem['loc'][-1] if problem['type'] == 'missing' else 'type'}"
        case "extra_forbidden":
            return f"invalid additional property: {problem['loc'][-1]}"
        case "union_tag_invalid":
            return f"unsupported type: {context['tag']}"
        case _:
            return problem["msg"]


def _pointer(problem: ErrorDetails, value: Any) -> str:
    """The place of a problem in the payload; pydantic also names the union members it went through, Slack does not."""
    parts: list[str] = []
    for step in problem["loc"]:
        try:
            value = value[step]
        except (KeyError, TypeError):
            continue
        parts.append(str(step))
    if problem["type"] == "text_object_too_long":
        parts.append("text")
    if problem["type"] == "union_tag_invalid":
        parts.append("type")
    return "".join(f"/{part}" for part in parts)

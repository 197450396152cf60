"""`@requires_approval`: a function runs only after a person allowed exactly this call."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pydantic

from sayso import errors, model
from sayso.asking import blocking, opening
from sayso.asking import constructors as asking
from sayso.content import digest
from sayso.desk import asker

F = TypeVar("F", bound=Callable[..., Any])
# What a method is called on is not an input of it.
_OWNERS = ("self", "cls")


class Denied(errors.SaysoError):
    """The call was not allowed; `decision` holds why, and the message says it in words for a model."""

    code = "denied"
    status = 403

    def __init__(self, decision: model.Decision) -> None:
        super().__init__(decision.model_text)
        self.decision = decision


def requires_approval(desk: asker.Asker | None = None, *, tool: str | None = None, **common: Any) -> Callable[[F], F]:
    """Wrap a function, sync or async, so that a person must allow each call; it runs with the input that was allowed.

    *desk* is where to ask (by default `sayso.open()` for each call; a sync function always uses that one), *tool* the
    name on the card (by default the function's), *common* any other key of a request (`policy`, `route` …).
    Arguments must be plain JSON; of a method the object (`self`) or class (`cls`) is not an argument.

    Raises:
        InvalidRequest: by the wrapping, without its parentheses, with a key that no request has or a wrong value, or
            of an async generator, whose body runs too early.
        Denied: by the call, when nobody allowed it.
        DigestMismatch: by the call, when what is about to run is not what was allowed.
        AlreadyUsed, NotUsable: by the call, when it finds an old allow by its `id`: one allow runs it once.
    """
    _check_desk(desk)

    def wrap(function: F) -> F:
        if isinstance(function, staticmethod | classmethod):
            # the other way round it is a function that is wrapped here
            method = cast(Any, function)
            return cast(F, type(method)(wrap(method.__func__)))
        if inspect.isasyncgenfunction(function):
            hint = "wrap the function that does what must be allowed, and call it from the generator"
            raise errors.InvalidRequest("an async generator cannot wait for people", field="function", hint=hint)
        name = tool or str(getattr(function, "__name__", type(function).__name__))
        signature = inspect.signature(function)
        asking.Permission(tool=name, input={}, **common)  # what is wrong with a key is said here

        shape = functools.cache(lambda: _schema(function, signature))

        def request(bound: inspect.BoundArguments) -> model.Request:
            named = _by_name(bound)
            # under an id of its own the program may have asked the same elsewhere, without the types
            edit = {} if "id" in common else _edits(shape(), named)
            return asking.Permission(tool=name, input=named, **{**edit, **common})

        async def gated(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            await _approve(desk, request(bound), bound)
            return await function(*bound.args, **bound.kwargs)

        def gated_blocking(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            blocking.run(lambda: _approve(None, request(bound), bound))
            return function(*bound.args, **bound.kwargs)

        chosen = gated if inspect.iscoroutinefunction(function) else gated_blocking
        return cast(F, functools.wraps(function)(chosen))

    return wrap


def approved_input(tool: str, decision: model.Decision) -> model.JsonObject:
    """The input that may run, checked against the digest of what a person allowed.

    Raises:
        Denied: nobody allowed it, or the allow was used or is void.
        DigestMismatch: the input is not the one that was allowed.
    """
    if not decision.allowed:
        raise Denied(decision)
    return _allowed_input(tool, decision)


async def use_allowed(
    desk: asker.Asker, tool: str, decision: model.Decision, *, attempt: str | None = None
) -> model.JsonObject:
    """Use an allow, immediately before the tool runs: the input that may run, once; the same *attempt* is the same use.

    Raises:
        Denied: nobody allowed it.
        DigestMismatch: the input is not the one that was allowed.
        AlreadyUsed: it was used before, and the message says when.
        NotUsable: its time is over.
    """
    allowed = _allowed_input(tool, decision)
    used = (await (desk.use(decision.id, attempt=attempt) if attempt else desk.use(decision.id))).decision
    if used is None or used.input_digest != decision.input_digest:
        raise _mismatch(tool)
    return allowed


def _check_desk(desk: object) -> None:
    if desk is not None and not hasattr(desk, "ask"):
        hint = "write @requires_approval() above the function, with parentheses; a name for the card is tool=…"
        raise errors.InvalidRequest("what stands first is no desk to ask at", field="desk", hint=hint)


async def _approve(desk: asker.Asker | None, asked: model.Request, bound: inspect.BoundArguments) -> None:
    """Ask, put the allowed input in the place of the arguments, and use the allow: what follows is the call."""
    if desk is None:
        async with opening.open() as opened:
            return await _approve(opened, asked, bound)
    tool, decision = asked.tool or "", await desk.ask(asked)
    _put_input(bound, _allowed_input(tool, decision))
    await use_allowed(desk, tool, decision)


def _allowed_input(tool: str, decision: model.Decision) -> model.JsonObject:
    if decision.outcome != "allowed":
        raise Denied(decision)
    allowed = decision.input or {}
    if digest.of_call(tool, allowed) != decision.input_digest:
        raise _mismatch(tool)
    return allowed


def _mismatch(tool: str) -> errors.DigestMismatch:
    hint = "nothing was run; ask again"
    return errors.DigestMismatch(f"the input of {tool} is not the one that was allowed", field="input", hint=hint)


def _by_name(bound: inspect.BoundArguments) -> model.JsonObject:
    bound.apply_defaults()
    named: model.JsonObject = {}
    for name in _inputs(bound):
        kind, value = bound.signature.parameters[name].kind, bound.arguments[name]
        named[name] = list(value) if kind is inspect.Parameter.VAR_POSITIONAL else value
    return named


def _schema(function: Callable[..., Any], signature: inspect.Signature) -> model.JsonObject | None:
    """What an edit has to fit, by the types of the arguments; None if these cannot be read."""
    known = [one for place, one in enumerate(signature.parameters.values()) if place > 0 or one.name not in _OWNERS]
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        if not hints.keys() & {one.name for one in known}:
            return None
        made: dict[str, Any] = {
            one.name: (_type(one, hints), ... if one.default is inspect.Parameter.empty else one.default)
            for one in known
        }
        config = pydantic.ConfigDict(extra="forbid")
        shape: type[pydantic.BaseModel] = pydantic.create_model("Input", __config__=config, **made)
        return shape.model_json_schema()
    except (pydantic.errors.PydanticUserError, NameError, TypeError, KeyError):
        return None


def _type(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    """The type of what people are shown for an argument; any if it has none, or none that JSON knows."""
    one = hints.get(parameter.name, Any)
    try:
        pydantic.TypeAdapter(one).json_schema()
    except pydantic.errors.PydanticUserError:
        one = Any
    if parameter.default is None:
        one = one | None
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return types.GenericAlias(list, (one,))
    return types.GenericAlias(dict, (str, one)) if parameter.kind is inspect.Parameter.VAR_KEYWORD else one


def _edits(schema: model.JsonObject | None, named: model.JsonObject) -> model.JsonObject:
    if schema is None:
        return {}
    # its library takes a while to load, and few programs need it
    from sayso.content import edits

    return edits.of_call(schema, named)


def _inputs(bound: inspect.BoundArguments) -> list[str]:
    """The arguments that people are shown: the object or class of a method is not among them."""
    return [name for place, name in enumerate(bound.arguments) if place > 0 or name not in _OWNERS]


def _put_input(bound: inspect.BoundArguments, allowed: model.JsonObject) -> None:
    """Put the allowed input in the place of the arguments."""
    if set(allowed) != set(_inputs(bound)):
        hint = "an edit may change arguments, not add or remove them"
        raise errors.DigestMismatch("the allowed input has other arguments", field="input", hint=hint)
    for name, value in allowed.items():
        kind = bound.signature.parameters[name].kind
        bound.arguments[name] = tuple(value) if kind is inspect.Parameter.VAR_POSITIONAL else value

"""An edited tool input against the tool's own JSON Schema: checked before it is allowed, so that nothing else runs.

The rule: schema and input are both foreign. No address is fetched, every pattern runs in linear time, and the work of
one check has an end; a schema that cannot be checked so is refused when it is sent, not when a person presses.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import jsonschema
import pydantic_core
import referencing
import referencing.exceptions
from jsonschema import exceptions, validators

from sayso import errors, model
from sayso.content import digest, numbers, patterns

# Bytes of a schema, and how many of its rules one check may look at: some hundredths of a second, at the press itself.
# Without it, unions in unions would never end.
MAX_SCHEMA_BYTES = 100_000
_MOST_WORK = 4_000
# An agent's tools come again with every call, and to check a schema takes milliseconds.
_REMEMBERED = 1_000
_good: dict[bytes, None] = {}
# More complaints than this do not help, and neither does more of what a schema says.
_MOST_COMPLAINTS = 10
_LONGEST_QUOTE = 300

_work: ContextVar[int] = ContextVar("work", default=0)
_Keyword = Callable[..., Iterable[exceptions.ValidationError]]

_NOUNS: Mapping[str, str] = {
    "string": 'a text, such as "abc"',
    "integer": "a whole number, such as 12",
    "number": "a number, such as 12.5",
    "boolean": "true or false",
    "array": 'a list, such as ["a", "b"]',
    "object": 'an object, such as {"name": "value"}',
    "null": "null",
}
_LEAST: Mapping[str, str] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} character",
    "maxLength": "at most {} character",
    "minItems": "at least {} item",
    "maxItems": "at most {} item",
    "minProperties": "at least {} entry",
    "maxProperties": "at most {} entry",
}
_SEVERAL: Mapping[str, str] = {"character": "characters", "item": "items", "entry": "entries"}


class _TooMuch(Exception):
    """A check looked at more rules than it may."""


def check_schema(schema: model.JsonObject) -> None:
    """Refuse a schema that no edit can be checked against.

    Raises:
        InvalidRequest: it is not JSON Schema, too large, or has a pattern or a reference that cannot be followed here.
    """
    form = digest.canonical(schema, "input_schema")
    if len(form) > MAX_SCHEMA_BYTES:
        raise _unusable(f"it is larger than {MAX_SCHEMA_BYTES:,} bytes")
    if (known := hashlib.sha256(form).digest()) in _good:
        return
    try:
        validators.validator_for(schema, default=jsonschema.Draft202012Validator).check_schema(schema)
        own = [*_patterns({name: part for name, part in schema.items() if name != "$schema"})]
        if not patterns.are_light(own):
            raise _unusable("its patterns repeat too much")
        for pattern in own:
            patterns.matcher(pattern)
    except (exceptions.SchemaError, pydantic_core.SchemaError) as error:
        raise _unusable(str(getattr(error, "message", error)).splitlines()[0][:_LONGEST_QUOTE]) from error
    except (RecursionError, TypeError, ValueError, AttributeError) as error:
        raise _unusable("it is not JSON Schema") from error
    _good[known] = None
    if len(_good) > _REMEMBERED:
        _good.pop(next(iter(_good)), None)


def editable(schema: object) -> model.JsonObject:
    """What a permission says about its tool's schema: an edit must fit it; if none can be checked, there is no edit."""
    if schema is None:
        return {}
    try:
        if not isinstance(schema, dict):
            raise _unusable("it is not an object")
        check_schema(schema)  # pyright: ignore[reportUnknownArgumentType]
    except errors.InvalidRequest:
        return {"editable": False}
    return {"input_schema": schema}  # pyright: ignore[reportUnknownVariableType]


def of_call(schema: object, input: model.JsonObject) -> model.JsonObject:
    """As `editable`, for a caller that measures edits itself: nothing of a schema that the call does not fit either."""
    found = editable(schema)
    if "input_schema" not in found:
        return {}
    try:
        check(found["input_schema"], input)
    except (errors.InvalidAnswer, errors.InvalidRequest):
        return {}
    return found


def check(schema: model.JsonObject, edited: model.JsonObject) -> None:
    """Refuse an edited input that the tool does not take.

    Raises:
        InvalidAnswer: `complaints` has one for each wrong argument, by its name; "" is the input as a whole.
    """
    complaints: dict[str, str] = {}
    begun = _work.set(0)
    try:
        for error in _validator(schema).iter_errors(edited):
            for name, complaint in _complaints(error):
                complaints[name] = f"{complaints[name]}; {complaint}" if name in complaints else complaint
            if len(complaints) >= _MOST_COMPLAINTS:
                break
    except (referencing.exceptions.Unresolvable, _TooMuch, RecursionError, TypeError, ValueError) as error:
        complaints = {"": "this edit cannot be checked against the tool's schema; deny it with a reason instead"}
        raise errors.InvalidAnswer(complaints[""], field="input") from error
    finally:
        _work.reset(begun)
    if complaints:
        # in the order of the arguments, as people see them
        complaints = {name: complaints[name] for name in sorted(complaints, key=[*edited, *complaints].index)}
        listed = "; ".join(f"{name}: {complaint}" if name else complaint for name, complaint in complaints.items())
        raise errors.InvalidAnswer(f"the tool does not take this input: {listed}", field="input", complaints=complaints)


def _validator(schema: model.JsonObject) -> Any:
    base = validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    bare = {name: part for name, part in schema.items() if name != "$schema"}
    # an empty registry: a reference out of the schema is followed nowhere
    return _checker(base)(bare, registry=referencing.Registry[Any]())


@functools.cache
def _checker(base: Any) -> Any:
    """A validator class of one draft, with our patterns and arithmetic, each rule counted."""
    own: dict[str, _Keyword] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional,
        "multipleOf": _multiple_of,
        "uniqueItems": _unique,
    }
    known: Mapping[str, _Keyword] = {**base.VALIDATORS, **own}
    counted = {name: _count_work(rule) for name, rule in known.items()}
    return validators.extend(base, counted)  # type: ignore[no-untyped-call] # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _count_work(rule: _Keyword) -> _Keyword:
    def counted(*given: Any) -> Iterator[exceptions.ValidationError]:
        _work.set(_work.get() + 1)
        if _work.get() > _MOST_WORK:
            raise _TooMuch
        yield from rule(*given) or ()

    return counted


def _patterns(part: Any) -> Iterator[str]:
    """The patterns of a schema. Refuse what the library would do by switching to another set of rules."""
    if isinstance(part, list):
        for one in part:  # pyright: ignore[reportUnknownVariableType]
            yield from _patterns(one)
        return
    if not isinstance(part, dict):
        return
    for name, inner in part.items():  # pyright: ignore[reportUnknownVariableType]
        if name == "pattern" and isinstance(inner, str):
            yield inner
        if name == "patternProperties" and isinstance(inner, dict):
            yield from map(str, inner)  # pyright: ignore[reportUnknownArgumentType]
        if name in ("unevaluatedProperties", "unevaluatedItems") or (name == "$schema" and isinstance(inner, str)):
            raise _unusable(f"{name} cannot be checked here")
        yield from _patterns(inner)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[exceptions.ValidationError]:
    if validator.is_type(instance, "string") and not patterns.matcher(pattern)(instance):
        yield exceptions.ValidationError("pattern")


def _pattern_properties(
    validator: Any, shapes: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[exceptions.ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, shape in shapes.items():
            for name in (name for name in instance if patterns.matcher(pattern)(name)):
                yield from validator.descend(instance[name], shape, path=name, schema_path=pattern)


def _additional(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[exceptions.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    matchers = [patterns.matcher(pattern) for pattern in schema.get("patternProperties", {})]
    for name in instance:
        if name in schema.get("properties", {}) or any(matches(name) for matches in matchers):
            continue
        for error in validator.descend(instance[name], rule, path=name):
            # a rule of `false` says that there is no such argument
            yield exceptions.ValidationError("additional", path=[name]) if rule is False else error


def _multiple_of(validator: Any, step: Any, instance: Any, schema: Any) -> Iterator[exceptions.ValidationError]:
    if validator.is_type(instance, "number") and not numbers.is_multiple(instance, step):
        yield exceptions.ValidationError("multipleOf")


def _unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[exceptions.ValidationError]:
    if wanted and validator.is_type(instance, "array"):
        seen = {digest.canonical({"item": item}) for item in instance}
        if len(seen) < len(instance):
            yield exceptions.ValidationError("uniqueItems")


def _complaints(error: exceptions.ValidationError) -> Iterator[tuple[str, str]]:
    """Where an error is, and what is wrong there in our words; what was typed is not repeated."""
    path = [str(step) for step in error.absolute_path]
    if error.validator == "required":
        yield from (_locate([*path, name], "it is missing, and the tool needs it") for name in _missing(error))
    elif error.message == "additional":
        yield _locate(path, "the tool has no such argument")
    else:
        yield _locate(
            path, _complaint_of_union(error) if error.validator in ("anyOf", "oneOf") else _complaint_of(error)
        )


def _missing(error: Any) -> Iterator[str]:
    return (name for name in error.validator_value if name not in error.instance)


def _locate(path: list[str], complaint: str) -> tuple[str, str]:
    deeper = ".".join(path[1:])
    return (path[0] if path else ""), (f"{deeper}: {complaint}" if deeper else complaint)


def _least(validator: str, rule: int | float) -> str:
    """A bound in words: of one there is one character, and of two there are characters."""
    said = _LEAST[validator].format(numbers.to_text(rule))
    last = said.rpartition(" ")[2]
    return said if rule == 1 else said.removesuffix(last) + _SEVERAL.get(last, last)


def _complaint_of_union(error: exceptions.ValidationError) -> str:
    # "this, or null" is how most schemas say that something may be left out
    wanted = [inner for inner in error.context or () if inner.validator_value != "null"]
    complaints = list(dict.fromkeys(_complaint_of(inner) for inner in wanted if len(inner.path) == 0))
    if not 1 <= len(complaints) <= 3:
        return "it does not fit any of the forms that the tool takes"
    return " Or: ".join(complaints)


def _complaint_of(error: exceptions.ValidationError) -> str:
    rule: Any = error.validator_value
    if error.validator == "type":
        kinds: list[str] = [rule] if isinstance(rule, str) else rule
        return "please give " + " or ".join(_NOUNS.get(kind, kind) for kind in kinds)
    if error.validator in ("enum", "const"):
        shown = json.dumps(rule if error.validator == "enum" else [rule], ensure_ascii=False)[1:-1]
        return (
            f"please give one of {shown[:_LONGEST_QUOTE]}"
            if error.validator == "enum"
            else f"please give {shown[:_LONGEST_QUOTE]}"
        )
    if error.validator in _LEAST and isinstance(rule, int | float):
        return f"please give {_least(str(error.validator), rule)}"
    if error.validator == "pattern":
        return "this has not the form that the tool takes"
    if error.validator == "uniqueItems":
        return "an item stands there twice"
    return "it does not fit what the tool takes"


def _unusable(why: str) -> errors.InvalidRequest:
    hint = "send the tool's JSON Schema, or leave input_schema out"
    return errors.InvalidRequest(f"input_schema cannot be used: {why}", field="input_schema", hint=hint)

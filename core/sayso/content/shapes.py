"""A Pydantic model or dataclass as a JSON schema for people, and the JSON that they gave as an instance of it. Pure.

The rule: values are JSON from the card to the type, and validated once as JSON, so that strict types take them.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, TypeVar

import pydantic
import pydantic_core
from pydantic import json_schema
from pydantic_core import core_schema

from sayso import errors, model
from sayso.content import numbers

T = TypeVar("T")


def read_type(shape: type[T], field: str = "schema") -> tuple[pydantic.TypeAdapter[T], model.JsonObject]:
    """What makes instances of this type, and the JSON schema that its form is made of. Raises `InvalidRequest`."""
    try:
        adapter = pydantic.TypeAdapter(shape)
        return adapter, adapter.json_schema(schema_generator=_ForPeople)
    except pydantic.errors.PydanticUserError as error:
        hint = "use text, numbers, yes/no, dates, enumerations and lists of these"
        raise errors.InvalidRequest(
            f"{shape.__name__} cannot be a form: {error.message}", field=field, hint=hint
        ) from error


def build(adapter: pydantic.TypeAdapter[T], values: Any) -> T:
    """The instance that these JSON values are. Raises `pydantic.ValidationError`."""
    return adapter.validate_json(pydantic_core.to_json(values))


class _ForPeople(json_schema.GenerateJsonSchema):
    """Says what Pydantic leaves out and its types insist on, so that nobody is offered what they refuse."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> json_schema.JsonSchemaValue:
        """A number with a limited number of places; the text form keeps every digit."""
        number: dict[str, Any] = {"type": "number"}
        bounds = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
        given: dict[str, Any] = {**schema}
        number |= {bound: _json_number(given[key]) for bound, key in bounds.items() if given.get(key) is not None}
        places, digits = schema.get("decimal_places"), schema.get("max_digits")
        step = schema.get("multiple_of", None if places is None else Decimal(1).scaleb(-places))
        if step is not None:
            number["multipleOf"] = _json_number(step)
        if digits is not None:
            beyond = 10 ** max(0, digits - (places or 0))
            number.setdefault("exclusiveMaximum", beyond)
            number.setdefault("exclusiveMinimum", -beyond)
        return {"anyOf": [number, {"type": "string"}]}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> json_schema.JsonSchemaValue:
        """A moment, with its zone unless the type forbids one."""
        naive = schema.get("tz_constraint") == "naive"
        return {"type": "string", "format": "local-date-time" if naive else "date-time"}

    def url_schema(self, schema: core_schema.UrlSchema) -> json_schema.JsonSchemaValue:
        """An address, of the kinds that the type takes."""
        found = super().url_schema(schema)
        kinds = schema.get("allowed_schemes")
        if kinds:
            found |= {
                "pattern": f"^(?i:{'|'.join(map(re.escape, kinds))}):",
                "examples": [f"{kinds[-1]}://example.org"],
            }
        return found

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> json_schema.JsonSchemaValue:
        """What has no JSON form is an object of its own: needed, it is refused; optional, it is left out."""
        return {"type": "object", "description": model.fact_of(error_info)}


def _json_number(value: Any) -> int | float:
    held = numbers.to_json(numbers.to_decimal(value))
    return float(value) if held is None else held

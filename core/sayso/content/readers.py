"""One value that a person gave, read strictly by the kind of its field: what is ambiguous is refused, not guessed.

The rule: what comes out is a JSON value that means exactly what was typed. Messages are ours, and show an example.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pydantic

from sayso import model
from sayso.content import lookalikes, numbers, patterns, wording

_YES = frozenset({"yes", "y", "true", "t", "on", "1"})
_NO = frozenset({"no", "n", "false", "f", "off", "0"})

# What a browser takes for an address in a form (HTML standard, "valid email address").
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_ZONE = rf"(?:[Zz]|[+-]{_CLOCK})"
_MOMENT = re.compile(rf"\d{{4}}-\d\d-\d\d[Tt ]{_CLOCK}:[0-5]\d(?:\.\d{{1,6}})?{_ZONE}", re.ASCII)
_TIME = re.compile(rf"{_CLOCK}(?::[0-5]\d(?:\.\d{{1,6}})?)?{_ZONE}?", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SPAN = re.compile(
    r"P(?=[\dT])(?:\d{1,6}W|(?:\d{1,6}D)?(?:T(?=\d)(?:\d{1,6}H)?(?:\d{1,6}M)?(?:\d{1,6}(?:\.\d{1,6})?S)?)?)", re.ASCII
)
# 1.000 is a thousand to one half of the world, and one to the other.
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
# How half of the world writes a decimal number.
COMMA = re.compile(r"[+-]?\d[\d.]*,[\d.,]*\d?", re.ASCII)
_URI: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(pydantic.AnyUrl)


class Unfit(Exception):
    """A value that its field does not take; the message is for the person who gave it."""


def write_number(value: int | float) -> str:
    """A number as somebody could have typed it: `read_number` takes it for the same one."""
    shown = numbers.to_text(value)
    return f"{shown}0" if _AMBIGUOUS.fullmatch(shown) else shown


# Texts


def read_text(field: model.Field, written: Any) -> str:
    """A text, in its format and pattern if it has them. Raises `Unfit`."""
    if not isinstance(written, str):
        raise Unfit("please write some text")
    # a phone puts a blank behind what it completes
    given = written if field.format is None else written.strip()
    _measure(field, given)
    if field.format is not None:
        fits, example = FORMATS[field.format]
        if not fits(given):
            raise Unfit(f"please give {example}")
    _match(field, given)
    return given


def _measure(field: model.Field, given: str) -> None:
    longest = model.MAX_TEXT if field.max_length is None else min(field.max_length, model.MAX_TEXT)
    if len(given) > longest:
        raise Unfit(f"at most {wording.counted(longest, 'character')}, please; this is {len(given):,}")
    if len(given) < (field.min_length or 0):
        raise Unfit(f"at least {wording.counted(field.min_length or 0, 'character')}, please")


def _match(field: model.Field, given: str) -> None:
    if field.pattern is not None and not patterns.matcher(field.pattern)(given):
        raise Unfit("this has not the form that is wanted" + (f", such as {field.example}" if field.example else ""))


def _is_email(given: str) -> bool:
    return len(given) <= 254 and _EMAIL.fullmatch(given) is not None


def _is_uri(given: str) -> bool:
    try:
        _URI.validate_python(given)
    except pydantic.ValidationError:
        return False
    return not any(sign.isspace() for sign in given)


def _is_moment(given: str) -> bool:
    return _MOMENT.fullmatch(given) is not None and _parses(datetime.date.fromisoformat, given[:10])


def _is_local(given: str) -> bool:
    return _is_moment(given + "Z")


def _is_uuid(given: str) -> bool:
    return _UUID.fullmatch(given) is not None and _parses(uuid.UUID, given)


def _parses(parse: Callable[[str], Any], given: str) -> bool:
    try:
        parse(given)
    except ValueError:
        return False
    return True


FORMATS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "email": (_is_email, "an e-mail address, such as ann@example.org"),
    "uri": (_is_uri, "a whole address, such as https://example.org/page"),
    "date-time": (_is_moment, "a date and time with its zone, such as 2026-12-31T18:30:00Z"),
    "local-date-time": (_is_local, "a date and time without a zone, such as 2026-12-31T18:30:00"),
    "time": (lambda given: _TIME.fullmatch(given) is not None, "a time, such as 18:30"),
    "uuid": (_is_uuid, "a UUID, such as 123e4567-e89b-12d3-a456-426614174000"),
    "duration": (lambda given: _SPAN.fullmatch(given) is not None, "a duration, such as PT1H30M"),
}


# Numbers


def read_number(field: model.Field, given: Any) -> int | float | str:
    """A number; as text if it has more digits than JSON keeps and the field takes them so. Raises `Unfit`."""
    value = _read_exact(field, given, "a number, such as 12.5")
    plain = numbers.to_json(value)
    if plain is None and field.format == "decimal":
        # the agent's type keeps more digits than a JSON number does, and takes them as text
        return numbers.to_text(value)
    if plain is None:
        raise Unfit("this has more digits than a number keeps; please give at most 15 digits")
    return plain


def read_integer(field: model.Field, given: Any) -> int:
    """A whole number. Raises `Unfit`."""
    if isinstance(given, str) and "." in given:
        raise Unfit("please give a whole number, such as 12, without a point")
    value = _read_exact(field, given, "a whole number, such as 12")
    if (isinstance(given, str) and "e" in given.lower()) or not numbers.is_whole(value):
        raise Unfit("please give a whole number, such as 12")
    return int(value)


def _read_exact(field: model.Field, given: Any, wanted: str) -> Decimal:
    value = _parse_number(given, wanted) if isinstance(given, str) else _number_of_json(given, wanted)
    for bound, fits, words in (
        (field.minimum, Decimal.__ge__, "at least"),
        (field.maximum, Decimal.__le__, "at most"),
        (field.above, Decimal.__gt__, "more than"),
        (field.below, Decimal.__lt__, "less than"),
        (field.multiple_of, numbers.is_multiple, "a multiple of"),
    ):
        if bound is not None and not fits(value, numbers.to_decimal(bound)):
            raise Unfit(f"please give {words} {numbers.to_text(bound)}")
    return value


def _parse_number(given: str, wanted: str) -> Decimal:
    typed = given.strip()
    if COMMA.fullmatch(typed):
        raise Unfit(f"please give {wanted}, with a point before decimals and nothing between thousands")
    if _AMBIGUOUS.fullmatch(typed):
        whole, _, rest = typed.partition(".")
        raise Unfit(f"please write {whole}{rest} or {whole}.{rest}0, whichever you mean")
    value = numbers.read(typed)
    if value is None:
        raise Unfit(f"please give {wanted}")
    return value


def _number_of_json(given: Any, wanted: str) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise Unfit(f"please give {wanted}")
    value = numbers.to_decimal(given)
    if not value.is_finite() or not numbers.fits_double(value):
        raise Unfit(f"please give {wanted}")
    return value


# The rest


def read_boolean(field: model.Field, given: Any) -> bool:
    """Yes or no. Raises `Unfit`."""
    typed = given.strip().lower() if isinstance(given, str) else given
    if isinstance(typed, bool):
        return typed
    if isinstance(typed, str) and typed in _YES | _NO:
        return typed in _YES
    raise Unfit("please say yes or no")


def read_date(field: model.Field, given: Any) -> str:
    """A day, as `2026-12-31`. Raises `Unfit`."""
    typed = given.isoformat() if type(given) is datetime.date else given
    day = typed.strip() if isinstance(typed, str) else ""
    if not (_DATE.fullmatch(day) and _parses(datetime.date.fromisoformat, day)):
        raise Unfit("please give a date, such as 2026-12-31")
    _measure(field, day)
    _match(field, day)
    return day


def read_option(field: model.Field, given: Any) -> Any:
    """The value of the option that was chosen by its value or its label. Raises `Unfit`."""
    for option in field.options:
        if given == option.label or option.means(given):
            return option.meaning
    if isinstance(given, str) and field.other and (alike := _option_like(field, given)) is not None:
        return alike.meaning
    if not field.other or not isinstance(given, str):
        shown = f"{given!r:.100}" if isinstance(given, str | int | float) else "this"
        raise Unfit(f"{shown} is not one of the options")
    if not 1 <= len(given) <= model.MAX_TEXT:
        raise Unfit(f"at most {model.MAX_TEXT} characters, please")
    return given


def _option_like(field: model.Field, given: str) -> model.Option | None:
    """The option whose label looks the same as these words."""
    likeness = lookalikes.likeness(given)
    return next((option for option in field.options if lookalikes.likeness(option.label) == likeness), None)

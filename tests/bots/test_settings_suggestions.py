"""`[suggestions]`: who is asked, where, how often, and what for: each key changes something, wrong ones are named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sayso import errors
from sayso.desk.setup import Suggesting
from sayso_bots.settings import toml

PEOPLE: dict[str, Any] = {
    "people": {"ann": {"terminal": "ann"}, "bob": {"terminal": "bob"}},
    "groups": {"leads": {"members": ["bob"]}},
    "service": {"owner": "ann", "stop": ["group:leads"]},
}


def read(**written: Any) -> Suggesting:
    return toml.setup(toml.parse({**PEOPLE, "suggestions": written})).suggesting


def test_whoever_may_stop_agents_is_asked_by_direct_message_if_nothing_is_said() -> None:
    assert read() == Suggesting(ask=("ann", "group:leads"))


@pytest.mark.parametrize(
    ("key", "value", "name", "expected"),
    [
        ("ask", ["bob"], "ask", ("bob",)),
        ("ask", [], "ask", ()),
        ("route", "web", "route", ("web",)),
        ("every", "2d", "every", timedelta(days=2)),
        ("since", "60d", "since", timedelta(days=60)),
        ("least", 7, "least", 7),
        ("lasts", "10d", "lasts", timedelta(days=10)),
        ("costly", True, "costly", True),
    ],
)
def test_each_key_is_read(key: str, value: object, name: str, expected: object) -> None:
    assert getattr(read(**{key: value}), name) == expected
    assert getattr(Suggesting(), name) != expected or value == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("ask", ["eve"]), ("route", []), ("route", ["teams:#ops"]), ("every", "soon"), ("least", 1), ("lasts", "1h")],
)
def test_what_is_wrong_is_named(key: str, value: object) -> None:
    with pytest.raises(errors.InvalidSettings) as caught:
        toml.setup(toml.parse({**PEOPLE, "suggestions": {key: value}}), ["web"])
    assert caught.value.field == f"suggestions.{key}"

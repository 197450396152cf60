"""The nouns are built when they are first used; a mistake in one is found here, and not by whoever uses it first."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pydantic

import sayso
from sayso import model
from sayso.machine import events


def kinds_of(kind: type[pydantic.BaseModel]) -> Iterator[type[pydantic.BaseModel]]:
    for one in kind.__subclasses__():
        yield one
        yield from kinds_of(one)


def test_every_model_of_the_core_can_be_built() -> None:
    for found in pkgutil.walk_packages(sayso.__path__, "sayso."):
        importlib.import_module(found.name)
    ours = {one for one in kinds_of(model.Frozen) if one.__module__.startswith("sayso.")}
    assert {model.Request, model.Ticket, events.Answered} <= ours
    for one in ours:
        one.model_rebuild()
        assert one.__pydantic_complete__
    for codec in (events.effect_codec, events.entry_codec):
        codec.rebuild()
        assert codec.pydantic_complete


def test_a_model_is_built_once_and_when_it_is_used() -> None:
    class Noun(model.Frozen):
        word: str

    assert not Noun.__pydantic_complete__
    assert Noun(word="a") == Noun.model_validate_json('{"word": "a"}')
    built = Noun.__pydantic_validator__
    assert Noun(word="b").model_dump() == {"word": "b"}
    assert Noun.__pydantic_validator__ is built

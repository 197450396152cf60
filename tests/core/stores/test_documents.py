"""What is left out of a stored request reads as it was."""

import json
import os
import pathlib
from typing import get_args

import pydantic
import pydantic_core

from sayso import machine, model
from sayso.machine import events
from sayso.stores import Record, documents, memory
from sayso.testing import tickets


def models_in(annotation: object) -> list[type[pydantic.BaseModel]]:
    here = [annotation] if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel) else []
    return [*here, *(found for part in get_args(annotation) for found in models_in(part))]


def all_models(*begins: object) -> set[type[pydantic.BaseModel]]:
    seen, waiting = set[type[pydantic.BaseModel]](), [one for begin in begins for one in models_in(begin)]
    while waiting:
        one = waiting.pop()
        seen.add(one)
        parts = [part for field in one.model_fields.values() for part in models_in(field.annotation)]
        waiting += [part for part in parts if part not in seen]
    return seen


def test_a_default_never_changes_since_stored_requests_leave_it_out() -> None:
    # GOLDEN_UPDATE=1 adds new keys to the file; what stands there already stays
    defaults = {
        f"{one.__name__}.{name}": pydantic_core.to_jsonable_python(field.get_default(call_default_factory=True))
        for one in all_models(model.Ticket)
        for name, field in one.model_fields.items()
        if not field.is_required()
    }
    golden = pathlib.Path(__file__).with_name("stored_defaults.json")
    if os.environ.get("GOLDEN_UPDATE"):
        golden.write_text(json.dumps(dict(sorted(defaults.items())), indent=1) + "\n")
    kept = json.loads(golden.read_text())
    assert {name: found for name, found in defaults.items() if name in kept} == kept


def test_what_is_none_is_none_by_default_in_everything_that_a_request_holds() -> None:
    seen = all_models(model.Ticket, events.Entry)
    for one in seen:
        for name, field in one.model_fields.items():
            if type(None) in get_args(field.annotation):
                assert not field.is_required(), (one.__name__, name)
                assert field.get_default(call_default_factory=True) is None, (one.__name__, name)
    assert {model.Request, model.Policy, model.Decision} <= seen


def test_an_argument_that_is_null_stays_null() -> None:
    request = model.Request(kind="permission", tool="x", input={"a": None, "b": [None, {"c": None}]})
    terms = machine.Terms("agent", model.Policy(), ("web",))
    ticket = machine.open_ticket(request, terms, id="r1", ref="r", at=tickets.NOW).ticket
    text = documents.row_of(ticket)[-1]
    assert documents.read_ticket((text,)) == ticket
    assert '"reason"' not in str(text)


async def test_a_row_of_the_log_holds_nothing_that_is_none() -> None:
    store = memory.MemoryStore()
    await tickets.ask(store, "r1")
    given = model.Answer(verdict="allow", input={"a": None})
    event = tickets.answered().model_copy(update={"answer": given})
    await tickets.answer(store, "r1", event)
    text = (await store.chained(0))[-1].entry
    assert '"reason"' not in text
    assert '"a":null' in text
    assert (await store.log("r1"))[-1].entry == event


def test_a_record_holds_half_a_character() -> None:
    held = Record("draft", "one", {"typed": "half \ud83d", "whole": "ä", "number": 10**30})
    text, ends = documents.row_of_record(held)
    assert documents.read_record(("draft", "one", text, ends, 0)) == held
    text.encode()

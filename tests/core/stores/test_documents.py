"""What is left out of a stored request reads as it was."""

from typing import get_args

import pydantic

from sayso import machine, model
from sayso.machine import events
from sayso.stores import documents, memory
from sayso.testing import tickets


def models_in(annotation: object) -> list[type[pydantic.BaseModel]]:
    here = [annotation] if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel) else []
    return [*here, *(found for part in get_args(annotation) for found in models_in(part))]


def test_what_is_none_is_none_by_default_in_everything_that_a_request_holds() -> None:
    seen, waiting = set[type[pydantic.BaseModel]](), models_in(model.Ticket) + models_in(events.Entry)
    while waiting:
        one = waiting.pop()
        seen.add(one)
        for name, field in one.model_fields.items():
            if type(None) in get_args(field.annotation):
                assert not field.is_required(), (one.__name__, name)
                assert field.get_default(call_default_factory=True) is None, (one.__name__, name)
            waiting += [part for part in models_in(field.annotation) if part not in seen]
    assert {model.Request, model.Policy, model.Decision} <= seen


def test_an_argument_that_is_null_stays_null() -> None:
    request = model.Request(kind="permission", tool="x", input={"a": None, "b": [None, {"c": None}]})
    terms = machine.Terms("agent", model.Policy(), ("web",))
    ticket = machine.open_ticket(request, terms, id="r1", ref="r", at=tickets.NOW).ticket
    text = documents.row_of(ticket)[-1]
    assert documents.read_ticket((text,)) == ticket
    assert '"reason":null' not in str(text)


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

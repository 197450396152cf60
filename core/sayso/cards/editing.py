"""What somebody typed over the arguments of a call, as the input that runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sayso import errors, model
from sayso.cards import inputs
from sayso.content import digest, entries, masks, typed_json
from sayso.machine import fitting


def apply(ticket: model.Ticket, draft: inputs.Draft, secrets: Mapping[str, Any]) -> model.JsonObject:
    """The input as somebody edited it; *secrets* are what the masks in it stand for.

    Raises:
        InvalidAnswer: `field` is the name of the input that is wrong.
    """
    edited = dict(ticket.request.input or {})
    complaints: dict[str, str] = {}
    for index, key in enumerate(list(edited)):
        name = inputs.key_name(index)
        if name not in draft:
            continue
        typed = str(draft[name] or "")
        if not typed.strip() and fitting.is_made_up(ticket.request, key):
            del edited[key]
            continue
        try:
            # a mask that nobody touched stands for what was there
            given = typed if isinstance(edited[key], str) or typed in secrets else typed_json.read(typed)
            edited[key] = masks.restore(given, secrets, name)
        except errors.InvalidAnswer as error:
            complaints[name] = error.message
        except entries.Unfit as error:
            complaints[name] = str(error)
    if complaints:
        first = next(iter(complaints))
        raise errors.InvalidAnswer("; ".join(complaints.values()), field=first, complaints=complaints)
    _check_edit(ticket, edited)
    return edited


def _check_edit(ticket: model.Ticket, edited: model.JsonObject) -> None:
    """Say what is wrong beside its input, while the window is open; the answer itself is checked again."""
    if ticket.request.input_schema is None or digest.same(edited, ticket.request.input or {}):
        return
    # its library takes a while to load, and few requests need it
    from sayso.content import edits

    try:
        edits.check(ticket.request.input_schema, edited)
    except errors.InvalidAnswer as error:
        names = {key: inputs.key_name(index) for index, key in enumerate(ticket.request.input or {})}
        placed = {names.get(key, ""): said for key, said in error.complaints.items()}
        first = next(iter(placed), None)
        raise errors.InvalidAnswer(error.message, field=first or "input", complaints=placed) from error

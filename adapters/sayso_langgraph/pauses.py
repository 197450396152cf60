"""`ask`: a node's own pause. The decision that comes back is bound to what was asked, never to its position.

LangGraph gives the values that it was resumed with to the interrupts of a task in the order in which they are made. The
tools of one turn make them in any order, and a node that runs again may ask something else.
"""

from __future__ import annotations

import datetime
import secrets
import threading
import weakref
from collections.abc import Callable
from typing import Any, cast

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt

from sayso import errors, model
from sayso.asking import gate
from sayso.content import digest, requests, wording

Json = dict[str, Any]
# Marks a whole request of ours in an interrupt's value, and the decision on it in what it is resumed with.
OURS = "sayso"
# Where LangGraph keeps what a task was resumed with. It is not public; without it only the value in turn is looked at.
_SCRATCHPAD = "__pregel_scratchpad"
# The parts of a permission that a model fills in; the size is that of all of them.
_BY_MODELS = ("input", "request")

_lock = threading.Lock()
# The passes of allows that were handed over and have not come to their node yet; elsewhere, those that have.
_here: set[str] = set()
_spent: set[str] = set()
# What a run of a task took already, by a function that LangGraph makes for each run.
_taken: weakref.WeakKeyDictionary[Callable[..., Any], list[Any]] = weakref.WeakKeyDictionary()


def ask(request: model.Request) -> model.Decision:
    """Pause this node until people decided on *request*: any kind, with its typed value. Also if nobody did.

    For nodes and tools of a graph that `run` or `answers` drives. The node runs again from its start afterwards, as
    after every `interrupt`. An allow is good for one run: if the node runs once more, `allowed` is False, and
    `model_text` says when it was used. A permission whose input cannot be shown is `undeliverable` at once.

    Raises:
        InvalidRequest: the request cannot be asked.
        InvalidAnswer: the form's own model refuses the values.
        DigestMismatch: what comes back from the checkpoint is not what was allowed.
    """
    try:
        requests.checked(request)
    except errors.InvalidRequest as error:
        if request.kind != "permission" or error.field not in _BY_MODELS:
            raise
        return _undeliverable(error)
    given = _answer_to(requests.document(request))
    decision = model.Decision.model_validate(given["decision"])
    if decision.outcome == "allowed":
        if not given["fresh"]:
            return model.Decision.model_validate(given["after"])
        gate.approved_input(request.tool or "", decision)
    return requests.with_value(request, decision)


def resume_value(
    document: Json, decision: model.Decision, after: model.Decision | None, *, here: bool, instead: bool
) -> Json:
    """What the interrupt of `ask` is resumed with. *after* is an allow as it reads once it was used.

    *here* is whether the graph runs in this process: only then it is known that a pass was never seen. *instead* is
    whether it comes in place of an allow that was used before.
    """
    given: Json = {"asked": digest.digest(document, "request"), "decision": decision.model_dump(mode="json")}
    given["instead"] = instead
    if after is not None:
        given |= {"pass": secrets.token_hex(16), "here": here, "after": after.model_dump(mode="json")}
        if here:
            _here.add(given["pass"])
    return {OURS: given}


def _undeliverable(error: errors.InvalidRequest) -> model.Decision:
    """Nobody can be shown this call, so nobody is asked; the model reads what to do about it."""
    now = datetime.datetime.now(datetime.UTC)
    return model.Decision(outcome="undeliverable", digest="", decided_at=now, model_text=wording.could_not_ask(error))


def _answer_to(document: Json) -> Json:
    """What this task was resumed with for exactly this document; pauses if there is nothing."""
    asked = digest.digest(document, "request")
    while True:
        try:
            given = interrupt({OURS: document})
        except GraphInterrupt:
            # another call of this task met it in its own place
            found = _find_untaken(asked)
            if found is None:
                raise
            return found
        if _is_for(given, asked) and _take(given):
            # LangGraph keeps the old answer of a node that failed before the new one
            read = _read(given)
            return read if read["fresh"] else _find_untaken(asked, instead=True) or read


def _find_untaken(asked: str, *, instead: bool = False) -> Json | None:
    """What nobody took for this document, whatever its place."""
    for passed in _resume_values():
        if _is_for(passed, asked) and passed[OURS]["instead"] >= instead and _take(passed):
            return _read(passed)
    return None


def _read(given: Any) -> Json:
    """What is for this document, and whether it may be acted on."""
    inner = cast(Json, given[OURS])
    return {**inner, "fresh": _spend(inner) if "pass" in inner else True}


def _is_for(given: Any, asked: str) -> bool:
    if not isinstance(given, dict):
        return False
    held = cast(Json, given).get(OURS)
    inner = cast(Json, held) if isinstance(held, dict) else {}
    if inner.get("asked") != asked or not {"instead", "decision"} <= inner.keys():
        return False
    # an allow without its pass was not handed over here
    return bool(inner["decision"].get("outcome") != "allowed" or "pass" in inner)


def _resume_values() -> list[Any]:
    """All that this task was resumed with."""
    return list(getattr(get_config().get("configurable", {}).get(_SCRATCHPAD), "resume", ()))


def _take(given: Any) -> bool:
    """Whether no other call in this run of the task took it. Two equal calls need two decisions."""
    run = getattr(get_config().get("configurable", {}).get(_SCRATCHPAD), "get_null_resume", None)
    if run is None:
        return True
    with _lock:
        taken = _taken.setdefault(run, [])
        if any(one is given for one in taken):
            return False
        taken.append(given)
        return True


def _spend(given: Json) -> bool:
    """Whether this allow comes to a node for the first time, in the process to which it was given."""
    with _lock:
        if given["here"]:
            known = given["pass"] in _here
            _here.discard(given["pass"])
            return known
        known = given["pass"] not in _spent
        _spent.add(given["pass"])
        return known

"""What every agent adapter does for a pause: whose it is, what the program may say of it, under which id, for one run.

The rule: an adapter says how its framework's pauses read and what they can take; how they are asked stands here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard, TypeVar

from sayso import batches, errors, model
from sayso.asking import constructors, gate, permits
from sayso.cards import tokens
from sayso.content import requests, wording
from sayso.desk import asker

T = TypeVar("T")

Later = Callable[[], Coroutine[Any, Any, T]]
"""What is done once everything beside it is decided, immediately before the framework goes on."""

# What a pause itself says: which call it is, and what that call takes.
_OF_THE_PAUSE = ("id", "kind", "supersedes", "tool", "input", "input_schema")
_OF_OTHER_KINDS = ("options", "multiple", "other", "json_schema", "fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an agent: where and how its pauses are asked."""

    desk: asker.Asker
    prefix: str
    """What the ids of its requests begin with: the framework's name."""
    name: str | None = None
    """What names the run in every process that takes it up; None if none can."""
    agent: str | None = None
    session: str | None = None
    common: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the program says of every request."""
    silence: bool = False
    """Whether a pause that ended without an answer is asked again when the run comes back."""
    shared: bool = False
    """Whether two pauses of the run may have the same id."""
    batch: model.Batch | None = None
    """The calls that the framework handed over together; see `turn`."""

    def id(self, *of_the_call: str) -> str | None:
        """The request's id: the same for the same call of this run in any process. None for a run without a name."""
        return None if self.name is None else tokens.id_from(self.prefix, self.name, *of_the_call)

    def keys(self, id: str | None = None, **own: Any) -> dict[str, Any]:
        """The keys of a request: what is known of the agent, what the program says, then what the pause says itself."""
        said = {"source": source(self.agent, self.session), **self.common, **own}
        return {**said, "id": id} if id else said

    def call(self, request: model.Request, *, check: permits.Check | None = None) -> permits.Call:
        """What asks this request, as often as it takes. Without an id nobody finds it again: it ends with its caller.

        Raises:
            InvalidRequest: it cannot be asked.
        """
        return permits.Call(
            self.desk,
            requests.checked(request),
            check=check,
            held=request.id is None,
            silence=self.silence,
            shared=self.shared,
        )

    def refusal(self, error: errors.InvalidRequest) -> str:
        """What a model reads about its call that cannot be asked, so that the calls beside it can be.

        Raises the error itself if what is wrong is the program's: one of the common keys.
        """
        if (error.field or "").partition(".")[0] in self.common:
            raise error
        return wording.could_not_ask(error)


def turn(prefix: str, run: str | None, *calls: str) -> model.Batch | None:
    """The batch of these calls of a run, which a framework waits with at once: they share a card. One alone is none."""
    if len(calls) < 2:
        return None
    # without a name nobody asks for them again
    named = tokens.id_from(f"{prefix}-turn", run, *calls) if run else tokens.new_id()
    return model.Batch(id=named, size=min(len(calls), batches.MOST))


def refuse(common: Mapping[str, Any], pause: str, *keys: str) -> None:
    """Refuse keys that *pause*, such as `an approval`, says itself, the *keys* that it could not honour, and unknown.

    Raises:
        InvalidRequest: `field` names the key.
    """
    taken = model.Request.model_fields.keys() - {*_OF_THE_PAUSE, *_OF_OTHER_KINDS, *keys}
    for name in common:
        if name not in taken:
            raise errors.InvalidRequest(f"{pause} takes no {name}", field=name, hint=requests.meant(name, taken))
    # what is wrong with a value is said now, and not by the first call
    constructors.Permission(tool=pause, input={}, **common)


def titled(value: Mapping[str, Any], otherwise: str) -> tuple[str, str | None]:
    """A title and a body for what a pause asks with: its `question`, and all else as it is.

    Raises:
        InvalidRequest: what is left is no JSON.
    """
    rest = dict(value)
    question = rest.pop("question", None)
    if is_title(question):
        return question, _fence(rest) if rest else None
    if isinstance(question, str) and question:
        return otherwise, f"{question}\n\n{_fence(rest)}" if rest else question
    return otherwise, _fence(dict(value))


def is_title(value: object) -> TypeGuard[str]:
    """Whether this is a text that fits into a title."""
    return isinstance(value, str) and 0 < len(value) <= model.MAX_TITLE


def _fence(value: Any) -> str:
    try:
        return f"~~~~json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n~~~~"
    except (TypeError, ValueError) as error:
        message = f"what the agent asks is no JSON: {error}"
        raise errors.InvalidRequest(message, field="value", hint="pause with plain JSON") from error


def source(agent: str | None, session: str | None) -> model.Source:
    """Who asks, cut to what a request has room for."""
    return model.Source(agent=model.name_of(agent or "") or None, session=model.name_of(session or "") or None)


def going_on(decision: model.Decision) -> model.Decision:
    """The decision, unless a person ended the run with it. Raises `Denied` then."""
    if decision.stop:
        raise gate.Denied(decision)
    return decision


def at_once(value: T) -> Later[T]:
    """A value that needs nothing more before it is handed over."""

    async def later() -> T:
        return value

    return later


async def hand_over(asked: Sequence[Coroutine[Any, Any, Later[T]]]) -> list[T]:
    """Ask all of these at once; once all are decided, do what each has left, all together.

    Allows are used then: one that had to wait for another decision may be void by that time.
    """
    decided = await asker.together(asked)
    return await asker.together([later() for later in decided])

"""The four ways to ask, as plain functions for scripts without a loop. Each opens the desk, asks and waits."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, TypeVar, Unpack, overload

import pydantic

from sayso import errors, model
from sayso.asking import constructors as asking
from sayso.asking import opening

T = TypeVar("T")
M = TypeVar("M", bound=pydantic.BaseModel)


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of *work*, run on a loop of its own. A loop that this is called in stands still meanwhile."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with concurrent.futures.ThreadPoolExecutor(1) as apart:
        return apart.submit(lambda: asyncio.run(work())).result()


def ask(request: model.Request) -> model.Decision:
    """Ask any request and wait for its decision. Raises as `Desk.ask`.

    An allow is used by this, since what was allowed runs next: found again by its `id`, it is `allowed` no more.
    """

    async def asked() -> model.Decision:
        async with opening.open() as desk:
            decision = await desk.ask(request)
            if not decision.allowed:
                return decision
            try:
                await desk.use(decision.id)
            except (errors.AlreadyUsed, errors.NotUsable):
                # another script came first, or its time was over in this moment
                return await desk.wait(decision.id)
            return decision

    return run(asked)


def permission(
    tool: str,
    input: Mapping[str, Any] | None = None,
    *,
    input_schema: Mapping[str, Any] | None = None,
    title: str | None = None,
    grants: Sequence[model.Grant] = (),
    offers: Sequence[model.Offer] = (),
    editable: bool = True,
    confirm: bool = False,
    batch: model.Batch | None = None,
    **common: Unpack[asking.Common],
) -> model.Decision:
    """May this tool run? The decision has `allowed` and `input`. It is good for one run, now."""
    request = asking.Permission(
        tool=tool,
        input=input,
        input_schema=input_schema,
        title=title,
        grants=grants,
        offers=offers,
        editable=editable,
        confirm=confirm,
        batch=batch,
        **common,
    )
    return ask(request)


def question(title: str, **common: Unpack[asking.Common]) -> str | None:
    """The answer in free text; None if nobody answered."""
    return ask(asking.Question(title, **common)).text


Options = Sequence[str | model.Option]


@overload
def choice(
    title: str,
    options: Options,
    *,
    multiple: Literal[False] = False,
    other: bool = False,
    **common: Unpack[asking.Common],
) -> str | None: ...
@overload
def choice(
    title: str, options: Options, *, multiple: Literal[True], other: bool = False, **common: Unpack[asking.Common]
) -> list[str] | None: ...
def choice(
    title: str, options: Options, *, multiple: bool = False, other: bool = False, **common: Unpack[asking.Common]
) -> str | list[str] | None:
    """The chosen label, or all of them if there may be several; None if nobody chose. With *other*, also free text."""
    decision = ask(asking.Choice(title, options, multiple=multiple, other=other, **common))
    if decision.choices is None:
        return None
    return list(decision.choices) if multiple else decision.choice


@overload
def form(title: str, shape: type[M], **common: Unpack[asking.Common]) -> M | None: ...
@overload
def form(
    title: str, shape: Mapping[str, Any] | Sequence[model.Field], **common: Unpack[asking.Common]
) -> model.JsonObject | None: ...
def form(
    title: str,
    shape: type[pydantic.BaseModel] | Mapping[str, Any] | Sequence[model.Field],
    **common: Unpack[asking.Common],
) -> Any:
    """The validated value of the form; None if nobody filled it in."""
    asked: model.Request = asking.Form(title, shape, **common)
    return ask(asked).value

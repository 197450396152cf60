"""A wrapped function runs exactly what a person allowed, or not at all."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import sayso
from sayso import errors, model, stores
from sayso.asking import blocking, gate
from sayso.content import digest
from sayso.desk import Desk
from sayso.desk.token_secret import mint
from sayso.stores import Query, memory
from sayso.testing.samples import MINT, actor
from tests.conftest import BOUND
from tests.tables import each


@pytest.fixture
async def front() -> AsyncIterator[Desk]:
    store = memory.MemoryStore()
    yield Desk(store, MINT)
    await store.close()


async def pending(front: Desk) -> model.Ticket:
    async for _ in front.store.changes():
        if found := await front.store.list(Query(state="pending")):
            return found[0]
    raise AssertionError("the store was closed")


async def call(front: Desk, calling: Awaitable[Any], **answer: Any) -> Any:
    task = asyncio.ensure_future(calling)
    ticket = await pending(front)
    await front.answer(ticket.id, model.Answer(**answer), actor())
    return await asyncio.wait_for(task, BOUND)


def refund(front: Desk, ran: list[Any]) -> Callable[..., Awaitable[str]]:
    @sayso.requires_approval(front, risk="high")
    async def refund(order: str, cents: int = 5, *notes: str) -> str:
        ran.append((order, cents, notes))
        return "done"

    return refund


async def test_an_allowed_call_runs_with_its_arguments(front: Desk) -> None:
    ran: list[Any] = []
    assert await call(front, refund(front, ran)("A1", 7, "x"), verdict="allow") == "done"
    assert ran == [("A1", 7, ("x",))]


async def test_an_edited_call_runs_with_the_edited_arguments(front: Desk) -> None:
    ran: list[Any] = []
    edited = {"order": "A1", "cents": 1, "notes": []}
    await call(front, refund(front, ran)("A1", 7), verdict="allow", input=edited)
    assert ran == [("A1", 1, ())]


async def test_a_denied_call_does_not_run_and_says_why(front: Desk) -> None:
    ran: list[Any] = []
    with pytest.raises(sayso.Denied, match="too much") as denied:
        await call(front, refund(front, ran)("A1"), verdict="deny", reason="too much")
    assert denied.value.decision.outcome == "denied"
    assert ran == []


async def test_an_edit_cannot_change_which_arguments_there_are(front: Desk) -> None:
    ran: list[Any] = []
    with pytest.raises(errors.InvalidAnswer, match="notes"):
        await call(front, refund(front, ran)("A1"), verdict="allow", input={"order": "A1", "cents": 1})
    assert ran == []


async def test_an_edit_that_nobody_could_check_cannot_change_which_arguments_there_are_either(front: Desk) -> None:
    ran: list[Any] = []

    @sayso.requires_approval(front, id="once")
    async def once(order: str, cents: int = 5) -> None:
        ran.append((order, cents))

    with pytest.raises(errors.DigestMismatch):
        await call(front, once("A1"), verdict="allow", input={"order": "A1"})
    assert ran == []


def test_an_input_that_is_not_the_allowed_one_does_not_run() -> None:
    rows: list[dict[str, Any]] = [{"input": {"command": "rm"}}, {"input": None}, {"input_digest": None}]
    for row in each(rows):
        with row as change:
            allowed = model.Decision(
                outcome="allowed",
                input={"command": "ls"},
                digest="sha256:x",
                input_digest=digest.of_call("Bash", {"command": "ls"}),
                decided_at=datetime(2026, 1, 1, tzinfo=UTC),
                model_text="",
            )
            assert gate.approved_input("Bash", allowed) == {"command": "ls"}
            with pytest.raises(errors.DigestMismatch):
                gate.approved_input("bash", allowed)
            with pytest.raises(errors.DigestMismatch):
                gate.approved_input("Bash", allowed.model_copy(update=change))


def test_a_script_without_a_loop_asks_and_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_DATABASE_URL", f"sqlite:///{tmp_path}/desk.db")

    @sayso.requires_approval()
    def deploy(target: str) -> str:
        return f"deployed {target}"

    async def answering(answers: list[model.Answer]) -> None:
        store = await stores.connect(f"sqlite:///{tmp_path}/desk.db")
        front = Desk(store, await mint(store))
        for answer in answers:
            ticket = await pending(front)
            await front.answer(ticket.id, answer, actor())
        await store.close()

    async def both() -> list[Any]:
        answers = [
            model.Answer(verdict="allow"),
            model.Answer(verdict="allow"),
            model.Answer(text="Acme"),
            model.Answer(choice="SQLite"),
            model.Answer(values={"n": 1}),
        ]
        answerer = asyncio.create_task(answering(answers))
        said = [
            await asyncio.to_thread(deploy, "staging"),
            (await asyncio.to_thread(blocking.permission, "Bash", {"command": "ls"})).allowed,
            await asyncio.to_thread(blocking.question, "Which customer?"),
            await asyncio.to_thread(blocking.choice, "Which database?", ["PostgreSQL", "SQLite"]),
            await asyncio.to_thread(blocking.form, "Fill", {"properties": {"n": {"type": "integer"}}}),
        ]
        await answerer
        return said

    assert asyncio.run(asyncio.wait_for(both(), 20)) == ["deployed staging", True, "Acme", "SQLite", {"n": 1}]


def test_of_two_scripts_that_find_one_yes_at_the_same_moment_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"
    monkeypatch.setenv("SAYSO_DATABASE_URL", url)

    async def allow() -> None:
        store = await stores.connect(url)
        front = Desk(store, await mint(store))
        await front.open(sayso.Permission(tool="Bash", input={"command": "ls"}, id="r1"))
        await front.answer("r1", model.Answer(verdict="allow"), actor())
        await store.close()

    use = Desk.use

    async def second(self: Desk, id: str) -> model.Ticket:
        await use(self, id)  # the other script is a moment earlier
        return await use(self, id)

    asyncio.run(allow())
    monkeypatch.setattr(Desk, "use", second)
    assert not blocking.permission("Bash", {"command": "ls"}, id="r1").allowed


async def test_a_function_without_types_takes_any_edit(front: Desk) -> None:
    @sayso.requires_approval(desk=front)
    async def deploy(target):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        return target

    running = asyncio.ensure_future(deploy("staging"))  # type: ignore[no-untyped-call]
    ticket = await pending(front)
    await front.answer(ticket.id, model.Answer(verdict="allow", input={"target": ["a", 1]}), actor())
    assert await asyncio.wait_for(running, 5) == ["a", 1]


def test_a_script_that_finds_an_old_yes_by_its_id_does_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"
    monkeypatch.setenv("SAYSO_DATABASE_URL", url)

    async def allow() -> None:
        store = await stores.connect(url)
        front = Desk(store, await mint(store))
        await front.open(sayso.Permission(tool="Bash", input={"command": "ls"}, id="r1"))
        await front.answer("r1", model.Answer(verdict="allow"), actor())
        await store.close()

    asyncio.run(allow())
    first, again = [blocking.permission("Bash", {"command": "ls"}, id="r1") for _ in range(2)]
    assert (first.allowed, again.allowed, again.outcome) == (True, False, "allowed")
    assert "Do not run it again" in again.model_text


async def test_a_sync_function_may_be_gated_inside_a_running_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"
    monkeypatch.setenv("SAYSO_DATABASE_URL", url)

    @sayso.requires_approval()
    def deploy(target: str) -> str:
        return f"deployed {target}"

    async def answering() -> None:
        store = await stores.connect(url)
        front = Desk(store, await mint(store))
        await front.answer((await pending(front)).id, model.Answer(verdict="allow"), actor())
        await store.close()

    # the loop of this test stands still in the call, so somebody answers from another one
    answerer = asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(answering()))
    assert deploy("prod") == "deployed prod"
    await answerer


class Clerk:
    """Somebody with methods that need to be allowed."""

    def __init__(self, front: Desk) -> None:
        self.ran: list[Any] = []
        self.gated = sayso.requires_approval(front)(self.plain)

    async def plain(self, order: str) -> str:
        self.ran.append(order)
        return f"{order} of {type(self).__name__}"


def methods(front: Desk, ran: list[Any]) -> Any:
    gated = sayso.requires_approval(front)

    class Office:
        name = "office"

        @gated
        async def refund(self, order: str, *, cents: int = 5) -> str:
            ran.append((self.name, order, cents))
            return "done"

        @classmethod
        @gated
        async def inner(cls, order: str) -> str:
            ran.append((cls.__name__, order))
            return "done"

        @gated
        @classmethod
        async def outer(cls, order: str) -> str:
            ran.append((cls.__name__, order))
            return "done"

        @staticmethod
        @gated
        async def free(order: str) -> str:
            ran.append(order)
            return "done"

        @gated
        @staticmethod
        async def freer(order: str) -> str:
            ran.append(order)
            return "done"

    return Office


async def test_a_method_is_asked_about_without_its_object(front: Desk) -> None:
    ran: list[Any] = []
    office = methods(front, ran)()
    edited = {"order": "A2", "cents": 1}
    assert await call(front, office.refund("A1"), verdict="allow", input=edited) == "done"
    assert await call(front, type(office).refund(office, order="A3"), verdict="allow") == "done"
    shown = [ticket.request.input for ticket in await front.store.list(Query())]
    assert shown[::-1] == [{"order": "A1", "cents": 5}, {"order": "A3", "cents": 5}]
    assert ran == [("office", "A2", 1), ("office", "A3", 5)]


@pytest.mark.parametrize("name", ["inner", "outer", "free", "freer"])
async def test_methods_of_a_class_are_asked_about_without_it(front: Desk, name: str) -> None:
    ran: list[Any] = []
    await call(front, getattr(methods(front, ran), name)("A1"), verdict="allow")
    [ticket] = await front.store.list(Query())
    assert ticket.request.input == {"order": "A1"}
    assert ran == [("Office", "A1")] if name in ("inner", "outer") else ["A1"]


async def test_a_bound_method_may_be_wrapped(front: Desk) -> None:
    clerk = Clerk(front)
    assert await call(front, clerk.gated("A1"), verdict="allow") == "A1 of Clerk"
    assert clerk.ran == ["A1"]


def test_a_gate_without_its_parentheses_is_refused_where_it_stands() -> None:
    gate: Any = sayso.requires_approval
    for given in (lambda env: env, "deploy", 900):
        with pytest.raises(sayso.InvalidRequest, match="no desk to ask at") as refused:
            gate(given)
        assert "@requires_approval()" in (refused.value.hint or "")


def test_an_async_generator_is_refused_when_it_is_wrapped() -> None:
    async def pages(query: str) -> AsyncIterator[str]:
        yield query

    with pytest.raises(sayso.InvalidRequest, match="async generator"):
        sayso.requires_approval()(pages)


async def test_what_has_no_name_is_asked_about_by_its_kind(front: Desk) -> None:
    ran: list[Any] = []

    async def refund(order: str, cents: int) -> str:
        ran.append((order, cents))
        return "done"

    gated = sayso.requires_approval(front)(functools.partial(refund, cents=7))
    await call(front, gated("A1"), verdict="allow")
    assert ran == [("A1", 7)]


@pytest.mark.parametrize(
    ("edited", "argument"),
    [
        ({"order": "A1", "cents": "many"}, "cents"),
        ({"order": 1, "cents": 5}, "order"),
        ({"order": "A1", "cents": 5, "note": "x"}, "note"),
        ({"cents": 5}, "order"),
    ],
)
async def test_an_edit_that_the_function_does_not_take_is_refused_at_the_press(
    front: Desk, edited: dict[str, Any], argument: str
) -> None:
    ran: list[Any] = []

    class Till:
        @sayso.requires_approval(front)
        async def refund(self, order: str, cents: int = 5) -> str:
            ran.append((order, cents))
            return "done"

    task = asyncio.ensure_future(Till().refund("A1"))
    ticket = await pending(front)
    with pytest.raises(sayso.InvalidAnswer) as refused:
        await front.answer(ticket.id, model.Answer(verdict="allow", input=edited), actor())
    assert list(refused.value.complaints) == [argument]
    await front.answer(ticket.id, model.Answer(verdict="allow", input={"order": "A2", "cents": 7}), actor())
    assert await asyncio.wait_for(task, BOUND) == "done"
    assert ran == [("A2", 7)]


async def test_an_argument_that_no_schema_can_describe_takes_any_edit(front: Desk) -> None:
    ran: list[Any] = []

    @sayso.requires_approval(front)
    async def refund(order: Callable[[], str], cents: int) -> None:
        ran.append((order, cents))

    odd: Any = "A1"
    await call(front, refund(odd, 5), verdict="allow", input={"order": 7, "cents": 6})
    assert ran == [(7, 6)]


@pytest.mark.parametrize(
    ("argument", "wrong"), [("cents", "7"), ("orders", ["A1", 7]), ("more", {"note": 7}), ("unknown", "x")]
)
async def test_arguments_of_any_number_do_not_keep_an_edit_from_being_checked(
    front: Desk, argument: str, wrong: Any
) -> None:
    ran: list[Any] = []

    @sayso.requires_approval(front)
    async def refund(untyped: Any, cents: int = None, *orders: str, **more: str) -> None:  # type: ignore[assignment] # noqa: RUF013
        ran.append((untyped, cents, orders, more))

    task = asyncio.create_task(refund(None, 5, "A1", note="x"))
    ticket = await pending(front)
    shown = {"untyped": None, "cents": 5, "orders": ["A1"], "more": {"note": "x"}}
    assert ticket.request.input == shown
    with pytest.raises(sayso.InvalidAnswer) as refused:
        await front.answer(ticket.id, model.Answer(verdict="allow", input={**shown, argument: wrong}), actor())
    assert argument in str(refused.value)
    edited = {"untyped": 1, "cents": 7, "orders": ["A1", "A2"], "more": {"why": "y"}}
    await front.answer(ticket.id, model.Answer(verdict="allow", input=edited), actor())
    await asyncio.wait_for(task, BOUND)
    assert ran == [(1, 7, ("A1", "A2"), {"why": "y"})]


@pytest.mark.parametrize(
    ("key", "hint"),
    [({"polcy": "x"}, "did you mean 'policy'?"), ({"expires_in": "15m"}, "a number of seconds, such as 900")],
)
def test_a_key_that_is_wrong_is_told_by_the_wrapping_and_not_by_the_first_call(key: dict[str, Any], hint: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        sayso.requires_approval(**key)(print)
    assert (refused.value.field, refused.value.hint) == (next(iter(key)), hint)

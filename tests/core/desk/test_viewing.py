"""Since when somebody has a request open: the first one who may answer, once, and never at the cost of an answer."""

import pytest

import sayso
from sayso import errors, model
from sayso.cards import dialog, tokens
from sayso.desk.answering import viewing
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock

ANN, BOB = (people.Actor(f"web:{name}", name, member=True, person=name) for name in ("ann", "bob"))
GUEST = people.Actor("web:guest", "guest", member=False)


ROOM = dialog.WindowLimits(content=2000, inputs=5, typed=3000)


class Counting(memory.MemoryStore):
    """Counts what is written."""

    written = 0

    async def commit(self, *parts: object, **more: object) -> None:
        self.written += 1
        await super().commit(*parts, **more)  # type: ignore[arg-type]


@pytest.fixture
def desk() -> sayso.Desk:
    policies = {"default": sayso.Policy(approvers=("ann",))}
    directory = people.Directory({"ann": people.Profile(), "bob": people.Profile()})
    setup = sayso.Setup(policies=policies, directory=directory)
    return sayso.Desk(Counting(), tokens.TokenMaker(b"x" * 32), setup, ManualClock())


async def seen(desk: sayso.Desk, id: str, actor: people.Actor) -> model.Ticket:
    await viewing.begun(desk, await desk.get(id), actor)
    return await desk.get(id)


async def test_the_first_view_of_somebody_who_may_answer_is_noted_once(desk: sayso.Desk) -> None:
    id = (await desk.open(sayso.Permission(tool="deploy"))).id
    assert isinstance(desk.store, Counting)
    assert isinstance(desk.clock, ManualClock)
    for nobody in (BOB, GUEST):
        assert (await seen(desk, id, nobody)).viewed_at is None
    desk.clock.advance(30)
    first = await seen(desk, id, ANN)
    assert first.viewed_at == desk.clock.now()
    written = desk.store.written
    desk.clock.advance(30)
    # each look after that is a read at most
    for _ in range(5):
        assert await seen(desk, id, ANN) == first
    assert desk.store.written == written
    assert [row.entry.type for row in await desk.store.log(id)] == ["opened", "viewed"]


async def test_a_view_redraws_no_card_and_a_closed_request_is_not_viewed(desk: sayso.Desk) -> None:
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    await seen(desk, ticket.id, ANN)
    assert await desk.store.next_job(["chat"]) is None
    other = await desk.open(sayso.Permission(tool="deploy"))
    await desk.cancel(other.id)
    assert (await seen(desk, other.id, ANN)).viewed_at is None


async def test_a_window_on_a_card_is_a_view_of_whoever_opens_it(desk: sayso.Desk) -> None:
    ticket = await desk.open(sayso.Permission(tool="deploy"))
    token = desk.mint.token(ticket, "reason")
    with pytest.raises(errors.NotAllowed):
        await desk.press(token, BOB, ROOM, None)
    assert (await desk.get(ticket.id)).viewed_at is None
    await desk.press(token, ANN, ROOM, None)
    assert (await desk.get(ticket.id)).viewed_at == ticket.created_at


async def test_a_view_that_cannot_be_written_hides_nothing(desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = await desk.open(sayso.Permission(tool="deploy"))

    async def away(*_: object, **__: object) -> None:
        raise errors.StoreUnavailable("away")

    monkeypatch.setattr(desk.store, "commit", away)
    await viewing.begun(desk, ticket, ANN)
    assert (await desk.get(ticket.id)).viewed_at is None

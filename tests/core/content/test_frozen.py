"""What runs is what was shown: nobody's object is kept, and content that does not give its digest decides nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pydantic
import pytest

import sayso
from sayso import asking, errors, model
from sayso.asking import gate
from sayso.cards import card, dialog, draw
from sayso.content import requests
from sayso.desk import Desk, asker
from sayso.stores import Query, Store, memory, sqlite
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, opened

ANN = actor("ann")
ALLOW = model.Answer(verdict="allow")
ROOM = dialog.WindowLimits(content=5000, inputs=3, typed=3000)


@pytest.fixture(params=["memory", "sqlite"])
async def front(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    path = str(tmp_path / "sayso.db")
    store: Store = memory.MemoryStore() if request.param == "memory" else await sqlite.SqliteStore.open(path)
    yield Desk(store, MINT, None, ManualClock())
    await store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sayso.db"


@pytest.fixture
async def filed(file: Path) -> AsyncIterator[Desk]:
    store = await sqlite.SqliteStore.open(str(file))
    yield Desk(store, MINT, None, ManualClock())
    await store.close()


def rewrite(file: Path, old: str, new: str) -> None:
    """Change what is stored, as somebody who can write to the file might."""
    db = apsw.Connection(str(file))
    document = str(db.execute("select document from tickets").fetchall()[0][0])
    assert old in document
    db.execute("update tickets set document = ?", (document.replace(old, new),))
    db.close()


async def test_what_the_caller_changes_afterwards_changes_nothing(front: Desk) -> None:
    args, folder = ["ls"], {"path": "/tmp"}
    request = sayso.Permission(id="r1", tool="Bash", input={"args": args}, metadata={"where": folder})
    handle = await front.ask(request, wait=False)
    args[0], folder["path"] = "rm -rf /", "/"
    assert request.input is not None
    request.input["args"].append("--force")
    shown = "".join(line for part in draw.card_of(await front.get("r1"), MINT).parts for line in card.pieces(part))
    assert "ls" in shown
    assert "rm" not in shown
    await front.answer("r1", ALLOW, ANN)
    assert (handle.ticket.request.input, handle.ticket.request.metadata) == (
        {"args": ["ls"]},
        {"where": {"path": "/tmp"}},
    )
    assert await gate.use_allowed(front, "Bash", await handle) == {"args": ["ls"]}


async def test_what_somebody_was_given_to_read_is_theirs_alone(front: Desk) -> None:
    await front.open(sayso.Permission(id="r1", tool="Bash", input={"args": ["ls"]}))
    for read in (await front.get("r1"), (await front.store.list(Query()))[0]):
        assert read.request.input is not None
        read.request.input["args"][0] = "rm"
    answer = model.Answer(verdict="allow", input={"args": ["ls", "-l"]})
    given = await front.answer("r1", answer, ANN)
    for held in (answer.input, given.decision.input if given.decision else None):
        assert held is not None
        held["args"].append("/")
    assert (await front.wait("r1")).input == {"args": ["ls", "-l"]}
    log = await front.store.log("r1")
    assert log[1].entry.model_dump()["answer"]["input"] == {"args": ["ls", "-l"]}


def test_a_handle_keeps_nothing_of_the_request_but_its_model() -> None:
    class Refund(pydantic.BaseModel):
        amount: int

    request = asking.Form("Refund", Refund)
    desk_: Any = None
    handle = asker.Handle(desk_, request, opened(requests.plain(request)))
    assert not any(kept is request for kept in vars(handle).values())


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({"a": 2**70, "b": 1.5, "c": -0.0}, {"a": 2**70, "b": 1.5, "c": -0.0}),
        ({"a": "\x00 \u202e"}, {"a": "\x00 \u202e"}),
        ({}, {}),
    ],
)
async def test_what_is_asked_comes_back_and_gives_its_digest(
    front: Desk, given: dict[str, Any], stored: dict[str, Any]
) -> None:
    await front.open(sayso.Permission(id="r1", tool="Bash", input=given))
    assert (await front.open(sayso.Permission(id="r1", tool="Bash", input=given))).request.input == stored
    await front.answer("r1", ALLOW, ANN)
    assert await gate.use_allowed(front, "Bash", await front.wait("r1")) == stored


@pytest.mark.parametrize("default", [b"\xff", object(), "\ud800"])
async def test_what_cannot_be_stored_is_refused_when_it_is_asked(front: Desk, default: Any) -> None:
    field = model.Field.model_construct(name="n", label="N", default=default)
    with pytest.raises(errors.InvalidRequest):
        await front.open(sayso.Form("Fill", [field]))
    assert await front.store.list(Query()) == []


async def test_a_request_whose_content_was_changed_can_be_neither_answered_nor_used(filed: Desk, file: Path) -> None:
    ticket = await filed.open(sayso.Permission(id="r1", tool="Bash", input={"command": "make deploy"}))
    rewrite(file, "make deploy", "make the tea")
    with pytest.raises(errors.Altered, match="not what was asked") as refused:
        await filed.answer("r1", ALLOW, ANN)
    assert refused.value.status == 409
    with pytest.raises(errors.Altered):
        await filed.answer("r1", ALLOW, ANN, grace=timedelta(seconds=5))
    with pytest.raises(errors.Altered):
        await filed.press(MINT.token(ticket, "allow"), ANN, ROOM, None)
    cancelled = await filed.cancel("r1")
    assert cancelled.decision is not None
    assert cancelled.decision.outcome == "cancelled"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"command":"make deploy"', '"command":"make the tea"'),
        ('"tool":"Bash"', '"tool":"Write"'),
        ('"owner":"local"', '"owner":"boss"'),
        ('"policy":{}', '"policy":{"quorum":2}'),
    ],
)
async def test_an_allow_whose_content_was_changed_is_not_used(filed: Desk, file: Path, old: str, new: str) -> None:
    await filed.open(sayso.Permission(id="r1", tool="Bash", input={"command": "make deploy"}))
    await filed.answer("r1", ALLOW, ANN)
    rewrite(file, old, new)
    with pytest.raises(errors.Altered):
        await filed.use("r1")


async def test_an_allowed_input_that_was_changed_is_not_used(filed: Desk, file: Path) -> None:
    await filed.open(sayso.Permission(id="r1", tool="Bash", input={"command": "ls"}))
    await filed.answer("r1", model.Answer(verdict="allow", input={"command": "ls -l"}), ANN)
    rewrite(
        file,
        '"outcome":"allowed","input":{"command":"ls -l"}',
        '"outcome":"allowed","input":{"command":"rm"}',
    )
    with pytest.raises(errors.Altered):
        await filed.use("r1")


async def test_words_that_were_taken_for_other_content_are_not_delivered(filed: Desk, file: Path) -> None:
    await filed.open(sayso.Question("Which customer?", id="r1"))
    await filed.answer("r1", model.Answer(text="Acme"), ANN, grace=timedelta(seconds=5))
    rewrite(file, "Which customer?", "Which database shall be deleted?")
    assert isinstance(filed.clock, ManualClock)
    filed.clock.advance(5)
    decision = await filed.wait("r1")
    assert (decision.outcome, decision.text) == ("cancelled", None)
    assert "not what was asked" in decision.model_text


async def test_what_was_changed_beyond_json_is_refused_all_the_same(filed: Desk, file: Path) -> None:
    await filed.open(sayso.Permission(id="r1", tool="Bash", input={"n": 1.5}))
    rewrite(file, '"n":1.5', '"n":NaN')
    with pytest.raises(errors.Altered):
        await filed.answer("r1", ALLOW, ANN)


async def test_a_large_request_is_weighed_beside_the_loop(front: Desk) -> None:
    await front.open(sayso.Permission(id="r1", tool="Bash", input={"a": [n + 0.5 for n in range(20_000)]}))
    for act in (front.answer("r1", ALLOW, ANN), front.use("r1")):
        working, turns = asyncio.ensure_future(act), 0
        while not working.done() and turns <= 50:
            await asyncio.sleep(0)
            turns += 1
        await working
        # on the loop it would take a handful
        assert turns > 50

"""What waits for one person: only what they may answer, what expires first on top, read within bounds."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from sayso import asking, errors, model
from sayso.cards import card, phrases, tokens
from sayso.chat import listing
from sayso.desk import Desk, Setup
from sayso.machine import people
from sayso.stores import Query, memory
from sayso.testing.clock import ManualClock
from tests.tables import each

ANN = people.Actor("web:ann", "Ann", person="ann")
BOB = people.Actor("web:bob", "Bob", person="bob")
POLICIES = {
    "default": model.Policy(approvers=("ann",)),
    "bobs": model.Policy(approvers=("bob",)),
    "both": model.Policy(approvers=("ann", "bob"), quorum=2),
}


class Counting(memory.MemoryStore):
    """Counts the requests that are read."""

    loaded = 0

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        found = await super().list(query)
        self.loaded += len(found)
        return found

    async def count(self, query: Query) -> int:
        before = self.loaded
        found = await super().count(query)
        self.loaded = before
        return found


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def desk(store: Counting, clock: ManualClock) -> Desk:
    directory = people.Directory({"ann": people.Profile(), "bob": people.Profile()})
    return Desk(store, tokens.TokenMaker(b"for tests only"), Setup(POLICIES, directory, ("web",), ("web",)), clock)


async def ask(desk: Desk, tool: str, policy: str | None = None, **more: object) -> model.Ticket:
    asked = model.Request(kind="permission", tool=tool, input={"command": "make"}, policy=policy)
    return await desk.open(asked.model_copy(update=more))


def words(rows: tuple[listing.Row, ...]) -> list[str]:
    return ["".join(map(card.words_of, row.headline)) for row in rows]


async def test_only_what_this_person_may_answer_is_listed_and_what_expires_first_is_on_top(desk: Desk) -> None:
    await ask(desk, "later", expires_in=900.0)
    await ask(desk, "bobs", "bobs")
    await ask(desk, "sooner", expires_in=60.0)
    found = await listing.list_for(desk, ANN)
    first, second = words(found.rows)
    assert "sooner" in first
    assert "later" in second
    assert found.title == "2 requests wait for you"
    assert (found.turns, found.unread) == ((), 0)


async def test_what_was_answered_is_listed_apart_and_newest_first(desk: Desk, clock: ManualClock) -> None:
    asked = await ask(desk, "shell")
    await desk.answer(asked.id, model.Answer(verdict="deny"), ANN)
    clock.advance(120)
    found = await listing.list_for(desk, ANN)
    assert found.title == "Nothing waits for you"
    assert [row.about for row in found.answered] == ["Denied · 2 min ago"]
    assert (await listing.list_for(desk, BOB)).answered == ()


async def test_a_vote_for_a_quorum_waits_for_others(desk: Desk) -> None:
    asked = await ask(desk, "shell", "both")
    await desk.answer(asked.id, model.Answer(verdict="allow"), ANN)
    assert (await listing.list_for(desk, ANN)).rows == ()
    assert len((await listing.list_for(desk, BOB)).rows) == 1


async def test_what_has_expired_is_not_listed_even_before_anybody_noticed(desk: Desk, clock: ManualClock) -> None:
    await ask(desk, "shell", expires_in=60.0)
    clock.advance(61)
    assert (await listing.list_for(desk, ANN)).rows == ()


async def test_a_page_reads_hardly_more_than_it_shows(desk: Desk, store: Counting) -> None:
    for number in range(120):
        await ask(desk, f"tool{number}")
    store.loaded = 0
    found = await listing.list_for(desk, ANN)
    assert (len(found.rows), len(found.turns), found.unread) == (listing.PAGE, 1, 0)
    assert store.loaded <= 2 * listing.PAGE


async def test_what_only_others_may_answer_is_not_read_for_it(desk: Desk, store: Counting) -> None:
    for number in range(230):
        await ask(desk, f"tool{number}", "bobs", expires_in=600.0)
    await ask(desk, "mine", expires_in=900.0)
    store.loaded = 0
    found = await listing.list_for(desk, ANN)
    assert store.loaded == 1
    assert (len(found.rows), found.unread) == (1, 0)


async def test_a_list_is_never_a_walk_and_says_what_it_did_not_look_at(desk: Desk, store: Counting) -> None:
    for number in range(230):
        voted = await ask(desk, f"tool{number}", "both", expires_in=600.0)
        await desk.answer(voted.id, model.Answer(verdict="allow"), ANN)
    await ask(desk, "mine", "both", expires_in=900.0)
    store.loaded = 0
    found = await listing.list_for(desk, ANN)
    assert store.loaded <= 200
    assert (found.rows, found.unread) == ((), 31)
    assert "31 more open requests were not looked at" in (found.rest or "")


async def test_pages_follow_one_another_without_gap_or_repetition(desk: Desk) -> None:
    for number in range(25):
        await ask(desk, f"tool{number:02}", expires_in=600.0 + number)
    seen = [name for page in range(3) for name in words((await listing.list_for(desk, ANN, page)).rows)]
    assert [name.split("tool")[1][:2] for name in seen] == [f"{number:02}" for number in range(25)]
    assert (await listing.list_for(desk, ANN, 1)).title == "Waiting for you: 11 to 20, what expires first on top"
    assert (await listing.list_for(desk, ANN, 3)).title == "Nothing more waits for you"


async def test_a_row_opens_its_request_to_those_who_may_answer_and_to_nobody_else(desk: Desk) -> None:
    await ask(desk, "shell")
    (row,) = (await listing.list_for(desk, ANN)).rows
    assert (await listing.open_for(desk, row.ref, ANN)).request.tool == "shell"
    with pytest.raises(errors.NotAllowed):
        await listing.open_for(desk, row.ref, BOB)
    with pytest.raises(errors.NotFound):
        await listing.open_for(desk, "nothing", ANN)


def test_a_length_of_time_is_said_as_people_say_it() -> None:
    for row in each(
        [
            (-5, "less than a minute"),
            (59, "less than a minute"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (90_000, "1 day"),
            (200_000, "2 days"),
        ]
    ):
        with row as (seconds, said):
            assert phrases.duration(timedelta(seconds=seconds)) == said


async def test_an_answer_that_can_still_be_taken_back_waits_for_nobody(desk: Desk) -> None:
    asked = await desk.open(asking.Question("Which customer?", policy="both"))
    await desk.answer(asked.id, model.Answer(text="Acme"), ANN, grace=timedelta(seconds=10))
    assert (await listing.list_for(desk, BOB)).rows == ()


async def test_a_call_without_arguments_is_listed_by_its_headline_alone(desk: Desk) -> None:
    await ask(desk, "reboot", input={})
    (said,) = words((await listing.list_for(desk, ANN)).rows)
    assert "reboot" in said
    assert " · " not in said


async def test_a_call_with_many_arguments_is_listed_by_them_and_not_by_a_bracket(desk: Desk) -> None:
    await ask(
        desk, "deploy", input={"where": "prod", "count": 3, "deep": {"a": [1]}, **{f"k{n}": "x" for n in range(30)}}
    )
    (said,) = words((await listing.list_for(desk, ANN)).rows)
    assert ' · { "where": "prod", "count": 3, "deep":' in said

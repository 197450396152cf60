"""Names are listed in one way, wherever people and models read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sayso import errors, model
from sayso.cards import board, card, history, telling
from sayso.content import wording
from sayso.machine import who
from sayso.testing.samples import after, opened, permission, said
from tests.tables import each


def test_names_stand_in_a_row() -> None:
    for row in each([("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcd", "a, b, c and d")]):
        with row as (names, listed):
            assert wording.in_a_row([*names]) == listed
            assert wording.in_a_row([*names], "or") == listed.replace("and", "or")
            assert who.in_words([*names]) == (listed.replace("and", "or") or "nobody")


def test_three_who_allowed_it_are_listed_the_same_for_people_and_for_the_model() -> None:
    needs = tuple(model.Need(who=(name,)) for name in ("ann", "bob", "cid"))
    asked = opened(permission(tool="deploy"), needs=needs)
    assert board.still_needed(asked) == "1 of ann, 1 of bob and 1 of cid"
    ticket = after(asked, *(said(one, verdict="allow") for one in ("ann", "bob", "cid")))
    assert ticket.decision is not None
    assert "allowed by ann, bob and cid" in wording.for_model(ticket, ticket.decision)
    assert wording.names(ticket.decision) == "Ann, Bob and Cid"
    spans = history.outcome_spans(ticket, ticket.decision)
    assert "".join(map(card.words_of, spans)).startswith("Allowed by Ann, Bob and Cid")
    late = telling.refusal(errors.AlreadyDecided(ticket), "chat:T/zoe")
    assert "allowed by ann, bob and cid" in "".join(card.pieces(late))


ROOT = Path(__file__).resolve().parents[3]
# "{count} rows" would say "1 rows" of one.
SEVERAL = (
    "accounts|agents|answers|attempts|bytes|calls|cards|cases|changes|characters|copies|days|entries|errors|fields|files"
    "|findings|grants|groups|hours|images|items|keys|lines|members|messages|minutes|names|options|pages|parts|people"
    "|pieces|places|policies|questions|receipts|records|requests|rows|rules|seals|seconds|sessions|stages|steps|stops"
    "|suggestions|texts|times|traces|tries|versions|windows"
)
PLURAL = re.compile(r"\{([^{}]+?)(?:![rs])?(?::[,g.0-9f]+)?\}{1,2} (?:(?:more|other|open) )?(?:" + SEVERAL + r")\b")
# Never one: a verb and no noun, or only said of several.
NEVER_ONE = {
    ("answer.py", "flag"),
    ("asked.py", "steps"),
    ("admitting.py", "ticket.request.supersedes"),
    ("agreement.py", "policy.veto"),
    ("attention.py", "wording.in_a_row(need.who)"),
    ("batch_facts.py", "len(tickets)"),
    ("checks.py", "service"),
    ("clock.py", "seconds"),
    ("connections.py", "self._connections.limits.body"),
    ("calls.py", "self._url"),
    ("counting.py", "policy.most_needed"),
    ("findings.py", "url"),
    ("measure.py", "len(part['options'])"),
    ("on_call.py", "key"),
    ("outbound.py", "setting"),
    ("overviews.py", "days"),
    ("overviews.py", "one"),
    ("mix.py", "said"),
    ("oracle.py", "deciding"),
    ("pusher.py", "count"),
    ("recalled.py", "count"),
    ("registration_rate.py", "WINDOW.seconds"),
    ("relay.py", "self._timeout"),
    ("setup.py", "policy"),
    ("shell.py", "id"),
    ("suggested.py", "count"),
    ("wholes.py", "size"),
}


def test_one_of_them_is_said_to_be_one() -> None:
    for row in each(
        [
            *[(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_000, "1,000 rows"), (1.0, "1 row"), (0.5, "0.5 rows")],
            (1_123_200.0, "1,123,200 rows"),
        ]
    ):
        with row as (count, said):
            assert wording.counted(count, "row") == said
            assert wording.counted(count, "row is", "rows are").endswith("row is" if count == 1 else "rows are")


@pytest.mark.once
def test_nothing_says_1_rows() -> None:
    found = {
        (path.name, said)
        for root in ("core", "adapters", "bots")
        for kind in ("py", "html")
        for path in (ROOT / root).rglob(f"*.{kind}")
        for said in PLURAL.findall(path.read_text(encoding="utf-8"))
    }
    limits = {(file, said) for file, said in found if said.rpartition(".")[2].strip("_").isupper()}
    assert found - limits == NEVER_ONE


def test_one_of_several_has_done_it_and_more_have() -> None:
    for row in each([(0, "have"), (1, "has"), (2, "have")]):
        with row as (count, have):
            assert wording.so_far(count, "3 people", "allowed this") == f"{count} of 3 people {have} allowed this"


@pytest.mark.once
def test_nothing_says_1_have_or_all_1() -> None:
    said = re.compile(r"\{[^{}]*\} of [^\"]*\bhave\b|(?:Allow|Deny|Review)[^\"]* all \{")
    found = {
        (path.name, one)
        for root in ("core", "adapters", "bots")
        for path in (ROOT / root).rglob("*.py")
        if path.name != "wording.py"
        for one in said.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_a_time_to_wait_is_told_in_a_unit_that_people_use_and_never_too_short() -> None:
    told = [wording.within(seconds) for seconds in (0.5, 1, 45.2, 120, 121, 7_200, 7_201, 86_400)]
    assert told == [
        *("1 second", "1 second", "46 seconds", "120 seconds", "3 minutes", "120 minutes", "3 hours", "24 hours"),
    ]

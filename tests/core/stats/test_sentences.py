"""The numbers in sentences: what is not there is not said, and one is not many."""

from __future__ import annotations

from datetime import timedelta

from sayso.stats import figures, sentences
from sayso.testing.samples import NOW

HALF = figures.Spread(count=2, p50=30.0, p95=600.0)
FOUND = figures.Figures(
    since=NOW - timedelta(days=7),
    until=NOW,
    requests=1_200,
    whole=False,
    outcomes={"denied": 200, "allowed": 1_000},
    to_answer=HALF,
    to_decision=HALF,
    to_decision_open=HALF,
    prompts_per_day=12.5,
    by_nobody=40,
    tools=(),
    agents=(),
    rules=(),
    policies=(),
    places=(),
    reviewers=(
        figures.Reviewer(person="ann", answers=10, allowed=8, quick=2, per_day=5.0, longest_run=4),
        figures.Reviewer(person="bob", answers=1, allowed=0, quick=0, per_day=1.0, longest_run=0),
    ),
    hours=tuple((0,) * 24 for _ in range(7)),
    watched=(figures.Named(name="npm", requests=3, outcomes={"allowed": 3}, to_decision=HALF),),
    would_have={"npm": 3, "git": 1},
)


def test_what_the_period_comes_to() -> None:
    assert [*sentences.summary(FOUND)] == [
        "1,200 requests decided (the newest 1,200; there were more): 1,000 allowed, 200 denied",
        "decided by people: half within 30 s, 19 of 20 within 10 m",
        "first seen: half within -, 19 of 20 within -",
        "first answer: half within 30 s, 19 of 20 within 10 m",
        "decided by a rule, without anybody: 40",
        "answers of one person on one day: 12.5",
        "decided by people, in open hours: half within 30 s, 19 of 20 within 10 m",
        "allowed within 2 s: 2 of 8 (25%)",
    ]
    nothing = FOUND.model_copy(update={"requests": 1, "whole": True, "outcomes": {}, "reviewers": ()})
    assert next(sentences.summary(nothing)) == "1 request decided: none"
    assert sentences.busiest(FOUND) == ""


def test_how_people_answer_and_what_observing_rules_would_have() -> None:
    assert [sentences.habit(one) for one in FOUND.reviewers] == [
        "10 answers, 5.0 a day, 8 allowed, 2 within 2 s (25%), 4 in a row",
        "1 answer, 1.0 a day, 0 allowed, 0 in a row",
    ]
    assert [*sentences.watched(FOUND)] == [
        ("npm", "would have counted 3 times (3 allowed)"),
        ("git", "would have counted 1 time"),
    ]

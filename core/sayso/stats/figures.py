"""The numbers of a period, as every surface shows them: the command, HTTP and the page of the inbox."""

from __future__ import annotations

from datetime import datetime

from sayso import model


class Spread(model.Frozen):
    """How long something took, in seconds."""

    count: int = 0
    p50: float | None = None
    """Half of them took no longer; None if there are none."""
    p95: float | None = None


class Named(model.Frozen):
    """What became of the requests that share a name: a tool, an agent, a rule, a policy or a place."""

    name: str
    requests: int
    outcomes: dict[str, int]
    """By outcome; those that did not occur are left out."""
    to_decision: Spread


class Reviewer(model.Frozen):
    """How one person answered."""

    person: str
    answers: int
    allowed: int
    quick: int
    """Allows given less than `answers.QUICK` seconds after the request was made: nobody reads a card that fast."""
    per_day: float
    """Answers on a day on which they answered anything, on average."""
    longest_run: int
    """Allows in a row, without anything else between them."""


class Figures(model.Frozen):
    """The numbers of the requests that were made in a period and are decided."""

    since: datetime
    until: datetime
    requests: int
    whole: bool
    """Whether all requests of the period were read; if not, these are the newest."""
    outcomes: dict[str, int]
    to_view: Spread = Spread()
    """From the request to when somebody had it open, or answered it without that."""
    to_answer: Spread
    """From the request to the first answer of a person."""
    to_decision: Spread
    """From the request to the decision of people."""
    to_decision_open: Spread
    """The same for requests whose policy has a clock, in the time that its calendar is open."""
    prompts_per_day: float
    """Answers of one person on one day, on average over all people and days on which they answered."""
    by_nobody: int
    """How many a rule decided without asking anybody."""
    tools: tuple[Named, ...]
    agents: tuple[Named, ...]
    """By the key that asked."""
    rules: tuple[Named, ...]
    policies: tuple[Named, ...]
    places: tuple[Named, ...]
    """A request that went to several places counts in each."""
    reviewers: tuple[Reviewer, ...]
    hours: tuple[tuple[int, ...], ...]
    """Requests by weekday, Monday first, and hour of the day, in UTC."""
    watched: tuple[Named, ...] = ()
    """What people decided on what each rule that only observes would have decided."""
    would_have: dict[str, int]
    """How often each rule that only observes would have counted, by its id."""


def told(seconds: float | None) -> str:
    """A duration as people say it, by its largest unit; a dash if there is none."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 2 else f"{seconds:.1f} s"

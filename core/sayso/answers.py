"""What people say, and the record of it. Frozen."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import pydantic

from sayso import parts

Verdict = Literal["allow", "deny", "respond", "stop"]
"""`respond`: answer in place of the tool. `stop`: deny, and end the agent's run."""


QUICK: Final = 2.0
"""Seconds: who allows so soon after the question cannot have read it."""


class Answer(parts.Frozen):
    """What one person said. Its JSON form is the body of `POST /v1/requests/{id}/answers`."""

    verdict: Verdict | None = None
    reason: parts.Reason | None = None
    question: parts.Reason | None = None
    """Goes with a deny: what the agent is asked back. The next request of its session shows it, with its answer."""
    input: parts.JsonObject | None = None
    grant: parts.Name | None = None
    standing: parts.Standing | None = None
    """Goes with an allow that covers more than this request, for as long as its policy says."""
    free: Annotated[tuple[parts.Name, ...], pydantic.Field(min_length=1, max_length=10)] | None = None
    """Goes with `standing` *pattern*: which parts of the input may differ, each within the bound that was shown."""
    confirm: parts.Name | None = None
    """Goes with an allow whose policy wants the name of what is touched to be typed."""
    break_glass: Literal[True] | None = None
    """An allow in an emergency, alone and at once, by those whom the policy lets."""
    text: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=parts.MAX_TEXT)] | None = None
    choice: str | None = None
    choices: Annotated[
        tuple[str, ...] | None, pydantic.FailFast(), pydantic.Field(max_length=2 * parts.MAX_OPTIONS)
    ] = None
    values: parts.JsonObject | None = None

    @property
    def is_written(self) -> bool:
        """Whether somebody wrote something, and did not only press a button."""
        said = self.reason, self.question, self.input, self.confirm, self.text, self.choice, self.choices, self.values
        return said.count(None) < len(said)

    def is_quick(self, asked: datetime, at: datetime) -> bool:
        """Whether it is an allow that was given too soon after the question to have read it."""
        return self.verdict == "allow" and (at - asked).total_seconds() < QUICK


class Given(parts.Frozen):
    """An answer, by whom and when; the accounts of that person on `platforms` are known."""

    person: str
    name: str
    via: str
    at: datetime
    answer: Answer
    """In its stored form: the text of a question and the labels of a choice stand in `values`, under `answer`."""
    platforms: tuple[str, ...] = ()
    fits: tuple[str, ...] = ()
    """Whom of those that the policy names this person was at the answer; not kept where all may fill all places."""
    stage: int = 0
    """In which stage they answered: they count in that one."""
    delegate: str | None = None
    """Who answered in place of this person, as their delegate."""

    @property
    def human(self) -> str:
        """Who it was: one human counts once, for whomever they stand in."""
        return self.delegate or self.person


class Taken(parts.Frozen):
    """An answer by plain words that was taken, and is delivered soon; until then who gave it can take it back."""

    given: Given
    until: datetime

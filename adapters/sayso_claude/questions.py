"""AskUserQuestion as one request, and its decision as the input that Claude Code takes for the answers. Pure.

Claude Code keys answers by the question's text and reads a wrong shape as an error or as no answer, so both ways are
checked here. Measured on Claude Code 2.1.329.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Unpack

import pydantic

from sayso import asking, errors, model
from sayso.asking import gate
from sayso.content import fields, requests, wording

TOOL = "AskUserQuestion"
"""The tool whose input is turned into a request here."""

_RESPONSE = "response"

Text = Annotated[str, pydantic.StringConstraints(min_length=1)]


class _Read(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="ignore", strict=True, frozen=True)


class _Option(_Read):
    label: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=model.MAX_TITLE)]
    description: str = ""
    preview: str | None = None


class _Question(_Read):
    question: Text
    header: Annotated[str, pydantic.StringConstraints(max_length=model.MAX_NAME)] = ""
    options: Annotated[list[_Option], pydantic.Field(min_length=2, max_length=4)]
    multiSelect: bool = False  # noqa: N815 (their word)

    @property
    def previews(self) -> bool:
        return any(option.preview for option in self.options)

    @property
    def plain(self) -> bool:
        """One press can answer it, and everything about it stands on the card."""
        short = all(len(option.description) <= model.MAX_NOTE for option in self.options)
        return short and not self.multiSelect and not self.previews and len(self.question) <= model.MAX_TITLE


class _Asked(_Read):
    questions: Annotated[list[_Question], pydantic.Field(min_length=1, max_length=4)]


def request(input: Mapping[str, Any], **common: Unpack[asking.Common]) -> model.Request:
    """The questions as people see them: one plain one is a choice, anything else a form in which all may be left out.

    Raises:
        InvalidRequest: Claude Code would not take the answers to these questions.
    """
    asked = _parse(input)
    [first, *more] = asked.questions
    if first.plain and not more:
        listed = [model.Option(label=one.label, description=one.description or None) for one in first.options]
        common["context"] = {**({"Topic": first.header} if first.header else {}), **common.get("context", {})}
        return asking.Choice(first.question, listed, other=True, **common)
    common["body"] = "\n\n".join(_in_full(question) for question in asked.questions)
    title = model.title_of(" · ".join(question.header for question in asked.questions if question.header))
    return asking.Form(title or "Questions", _fields(asked.questions), **common)


def updated_input(input: Mapping[str, Any], decision: model.Decision) -> model.JsonObject:
    """The input with the answers, as Claude Code accepts it. Whatever the model wrote there itself is not taken along.

    Raises:
        Denied: nobody answered.
        InvalidAnswer: the answers do not fit these questions.
    """
    asked = _parse(input)
    if decision.outcome != "answered":
        raise gate.Denied(decision)
    given = decision.values if decision.values is not None else {"q0": decision.choice}
    values = fields.check(_fields(asked.questions), given)
    answers = {one.question: _one(values[f"q{at}"]) for at, one in enumerate(asked.questions) if f"q{at}" in values}
    notes = {one.question: values.get(f"n{at}") for at, one in enumerate(asked.questions)}
    noted = {one.question: _annotation(one, answers.get(one.question), notes[one.question]) for one in asked.questions}
    annotations = {question: said for question, said in noted.items() if said}
    response = values.get(_RESPONSE)
    return {
        "questions": input["questions"],
        "answers": answers,
        **({"annotations": annotations} if annotations else {}),
        **({"response": _whole(response, answers, notes)} if response else {}),
    }


def _parse(input: Mapping[str, Any]) -> _Asked:
    try:
        asked = _Asked.model_validate(dict(input))
    except pydantic.ValidationError as error:
        raise requests.invalid(error) from error
    _different([question.question for question in asked.questions], "questions")
    for at, question in enumerate(asked.questions):
        _different([option.label for option in question.options], f"questions.{at}.options")
    return asked


def _different(texts: Sequence[str], field: str) -> None:
    if len(set(texts)) != len(texts):
        hint = "answers are told apart by these texts"
        raise errors.InvalidRequest(f"two {field} have the same text", field=field, hint=hint)


def _fields(questions: Sequence[_Question]) -> list[model.Field]:
    made: list[model.Field] = []
    for at, question in enumerate(questions):
        made.append(_field(f"q{at}", question))
        if question.previews:
            label = model.title_of(f"Notes on: {question.header or question.question}")
            made.append(model.Field(name=f"n{at}", label=label, required=False))
    return [*made, model.Field(name=_RESPONSE, label="Or answer all of it in your own words", required=False)]


def _field(name: str, question: _Question) -> model.Field:
    described = "; ".join(f"{one.label}: {one.description}" for one in question.options if one.description)
    # what is cut here stands whole in the body
    return model.Field(
        name=name,
        label=model.title_of(question.question),
        kind="choice",
        description=model.cut(described, model.MAX_NOTE) or None,
        required=False,
        options=tuple(model.Option(label=option.label) for option in question.options),
        multiple=question.multiSelect,
        other=True,
    )


def _in_full(question: _Question) -> str:
    """A question in full, as Markdown; what it looks like is for the reader only."""
    several = " (one or more)" if question.multiSelect else ""
    lines = [f"**{question.header}**" if question.header else "", f"{question.question}{several}", ""]
    lines += [f"- **{one.label}** {one.description}".rstrip() for one in question.options]
    for option in question.options:
        if option.preview:
            lines += ["", f"Preview of {option.label}:", "", _fence(option.preview)]
    return "\n".join(lines).strip()


def _fence(text: str) -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _one(value: str | list[str]) -> str:
    # the schema of the tool says string; a list is joined by the CLI anyway, which makes two of a label with a comma
    if isinstance(value, str):
        return value
    return wording.listed(value) if any("," in label for label in value) else ", ".join(value)


def _annotation(question: _Question, answer: str | None, notes: str | None) -> model.JsonObject:
    preview = next((option.preview for option in question.options if option.label == answer), None)
    return {**({"preview": preview} if preview else {}), **({"notes": notes} if notes else {})}


def _whole(response: str, answers: Mapping[str, str], notes: Mapping[str, str | None]) -> str:
    """Claude Code reads nothing but the response if there is one, so everything else that was said goes into it."""
    lines = [f"{question}: {answer}" for question, answer in answers.items()]
    lines += [f"Notes on {question}: {note}" for question, note in notes.items() if note]
    return "\n".join([response, *lines])

"""What the tests of every chat draw: cards whose payloads are kept in files, and requests full of foreign text."""

import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st

from sayso import asking, model
from sayso.cards import batch, card, draw
from sayso.testing import samples
from tests.conftest import LONG

TICKETS: Mapping[str, model.Ticket] = {
    "permission": next(samples.pending()),
    "permission_long": next(samples.long()),
    "permission_allowed": next(samples.closed()),
    "permission_denied": samples.sample(
        asking.Permission(tool="Bash", input={"command": "make deploy"}),
        samples.said(verdict="deny", reason="Not on <Friday>"),
    ),
    "permission_image": samples.with_image(),
    "question": samples.sample(asking.Question("Which customer is this for?")),
    "question_answered": samples.sample(asking.Question("Which customer?"), samples.said(text="Acme")),
    "choice_buttons": samples.sample(asking.Choice("Which database?", ["PostgreSQL", "SQLite"], other=True)),
    "choice_radio": samples.sample(asking.Choice("Which?", [f"Option {n}" for n in range(7)])),
    "choice_select": samples.sample(asking.Choice("Which?", [f"Option {n}" for n in range(12)])),
    "choice_several": samples.sample(asking.Choice("Which?", ["A", "B", "C"], multiple=True)),
    "form": samples.sample(asking.Form("Refund", [model.Field(name="amount", label="Amount", kind="number")])),
}


def _batches() -> Mapping[str, card.Card]:
    """A card of four calls: none of them decided, some, and all."""
    asked = samples.batch(4, "make")
    said = [samples.said(verdict="allow"), samples.said("bob", verdict="deny")] * 2
    decided = [samples.after(one, answer) for one, answer in zip(asked, said, strict=True)]
    states = {"batch-open": asked, "batch-half": [*decided[:2], *asked[2:]], "batch-closed": decided}
    return {name: batch.draw_card("B" * 22, shown, samples.MINT) for name, shown in states.items()}


CARDS = {**{name: draw.card_of(ticket, samples.MINT) for name, ticket in TICKETS.items()}, **_batches()}


def golden(test: Path, name: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload that is kept beside this test; with `GOLDEN_UPDATE=1` it becomes the one given."""
    path = test.parent / "golden" / f"{name}.json"
    if os.environ.get("GOLDEN_UPDATE"):
        path.write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    kept: Mapping[str, Any] = json.loads(path.read_text())
    return kept


PIECES = st.sampled_from(
    ["<!channel>", "<@U1>", "<https://e.example|x>", "https://e.example", "```", "`", "*", "_", "~", ">", "&lt;", "|",
     "\n", "\u202e", "\u200b", "\U0001f600", "\x00", "# ", "- ", "1. ", "a", " ", ":tada:", "\u0301" * 9]
)  # fmt: skip
TEXT = st.lists(PIECES | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).map("".join)
SHORT = TEXT.map(lambda value: value[:190]).filter(bool)


FEW = hypothesis.settings(max_examples=1_000 if LONG else 20)
"""For what takes a whole card of its own to look at."""

KINDS: Any = ["text", "number", "integer", "date", "boolean"]


@st.composite
def requests(draw: st.DrawFn) -> model.Request:
    """Any request, with foreign text wherever there can be some, some of it very long."""
    long = draw(st.sampled_from([1, 1, 20, 400]))
    common: Any = {
        "body": draw(TEXT) * long,
        "source": model.Source(agent=draw(SHORT), session=draw(SHORT), url=draw(SHORT)),
        "context": {draw(SHORT): draw(SHORT) for _ in range(draw(st.integers(0, 3)))},
        "attachments": [model.Attachment(name=draw(SHORT), text=draw(TEXT) * long)],
    }
    alike = draw(SHORT)
    options = [f"{alike}{n}" for n in range(draw(st.integers(1, 100)))]
    kind = draw(st.sampled_from(["permission", "question", "choice", "form"]))
    if kind == "permission":
        arguments = draw(st.dictionaries(SHORT, TEXT.map(lambda value: value * long), max_size=14))
        return asking.Permission(tool=draw(SHORT), input=arguments, title=draw(SHORT), **common)
    if kind == "question":
        return asking.Question(draw(SHORT), **common)
    if kind == "choice":
        # a few texts for all of them: to draw a hundred takes longer than what is done with them
        told = itertools.cycle(draw(st.lists(SHORT, min_size=1, max_size=4)))
        described = [model.Option(label=label, description=next(told)) for label in options]
        return asking.Choice(draw(SHORT), described, multiple=draw(st.booleans()), other=True, **common)
    fields = [
        model.Field(name=f"f{n}", label=draw(SHORT), description=draw(SHORT), kind=draw(st.sampled_from(KINDS)))
        for n in range(draw(st.integers(1, 9)))
    ]
    chosen = model.Field(
        name="c", label=draw(SHORT), kind="choice", options=tuple(model.Option(label=o) for o in options)
    )
    return asking.Form(draw(SHORT), [*fields, chosen], **common)

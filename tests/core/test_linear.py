"""Whatever is done with foreign text grows with its length and no faster: ten times as much costs ten times as much.

Work is counted, not timed, so that a busy machine fails nothing. Patterns run in C and cannot be counted; they are held
to a form in which they cannot go astray.
"""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import hypothesis
import pytest
import regex
from hypothesis import strategies

from sayso import machine, model
from sayso.cards import card, cutting, draw, plain_words, prose, shelf, tokens
from sayso.cards import dialog as dialogs
from sayso.content import digest, fields, guesses, lookalikes, requests, risk, schema, text, wording
from sayso.machine import events
from tests.counting import grows_too_fast

pytestmark = [pytest.mark.once, pytest.mark.no_cover]

MINT = tokens.TokenMaker(b"a secret of at least 32 characters")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = dialogs.Room(content=200, inputs=4, typed=100)
SMALL, SHORT = 200, 125
MOST = 12.5
"""Closer than elsewhere: what grows with the square of its length is found in texts half as long."""

TEXTS: dict[str, Callable[[int], str]] = {
    "plain": lambda n: "word " * (n // 5),
    "one line": lambda n: "x" * n,
    "empty lines": lambda n: "\n" * n,
    "short lines": lambda n: "ab\n" * (n // 3),
    "blanks": lambda n: " " * n,
    "tabs": lambda n: "\t" * n,
    "one word of two alphabets": lambda n: "б" + "a" * (n - 1),
    "alphabets by turns": lambda n: "aб" * (n // 2),
    "words of two alphabets": lambda n: " ".join(f"пaсс{number}" for number in range(n // 9)),
    "stacked marks": lambda n: "a" + "\u0301" * n,
    "invisible signs": lambda n: "\u200d" * n,
    "no-break blanks": lambda n: "\u00a0" * n,
    "dashes": lambda n: " –" * (n // 2),
    "a dash and a word": lambda n: " –" + "a" * n,
    "flags": lambda n: "🇦" * n,
    "styled": lambda n: "𝐚" * n,
    "zeros in a word": lambda n: "a" + "๐" * n,
    "wide": lambda n: "Ａ" * n,
    "strokes": lambda n: "a一\n" * (n // 3),
    "a bar and blanks": lambda n: "│" + " " * n,
    "brackets": lambda n: "[" * n,
    "half links": lambda n: "[a](" * n,  # so many that the parser's bound of nesting is passed
    "nested links": lambda n: "[" * (n // 5) + "a" + "](b)" * (n // 5),
    "images": lambda n: "![" * (n // 2),
    "open brackets and stars": lambda n: "[*" * (n // 2),
    "stars that open and close": lambda n: "*a " * (n // 6) + "b*" * (n // 4),
    "marks of all kinds": lambda n: "**x [a_" * (n // 7),
    "a tick and a letter": lambda n: "`a" * (n // 2),
    "items in items": lambda n: "- " * (n // 2) + "x",
    "numbers in numbers": lambda n: "1. " * (n // 3) + "x",
    "ampersands": lambda n: "&" * n,
    "stars": lambda n: "*a **b " * (n // 7),
    "ticks": lambda n: "".join("`" * length + " " for length in range(1, int((2 * n) ** 0.5))),
    "quotes": lambda n: "> " * (n // 2),
    "quote lines": lambda n: "> a\n" * (n // 4),
    "deeper and deeper": lambda n: "".join(" " * depth + "- a\n" for depth in range(int((2 * n) ** 0.5))),
    "lists": lambda n: "- a\n" * (n // 4),
    "cells": lambda n: "|a" * (n // 6) + "|\n" + "|-" * (n // 6) + "|\n" + "|b" * (n // 6) + "|\n",
    "rows": lambda n: "|a|\n|-|\n" + "|b|\n" * (n // 4),
    "entities": lambda n: "&amp;" * (n // 5),
    "angles": lambda n: "<a" * (n // 2),
    "fences": lambda n: "```\n" * (n // 4),
    "definitions": lambda n: "[a]: b\n" * (n // 7),
}
WORDS: dict[str, Callable[[str], object]] = {
    "literal": text.literal,
    "code": lambda raw: text.literal(raw, code=True),
    "line": text.line,
    "look-alikes": lambda raw: [list(signs) for _, signs in lookalikes.find(raw, code=True)],
    "prose": lambda raw: prose.plain(prose.parse(raw)),
}
BOXES: dict[str, Callable[[str], object]] = {
    "a cut card": lambda raw: cutting.fit(_card(raw), 200),
    "pages": lambda raw: cutting.pages(_card(raw).parts, 200),
    "a digest": lambda raw: digest.canonical({"a": [raw, {raw: 1}]}),
}


@pytest.mark.parametrize("function", BOXES)
def test_boxes_are_cut_and_paged_in_linear_work(function: str) -> None:
    texts = {shape: TEXTS[shape] for shape in ("one line", "empty lines", "short lines", "blanks")}
    assert grows_too_fast(texts, BOXES[function], SMALL, MOST) == {}


def _card(raw: str) -> card.Card:
    box = card.Code((text.Trusted("Input"),), text.Foreign(text.Safe(raw)))
    return card.Card("r1", "pending", text.Trusted("An agent asks"), (box, box))


@pytest.mark.parametrize("function", WORDS)
def test_text_is_read_and_drawn_in_linear_work(function: str) -> None:
    assert grows_too_fast(TEXTS, WORDS[function], SHORT, MOST) == {}


REQUESTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "many arguments": lambda n: _permission({f"key {number}": "v" for number in range(n // 10)}),
    "a long name above a list": lambda n: _permission({"k" * n: [1] * (n // 2)}),
    "long names above large numbers": lambda n: _permission({"k" * (n // 10): [2**60] * 20}),
    "nested": lambda n: _permission({"a": [[["x"] * 10] * 10] * (n // 100)}),
    "lines": lambda n: _permission({"command": "ls\n" * (n // 3)}),
    "an edit": lambda n: _edit("x\ny\n" * (n // 8), "y\nx\n" * (n // 8)),
    "an edit of one line": lambda n: _edit("x " * (n // 4), "x" * (n // 2)),
    "many edits": lambda n: _permission({"path": "a", "edits": [{"oldText": "a\nb", "newText": "b\na"}] * (n // 40)}),
    "deep": lambda n: _permission({"a": [_nested(60)] * (n // 200), "b": ["x" * 80] * (n // 90)}),
    "attachments": lambda n: {
        **_permission({}),
        "attachments": [{"name": "a", "kind": "diff", "text": "+a\n-b\n" * (n // 6)}] * 5,
    },
    "a long body": lambda n: {"kind": "question", "title": "Hm?", "body": "**a** [b](c)\n\n" * (n // 14)},
    "offers": lambda n: {
        **_permission({}),
        "offers": [{"name": f"s{number}", "kind": "rule", "effect": "x" * min(2_000, n // 10)} for number in range(5)],
    },
    "a form": lambda n: {
        "kind": "form",
        "title": "Fill in",
        "schema": {
            "type": "object",
            "properties": {
                f"f{number}": {"type": "string", "enum": ["o" * (n // 1_000) + str(option) for option in range(100)]}
                for number in range(5)
            },
        },
    },
}


def _permission(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "permission", "tool": "edit_file" if "edits" in arguments else "Bash", "input": arguments}


def _edit(old: str, new: str) -> dict[str, Any]:
    # so long that the least change is not looked for: below that the work is bounded, and not linear
    least = "z\n" * 200
    return {
        **_permission({}),
        "tool": "replace",
        "input": {"old_string": f"a\n{least}{old}", "new_string": f"b\n{new}"},
    }


def _nested(depth: int) -> Any:
    value: Any = "x" * 80
    for _ in range(depth):
        value = [value]
    return value


def ticket_of(document: dict[str, Any]) -> model.Ticket:
    terms = machine.Terms(owner="bot", policy=model.Policy(), route=("web",))
    request = requests.parse(json.dumps({**document, "id": "r1"}))
    return machine.open_ticket(request, terms, id="r1", ref="r" * 22, at=NOW).ticket


def _drawn(ticket: model.Ticket) -> card.Card:
    # as if it was never drawn before: otherwise nothing would be measured but the shelf
    risk.look_at.cache_clear()
    return draw.draw_card(ticket, MINT)  # pyright: ignore[reportPrivateUsage]


ASKED = functools.cache(lambda shape, n: ticket_of(REQUESTS[shape](n)))
DRAWN = functools.cache(lambda shape, n: _drawn(ASKED(shape, n)))
# What is done one after the other, each with what it begins with: alone, none hides behind what the one before costs.
STEPS: dict[str, tuple[Callable[[str, int], Any], Callable[[Any], object]]] = {
    "asking": (lambda shape, n: REQUESTS[shape](n), ticket_of),
    "drawing": (ASKED, _drawn),
    "fitting": (DRAWN, lambda drawn: cutting.fit(drawn, 200)),
    "paging": (DRAWN, lambda drawn: cutting.pages(drawn.parts, 200)),
    "the inputs of a form": (ASKED, lambda ticket: (dialogs.steps_of(ticket, ROOM), dialogs.inputs_of(ticket))),
    "an edit": (ASKED, lambda ticket: dialogs.of_press(ticket, tokens.read(MINT.token(ticket, "edit")), MINT, ROOM)),
    "words for the model": (
        ASKED,
        lambda ticket: [wording.for_model(ticket, one) for one in [_allowed(ticket)] if one is not None],
    ),
}


def _allowed(ticket: model.Ticket) -> model.Decision | None:
    person = model.Person(id="ann", name="Ann", account="web:ann", member=True)
    if ticket.request.kind != "permission":
        return None
    said = events.Answered(at=NOW, by=person, answer=model.Answer(verdict="allow"))
    return machine.step(ticket, said).ticket.decision


@pytest.mark.parametrize("step", STEPS)
def test_cards_windows_and_pages_are_made_in_linear_work(step: str) -> None:
    begins, act = STEPS[step]
    assert grows_too_fast({shape: functools.partial(begins, shape) for shape in REQUESTS}, act, SMALL, MOST) == {}


SCHEMAS: dict[str, Callable[[int], dict[str, Any]]] = {
    "properties": lambda n: _schema({f"p{number}": {"type": "string"} for number in range(n // 10)}, []),
    "required": lambda n: _schema(
        {f"p{number}": {"type": "string"} for number in range(n // 10)}, [f"p{number}" for number in range(n // 10)]
    ),
    "required twice": lambda n: _schema({"a": {"type": "string"}}, ["a"] * n),
    "a long pointer": lambda n: _schema({"a": {"$ref": "#/" + "b/" * (n // 2)}}, []),
    "a wide union": lambda n: _schema({"a": {"anyOf": [{"type": "null"}] * (n // 10)}}, []),
    "titled options": lambda n: _schema({"a": {"oneOf": [{"const": str(one)} for one in range(n // 10)]}}, []),
    "an enumeration": lambda n: _schema({"a": {"enum": [str(one) for one in range(n // 10)]}}, []),
}


def _schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def test_a_schema_becomes_fields_in_linear_work() -> None:
    assert grows_too_fast(SCHEMAS, schema.from_schema, 6 * SMALL, MOST) == {}


def test_what_people_say_is_read_in_linear_work() -> None:
    texts = {said: functools.partial(_repeated, said) for said in ("x", "1", " ", "Acme, ", "“", "<@U1>")}
    question = ticket_of({"kind": "question", "title": "Hm?"})
    options = [{"label": f"option {number}"} for number in range(100)]
    choice = ticket_of({"kind": "choice", "title": "Hm?", "options": options, "other": True})
    field = fields.of_request(question.request)
    for function in (
        lambda words: plain_words.read(question, words),
        lambda words: plain_words.read(choice, words),
        lambda words: fields.check(field, {fields.ANSWER: words}),
    ):
        assert grows_too_fast(texts, function, SMALL, MOST) == {}


def _repeated(said: str, length: int) -> str:
    return said * (length // len(said))


def _patterns() -> dict[str, str]:
    """Every pattern of ours, by where it stands."""
    found: dict[str, str] = {}
    roots = ("sayso", "sayso_http", "sayso_web", "sayso_slack", "sayso_discord", "sayso_claude", "sayso_hitl")
    for root in (*roots, "sayso_aap", "sayso_mcp", "sayso_bots"):
        package = importlib.import_module(root)
        for module in pkgutil.walk_packages(package.__path__, f"{root}."):
            if "__main__" not in module.name and ".testing" not in module.name:
                for name, value in vars(importlib.import_module(module.name)).items():
                    for one in value.values() if isinstance(value, dict) else [value]:
                        one = one.pattern if isinstance(one, guesses.AnyOf | guesses.Late) else one
                        if isinstance(one, re.Pattern | regex.Pattern):
                            pattern = one.pattern
                            found[f"{module.name}.{name}"] = pattern if isinstance(pattern, str) else pattern.decode()
    return found


# A class of signs, a sign, or a group without quantifiers in it; then the quantifier.
_INSIDE = r"(?:\\.|\[(?:\\.|[^\]\\])*\]|[^()\\\[])*"
_ENDLESS = r"(?:[*+]|\{\d+,\})"
# (…a*…)* and (…a+…)+, where the inner quantifier or the outer one may give back what it took.
_NESTED = re.compile(rf"\((?:\?:|\?P<\w+>)?{_INSIDE}(?<!\\){_ENDLESS}(?!\+){_INSIDE}\){_ENDLESS}(?!\+)")
_ANYTHING = re.compile(r"(?<![\\\[])\.[*+]")
# \s*x?\s*: where nothing or little need stand between two repetitions of the same, each end of the first is tried.
_SIGN = r"(?:\\[pP]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|[^()\\\[|*+?{}])"
_TWICE = re.compile(rf"(?P<sign>{_SIGN}){_ENDLESS}(?!\+)(?:{_SIGN}(?:[*?]|\{{0,\d*\}})[?+]?)*(?P=sign){_ENDLESS}")
_GROUPS = re.compile(r"(?<!\\)\((?:\?(?:P<\w+>|:))?|(?<!\\)\)(?![*+?{])")


def _is_bad(pattern: str) -> bool:
    bare = re.sub(r"\s|#.*", "", pattern) if "(?x" in pattern or "V1x" in pattern or "V1mx" in pattern else pattern
    return bool(_NESTED.search(bare) or _ANYTHING.search(bare) or _TWICE.search(_GROUPS.sub("", bare)))


def test_no_pattern_repeats_a_repetition_or_skips_over_anything() -> None:
    found = _patterns()
    assert len(found) > 150
    assert {where: pattern for where, pattern in found.items() if _is_bad(pattern)} == {}


def test_the_check_of_patterns_finds_bad_ones() -> None:
    bad = ("(a+)+", "(?:x[ab]*)*y", r"(?P<n>\d+,)*", "^.*x.*$", "(a{2,}b?)+", r"\{(\s*[0-9]{0,9})\s*\}", "[ab]*[ab]+")
    assert [one for one in bad if not _is_bad(one)] == []


_ONCE = regex.compile(
    r"\p{Latin}\P{Latin}*[\p{Cyrillic}\p{Armenian}].*\p{Latin}|[\p{Cyrillic}\p{Armenian}].*\p{Latin}.*[\p{Cyrillic}\p{Armenian}]"
)
"""As it was asked before; right, but it tries all the pairs."""


@hypothesis.given(strategies.text(alphabet="aZбՕ1éҀ\u0301\u0483", max_size=12))
def test_a_word_turns_where_its_alphabet_changes_and_changes_back(word: str) -> None:
    turns = lookalikes._turns(word)  # pyright: ignore[reportPrivateUsage]
    assert turns == bool(_ONCE.search(word))


def test_the_shelf_of_drawn_cards_is_bounded_in_text_and_in_number() -> None:
    kept, drawn = shelf.Shelf(most_text=250, most_cards=3), list[str]()

    def drawing(name: str, size: int) -> card.Card:
        ticket = ticket_of({"kind": "question", "title": "Hm?"}).model_copy(update={"id": name})

        def draw_it() -> card.Card:
            drawn.append(name)
            return _card("x" * size)

        return kept.card(ticket, MINT, draw_it)

    for name in "abcd":
        drawing(name, 10)
    drawing("d", 10)
    assert drawn == ["a", "b", "c", "d"]
    drawing("a", 10)  # the oldest made room
    drawing("e", 150)
    drawing("a", 10)
    assert drawn[4:] == ["a", "e", "a"]
    drawing("f", 10_000)  # one that is too large is kept until the next
    drawing("f", 10_000)
    assert drawn[7:] == ["f"]


def test_a_glance_at_a_long_card_is_made_once_and_anew_when_its_ticket_changes() -> None:
    ticket, made = ticket_of({"kind": "question", "title": "Hm?"}), list[int]()
    glances = shelf.Glances(most=2)

    def look(one: model.Ticket) -> card.Card | None:
        def make() -> None:
            made.append(one.version)

        return glances.card(one, make)

    look(ticket)
    look(model.Ticket.model_validate_json(ticket.model_dump_json()))
    assert made == [1]
    taken = ticket.model_copy(update={"undelivered": ("chat:#a",)})
    look(taken)  # the same version, and still another state
    assert made == [1, 1]
    for version in (2, 3, 4):
        look(ticket.model_copy(update={"version": version}))
    look(taken)
    assert made == [1, 1, 2, 3, 4, 1]

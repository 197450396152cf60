"""What is kept of texts that somebody else wrote is small: neither their length nor their number fills the memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from sayso import errors, model
from sayso.cards import shelf
from sayso.content import command_line, edits, fields, patterns, secret_names
from sayso.rules import globs
from sayso.testing import samples

SIGNS = [
    *(
        "a",
        "é",
        "(?i:k)",
        "[a-z]",
        "[а-яё]",
        "[^a]",
        ".",
        r"\d",
        r"\D",
        r"\s",
        r"\S",
        r"\w",
        r"\W",
        r"[\w.-]",
        r"[^\d]",
    ),
    *(r"\pL", r"\PL", r"\p{Emoji}", r"\x{1F600}", "(?:a|b|c)", "(?:ab){10}", r"(?:\w{3}){2}", "(?x: \\w # b{1}\n )"),
    *("[[:word:]]", r"[\w&&[^a]]", r"(?i:\w)", "a?", r"(?:(?:\d)+|x)"),
]


def kept(work: Callable[[int], object], times: int = 60) -> int:
    """How many bytes stay when *work* was done so often, each time on something else."""
    work(-1)
    tracemalloc.start()
    try:
        for number in range(times):
            work(number)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("sign", SIGNS)
def test_what_a_pattern_weighs_is_not_less_than_what_the_engine_makes_of_it(sign: str) -> None:
    """The engine takes 10 MiB at most."""
    often = 9_900_000 // patterns.weight_of(f"{sign}{{1}}")
    assert patterns.weight_of(f"{sign}{{{often}}}") <= 9_900_000
    patterns.matcher(f"{sign}{{{often}}}")


def test_patterns_that_repeat_too_much_are_refused_before_one_is_compiled() -> None:
    """250 of them took 900 MB and five seconds."""
    schema = {
        "properties": {f"a{number}": {"type": "string", "pattern": rf"\w{{60}}{number}"} for number in range(250)}
    }
    with pytest.raises(errors.InvalidRequest, match="its patterns repeat too much"):
        edits.check_schema({"type": "object", **schema})
    assert edits.editable({"type": "object", **schema}) == {"editable": False}
    edits.check_schema({"properties": {"a": {"pattern": r"^[\w.-]{1,100}$"}, "b": {"pattern": r"^[\w.-]{1,100}$"}}})
    asked = [model.Field(name=f"f{number}", label=f"F{number}", pattern=rf"\w{{60}}{number}") for number in range(5)]
    with pytest.raises(errors.InvalidRequest, match="the patterns of these fields repeat too much"):
        fields.check_fields(asked)
    fields.check_fields(asked[:2])


def test_what_is_never_compiled_is_weighed_without_large_numbers_or_long_names() -> None:
    """A pattern of 100 KB took over a minute, in which the service did nothing else."""
    assert patterns.weight_of("a" + "{999999999}" * 9_000) < 10 * patterns.MOST
    assert not patterns.are_light(["a" + "{999999999}" * 9_000])
    # a name is looked for that far, and what stands behind it counts by itself
    longest, longer = (patterns.weight_of(rf"\p{{{'x' * size}}}") for size in (99, 100))
    assert longer > longest + 100


def test_of_an_argument_with_a_long_name_nothing_is_kept() -> None:
    assert kept(lambda number: secret_names.strength_of(f"{number}{'x' * 100_000}_password")) < 100_000


def test_a_glob_that_says_more_than_a_text_is_not_kept() -> None:
    assert kept(lambda number: globs.may_stand_for(f"{number}{'a?*b' * 2_000}", "--force"), times=20) < 50_000
    found = [
        globs.may_stand_for(glob, "--force") for glob in ("--f*", "--????e", "*", "*force", "*" * 99, "--f?*e?*", "a*")
    ]
    assert found == [True, True, True, True, True, False, False]


def test_of_the_ends_of_texts_that_a_command_is_fed_nothing_is_kept() -> None:
    def read(number: int) -> object:
        end = f"E{number}{'x' * 5_000}"
        (first, *_) = command_line.read(f"cat <<{end}\n\tone\n\t{end}\nrm -r a\n")
        return first

    assert kept(read) < 100_000


def test_a_glance_keeps_no_large_answer() -> None:
    ticket = samples.opened(samples.permission())
    glances, made = shelf.Glances(), list[int]()

    def look(number: int, size: int = 100_000) -> None:
        edited = {"command": f"{number}{'x' * size}"}
        decided = samples.after(ticket, samples.said(verdict="allow", input=edited))
        glances.card(decided.model_copy(update={"id": str(number)}), lambda: made.append(number))

    assert kept(look) < 500_000
    look(1, 10)
    look(1, 10)
    assert made.count(1) == 2

"""One limit, one number: it is imported wherever something is measured or cut, and the limits fit each other."""

import re
from pathlib import Path

import pytest

from sayso import asking, errors, model
from sayso.content import fields

ROOT = Path(__file__).parent.parent.parent

LIMITS = (model.MAX_NAME, model.MAX_TITLE, model.MAX_NOTE, model.MAX_REASON, model.MAX_TEXT, model.MAX_BODY)


def test_no_file_measures_or_cuts_at_a_number_that_the_model_names() -> None:
    numbers = "|".join(f"{limit:_}|{limit}" for limit in LIMITS)
    copied = re.compile(rf"\[: ?(?:{numbers})\]|max_length=(?:{numbers})\b|len\(.*\) [<>]=? (?:{numbers})\b")
    files = {path for root in ("core", "adapters", "bots") for path in (ROOT / root).rglob("*.py")}
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(files)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if copied.search(line) and "testing" not in path.parts
    ]
    assert found == []


@pytest.mark.parametrize(("shortened", "longest"), [(model.name_of, model.MAX_NAME), (model.fact_of, model.MAX_NOTE)])
def test_a_name_and_a_fact_are_the_beginning_of_their_text(shortened: object, longest: int) -> None:
    assert callable(shortened)
    assert (shortened("x" * longest), shortened("x" * longest + "y")) == ("x" * longest, "x" * longest)


def test_a_title_that_is_cut_says_so() -> None:
    title = model.title_of("x" * (model.MAX_TITLE + 1))
    assert (title, len(title)) == ("x" * (model.MAX_TITLE - 1) + "…", model.MAX_TITLE)
    assert asking.Question(title).title == title


def test_every_text_that_an_answer_holds_fits_a_text_field() -> None:
    longest = "x" * model.MAX_TEXT
    field = model.Field(name="answer", label="Answer")
    assert fields.check([field], {"answer": longest}) == {"answer": model.Answer(text=longest).text}
    with pytest.raises(errors.InvalidAnswer):
        fields.check([field], {"answer": longest + "y"})

"""What every agent adapter does alike: how the value of a pause reads as a question."""

from typing import Any

import pytest

import sayso
from sayso import model
from sayso.asking import runs
from tests.tables import each

LONG = "Which of them? " * 40
FENCED = '~~~~json\n{\n  "draft": "Dear"\n}\n~~~~'


def test_a_question_is_the_title_and_all_else_is_shown_as_it_is() -> None:
    rows: list[tuple[dict[str, Any], tuple[str, str | None]]] = [
        ({"question": "Good?"}, ("Good?", None)),
        ({"question": "Good?", "draft": "Dear"}, ("Good?", FENCED)),
        ({"question": LONG}, ("The tool asks", LONG)),
        ({"question": LONG, "draft": "Dear"}, ("The tool asks", f"{LONG}\n\n{FENCED}")),
        ({"draft": "Dear"}, ("The tool asks", FENCED)),
        ({"question": ""}, ("The tool asks", '~~~~json\n{\n  "question": ""\n}\n~~~~')),
    ]
    for row in each(rows):
        with row as (value, asked):
            assert runs.titled(value, "The tool asks") == asked
    assert len(LONG) > model.MAX_TITLE


def test_what_is_no_json_is_not_asked() -> None:
    with pytest.raises(sayso.InvalidRequest, match="no JSON") as told:
        runs.titled({"who": {1, 2}}, "The tool asks")
    assert told.value.field == "value"

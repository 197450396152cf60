import sys

import pytest

from tests.tables import each


def test_all_rows_that_are_wrong_are_told_with_what_stands_in_them() -> None:
    seen = list[int]()

    def look() -> None:
        for row in each([("one", 1), ("two", 3), ("three", 4)]):
            with row as (name, number):
                seen.append(number)
                assert number == len(name) - 2

    with pytest.raises(ExceptionGroup) as told:
        look()
    assert seen == [1, 3, 4]
    assert [one.__notes__ for one in told.value.exceptions] == [["in the row ('two', 3)"], ["in the row ('three', 4)"]]


def test_what_no_row_can_go_on_from_ends_the_test_and_names_the_row() -> None:
    seen = list[int]()

    def look() -> None:
        for row in each([1, 2]):
            with row as number:
                seen.append(number)
                pytest.fail("never true")

    with pytest.raises(pytest.fail.Exception) as ended:
        look()
    assert (seen, ended.value.__notes__) == ([1], ["in the row 1"])


def test_a_table_that_is_left_before_its_last_row_is_told() -> None:
    told = list[object]()

    def look() -> None:
        for row in each([1, 2]):
            with row:
                return

    kept, sys.unraisablehook = sys.unraisablehook, lambda found: told.append(str(found.exc_value))
    try:
        look()
    finally:
        sys.unraisablehook = kept
    assert told == ["a table was left before its last row"]

"""A table of cases in one test: all rows that are wrong are told, each with what stands in it.

For rows that take next to nothing. A row that starts something of its own is a parameter of the test, as ever.
"""

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

Row = TypeVar("Row")


def each(rows: Iterable[Row]) -> Generator[AbstractContextManager[Row]]:
    """The rows; what goes wrong inside one is kept until the last was looked at."""
    wrong = list[Exception]()
    for row in rows:
        yield _kept(row, wrong)
    if wrong:
        raise ExceptionGroup(f"rows that are wrong: {len(wrong)}", wrong)


@contextmanager
def _kept(row: Row, wrong: list[Exception]) -> Generator[Row]:
    try:
        yield row
    except BaseException as error:
        error.add_note(f"in the row {repr(row)[:1_000]}")
        # a bounded wait that is over ends the test: so would those of all other rows
        if not isinstance(error, Exception):
            raise
        wrong.append(error)

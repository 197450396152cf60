"""A table of cases in one test: all rows that are wrong are told, each with what stands in it.

For rows that take next to nothing. A row that starts something of its own is a parameter of the test, as ever.
"""

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

Row = TypeVar("Row")


def each(rows: Iterable[Row]) -> Generator[AbstractContextManager[Row]]:
    """The rows; what goes wrong inside one is kept until the last was looked at."""
    wrong = list[BaseException]()
    try:
        for row in rows:
            yield _kept(row, wrong)
    except GeneratorExit:
        if all(isinstance(one, Exception) for one in wrong):
            # nothing can be raised from here, but pytest fails a test in which something was tried
            raise AssertionError("a table was left before its last row") from None
        raise
    if wrong:
        raise BaseExceptionGroup(f"rows that are wrong: {len(wrong)}", wrong)


@contextmanager
def _kept(row: Row, wrong: list[BaseException]) -> Generator[Row]:
    try:
        yield row
    except BaseException as error:
        error.add_note(f"in the row {repr(row)[:1_000]}")
        wrong.append(error)
        # a bounded wait that is over ends the test: so would those of all other rows
        if not isinstance(error, Exception):
            raise

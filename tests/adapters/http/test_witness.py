"""The witness judges as the document does, also of what looks like something that it has seen."""

import copy
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from tests.adapters.http import witness
from tests.adapters.http.service import permission, running
from tests.conftest import LONG

WHERE = ("/v1/requests/{id}/answers", "post", "200")
OTHERS: tuple[Any, ...] = (
    *(None, True, 0, 1, -1, 2.5, 10**9, [], [1], {}, {"a": 1}),
    *("", " ", "a b", "allow", "deny", "2026", "x" * 250, "x" * 5_000),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything that stands in something: that, and its name or number there."""
    inside = cast(
        "Any", value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, one in inside:
        yield value, name
        yield from places(one)


def changed(body: Any, number: int, other: Any) -> Any:
    """*body* with something else at one of its places; where that is Ellipsis, with nothing there."""
    made = copy.deepcopy(body)
    inside, name = next(itertools.islice(places(made), number, None))
    if other is ...:
        del inside[name]
    else:
        inside[name] = other
    return made


async def test_what_was_changed_anywhere_is_judged_as_the_document_judges_it(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        await service.call("POST", "/v1/requests", "bot", permission(context={"env": "prod"}, title="Deploy"))
        body = (await service.call("POST", "/v1/requests/r1/answers", "ann", {"verdict": "allow"})).json
    judge = witness.validator(*WHERE, "application/json")
    changes = [
        (number, other)
        for number, (inside, name) in enumerate(places(body))
        for other in (..., *OTHERS)
        # what is of another type is seen at once
        if LONG or other is ... or type(other) is type(inside[name])
    ]
    judged = set[bool]()
    assert witness.untrue(*WHERE, body) == []
    for number, other in random.Random(12).sample(changes, len(changes) if LONG else 60):
        made = changed(body, number, other)
        valid = judge.is_valid(made)
        judged.add(valid)
        assert (witness.untrue(*WHERE, made) == []) == valid, (number, other)
    assert judged == {True, False}

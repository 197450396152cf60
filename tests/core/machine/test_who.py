"""Names of a policy, as people say them."""

from sayso.machine import people, who
from tests.tables import each

DIRECTORY = people.Directory(
    groups={
        "release": people.Group(frozenset({"ann", "bob"})),
        "ops": people.Group(frozenset({"cid"}), frozenset({"slack:S1", "discord:7"})),
        "crowd": people.Group(frozenset(f"p{number}" for number in range(10))),
    }
)


SAID_AS: list[tuple[tuple[str, ...], str]] = [
    ((), "nobody"),
    (("ann",), "ann"),
    (("ann", "bob", "group:unknown"), "ann, bob or the group unknown"),
    (("group:release",), "the group release (ann, bob)"),
    (("ann", "group:ops"), "ann or the group ops (cid, its members in Discord, its members in Slack)"),
    (("group:crowd",), "the group crowd (p0, p1, p2, p3, p4, p5, p6, p7, 2 more)"),
    (("anyone",), "any full member of this place"),
    (("oncall:payments",), "whoever is on call for payments"),
    (("requester",), "whoever it is asked for"),
    (tuple("abcdefghij"), "a, b, c, d, e, f, g, h or 2 more"),
    (("ann", "ann"), "ann"),
]


def test_names_are_said_as_people() -> None:
    for row in each(SAID_AS):
        with row as (names, said):
            assert who.in_words(names, DIRECTORY) == said

"""How many people a policy could ever hear, once it is known who is in which platform group."""

import sayso
from sayso.machine import people, staffing
from tests.tables import each

ANN = people.Profile(frozenset({"slack:T1/U1", "discord:1"}))
BOB = people.Profile(frozenset({"discord:2"}))
DIRECTORY = people.Directory(
    {"ann": ANN, "bob": BOB},
    {
        "on-slack": people.Group(frozenset({"ann"}), frozenset({"slack:S1"})),
        "on-both": people.Group(frozenset(), frozenset({"slack:S1", "discord:7"})),
        "two-of-slack": people.Group(frozenset(), frozenset({"slack:S1", "slack:S2"})),
        "listed": people.Group(frozenset({"ann", "bob"})),
    },
)


def enrolled(*accounts: str, others: int = 0) -> people.Enrolled:
    return people.Enrolled(frozenset(accounts), others)


ENROLLED: list[tuple[list[str], dict[str, people.Enrolled], int | None]] = [
    (["group:on-slack"], {"slack:S1": enrolled()}, 1),
    (["group:on-slack"], {"slack:S1": enrolled("slack:T1/U1")}, 1),
    (["group:on-slack"], {"slack:S1": enrolled("slack:T1/U1", "slack:T1/U9")}, 2),
    # bob has no account on Slack: whoever is there may be him
    (["group:on-slack", "bob"], {"slack:S1": enrolled("slack:T1/U9")}, 2),
    (["group:on-both"], {"slack:S1": enrolled("slack:T1/U9"), "discord:7": enrolled("discord:2", others=2)}, 3),
    (["group:two-of-slack"], {"slack:S1": enrolled("slack:T1/U9"), "slack:S2": enrolled("slack:T1/U9")}, 1),
    (["group:on-both"], {"slack:S1": enrolled()}, None),
    (["group:listed"], {}, 2),
    (["anyone"], {}, None),
]


def test_a_quorum_can_have_as_many_as_are_surely_different() -> None:
    for row in each(ENROLLED):
        with row as (approvers, found, most):
            short = staffing.shortage(DIRECTORY, sayso.Policy(approvers=tuple(approvers), quorum=9), found)
            assert short == (None if most is None else staffing.Shortage("quorum", 9, most))
            assert (
                staffing.shortage(DIRECTORY, sayso.Policy(approvers=tuple(approvers), quorum=most or 9), found) is None
            )

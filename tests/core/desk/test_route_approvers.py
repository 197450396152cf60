"""`route = ["approvers"]`: a direct message to each approver whom the settings name."""

import pytest

import sayso
from sayso import errors, model
from sayso.cards import tokens
from sayso.desk import Caller, Desk, Setup
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock

DIRECTORY = people.Directory(
    {
        "ann": people.Profile(frozenset({"slack:T1/U1", "discord:940"})),
        "bob": people.Profile(frozenset({"discord:941"})),
        "cid": people.Profile(frozenset({"terminal:cid"})),
    },
    {"release": people.Group(frozenset({"bob", "cid"}), frozenset({"slack:S1"}))},
)


def desk(*approvers: str) -> Desk:
    setup = Setup({"default": model.Policy(approvers=approvers)}, DIRECTORY, ("web",), ("web", "slack", "discord"))
    return Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, ManualClock())


@pytest.mark.parametrize("by_key", [False, True])
async def test_each_approver_gets_a_direct_message_on_one_chat(by_key: bool) -> None:
    asked = sayso.Permission(tool="Bash", route=() if by_key else ["approvers", "web"])
    caller = Caller(route=("approvers", "web")) if by_key else Caller()
    ticket = await desk("ann", "group:release", "anyone").open(asked, caller)
    assert ticket.route == ("slack:@ann", "discord:@bob", "web")


@pytest.mark.parametrize("approvers", [("anyone",), ("cid",), (), ("requester",)])
async def test_a_policy_that_names_nobody_with_a_direct_message_is_refused(approvers: tuple[str, ...]) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await desk(*approvers).open(sayso.Permission(tool="Bash", route=["approvers"]))
    assert refused.value.field == "route"

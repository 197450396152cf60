"""What a card, a reminder and the agent read of a rota: who is on call is said in words, never as in the settings."""

from datetime import timedelta

import sayso
from sayso import model
from sayso.cards import draw, sections
from sayso.content import wording
from sayso.desk import Desk, Setup
from sayso.machine import people
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock

DIRECTORY = people.Directory(
    {"ann": people.Profile(), "bob": people.Profile()}, {"payments": people.Group(on_call=True)}
)


async def shown(policy: model.Policy, *, after: timedelta = timedelta(0)) -> tuple[str, model.Ticket]:
    clock = ManualClock()
    front = Desk(memory.MemoryStore(), samples.MINT, Setup({"default": policy}, DIRECTORY), clock)
    ticket = await front.open(sayso.Permission(tool="payout", input={"amount": 9000}))
    clock.advance(after.total_seconds())
    ticket = await front.let_time_act(ticket.id)
    drawn = draw.card_of(ticket, front.mint, DIRECTORY)
    return sections.text_of(drawn).replace("\n", ""), ticket


async def test_whoever_is_on_call_may_decide_and_nobody_is_said_to_be_missing() -> None:
    said, _ = await shown(model.Policy(approvers=("oncall:payments", "ann"), quorum=2))
    assert "May decide: whoever is on call for payments, ann" in said
    assert "missing" not in said, "who it is, the settings do not say"
    assert "oncall" not in said


async def test_an_escalation_to_whoever_is_on_call_says_so_to_people_and_to_the_agent() -> None:
    step = model.Escalation(after=1800.0, add=("oncall:payments",))
    policy = model.Policy(approvers=("ann",), expires_in=7200.0, escalate=(step,))
    said, _ = await shown(policy)
    assert "oes to whoever is on call for payments" in said
    _, ticket = await shown(policy, after=timedelta(hours=1))
    assert wording.escalated(ticket).startswith("escalated to whoever is on call for payments at ")

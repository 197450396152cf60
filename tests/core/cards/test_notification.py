"""What a notification says: agent, tool, kind, risk and deadline by the service, and no sentence of an agent."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

import sayso
from sayso import machine, model
from sayso.cards import notification
from sayso.machine import events
from sayso.testing import samples
from tests.tables import each

PERMISSION = sayso.Permission(tool="Bash", input={"command": "ls"}, risk="high")


def owned(request: model.Request, owner: str = "release-bot") -> model.Ticket:
    return samples.opened(request).model_copy(update={"owner": owner})


def test_it_says_who_asks_for_what_how_risky_and_until_when() -> None:
    for row in each(
        [
            (PERMISSION, "release-bot asks to run Bash · high risk · until "),
            (
                sayso.Permission(tool="mcp__gh__new-issue"),
                "release-bot asks to run mcp__gh__new-issue · until ",
            ),
            (sayso.Question("Is Ann <b>here</b>?"), "release-bot has a question · until "),
            (sayso.Choice("Which?", ["A", "B"]), "release-bot asks you to choose · until "),
            (
                sayso.Form("Fill in", [model.Field(name="f", label="F")]),
                "release-bot asks you to fill in a form · until ",
            ),
        ]
    ):
        with row as (request_, said):
            ticket = owned(request_)
            assert (
                notification.summary_of(ticket, ticket.request.risk) == f"{said}{ticket.expires_at:%Y-%m-%d %H:%M} UTC"
            )


def test_it_says_that_something_is_urgent_and_of_nothing_else() -> None:
    ticket = owned(PERMISSION)
    for row in each([(None, ""), (model.Ruled(priority="low"), ""), (model.Ruled(priority="urgent"), " · urgent")]):
        with row as (ruled, said):
            told = notification.summary_of(ticket.model_copy(update={"ruled": ruled}), None)
            assert told == f"release-bot asks to run Bash{said} · until {ticket.expires_at:%Y-%m-%d %H:%M} UTC"


def test_afterwards_it_says_what_became_of_it() -> None:
    ticket = owned(PERMISSION)
    closed = machine.step(ticket, events.Ticked(at=ticket.expires_at + timedelta(seconds=1))).ticket
    assert notification.summary_of(closed, None) == "release-bot asks to run Bash. Expired: no decision in time."


UNPLAIN: list[str] = [
    "it, Ann allowed it",
    "example.com",
    "<@U1>",
    "Вash",
    "a" * 41,
    "_b_",
    "*b*",
    "b\n",
    "b:c",
    "b/c",
    "ba\u200bsh",
    "-b",
]


def test_a_tool_whose_name_is_not_plain_is_not_named() -> None:
    for row in each(UNPLAIN):
        with row as tool:
            assert notification.subject_of(owned(sayso.Permission(tool=tool))) == "release-bot asks to run a tool"


def test_an_owner_that_is_no_name_of_a_key_is_an_agent() -> None:
    for row in each(["local", "Ann allowed it", "<!here>", "", "-x", "é"]):
        with row as owner:
            assert notification.subject_of(owned(PERMISSION, owner)) == "An agent asks to run Bash"


@given(st.text(min_size=1, max_size=60))
def test_no_text_of_an_agent_stands_in_it(said: str) -> None:
    marked = f"Zq{said}qZ"
    source = model.Source(agent=marked, session=marked, url=marked)
    told = PERMISSION.model_copy(update={"title": marked, "body": marked, "source": source, "context": {"a": marked}})
    for ticket in (owned(told), owned(told.model_copy(update={"tool": marked + "!"}))):
        assert "Zq" not in notification.summary_of(ticket, ticket.request.risk) + notification.subject_of(ticket)

"""A card in a terminal: everything is there, and foreign text stays behind its bar or in its quotes."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import cells

import sayso
from sayso import model, testing
from sayso.cards import draw, tokens
from sayso.desk import Desk
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_bots.terminal import render, rows

ANSWERS: dict[str, list[str]] = {
    "permission": [
        "--allow",
        "--deny",
        "--deny --reason TEXT",
        "--allow --input JSON",
        "--ask-back TEXT",
        "--allow --grant session",
    ],
    "question": ["--text TEXT"],
    "choice": ["--choice LABEL", "--choice TEXT"],
    "form": ["--value NAME=VALUE …"],
}
SCHEMA = {"type": "object", "properties": {"amount": {"type": "number"}}}
REQUESTS: list[model.Request] = [
    sayso.Permission(tool="Bash", input={"command": "make"}, grants=["session"], id="r1"),
    sayso.Question("Which?", id="r1"),
    sayso.Choice("Which?", [model.Option(label="A", description="first"), "B"], other=True, id="r1"),
    sayso.Form("Refund", SCHEMA, id="r1"),
]


async def shown(request: model.Request) -> str:
    front = Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), clock=ManualClock())
    return render.render(draw.card_of(await front.open(request), front.mint))


@pytest.mark.parametrize("request_", REQUESTS, ids=[one.kind for one in REQUESTS])
async def test_every_way_to_answer_is_a_command(request_: model.Request) -> None:
    lines = (await shown(request_)).split("\n")
    assert [line for line in lines if "sayso answer" in line] == [
        f"  sayso answer r1 {flags}" for flags in ANSWERS[request_.kind]
    ]


async def test_no_working_token_is_printed() -> None:
    assert "s1." not in await shown(REQUESTS[0])


async def test_options_are_numbered_and_described() -> None:
    lines = (await shown(REQUESTS[2])).split("\n")
    assert lines[lines.index('1. "A"') + 1] == "  │ first"


@pytest.mark.parametrize(
    "foreign",
    [
        sayso.Permission(tool="x", input={"command": "a\n✓ Allowed by ann\nTo answer:"}),
        sayso.Permission(tool="x", title="a\n✓ Allowed by ann\nTo answer:"),
        sayso.Permission(tool="x", body="a\n\n✓ Allowed by ann\n\nTo answer:"),
        sayso.Question("a\n✓ Allowed by ann\nTo answer:"),
        sayso.Choice("?", [model.Option(label="a\n✓ Allowed by ann", description="b\n✓ Allowed by ann\nTo answer:")]),
        sayso.Question("?", source=model.Source(agent='x"\n✓ Allowed by ann')),
        sayso.Question("?", context={"a\n✓ Allowed by ann": "b\n✓ Allowed by ann"}),
        sayso.Question("?", attachments=[model.Attachment(name="n\n✓ Allowed by ann", text="t\n✓ Allowed by ann")]),
    ],
)
async def test_foreign_lines_never_begin_like_ours(foreign: model.Request) -> None:
    lines = (await shown(foreign)).split("\n")
    assert not any(line.startswith("✓") for line in lines)
    assert lines.count("To answer:") == 1
    assert any("Allowed by ann" in line for line in lines)


# the label of a field is not on the card
@pytest.mark.parametrize("field", sorted({*get_args(testing.RequestField)} - {"label"}))
def test_hostile_text_in_any_field_is_shown_and_harmless(field: testing.RequestField) -> None:
    told = testing.render("terminal", field, "x\n✓ Allowed by ann\nTo answer:\r\x1b[2J[red]")
    assert "Allowed by ann" in told
    assert not {sign for sign in told if not sign.isprintable()} - {"\n"}
    ours = [line for line in told.split("\n") if not line.startswith("  │ ")]
    assert not any(line.startswith(("✓ Allowed", "Allowed by")) for line in ours)
    assert ours.count("To answer:") <= 1


def test_the_fields_of_a_form_are_listed_with_what_they_take() -> None:
    options = (model.Option(label="EUR"), model.Option(label="USD\n✓"))
    asked = [
        model.Field(name="amount", label="Amount", kind="number"),
        model.Field(name="in", label="Which\n?", kind="choice", options=options, multiple=True, required=False),
        model.Field(name="why", label="Why", description="a\nTo answer:"),
    ]
    assert render.form(asked).split("\n") == [
        '  --value "amount"=…  (number)  "Amount"',
        '  --value "in"=…  (choice, several, may be left out)  "Which⏎?"',
        '    "EUR"',
        '    "USD⏎✓"',
        '  --value "why"=…  (text)  "Why"',
        "  │ a",
        "  │ To answer:",
    ]


async def test_a_quote_in_a_name_does_not_end_its_quotes() -> None:
    told = await shown(sayso.Question("?", source=model.Source(agent='bot" asks. The service says "yes')))
    assert '"bot\\" asks. The service says \\"yes" (self-named) asks' in told


async def test_what_hides_or_moves_text_is_spelled_out() -> None:
    told = await shown(sayso.Permission(tool="rm\x1b[1A", input={"command": "\x1b]8;;http://evil\x07ls\u202e"}))
    assert "\x1b" not in told
    assert "⟦U+001B⟧" in told
    assert "! In the headline and the input: contains invisible or control characters" in told


LURE = "Which database?" + " " * 61 + "To answer:" + " " * 70 + "  sayso answer w1 --allow" + " " * 9 + "\tx"
WIDE = "数据库" * 40


@pytest.mark.parametrize("field", sorted(get_args(testing.RequestField)))
def test_no_row_of_others_begins_at_the_left_edge(field: testing.RequestField) -> None:
    """However long a line is, and however narrow the terminal: its rows are broken here, behind the bar."""
    mint = tokens.TokenMaker(b"x" * 32)
    harmless = render.render(draw.card_of(testing.ticket(field, "harmless"), mint), 1000)
    ours = {"Input:", *(line.partition(" ")[0] for line in harmless.split("\n"))}
    for foreign in (LURE, LURE.replace(" ", "\u00a0"), WIDE, "\U0001f600" * 90, "e\u0301" * 90):
        drawn = draw.card_of(testing.ticket(field, foreign[:200]), mint)
        for width in (24, 80):
            told = render.render(drawn, width).split("\n")
            for line in told:
                assert line.startswith("  │ ") or line.partition(" ")[0] in ours or line.startswith(('"', "!")), line
            assert [line.strip() for line in told].count("To answer:") <= 1


def test_a_row_that_goes_on_is_told_from_a_line_of_its_own() -> None:
    broken = list(rows.put_behind_bar("a" * 30 + "\n" + "↳ b", 24))
    assert broken == ["  │ " + "a" * 19, "  │ ↳ " + "a" * 11, "  │ ⟦U+21B3⟧ b"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200), st.integers(24, 200))
def test_every_row_fits_and_nothing_is_lost(shown: str, width: int) -> None:
    found = list(rows.put_behind_bar(shown, width))
    assert all(row.startswith("  │ ") and cells.cell_len(row) < width for row in found)
    joined = "".join(row.removeprefix("  │ ").removeprefix("↳ ") for row in found)
    assert joined == shown.replace("↳", "⟦U+21B3⟧")


def test_short_values_have_a_row_each_so_that_none_poses_as_another() -> None:
    asked = samples.opened(sayso.Permission(tool="scale", input={"to": 3, "note": "3 · force true"}))
    assert "\n  │ to 3\n  │ note 3 · force true\n" in render.render(draw.card_of(asked, samples.MINT))


def test_what_an_agent_wants_to_run_does_not_go_on_from_the_reason_of_whoever_denied_it() -> None:
    request = sayso.Permission(tool="deploy", input={"environment": "production"})
    denied = samples.sample(request, samples.said(verdict="deny", reason="Not today"))
    shown = render.render(draw.card_of(denied, samples.MINT)).splitlines()
    at = shown.index("  │ Not today")
    assert shown[at - 1 : at + 3] == ["Reason:", "  │ Not today", "Input:", "  │ environment production"]

"""A card in a terminal: everything is there, and foreign text stays behind its bar or in its quotes."""

import pytest

import sayso
from sayso import desk, draw, memory, model, tokens
from sayso.testing.clock import ManualClock
from sayso_bots import render

ANSWERS: dict[str, list[str]] = {
    "permission": ["--allow", "--deny", "--deny --reason TEXT", "--allow --input JSON", "--allow --grant session"],
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
    front = desk.Desk(memory.MemoryStore(), tokens.Mint(b"x" * 32), now=ManualClock())
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


async def test_a_quote_in_a_name_does_not_end_its_quotes() -> None:
    told = await shown(sayso.Question("?", source=model.Source(agent='bot" asks. The service says "yes')))
    assert '"bot\\" asks. The service says \\"yes" asks' in told


async def test_what_hides_or_moves_text_is_spelled_out() -> None:
    told = await shown(sayso.Permission(tool="rm\x1b[1A", input={"command": "\x1b]8;;http://evil\x07ls\u202e"}))
    assert "\x1b" not in told
    assert "⟦U+001B⟧" in told
    assert "! Contains invisible or control characters" in told

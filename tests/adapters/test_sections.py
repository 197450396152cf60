"""Whatever an agent writes: what the service says, its verdict and its buttons stand in parts of their own."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given

import sayso
from sayso import asking, model
from sayso.cards import card, draw, sections
from sayso.testing import samples
from sayso.testing.samples import MINT, NOW, after, opened, said
from sayso_discord import components, limits
from sayso_discord import render as discord
from sayso_slack import render as slack
from tests.adapters.sample_cards import FEW, requests
from tests.tables import each

Json = dict[str, Any]

# What has run on into the next line somewhere: an open quote, list, fence, spoiler, heading, code span, table.
RUNS_ON = [
    "> quote", ">>> all of it", "```\nfence", "``` ```", "||spoiler", "- list\n- ", "1. one\n", "# head", "`", "``",
    "**bold", "|a|b|\n|-|-|", "\\", "[link](", "<t:1", "~~", "-# ", "text\n>", "\n\n\n", "    code", "\u2028", "\u202e",
]  # fmt: skip
WHEN = int(opened().expires_at.timestamp())
ASKED = int(NOW.timestamp())


def discord_texts(payload: Json) -> list[str]:
    return [one["content"] for one in components.walk(payload["components"]) if one["type"] == components.TEXT]


def slack_texts(payload: Json) -> list[str]:
    """The words of each block, and of it alone; of rich text those of each element: none runs on into the next."""
    parts = [
        part
        for block in payload["blocks"]
        for part in (
            ([one] for one in block["elements"]) if block["type"] == "rich_text" else [block.get("elements", ())]
        )
    ]
    return ["".join(leaves(part)) for part in parts]


def leaves(node: Any) -> Iterator[str]:
    for one in node:
        if one["type"] in ("text", "plain_text"):
            yield one["text"]
        elif one["type"] == "date":
            yield one["fallback"]
        yield from leaves(one.get("elements", ()))


def check_pending(request: model.Request) -> None:
    ticket = opened(request)
    drawn = draw.card_of(ticket, MINT)
    there, here = discord.render(drawn), slack.render(drawn)
    assert f"Expires <t:{WHEN}:R> · May decide\\: anyone here" in discord_texts(there)
    ours = {f"-# **Asked**: <t:{ASKED}:f>", f"-# r1 · sha256\\:{ticket.digest[7:19]}"}
    cut = any("not shown here" in one for one in discord_texts(there))
    assert cut or ours <= {*discord_texts(there)}
    assert "Expires 2026-01-01 13:00 UTC · May decide: anyone here" in slack_texts(here)
    cut = any("not shown here" in one for one in slack_texts(here))
    assert cut or {"Asked: 2026-01-01 12:00 UTC", f"r1 · {ticket.digest[:19]}"} <= {*slack_texts(here)}
    if request.kind == "permission":
        (container,) = there["components"]
        labels = [[one["label"] for one in row["components"]] for row in container["components"] if row["type"] == 1]
        assert ("Deny" in labels[0], labels[0][0]) in {(True, "Allow"), (True, "Review")}
        labels = [
            [one["text"]["text"] for one in row["elements"]] for row in here["blocks"] if row["type"] == "actions"
        ]
        assert ("Deny" in labels[0], labels[0][0]) in {(True, "Allow"), (True, "Review")}


@FEW
@given(requests())
def test_by_when_and_by_whom_stands_alone_whatever_else_is_written(request: model.Request) -> None:
    check_pending(request)


def test_what_runs_on_elsewhere_ends_where_the_agents_part_ends() -> None:
    for row in each(RUNS_ON):
        with row as written:
            source = model.Source(agent=written, session=written, url=written, project=written)
            check_pending(
                samples.permission(
                    tool=written,
                    input={"command": written, written: written},
                    title=written,
                    body=written,
                    source=source,
                    context={"note": written},
                    attachments=[model.Attachment(name=written, kind="text", text=written)],
                )
            )
            check_pending(sayso.Question(written, body=written, source=source))
            check_pending(asking.Choice(written, [written + "1", written + "2"], source=source))


def test_a_verdict_stands_alone_whatever_the_reason_says() -> None:
    for row in each(RUNS_ON):
        with row as written:
            request = samples.permission(tool=written, input={"command": written}, body=written)
            drawn = draw.card_of(after(opened(request), said(verdict="deny", reason=written)), MINT)
            verdict = f"⛔ **Denied** **by** ``Ann`` **·** <t:{ASKED + 5}:f>"
            assert discord_texts(discord.render(drawn))[0] == verdict
            assert slack_texts(slack.render(drawn))[0] == " Denied by Ann · 2026-01-01 12:00 UTC"


def test_no_text_holds_both_what_is_ours_and_what_an_agent_brings_in_however_many_parts() -> None:
    arguments = {f"key{number}": f"value\nof {number}" for number in range(40)}
    drawn = draw.card_of(opened(samples.permission(input=arguments, source=model.Source(session="s"))), MINT)
    payload = discord.render(drawn)
    assert len(list(components.walk(payload["components"]))) <= limits.COMPONENTS
    assert [one for one in discord_texts(payload) if "value" in one and ("Expires" in one or "Asked" in one)] == []
    assert f"Expires <t:{WHEN}:R> · May decide\\: anyone here" in discord_texts(payload)
    here = slack.render(drawn)
    assert len(here["blocks"]) <= 50
    assert "Expires 2026-01-01 13:00 UTC · May decide: anyone here" in slack_texts(here)


def test_a_section_has_one_voice() -> None:
    for ticket in (*samples.pending(), *samples.closed()):
        for section in sections.sections(draw.card_of(ticket, MINT).parts):
            kinds = {type(part) for part in section.parts if not isinstance(part, card.Note)}
            if section.kind == "service":
                assert kinds <= {card.Line, card.Warn, card.Risk}
            elif section.kind == "below":
                assert kinds <= {card.Facts}
            else:
                assert not kinds & {card.Warn, card.Risk, card.Facts}

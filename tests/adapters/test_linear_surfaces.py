"""Surfaces and readers of foreign input: their work grows with its length and no faster. See tests/core/test_linear."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pytest

import sayso_discord.render
import sayso_slack.measure
import sayso_slack.parse
import sayso_slack.render
import sayso_web.render
from sayso import machine, model
from sayso.cards import card, cutting, dialog, draw, tokens
from sayso.content import requests, risk, text
from sayso.machine import people
from sayso.testing import samples
from sayso_aap import wire as aap
from sayso_bots.terminal import render as terminal
from sayso_claude import elicitation, hooks, questions, steps, suggestions
from sayso_discord import inputs as discord_inputs
from sayso_discord import rich
from sayso_hitl import client as hitl_client
from sayso_hitl import wire as hitl
from sayso_http import session_notes, webhooks
from sayso_http.server import reading
from sayso_mcp import prompt
from sayso_slack import inputs as slack_inputs
from tests.counting import MOST, counting, grows, work_of

pytestmark = [pytest.mark.once, pytest.mark.no_cover]

Shown = TypeVar("Shown")
SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "one line": lambda n: {"command": "x" * n},
    "lines": lambda n: {"command": "+a\n-b\n" * (n // 6)},
    "signs": lambda n: {"command": "`*_" * (n // 3)},
    "escapes": lambda n: {"command": "\u202e" * n},
    "arguments": lambda n: {f"k{number}": "v" for number in range(n // 10)},
    "a list": lambda n: {"k" * 60: [1] * (n // 2)},
}
RENDERERS: dict[str, Callable[[card.Card], object]] = {
    "slack": sayso_slack.render.render,
    "discord": sayso_discord.render.render,
    "terminal": terminal.render,
    "web": sayso_web.render.render,
}
ROOMS = {"slack": sayso_slack.render.ROOM, "discord": sayso_discord.render.ROOM}
WINDOWS: dict[str, Callable[[dialog.Dialog], object]] = {
    "slack": sayso_slack.render.render_dialog,
    "discord": sayso_discord.render.render_dialog,
}


def ticket_of(document: dict[str, Any]) -> model.Ticket:
    terms = machine.Terms(owner="bot", policy=model.Policy(), route=("web",))
    request = requests.parse(json.dumps({**document, "id": "r1"}))
    return machine.open_ticket(request, terms, id="r1", ref="r" * 22, at=samples.NOW).ticket


def asked(arguments: dict[str, Any]) -> model.Ticket:
    attached = [{"name": "a.diff", "kind": "diff", "text": str(next(iter(arguments.values())))}]
    return ticket_of({"kind": "permission", "tool": "Bash", "input": arguments, "attachments": attached})


def drawn(arguments: dict[str, Any]) -> card.Card:
    # as if it was never drawn before: otherwise nothing would be measured but what is kept
    risk.look_at.cache_clear()
    return draw.draw_card(asked(arguments), samples.MINT)  # pyright: ignore[reportPrivateUsage]


def measured(make: Callable[[], Shown]) -> tuple[Shown, int]:
    """What is made for all surfaces alike, and the work of that."""
    made = list[Shown]()
    work = work_of(lambda: made.append(make()))
    return made[0], work


def too_much(
    surfaces: dict[str, Callable[[Shown], object]], make: Callable[[int], Shown], small: int
) -> dict[str, float]:
    """The surfaces on which ten times the text is more than MOST times the work, to make and to show."""
    # what is loaded at the first use is no work of the input's
    warm = make(5 * small)
    (one, before), (ten, after) = measured(lambda: make(small)), measured(lambda: make(10 * small))
    grown = dict[str, float]()
    for name, show in surfaces.items():
        show(warm)
        grown[name] = (after + work_of(lambda: show(ten))) / (before + work_of(lambda: show(one)))  # noqa: B023 (at once)
    return {name: times for name, times in grown.items() if times >= MOST}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_card_is_rendered_in_linear_work(shape: str) -> None:
    assert too_much(RENDERERS, lambda n: drawn(counting(SHAPES[shape](n))), 1_000) == {}


@pytest.mark.parametrize("shape", ["one line", "lines", "signs"])
def test_all_pages_of_a_review_are_rendered_in_linear_work(shape: str) -> None:
    def pages(n: int) -> list[dialog.Dialog]:
        cut = cutting.pages(drawn(counting(SHAPES[shape](n))).parts, 400)
        return [dialog.Dialog(text.Trusted("Review"), "token", page, submit=text.Trusted("Next page")) for page in cut]

    def shown(show: Callable[[dialog.Dialog], object], pages: list[dialog.Dialog]) -> None:
        for page in pages:
            show(page)

    assert too_much({name: partial(shown, show) for name, show in WINDOWS.items()}, pages, 2_000) == {}


@pytest.mark.parametrize("surface", ROOMS)
def test_a_person_who_reads_page_after_page_has_it_drawn_once(surface: str, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[model.Ticket] = []
    once = draw.draw_card

    def counted(ticket: model.Ticket, mint: tokens.TokenMaker, directory: people.Directory) -> card.Card:
        times.append(ticket)
        return once(ticket, mint, directory)

    monkeypatch.setattr(draw, "draw_card", counted)
    ticket = asked({"command": f"ls {surface}\n" * 40_000})
    pages = len(draw.pages_of(ticket, samples.MINT, ROOMS[surface].page))
    for page in range(0, pages, max(1, pages // 10)):
        # each press reads the ticket from the store again
        again = model.Ticket.model_validate_json(ticket.model_dump_json())
        assert dialog.review(again, page, samples.MINT, ROOMS[surface]).title == f"Page {page + 1} of {pages}"
    assert pages > 2
    assert len(times) == 1


@pytest.mark.parametrize("sign", ["x", "x" * 40 + "\n", '\\"', "漢"])
def test_a_megabyte_is_read_in_ten_windows_of_slack(sign: str) -> None:
    raw = sign * (1_000_000 // (len(json.dumps(sign, ensure_ascii=False).encode()) - 2))
    ticket, room = ticket_of({"kind": "permission", "tool": "Bash", "input": {"command": raw}}), ROOMS["slack"]
    pages = draw.pages_of(ticket, samples.MINT, room.page)
    assert len(pages) <= 10
    shown = "".join(part.text.text for page in pages for part in page if isinstance(part, card.Code))
    assert shown == raw
    for number in range(len(pages)):
        opened = dialog.review(ticket, number, samples.MINT, room)
        assert sayso_slack.measure.broken(sayso_slack.render.render_dialog(opened)) == []


def test_a_card_is_drawn_anew_when_its_ticket_changes() -> None:
    ticket = asked({"command": "ls"})
    other = ticket.model_copy(update={"request": ticket.request.model_copy(update={"input": {"command": "rm"}})})
    assert draw.card_of(ticket, samples.MINT) is draw.card_of(ticket, samples.MINT)
    assert draw.card_of(other, samples.MINT) != draw.card_of(ticket, samples.MINT)
    secret = tokens.TokenMaker(b"another secret of 32 characters!!")
    assert draw.card_of(ticket, secret).controls != draw.card_of(ticket, samples.MINT).controls


def _event(**more: Any) -> bytes:
    return json.dumps({"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": "Bash", **more}).encode()


def _suggested(n: int) -> list[Any]:
    rules = [{"toolName": "Bash", "ruleContent": f"x{number}"} for number in range(n // 40)]
    return [{"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"}] * 3


def _slack_reply(said: str) -> dict[str, Any]:
    message = {"type": "message", "user": "U1", "text": said, "ts": "2.0", "thread_ts": "1.0", "channel": "C1"}
    return {"type": "event_callback", "team_id": "T1", "event": message}


READERS: dict[str, tuple[Callable[[int], Any], Callable[[Any], object]]] = {
    "keys of a body": (
        lambda n: "{" + ",".join(f'"k{number}":1' for number in range(n // 8)) + ',"k0":1}',
        lambda body: reading.parse(body.encode(), webhooks.AnyJson),
    ),
    "unknown keys of a body": (
        lambda n: json.dumps({f"k{number}": 1 for number in range(n // 8)}),
        lambda body: reading.parse(body.encode(), model.Answer),
    ),
    "choices of a body": (
        lambda n: json.dumps({"choices": [1] * n}),
        lambda body: reading.parse(body.encode(), model.Answer),
    ),
    "a note": (lambda n: json.dumps({"text": "x" * n}), lambda body: reading.parse(body.encode(), session_notes.Note)),
    "a hook of Claude Code": (
        lambda n: {"command": "x" * n},
        lambda given: hooks.request(hooks.parse(_event(tool_input=given, tool_use_id="t")), id="r1"),
    ),
    "the head of a hook": (lambda n: '"hook_event_name" ' * (n // 18), lambda head: hooks.event_in(head.encode())),
    "suggestions": (_suggested, suggestions.offers),
    "a step of Claude Code": (
        lambda n: "x" * n,
        lambda said: steps.request(
            steps.parse(json.dumps({"session_id": "s", "hook_event_name": "UserPromptSubmit", "prompt": said}).encode())
        ),
    ),
    "a question of Claude Code": (
        lambda n: "`" * n,
        lambda said: questions.request(
            {
                "questions": [
                    {"question": said, "options": [{"label": "A", "preview": said}, {"label": "B"}]},
                ]
            }
        ),
    ),
    "an elicitation": (
        lambda n: "x " * (n // 2),
        lambda said: elicitation.request(elicitation.Elicitation(session_id="s", mcp_server_name="m", message=said)),
    ),
    "a permission prompt over MCP": (
        lambda n: {"command": "x" * n},
        lambda given: prompt.read("Bash", given, "t"),
    ),
    "a call over AAP": (
        lambda n: "x" * n,
        lambda said: aap.request(
            aap.Submission.model_validate({"tool": "t", "arguments": {"a": said}, "timeout": "5m"}),
            agent="bot",
            id="r1",
            submitted="now",
        ),
    ),
    "an event of the dashboard": (
        lambda n: json.dumps(
            {"source_app": "a", "session_id": "s", "hook_event_type": "t", "payload": {str(one): 1 for one in range(n)}}
        ),
        lambda body: hitl.event_of(body.encode()),
    ),
    "words in Slack": (lambda n: "<@U1|a" * (n // 6), lambda said: sayso_slack.parse.parse(_slack_reply(said))),
    "a window of Slack": (
        lambda n: {f"f{number}:0": {"x": {"type": "plain_text_input", "value": "v"}} for number in range(n // 10)},
        slack_inputs.draft,
    ),
    "a window of Discord": (
        lambda n: [
            {"type": 18, "component": {"type": 4, "custom_id": f"f{number}", "value": "v"}} for number in range(n // 10)
        ],
        discord_inputs.draft,
    ),
    "marks in Discord": (lambda n: "`*_~|" * (n // 5), lambda said: (rich.code(said), rich.fence(said))),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_comes_in_is_read_in_linear_work(reader: str) -> None:
    make, read = READERS[reader]
    assert grows(make, read, 2_000) < MOST


def test_an_event_of_a_hook_is_read_in_linear_work() -> None:
    def event(n: int) -> dict[str, Any]:
        asked = {"question": "Hm?", "type": "choice", "choices": ["a" * (n // 100)] * 100, "timeout": 5}
        return {"source_app": "a", "session_id": "s", "hook_event_type": "PreToolUse", "payload": {"x": "y" * n}} | {
            "humanInTheLoop": asked
        }

    assert grows(event, lambda one: hitl_client.request_of(one, id="r1")) < MOST

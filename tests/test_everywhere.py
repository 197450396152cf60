"""docs/everywhere.md says what each place can do: every word of it is held to the tables of the program, both ways."""

from __future__ import annotations

import json
import pathlib
import re
import urllib.parse
from collections.abc import Iterator
from typing import NamedTuple

import click
import pytest
from aiohttp import web

import sayso
import sayso_web
from sayso import model
from sayso.cards import buttons
from sayso.chat import named_lists, orders
from sayso.desk.answering import searching
from sayso.stores import memory
from sayso.testing.samples import MINT
from sayso_bots import cli
from sayso_discord import looks as discord_looks
from sayso_discord import ways
from sayso_http import routes
from sayso_slack import manifest

PAGE = (pathlib.Path(__file__).parent.parent / "docs/everywhere.md").read_text()
PLACES = ("Slack", "Discord", "Inbox", "Terminal", "HTTP")
# What a browser fetches by itself, and no person.
_FETCHED = re.compile(r"/(static/.*|icons/.*|favicon\.ico|worker\.js)")


class Cell(NamedTuple):
    """What can be done in one place."""

    row: str
    place: str
    text: str

    @property
    def codes(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.text)

    @property
    def labels(self) -> list[str]:
        return re.findall(r"(?<!\*)\*([^*`]+)\*", self.text)


def cells() -> Iterator[Cell]:
    for line in PAGE.splitlines():
        parts = [part.strip() for part in line.strip("| ").split(" | ")]
        if line.startswith("| ") and len(parts) == 1 + len(PLACES) and parts[1] != PLACES[0]:
            yield from (Cell(parts[0], place, text) for place, text in zip(PLACES, parts[1:], strict=True))
        elif line.startswith("| ") and len(parts) == 2 and parts[0] in PLACES:
            yield Cell("", parts[0], parts[1])


CELLS = [*cells()]


def of(place: str) -> list[Cell]:
    return [cell for cell in CELLS if cell.place == place]


def button_labels() -> set[str]:
    """What stands on the buttons of cards; of an offer, as the first one says it."""
    offers = [model.Offer(name="s0", kind="rule", effect="x")]
    request = sayso.Permission(tool="x", offers=offers)
    labels = {row.label_on(request, 0) for row in buttons.TABLE if row.label}
    return labels


def list_labels() -> set[str]:
    """What stands on the buttons of lists and of the Home tab."""
    asked = {f"{one.title}…" for one in orders.ASKED.values()}
    return {*named_lists.LABELS.values(), *asked, "End", discord_looks.ANSWER}


def inbox() -> dict[str, set[str]]:
    """The addresses of the inbox, each with its methods."""
    app, desk = web.Application(), sayso.Desk(memory.MemoryStore(), MINT)
    sayso_web.add_routes(app, desk, sayso_web.Sessions(desk.store), origins={"http://127.0.0.1"})
    found = dict[str, set[str]]()
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if route.method != "HEAD" and not _FETCHED.fullmatch(path):
            found.setdefault(path, set()).add(route.method)
    return found


def option_names(command: click.Command) -> set[str]:
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


def slack_words() -> set[str]:
    hint = manifest.manifest()["features"]["slash_commands"][0]["usage_hint"]
    return {one.split()[0] for one in hint.split(", ")}


def discord_words() -> set[str]:
    (command,) = [one for one in ways.COMMANDS if one["name"] == discord_looks.COMMAND]
    return {one["name"] for one in command["options"]}


@pytest.mark.parametrize("place", ["Slack", "Discord"])
def test_each_word_and_button_of_a_chat_is_one_of_it_and_none_is_missing(place: str) -> None:
    words = slack_words() if place == "Slack" else discord_words()
    said = {code.removeprefix("/sayso ") for cell in of(place) for code in cell.codes if code.startswith("/sayso ")}
    assert said == words == {*named_lists.NAMES, orders.STOP, orders.RESUME}
    labels = {label for cell in of(place) for label in cell.labels}
    # a card that does not show all has *Review* in place of what allows
    on_cards = {*button_labels(), buttons.REVIEW.label}
    assert labels <= on_cards | list_labels()
    assert on_cards <= labels
    missing = list_labels() - labels - {named_lists.LABELS["pending"]}
    # the Home tab is Slack's
    assert missing == (set() if place == "Slack" else list_labels() - {"End", discord_looks.ANSWER, "Waiting for you"})


def test_each_address_and_button_of_the_inbox_is_one_of_it_and_none_is_missing() -> None:
    known, said = inbox(), dict[str, set[str]]()
    for code in (code for cell in of("Inbox") for code in cell.codes):
        method, _, address = code.partition(" ")
        path, _, query = address.partition("?")
        said.setdefault(path, set()).add(method)
        assert set(urllib.parse.parse_qs(query)) <= {*searching.NAMES}, code
    assert said == known
    labels = {label for cell in of("Inbox") for label in cell.labels}
    # closed requests have a page of their own
    assert labels == button_labels() - {"Details"}


def test_each_command_with_its_options_exists_and_none_is_missing() -> None:
    used = set[str]()
    context = click.Context(cli.tree)
    for code in (code for cell in of("Terminal") for code in cell.codes):
        name, *words = code.split()
        assert name == "sayso", code
        used.add(words[0])
        command = cli.tree.get_command(context, words[0])
        assert command is not None, code
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.commands[words[1]]
        wrong = [word for word in words if word.startswith("--") and word not in option_names(command)]
        assert wrong == [], code
    assert used == {*cli.tree.list_commands(context)}


def test_each_call_exists_with_its_parameters_and_none_is_missing() -> None:
    known = {(one.method.upper(), one.path): one for one in routes.OPERATIONS}
    said = {("POST", "/v1/requests/{id}/answers")}
    for code in (code for cell in of("HTTP") for code in cell.codes if not code.startswith("{")):
        method, _, address = code.partition(" ")
        path, _, query = address.partition("?")
        said.add((method, path))
        assert set(urllib.parse.parse_qs(query)) <= set(known[method, path].query), code
    assert said == set(known)


def test_what_a_button_answers_is_the_same_at_the_terminal_and_over_http() -> None:
    by_row: dict[str, dict[str, Cell]] = {}
    for cell in CELLS:
        by_row.setdefault(cell.row, {})[cell.place] = cell
    tried = set[str]()
    for places in (places for row, places in by_row.items() if row and places["Slack"].labels):
        bodies = [code for code in places["HTTP"].codes if code.startswith("{")]
        if not bodies:
            continue
        answer = model.Answer.model_validate(json.loads(bodies[0]))
        # the last label is the button that gives it; one before it opens the window
        label = places["Slack"].labels[-1]
        (row, *_) = [
            one for one in buttons.TABLE if label in (one.label, "Add rule 1 and allow…") and _gives(one, answer)
        ]
        assert f"sayso answer ID {row.flag.removesuffix(' …').format(number=1)}" in places["Terminal"].codes, label
        assert {places[place].labels[-1] for place in PLACES[:3]} == {label}
        tried.add(row.label)
    answering = {one.label for one in buttons.TABLE if one.answer is not None and one.label}
    assert tried == answering


def _gives(row: buttons.Row, answer: model.Answer) -> bool:
    asks_back, glass = answer.question is not None, bool(answer.break_glass)
    return row.gives(answer.verdict, answer.grant, asks_back, glass, answer.standing)


def test_what_a_place_cannot_do_says_why() -> None:
    for cell in CELLS:
        if cell.text.startswith("–"):
            assert re.fullmatch(r"– \([^()]+\)", cell.text), cell
        else:
            assert cell.text, cell

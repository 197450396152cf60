"""Every kind of field on every surface: it is drawn, filled in as people do it, and read back as the value it is."""

from __future__ import annotations

import asyncio
import functools
import html.parser
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, cast, get_args

import pytest

import sayso_discord.inputs
import sayso_discord.render
import sayso_slack.inputs
import sayso_slack.render
import sayso_web.inputs
import sayso_web.render
from sayso import asking, errors, model
from sayso.cards import dialog, submission, tokens
from sayso.content import field_kinds, fields, readers, schema
from sayso.testing import samples
from sayso_bots.terminal import access, prompt
from tests.fakes.discord import controls as discord_controls
from tests.fakes.discord import forms
from tests.fakes.slack import controls as slack_controls
from tests.fakes.slack import state

KINDS: tuple[model.FieldKind, ...] = get_args(model.FieldKind)
NUMBERED = {"one": "1 · one", "two": "2 · two", "yes": "Yes"}
"""What stands on an option that somebody would name so."""


def field_of(kind: model.FieldKind, **more: Any) -> model.Field:
    options = (model.Option(label="one"), model.Option(label="two")) if kind == "choice" else ()
    return model.Field(name="it", label="It", kind=kind, options=options, **more)


def slack_draft(opened: dialog.Dialog, typed: str) -> dialog.Draft:
    blocks = sayso_slack.render.render_dialog(opened)["blocks"]
    entered = {
        control.key: state.filled(control.element, NUMBERED.get(typed, typed))
        for control in slack_controls.controls(blocks)
    }
    assert state.complaints(blocks, entered) == {}
    return sayso_slack.inputs.draft(state.values(blocks, entered))


def discord_draft(opened: dialog.Dialog, typed: str) -> dialog.Draft:
    components = numbered(sayso_discord.render.render_dialog(opened)["components"])
    entered = {
        control.element["custom_id"]: forms.filled(control.element, NUMBERED.get(typed, typed))
        for control in discord_controls.controls(components)
    }
    assert forms.complaints(components, entered) == {}
    return sayso_discord.inputs.draft(forms.submitted(components, entered))


def numbered(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Discord gives each component an id when it takes a modal."""
    made: list[dict[str, Any]] = []
    for number, part in enumerate(components, 1):
        inner: dict[str, Any] = part.get("component") or {}
        made.append({**part, "id": 2 * number, **({"component": {**inner, "id": 2 * number + 1}} if inner else {})})
    return made


class Inputs(html.parser.HTMLParser):
    """What can be filled in on a page: the name, type and value of each input, and the words beside a tick."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("input", "textarea") and "." in given.get("name", ""):
            self.found.append({"type": tag, **given, "beside": ""})
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "label"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1]["beside"] += data.strip()


def web_draft(opened: dialog.Dialog, typed: str) -> dialog.Draft:
    page = Inputs()
    page.feed(sayso_web.render.render_dialog(opened))
    ticks = [one for one in page.found if one["type"] in ("radio", "checkbox")]
    chosen = [one for one in ticks if one["beside"].lower() == typed] if ticks else page.found
    assert len(chosen) == 1, page.found
    return sayso_web.inputs.draft_of({chosen[0]["name"]: [chosen[0]["value"] if ticks else typed]})


WINDOWS: dict[str, tuple[Callable[[dialog.Dialog, str], dialog.Draft], dialog.WindowLimits]] = {
    "slack": (slack_draft, sayso_slack.render.ROOM),
    "discord": (discord_draft, sayso_discord.render.ROOM),
    "web": (web_draft, dialog.WindowLimits(content=10_000, inputs=10, typed=10_000)),
}


def in_a_window(surface: str, asked: model.Field, typed: str, _: pytest.MonkeyPatch) -> Any:
    draft, limits = WINDOWS[surface]
    ticket = asking_for(asked)
    opened = dialog.fill(ticket, 0, samples.MINT.token(ticket, "fill"), limits)
    answer = submission.follow(ticket, tokens.read(opened.token), draft(opened, typed), samples.MINT, limits)
    assert isinstance(answer, model.Answer)
    return (answer.values or {})["it"]


@dataclass
class Answers:
    """The desk as the keyboard reaches it: it keeps what is answered."""

    values: list[Any] = field(default_factory=list[Any])

    async def answer(self, id: str, answer: model.Answer) -> model.Ticket:
        self.values.append(answer.values)
        return asking_for(field_of("text"))


def at_the_keyboard(asked: model.Field, typed: str, patch: pytest.MonkeyPatch) -> Any:
    ours, theirs = os.openpty()
    taken = Answers()
    with os.fdopen(theirs) as keyboard:
        patch.setattr(sys, "stdin", keyboard)
        os.write(ours, typed.encode() + b"\n")
        asyncio.run(prompt.answer(cast(access.CommandDesk, taken), asking_for(asked)))
    os.close(ours)
    return fields.check([asked], taken.values[0])["it"]


def over_http(asked: model.Field, typed: str, _: pytest.MonkeyPatch) -> Any:
    known, value = field_kinds.TRAITS[asked.kind].sample
    body = json.dumps({"values": {"it": value if typed == known else typed}})
    return fields.check([asked], model.Answer.model_validate_json(body).values or {})["it"]


SURFACES: dict[str, Callable[[model.Field, str, pytest.MonkeyPatch], Any]] = {
    **{surface: functools.partial(in_a_window, surface) for surface in WINDOWS},
    "keyboard": at_the_keyboard,
    "http": over_http,
}


def asking_for(asked: model.Field) -> model.Ticket:
    """A ticket with this one field; it may be of a kind that no wire knows yet."""
    ticket = samples.sample(asking.Form("Fill in", [field_of("text")]))
    return ticket.model_copy(update={"request": ticket.request.model_copy(update={"fields": (asked,)})})


def test_every_surface_that_shows_windows_is_here() -> None:
    shown = {found.name for found in importlib.metadata.entry_points(group="sayso.renderers")}
    assert shown - {"terminal"} == set(WINDOWS), "a surface that no test fills in"


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_filled_in_and_read_back_on_each_surface(
    surface: str, kind: model.FieldKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed, value = field_kinds.TRAITS[kind].sample
    found = SURFACES[surface](field_of(kind), typed, monkeypatch)
    assert (found, type(found)) == (value, type(value)), f"{surface} does not read a {kind} back"


@pytest.mark.parametrize("surface", WINDOWS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if field_kinds.TRAITS[kind].listed])
def test_a_list_of_each_kind_is_filled_in_and_read_back(
    surface: str, kind: model.FieldKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed, value = field_kinds.TRAITS[kind].sample
    assert SURFACES[surface](field_of(kind, multiple=True), typed, monkeypatch) == [value]


@pytest.mark.parametrize(
    ("surface", "table"),
    [
        ("core", field_kinds.TRAITS),
        ("slack", sayso_slack.inputs.ELEMENTS),
        ("discord", sayso_discord.inputs.ELEMENTS),
        ("web", sayso_web.inputs.WIDGETS),
    ],
)
def test_each_surface_has_one_entry_for_each_kind(surface: str, table: Mapping[str, Any]) -> None:
    assert {kind for kind in KINDS if kind not in table} == set(), f"{surface} lacks these kinds"
    assert set(table) == set(KINDS), f"{surface} has kinds that nothing can ask for"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_comes_from_a_json_schema(kind: model.FieldKind) -> None:
    traits = field_kinds.TRAITS[kind]
    part: dict[str, Any] = {"enum": ["one", "two"]}
    if traits.json_type is not None:
        part = {"type": traits.json_type} | ({"format": traits.json_format} if traits.json_format else {})
    (found,) = schema.from_schema({"type": "object", "properties": {"it": part}})
    assert (found.kind, found.name) == (kind, "it")


# A kind that does not exist: plugged in by what the page says, and nothing else

CLOCK = cast(model.FieldKind, "clock")
TABLES = (sayso_slack.inputs.ELEMENTS, sayso_discord.inputs.ELEMENTS, sayso_web.inputs.WIDGETS)


def read_clock(_: model.Field, given: Any) -> str:
    """A time of day, to the minute."""
    try:
        return time.fromisoformat(given).strftime("%H:%M")
    except (TypeError, ValueError) as error:
        raise readers.Unfit("please give a time, such as 18:30") from error


def clock_on_slack(given: dialog.Input, longest_option: int) -> dict[str, Any]:
    return {"type": "timepicker"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> model.Field:
    traits = field_kinds.Traits(read_clock, ("18:30", "18:30"), "string", "time", frozenset({"format"}), {"time": {}})
    monkeypatch.setitem(cast(Any, field_kinds.TRAITS), "clock", traits)
    return field_of("text").model_copy(update={"kind": CLOCK})


def plug_in(patch: pytest.MonkeyPatch) -> None:
    made: tuple[Any, ...] = (
        clock_on_slack,
        sayso_discord.inputs.ELEMENTS["text"],
        sayso_web.inputs.Widget(attributes={"type": "time"}),
    )
    for table, entry in zip(TABLES, made, strict=True):
        patch.setitem(cast(Any, table), "clock", entry)
    patch.setitem(cast(Any, sayso_slack.inputs.READERS), "timepicker", lambda leaf: leaf["selected_time"])


@pytest.mark.parametrize("surface", SURFACES)
def test_a_new_kind_is_one_entry_in_the_core_and_one_on_each_surface(
    surface: str, clock: model.Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(monkeypatch)
    assert SURFACES[surface](clock, "18:30", monkeypatch) == "18:30"
    assert field_kinds.of_schema("string", "time") == CLOCK
    with pytest.raises(errors.InvalidAnswer, match="It: please give a time"):
        SURFACES[surface](clock, "soon", monkeypatch)


@pytest.mark.parametrize("surface", WINDOWS)
def test_a_surface_without_a_new_kind_says_so_and_shows_no_other_input(
    surface: str, clock: model.Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyError, match="clock"):
        SURFACES[surface](clock, "18:30", monkeypatch)

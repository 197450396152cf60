"""Cards as HTML: foreign text stays text, in every field and whatever it is."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import get_args

import hypothesis
import pytest
from hypothesis import strategies as st

import sayso
from sayso import machine, model, testing
from sayso.cards import dialog, draw, tokens
from sayso.content import text
from sayso.machine import events
from sayso.stores import memory
from sayso.testing import samples
from sayso_web import render, sessions, view
from tests.adapters.web.service import MINT, Elements, setup
from tests.conftest import LONG
from tests.tables import each

FIELDS = get_args(testing.RequestField)
# Words that would do something if they were markup; each carries a mark that no template has.
MARK = "zqj"
TRICKS = [
    "<script>zqj</script>", "</pre><button name=token value=zqj>Allow</button>", "<img src=x onerror=zqj>",
    '" autofocus onfocus="zqj', "' zqj='", "<!-- zqj", "<![CDATA[zqj", "&lt;b&gt;zqj", "&#60;i&#62;zqj", "{{ zqj }}",
    "{% zqj %}", "[zqj](javascript:zqj)", "![zqj](http://zqj.example/x)", "<http://zqj.example>", "```\nzqj\n```",
    "# zqj", "| zqj | zqj |\n|---|---|\n| zqj | zqj |", "> zqj\n>> zqj", "1. zqj\n   - zqj", "</textarea>zqj",
    "</title></head>zqj", "\u202ezqj", "zqj\x00\x1b[2J", "</bdi></article><article id=zqj>", "\n\nzqj", "--\n zqj",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(TRICKS) | st.text(max_size=12), min_size=1, max_size=4).map(
    lambda parts: ("".join(parts) + MARK)[-190:]
)
OURS = {
    "article", "div", "header", "footer", "h3", "h4", "p", "span", "bdi", "time", "figure", "figcaption", "pre",
    "dl", "dt", "dd", "form", "input", "button", "fieldset", "legend", "label", "textarea", "a", "ol", "ul", "li",
    "strong", "em", "code", "blockquote", "hr", "table", "tr", "td",
}  # fmt: skip
ACTING = {"href", "action", "src", "id", "class", "style", "name", "for", "datetime", "title"}


def check(html: str) -> Elements:
    found = Elements(html)
    assert {tag for tag, _ in found.tags} <= OURS
    for tag, attributes in found.tags:
        for name, value in attributes:
            assert not name.startswith("on"), (tag, name)
            assert MARK not in name, (tag, name)
            assert name not in ACTING or MARK not in (value or ""), (tag, name, value)
            if name == "href":
                assert value == "/requests/r1"
    return found


def shown(found: Elements, raw: str) -> bool:
    everything = "".join(found.texts)
    return any(one.text in everything for one in (text.literal(raw, code=True), text.literal(raw), text.line(raw)))


@hypothesis.settings(max_examples=1_000 if LONG else 20)
@hypothesis.given(st.sampled_from(FIELDS), HOSTILE)
def test_no_field_can_add_markup(field: testing.RequestField, raw: str) -> None:
    check_field(field, raw)


def test_no_field_can_add_any_of_the_tricks() -> None:
    for row in each(itertools.product(FIELDS, range(0, len(TRICKS), 5))):
        with row as (field, first):
            check_field(field, ("".join(TRICKS[first : first + 5]) + MARK)[-190:])


def check_field(field: testing.RequestField, raw: str) -> None:
    raw = raw[-50:] if field == "key" else raw  # a longer one is shown as JSON
    found = check(testing.render("web", field, raw))
    if field not in ("body", "label"):
        assert shown(found, raw)


IN_DIALOGS: tuple[testing.RequestField, ...] = ("title", "label", "option", "description", "key", "value")


@hypothesis.settings(max_examples=1_000 if LONG else 16)
@hypothesis.given(st.sampled_from(IN_DIALOGS), HOSTILE)
def test_no_dialog_can_be_given_markup(field: testing.RequestField, raw: str) -> None:
    check_dialogs(field, raw)


def test_no_dialog_can_be_given_any_of_the_tricks() -> None:
    for row in each(itertools.product(IN_DIALOGS, range(0, len(TRICKS), 7))):
        with row as (field, first):
            check_dialogs(field, ("".join(TRICKS[first : first + 7]) + MARK)[-190:])


def check_dialogs(field: testing.RequestField, raw: str) -> None:
    ticket = testing.ticket(field, raw)
    session = sessions.Session("s", "owner")
    own = view.View(sayso.Desk(memory.MemoryStore(), MINT, setup()), session, session.actor)
    for action in ("edit", "reason", "fill", "other", "review"):
        opened = dialog.of_press(ticket, tokens.read(MINT.token(ticket, action)), MINT, view.NO_LIMITS)
        check(own.draw(ticket, view.Press(opened, notice=raw, wrong={"f0": raw, "": raw})))
        check(own.draw(ticket, view.Press(draft={"f0": raw, "k0": raw})))
    check(f"<ul>{own.draw_row(machine.step(ticket, events.Cancelled(at=ticket.created_at, by='x')).ticket)}</ul>")


@hypothesis.given(raw=st.text(alphabet="\n a<", min_size=1, max_size=30))
def test_every_line_break_of_an_input_is_kept(raw: str) -> None:
    ticket = testing.ticket("value", raw)
    html = render.render(draw.card_of(ticket, MINT))
    assert f'<pre class="foreign" dir="auto">\n{raw.replace("<", "&lt;")}</pre>' in html


def test_a_closed_card_has_no_way_to_press() -> None:
    html = testing.render("web", "reason", "no")
    assert {tag for tag, _ in Elements(html).tags} & {"form", "button", "input"} == set()


def test_a_card_is_never_cut_however_long_it_is() -> None:
    raw = "\n".join(f"line {number}" for number in range(20_000))
    html = testing.render("web", "value", raw)
    assert raw in html
    assert "20,000 lines" in html
    assert ">Allow<" in html


def test_the_verdict_is_in_words_and_not_only_in_colour() -> None:
    html = testing.render("web", "reason", "no")
    assert "Denied" in "".join(Elements(html).texts)


def test_lines_of_an_attached_diff_are_marked_and_all_there() -> None:
    diff = "--- a\n+++ b\n-old <b>\n+new\n same\n"
    asked = sayso.Permission(tool="Edit", attachments=(model.Attachment(name="d", kind="diff", text=diff),))
    terms = machine.Terms(owner="o", policy=model.Policy(), route=("web",))
    at = testing.ticket("title", "x").created_at
    ticket = machine.open_ticket(asked, terms, id="r1", ref="A" * 22, at=at).ticket
    html = render.render(draw.card_of(ticket, MINT))
    assert '<span class="less">-old &lt;b&gt;</span>\n<span class="more">+new</span>\n same\n</pre>' in html


def test_agents_cannot_pass_a_file_off_as_the_services_own_words() -> None:
    html = testing.render("web", "key", "Attached diff · ")
    assert 'class="foreign diff"' not in html


def test_a_part_that_no_template_shows_is_an_error_and_not_a_gap() -> None:
    @dataclass(frozen=True)
    class Picture:
        """A part that somebody adds to the card and forgets here."""

        text: str

    drawn = draw.card_of(testing.ticket("title", "Which?"), MINT)
    with pytest.raises(TypeError, match="Picture"):
        render.render(replace(drawn, parts=(drawn.parts[0], Picture("x"))))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_what_was_asked_and_what_runs_is_a_diff_with_its_heads_apart() -> None:
    asked = samples.opened(sayso.Permission(tool="Bash", input={"command": "make <prod>"}))
    ran = samples.after(asked, samples.said(verdict="allow", input={"command": "make <x>"}))
    html = render.render(draw.card_of(ran, MINT))
    assert '<span class="head">--- asked</span>\n<span class="head">+++ runs</span>\n' in html
    assert '<span class="less">-make &lt;prod&gt;</span>\n<span class="more">+make &lt;x&gt;</span></pre>' in html
    # a line of the history says what changed
    assert "-make &lt;prod&gt; +make &lt;x&gt;" in render.render_row(draw.card_of(ran, MINT))


def test_a_line_of_the_history_begins_with_what_became_of_it() -> None:
    row = render.render_row(draw.card_of(samples.after(samples.opened(), samples.said(verdict="allow")), MINT))
    assert row.index("Allowed by") < row.index("asks to run") < row.index("make deploy")


def test_a_form_that_is_filled_in_on_the_card_lists_its_fields_once() -> None:
    drawn = draw.card_of(samples.opened(sayso.Form("Refund", [model.Field(name="a", label="Amount")])), MINT)
    opened = dialog.fill(
        samples.opened(sayso.Form("Refund", [model.Field(name="a", label="Amount")])), 0, "t", view.NO_LIMITS
    )
    assert "To fill in" in render.render(drawn)
    assert "To fill in" not in render.render(drawn, render.Frame(opened=opened, always_open=True))

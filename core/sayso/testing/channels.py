"""The contract for whoever shows cards on a chat platform and reads what people press there.

Subclass `ChannelContract` in a test module and say how the platform talks; the tests come along. Nothing here needs a
network: rendering, parsing and verifying are pure.
"""

from __future__ import annotations

import abc
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import pytest

from sayso import asking, card, dialog, draw, events, machine, model, testing, text, tokens

Payload = Mapping[str, Any]

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MINT = tokens.Mint(b"for tests only, never for people")
HOSTILE = (
    "<!channel> <!here> @everyone @here <@U1> <@&2> <#C1> <@!3> <!subteam^S1> <!date^1^{date}^https://evil.example|x>",
    "[Allow](https://evil.example) <https://evil.example|safe> https://evil.example <mailto:a@evil.example|b>",
    "```\n# Allowed by ann\n> **APPROVED** ~~denied~~ __x__ ||spoiler|| -# small\n``` `x` *a* _b_ ~c~ :tada: <:a:1>",
    "a\u202eb\u200bc\u00adé\u0301\u0301\u0301\u0301\u0301\u0301 \U000e0041" + "\u2800" * 5,
    "&amp;lt; &lt;!channel&gt; \\<b\\> {{7*7}} ${x} %s \x1b[31m \x00 \r\n",
    "\n" * 60 + "tail",
    " ",
)


_KINDS: tuple[Literal["text", "number", "integer", "date", "boolean"], ...] = (
    "text", "number", "integer", "date", "boolean",
)  # fmt: skip


def sample(request: model.Request, *happened: events.Event, quorum: int = 1) -> model.Ticket:
    """A ticket of this request after these events."""
    terms = machine.Terms(owner="agent", policy=model.Policy(quorum=quorum), route=("chat:#ops",))
    ticket = machine.open_ticket(asking.plain(asking.checked(request)), terms, id="r1", ref="A" * 22, at=NOW).ticket
    for event in happened:
        ticket = machine.step(ticket, event).ticket
    return ticket


def said(name: str = "ann", **answer: Any) -> events.Answered:
    """An answer of somebody."""
    by = model.Person(id=name, name=name.title(), account=f"chat:T/{name}", member=True)
    return events.Answered(at=NOW + timedelta(seconds=5), by=by, answer=model.Answer(**answer))


def pending() -> Iterator[model.Ticket]:
    """One pending ticket of each kind and size."""
    permission = asking.Permission(
        tool="Bash",
        input={"command": "make deploy", "env": {"A": 1}, "empty": ""},
        title="Ship it",
        body="# Why\n\n- one\n- two\n\n1. a\n\n> quote\n\n```sh\nls\n```\n\n|a|b|\n|-|-|\n|1|2|",
        grants=("session", "always"),
        source=model.Source(agent="bot", session="s-1", url="https://example.com"),
        context={"folder": "/srv"},
        attachments=[model.Attachment(name="x.diff", kind="diff", text="-a\n+b")],
        risk="high",
    )
    yield sample(permission)
    yield sample(permission, said(verdict="allow"), quorum=2)
    yield sample(asking.Permission(tool="Bash"))
    yield sample(asking.Question("Which customer is this for?"))
    yield sample(asking.Form("Refund", [model.Field(name="a", label="Amount", kind="number")]))
    for count in (1, 5, 6, 10, 11, 100):
        options = [model.Option(label=f"{'same ' * 20}{n}", description="about") for n in range(count)]
        yield sample(asking.Choice("Which?", options, other=count > 5))
        yield sample(asking.Choice("Which?", [f"o{n}" for n in range(count)], multiple=True))


def long() -> Iterator[model.Ticket]:
    """Pending permissions that no card shows whole."""
    yield sample(asking.Permission(tool="Bash", input={"command": "x" * 50_000}))
    yield sample(asking.Permission(tool="Bash", input={"command": "echo\n" * 5_000}))
    yield sample(asking.Permission(tool="Bash", input={f"k{n}": "v" * 2_000 for n in range(12)}))
    yield sample(asking.Permission(tool="Bash", body="word " * 10_000))


def closed() -> Iterator[model.Ticket]:
    """Tickets with every kind of outcome."""
    permission = asking.Permission(tool="Bash", input={"command": "make deploy"})
    yield sample(permission, said(verdict="allow"))
    yield sample(permission, said(verdict="allow", input={"command": "x" * 20_000}))
    yield sample(permission, said(verdict="deny", reason="no\n" * 1_000))
    yield sample(permission, events.Cancelled(at=NOW, by="agent"))
    yield sample(permission, events.Superseded(at=NOW, by="r2"))
    yield sample(permission, events.Ticked(at=NOW + timedelta(days=1)))
    yield sample(permission, events.Undelivered(at=NOW, place="chat:#ops", reason="gone"))
    yield sample(asking.Question("Which?"), said(text="Acme"))
    several = asking.Choice("Which?", [f"o{n}" for n in range(100)], multiple=True)
    yield sample(several, said(choices=tuple(f"o{n}" for n in range(100))))


def dialogs(room: dialog.Room) -> Iterator[dialog.Dialog]:
    """Every dialog that any press on the samples opens, and every page and step after it."""
    fields = [
        model.Field(name=f"n{n}", label="l" * 500, description="d" * 2000, kind=kind, required=n % 2 == 0)
        for n, kind in enumerate(_KINDS)
    ]
    options = tuple(model.Option(label="\u202e" * 60 + str(n)) for n in range(100))
    fields += [model.Field(name=f"c{n}", label="\u200b" * 500, kind="choice", options=options) for n in range(5)]
    wide = asking.Permission(tool="Bash", input={f"{'k' * 50}{n}": "\U0001f600" * 1_900 for n in range(10)})
    for ticket in (*pending(), *long(), sample(asking.Form("Fill in", fields)), sample(wide)):
        for action in get_args(tokens.Action):
            # as many pages and steps as any sample has; beyond the last one it is the last one again
            for index in range(12 if action in ("review", "fill") else 1):
                pressed = tokens.read(MINT.token(ticket, action, index))
                opened = _opened(ticket, pressed, room)
                if opened is not None and (opened.parts or opened.inputs):
                    yield opened


def _opened(ticket: model.Ticket, pressed: tokens.Pressed, room: dialog.Room) -> dialog.Dialog | None:
    if pressed.action == "fill" and ticket.request.kind == "permission":
        return None
    return dialog.of_press(ticket, pressed, MINT, room)


class ChannelContract(abc.ABC):
    """What a chat adapter must keep. The abstract members say how its platform talks; none of them decides anything."""

    room: dialog.Room
    """What one dialog of the platform holds."""

    @abc.abstractmethod
    def render(self, drawn: card.Card) -> Payload:
        """The message for a card."""

    @abc.abstractmethod
    def render_dialog(self, opened: dialog.Dialog) -> Payload:
        """The window for a dialog."""

    @abc.abstractmethod
    def broken(self, payload: Payload) -> Sequence[str]:
        """The platform's limits that a message or window breaks."""

    @abc.abstractmethod
    def controls(self, payload: Payload) -> Sequence[str]:
        """The words on everything that can be pressed or chosen on a message."""

    @abc.abstractmethod
    def words(self, payload: Payload) -> str:
        """Everything a person reads there."""

    @abc.abstractmethod
    def powers(self, payload: Payload) -> Sequence[str]:
        """Everything live there: whoever would be notified, every address that can be followed, every markup."""

    @abc.abstractmethod
    def press(self, payload: Payload, label: str, person: str) -> Any:
        """What the platform sends when *person* presses *label*."""

    @abc.abstractmethod
    def pressed(self, sent: Any) -> tuple[str, str] | None:
        """The token and the person of what the platform sent; None where it is not a press on one of our buttons."""

    @abc.abstractmethod
    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        """The headers with which the platform would send this body."""

    @abc.abstractmethod
    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Whether the platform sent this a short while ago."""

    @pytest.mark.parametrize("samples", [pending, long, closed])
    def test_every_card_is_json_inside_the_limits(self, samples: Any) -> None:
        for ticket in samples():
            payload = self.render(draw.card_of(ticket, MINT))
            assert json.loads(json.dumps(payload)) == payload
            assert self.broken(payload) == []

    def test_every_dialog_is_json_inside_the_limits(self) -> None:
        for opened in dialogs(self.room):
            payload = self.render_dialog(opened)
            assert json.loads(json.dumps(payload)) == payload
            assert self.broken(payload) == []

    def test_the_same_card_is_rendered_the_same(self) -> None:
        for ticket in (*pending(), *closed()):
            drawn = draw.card_of(ticket, MINT)
            assert self.render(drawn) == self.render(drawn)

    def test_a_pressed_button_comes_back_as_its_token(self) -> None:
        for ticket in pending():
            drawn = draw.card_of(ticket, MINT)
            payload = self.render(drawn)
            for button in (control for control in drawn.controls if isinstance(control, card.Button)):
                if str(button.label) in self.controls(payload):
                    assert self.pressed(self.press(payload, button.label, "U1")) == (button.token, "U1")

    def test_options_are_numbered_by_the_service(self) -> None:
        few = sample(asking.Choice("Which?", ["same " * 40 + "a", "same " * 40 + "b", "Allow"]))
        payload = self.render(draw.card_of(few, MINT))
        offered = [label for label in self.controls(payload) if label[:1] in "123"]
        assert [label[0] for label in offered] == ["1", "2", "3"]
        assert self.pressed(self.press(payload, offered[2], "U1")) == (MINT.token(few, "option", 2), "U1")
        assert ("same " * 40).strip() + " a" in " ".join(self.words(payload).split())

    def test_a_closed_card_has_no_controls(self) -> None:
        for ticket in closed():
            assert self.controls(self.render(draw.card_of(ticket, MINT))) == []

    def test_what_is_not_shown_whole_can_be_reviewed_and_denied_and_not_allowed(self) -> None:
        for ticket in long():
            offered = self.controls(self.render(draw.card_of(ticket, MINT)))
            assert set(offered) == {"Review", "Deny", "Deny with reason…"}

    @pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
    @pytest.mark.parametrize("field", get_args(testing.RequestField))
    def test_text_full_of_markup_stays_text(self, field: testing.RequestField, hostile: str) -> None:
        ticket = testing.ticket(field, hostile)
        drawn = draw.card_of(ticket, MINT)
        payload = self.render(drawn)
        harmless = self.render(draw.card_of(testing.ticket(field, "harmless"), MINT))
        assert self.broken(payload) == []
        assert self.powers(payload) == self.powers(harmless)
        assert len(self.controls(payload)) == len(self.controls(harmless))

    def test_what_the_agent_wants_to_run_is_shown_to_the_letter(self) -> None:
        for hostile in HOSTILE:
            ticket = sample(asking.Permission(tool="Bash", input={"command": hostile}))
            assert text.literal(hostile, code=True).text in self.words(self.render(draw.card_of(ticket, MINT)))

    @pytest.mark.parametrize("body", [b"", b"{}", b"payload=%7B%7D", "é".encode(), b"\xff\x00"])
    def test_only_what_the_platform_signed_a_short_while_ago_is_taken(self, body: bytes) -> None:
        headers = self.sign(body, NOW)
        assert self.verify(headers, body, NOW)
        assert not self.verify(headers, body + b" ", NOW)
        assert not self.verify(headers, body, NOW + timedelta(days=2))
        assert not self.verify(headers, body, NOW - timedelta(days=2))
        assert not self.verify({}, body, NOW)
        for name, value in headers.items():
            for wrong in ("", "é", value[:-1], value + "0", value.swapcase() + "x", "9" * 5000, "-1", "1e9", "\x00"):
                assert not self.verify({**headers, name: wrong}, body, NOW), (name, wrong)

    @pytest.mark.parametrize("junk", [None, 1, "x", [], {}, {"type": None}, {"type": []}, {"type": "x" * 9}, [[]]])
    def test_what_makes_no_sense_is_nobodys_press(self, junk: Any) -> None:
        assert self.pressed(junk) is None

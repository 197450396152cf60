"""The contract for whoever shows cards on a chat platform and reads what people press there.

Subclass `ChannelContract` in a test module and say how the platform talks; the tests come along. Nothing here needs a
network: rendering, parsing and verifying are pure.
"""

from __future__ import annotations

import abc
import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from sayso import asking, testing
from sayso.cards import batch, card, dialog, draw
from sayso.content import text
from sayso.testing import samples

Payload = Mapping[str, Any]

HOSTILE = (
    "<!channel> <!here> @everyone @here <@U1> <@&2> <#C1> <@!3> <!subteam^S1> <!date^1^{date}^https://evil.example|x>",
    "[Allow](https://evil.example) <https://evil.example|safe> https://evil.example <mailto:a@evil.example|b>",
    "```\n# Allowed by ann\n> **APPROVED** ~~denied~~ __x__ ||spoiler|| -# small\n``` `x` *a* _b_ ~c~ :tada: <:a:1>",
    "a\u202eb\u200bc\u00adé\u0301\u0301\u0301\u0301\u0301\u0301 \U000e0041" + "\u2800" * 5,
    "&amp;lt; &lt;!channel&gt; \\<b\\> {{7*7}} ${x} %s \x1b[31m \x00 \r\n",
    "\n" * 60 + "tail",
    " ",
)


class ChannelContract(abc.ABC):
    """What a chat adapter must keep. The abstract members say how its platform talks; none of them decides anything."""

    room: dialog.WindowLimits
    """What one dialog of the platform holds."""
    rows: int = 0
    """How many requests one of its cards can show; 0 if it shows each on a card of its own."""

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

    @pytest.mark.parametrize("tickets", [samples.pending, samples.long, samples.closed])
    def test_every_card_is_json_inside_the_limits(self, tickets: Any) -> None:
        for ticket in tickets():
            payload = self.render(draw.card_of(ticket, samples.MINT))
            assert json.loads(json.dumps(payload)) == payload
            assert self.broken(payload) == []

    def test_every_dialog_is_json_inside_the_limits(self) -> None:
        for opened in samples.dialogs(self.room):
            payload = self.render_dialog(opened)
            assert json.loads(json.dumps(payload)) == payload
            assert self.broken(payload) == []

    def test_the_same_card_is_rendered_the_same(self) -> None:
        for ticket in (*samples.pending(), *samples.closed()):
            drawn = draw.card_of(ticket, samples.MINT)
            assert self.render(drawn) == self.render(drawn)

    def test_a_pressed_button_comes_back_as_its_token(self) -> None:
        for ticket in samples.pending():
            drawn = draw.card_of(ticket, samples.MINT)
            payload = self.render(drawn)
            for button in (control for control in drawn.controls if isinstance(control, card.Button)):
                if str(button.label) in self.controls(payload):
                    assert self.pressed(self.press(payload, button.label, "U1")) == (button.token, "U1")

    def test_options_are_numbered_by_the_service(self) -> None:
        few = samples.sample(asking.Choice("Which?", ["same " * 40 + "a", "same " * 40 + "b", "Allow"]))
        payload = self.render(draw.card_of(few, samples.MINT))
        offered = [label for label in self.controls(payload) if label[:1] in "123"]
        assert [label[0] for label in offered] == ["1", "2", "3"]
        assert self.pressed(self.press(payload, offered[2], "U1")) == (samples.MINT.token(few, "option", 2), "U1")
        assert ("same " * 40).strip() + " a" in " ".join(self.words(payload).split())

    def test_a_closed_card_can_be_read_and_no_more(self) -> None:
        for ticket in samples.closed():
            drawn = draw.card_of(ticket, samples.MINT)
            assert self.controls(self.render(drawn)) == (["Details"] if drawn.details else [])

    def test_what_is_not_shown_whole_can_be_reviewed_and_denied_and_not_allowed(self) -> None:
        for ticket in samples.long():
            offered = self.controls(self.render(draw.card_of(ticket, samples.MINT)))
            assert set(offered) == {"Review", "Deny", "Deny with reason…", "Ask back…"}

    def test_a_card_of_several_requests_is_inside_the_limits_and_text_stays_text(self) -> None:
        if not self.rows:
            return
        harmless = self.powers(self._several("harmless"))
        for said in ("harmless", *HOSTILE, *(hostile * 20 for hostile in HOSTILE)):
            payload = self._several(said)
            assert self.broken(payload) == [], said
            assert self.powers(payload) == harmless, said
            assert json.loads(json.dumps(payload)) == payload

    def _several(self, said: str) -> Any:
        return self.render(batch.draw_card("B" * 22, samples.batch(self.rows, said), samples.MINT))

    def test_each_row_of_a_card_of_several_is_decided_by_its_own_button(self) -> None:
        shown = samples.batch(self.rows, "harmless")
        payload: Any = self.render(batch.draw_card("B" * 22, shown, samples.MINT)) if self.rows else {}
        for number, ticket in enumerate(shown, 1):
            pressed = self.pressed(self.press(payload, f"Allow {number}", "U1"))
            assert pressed == (samples.MINT.token(ticket, "allow"), "U1")

    @pytest.mark.parametrize("field", get_args(testing.RequestField))
    def test_text_full_of_markup_stays_text(self, field: testing.RequestField) -> None:
        harmless = self.render(draw.card_of(testing.ticket(field, "harmless"), samples.MINT))
        powers, offered = self.powers(harmless), len(self.controls(harmless))
        for hostile in HOSTILE:
            payload = self.render(draw.card_of(testing.ticket(field, hostile), samples.MINT))
            assert self.broken(payload) == [], hostile
            assert self.powers(payload) == powers, hostile
            assert len(self.controls(payload)) == offered, hostile

    @pytest.mark.parametrize("field", get_args(testing.RequestField))
    def test_windows_full_of_markup_stay_inside_the_limits(self, field: testing.RequestField) -> None:
        looked_at = set[str]()
        for hostile in HOSTILE:
            for opened in testing.windows(field, hostile, self.room):
                # most windows do not show the field: but for the token they are the same whatever stands in it
                shown = repr(dataclasses.replace(opened, token=""))
                if shown not in looked_at:
                    looked_at.add(shown)
                    assert self.broken(self.render_dialog(opened)) == []

    def test_what_the_agent_wants_to_run_is_shown_to_the_letter(self) -> None:
        for hostile in HOSTILE:
            ticket = samples.sample(asking.Permission(tool="Bash", input={"command": hostile}))
            assert text.literal(hostile, code=True).text in self.words(self.render(draw.card_of(ticket, samples.MINT)))

    @pytest.mark.parametrize("body", [b"", b"{}", b"payload=%7B%7D", "é".encode(), b"\xff\x00"])
    def test_only_what_the_platform_signed_a_short_while_ago_is_taken(self, body: bytes) -> None:
        headers = self.sign(body, samples.NOW)
        assert self.verify(headers, body, samples.NOW)
        assert not self.verify(headers, body + b" ", samples.NOW)
        assert not self.verify(headers, body, samples.NOW + timedelta(days=2))
        assert not self.verify(headers, body, samples.NOW - timedelta(days=2))
        assert not self.verify({}, body, samples.NOW)
        for name, value in headers.items():
            for wrong in ("", "é", value[:-1], value + "0", value.swapcase() + "x", "9" * 5000, "-1", "1e9", "\x00"):
                assert not self.verify({**headers, name: wrong}, body, samples.NOW), (name, wrong)

    @pytest.mark.parametrize("junk", [None, 1, "x", [], {}, {"type": None}, {"type": []}, {"type": "x" * 9}, [[]]])
    def test_what_makes_no_sense_is_nobodys_press(self, junk: Any) -> None:
        assert self.pressed(junk) is None

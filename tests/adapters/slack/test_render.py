"""Cards and dialogs as Slack payloads: the channel contract, golden files, and hostile text in every place."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import given

from sayso import asking, model
from sayso.cards import card, dialog, draw, tokens
from sayso.content import text
from sayso.testing import channels, samples
from sayso_slack import batches, measure, parse, render
from tests.adapters import sample_cards
from tests.fakes.slack import controls as slack_controls
from tests.fakes.slack import limits as slack_limits
from tests.fakes.slack import payloads
from tests.fakes.slack import text as slack_text
from tests.fakes.slack.controls import Json
from tests.fakes.slack.world import Channel, Message, User, World
from tests.tables import each

SECRET = "fake-signing-secret"


class TestSlack(channels.ChannelContract):
    room = render.ROOM
    rows = batches.ROWS

    def render(self, drawn: card.Card) -> Json:
        return render.render(drawn)

    def render_dialog(self, opened: dialog.Dialog) -> Json:
        return render.render_dialog(opened)

    def broken(self, payload: channels.Payload) -> Sequence[str]:
        # the fake's own shapes were written from the same documentation by somebody else
        check = slack_limits.check_view if payload.get("type") == "modal" else slack_limits.check_message
        check(dict(payload))
        return measure.broken(payload)

    def controls(self, payload: channels.Payload) -> Sequence[str]:
        found = slack_controls.controls(list(payload["blocks"]))
        return [word for one in found for word in ([one.label] if one.element["type"] == "button" else one.options)]

    def words(self, payload: channels.Payload) -> str:
        return "\n".join(slack_text.visible(list(payload["blocks"]), str))

    def powers(self, payload: channels.Payload) -> Sequence[str]:
        top = {"type": "mrkdwn", "text": payload["text"]}
        return [*slack_text.pings([top, *payload["blocks"]]), *slack_text.links([top, *payload["blocks"]])]

    def press(self, payload: channels.Payload, label: str, person: str) -> Any:
        world = World(lambda: 1.0, 0)
        message = Message("C1", "1.000100", "UBOT", payload["text"], tuple(world.with_ids(list(payload["blocks"]))))
        (control,) = [one for one in slack_controls.controls(list(message.blocks)) if one.label == label]
        sent = payloads.interaction("block_actions", User(person, person), "trigger")
        sent |= payloads.on_message(message, Channel("C1", "ops"), {}, "https://hooks.slack.com/x")
        return {**sent, "actions": [payloads.action(control.block, control.element, {}, "2.0")]}

    def pressed(self, sent: Any) -> tuple[str, str] | None:
        found = parse.parse(sent)
        return (found.token, found.who.user) if isinstance(found, parse.Click) else None

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        stamp = str(int(at.timestamp()))
        signed = hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={signed}"}

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        stamp, signature = headers.get("x-slack-request-timestamp"), headers.get("x-slack-signature")
        return parse.verify(SECRET, stamp, signature, body, now.timestamp())


def test_a_card_is_the_golden_payload() -> None:
    for row in each(sample_cards.CARDS):
        with row as name:
            # attachments are numbered from 0, and the sample has one
            payload = render.render(sample_cards.CARDS[name], files={0: "F00000001"})
            assert payload == sample_cards.golden(Path(__file__), name, payload)


# Hostile text, anywhere

LITERAL = {"rich_text_preformatted", "rich_text_quote", "rich_text_list"}


def leaves(node: Any, inside: str = "") -> Iterator[tuple[str, Json]]:
    """Every leaf and text object of a payload, with the container it stands in."""
    if isinstance(node, list):
        for item in node:  # pyright: ignore[reportUnknownVariableType]
            yield from leaves(item, inside)
    elif isinstance(node, dict):
        part: Json = node  # pyright: ignore[reportUnknownVariableType]
        kind = str(part.get("type", ""))
        if isinstance(part.get("text"), str) and kind in ("text", "plain_text", "mrkdwn"):
            yield inside, part
        for value in part.values():
            yield from leaves(value, kind if kind in LITERAL else inside)


def check(payload: Json) -> None:
    assert measure.broken(payload) == []
    json.dumps(payload).encode()
    kinds = {leaf["type"] for _, leaf in leaves(payload)}
    assert kinds <= {"text", "plain_text"}
    assert all(leaf.get("emoji") is False for _, leaf in leaves(payload) if leaf["type"] == "plain_text")
    assert list(slack_text.pings(payload["blocks"])) == list(slack_text.links(payload["blocks"])) == []


@sample_cards.FEW
@given(sample_cards.requests())
def test_hostile_text_stays_literal_and_inside_the_limits_on_cards_and_in_windows(request: model.Request) -> None:
    ticket = samples.sample(request)
    payload = render.render(draw.card_of(ticket, samples.MINT))
    check(payload)
    slack_limits.check_message(payload)
    free = "".join(leaf["text"] for inside, leaf in leaves(payload) if leaf["type"] == "text" and is_free(inside, leaf))
    assert not any(sign in free for sign in "<>`*~\u202e\x00")
    for action in ("review", "edit", "reason", "other", "fill"):
        pressed = tokens.read(samples.MINT.token(ticket, action))
        if action == "fill" and request.kind == "permission":
            continue
        opened = dialog.of_press(ticket, pressed, samples.MINT, render.ROOM)
        if opened is not None and (opened.parts or opened.inputs):
            view = render.render_dialog(opened, {"channel": "C1", "message": "1.000100"})
            check(view)
            slack_limits.check_view(view)


def test_a_warning_for_each_of_many_options_fits_into_a_message() -> None:
    rows: list[int] = [39, 41, 100]
    for row in each(rows):
        with row as count:
            options = [
                model.Option(label=f"b{number}", description=f"a{' ' * (100 + number)}b") for number in range(count)
            ]
            drawn = draw.card_of(samples.sample(asking.Choice("Which?", options)), samples.MINT)
            assert len([part for part in drawn.parts if isinstance(part, card.Warn)]) >= count
            check(render.render(drawn))


def test_what_a_direct_message_notifies_with_pings_nobody_and_leads_nowhere() -> None:
    said = "<!channel> <@U1> <https://evil.example.com|docs>"
    payload = render.message(card.Line((text.Trusted("It was denied by "), text.line(said))))
    check(payload)
    notifies = {"type": "mrkdwn", "text": payload["text"]}
    assert list(slack_text.pings([notifies])) == list(slack_text.links([notifies])) == []
    assert "channel" in payload["text"]


def is_free(inside: str, leaf: Json) -> bool:
    """Whether a leaf stands among the service's own words."""
    return not inside and not leaf.get("style", {}).get("code")

"""Cards and dialogs as Discord payloads: the channel contract, golden files, and hostile text in every place."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given

import sayso
from sayso import model
from sayso.cards import card, dialog, draw, tokens
from sayso.testing import channels, samples
from sayso_discord import batches, components, custom_ids, limits, measure, parse, render
from tests.adapters import sample_cards
from tests.fakes.discord import controls as discord_controls
from tests.fakes.discord import limits as discord_limits
from tests.fakes.discord import markdown, text
from tests.fakes.discord.world import BOT, Channel, Message, Modal, World
from tests.tables import each

Json = dict[str, Any]
KEY = Ed25519PrivateKey.from_private_bytes(b"for tests only, never for people"[:32])
PUBLIC = KEY.public_key().public_bytes_raw().hex()
WORLD = World(lambda: 0.0)
WORLD.channels["3"] = Channel("3", "ops")


def shown(payload: channels.Payload) -> Message | Modal:
    """The payload as it stands in Discord."""
    if "title" in payload:
        return Modal("1", "2", "3", None, dict(payload))
    components, mentions = tuple(payload["components"]), payload["allowed_mentions"]
    return Message("1", "3", BOT, 0, components=components, flags=payload["flags"], allowed_mentions=mentions)


class TestDiscord(channels.ChannelContract):
    room = render.ROOM
    rows = batches.ROWS

    def render(self, drawn: card.Card) -> Json:
        return render.render(drawn)

    def render_dialog(self, opened: dialog.Dialog) -> Json:
        return render.render_dialog(opened)

    def broken(self, payload: channels.Payload) -> Sequence[str]:
        # the fake's own shapes were written from the same documentation by somebody else
        if "title" in payload:
            discord_limits.check_modal(dict(payload))
        else:
            discord_limits.check_body(dict(payload))
            # only a card brings files: the channel sends one for each picture in its gallery
            ours = [one for one in payload["components"] if one["type"] == components.CONTAINER]
            items = [item for one in components.walk(ours) for item in one.get("items", ())]
            attached = [item["media"]["url"].partition("://")[2] for item in items]
            discord_limits.check_message({**payload, "content": "", "embeds": [], "attached": attached})
        return measure.broken(payload)

    def controls(self, payload: channels.Payload) -> Sequence[str]:
        found = discord_controls.controls(list(payload["components"]))
        return [word for one in found for word in ([one.label] if one.element["type"] == 2 else one.options)]

    def words(self, payload: channels.Payload) -> str:
        # U+200B in it is always ours: foreign ones are spelled out
        return "\n".join(text.lines(WORLD, shown(payload))).replace("\u200b", "")

    def powers(self, payload: channels.Payload) -> Sequence[str]:
        where = shown(payload)
        pings = text.pings(WORLD, where) if isinstance(where, Message) else []
        return [*pings, *text.mentions(where), *text.links(where)]

    def press(self, payload: channels.Payload, label: str, person: str) -> Any:
        (control,) = [
            one for one in discord_controls.controls(list(payload["components"])) if label in (one.label, *one.options)
        ]
        data: Json = {"custom_id": control.element["custom_id"], "component_type": control.element["type"]}
        return {
            "id": "1",
            "application_id": "2",
            "type": 3,
            "token": "t",
            "channel_id": "3",
            "message": {"id": "4", "flags": 32768},
            "member": {"user": {"id": person, "username": person}, "roles": [], "flags": 0},
            "data": data,
        }

    def pressed(self, sent: Any) -> tuple[str, str] | None:
        found = parse.parse(sent)
        return (found.token, found.who.user) if isinstance(found, parse.Click) else None

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        stamp = str(int(at.timestamp()))
        return {"x-signature-timestamp": stamp, "x-signature-ed25519": KEY.sign(stamp.encode() + body).hex()}

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        stamp, signature = headers.get("x-signature-timestamp"), headers.get("x-signature-ed25519")
        return parse.verify(PUBLIC, stamp, signature, body, now.timestamp())


def test_a_card_is_the_golden_payload() -> None:
    for row in each(sample_cards.CARDS):
        with row as name:
            payload = render.render(sample_cards.CARDS[name])
            assert payload == sample_cards.golden(Path(__file__), name, payload)


def test_a_quote_takes_no_line_of_the_service_into_it() -> None:
    request = sayso.Choice("Where?\nThere?", [sayso.Option(label="a", description="> b"), sayso.Option(label="c")])
    asked = request.model_copy(update={"body": "1. one\n\n```\n> in a box\nnext\n```"})
    ticket = samples.sample(asked)
    # a window shows its text above its inputs in one piece, and so the quote and what comes after it
    opened = dialog.Dialog(title=card.Trusted("x"), token="t", parts=draw.card_of(ticket, samples.MINT).parts)
    window = render.modal(opened)
    (shown,) = [part["content"] for part in window["components"]]
    boxed = False
    for line, after in itertools.pairwise(shown.split("\n")):
        boxed ^= line.startswith("```")
        assert boxed or not line.startswith(">") or after.startswith(">") or not after
    assert "> in a box\nnext" in shown


def test_every_token_fits_into_a_custom_id_and_comes_back() -> None:
    token = samples.MINT.token(sample_cards.TICKETS["form"], "session", 999_999)
    for how in get_args(custom_ids.How):
        made = custom_ids.write(how, token, 3)
        assert len(made) <= limits.CUSTOM_ID
        assert custom_ids.read(made) == custom_ids.Carried(how, token)


def test_a_custom_id_of_another_version_has_no_token() -> None:
    rows: list[str] = ["", "sayso2:p:x", "sayso1:q:x", "sayso1:p:", "sayso1:p:x y", "x" * 100, "sayso1:p:x\n"]
    for row in each(rows):
        with row as odd:
            assert custom_ids.read(odd) is None


# Hostile text, anywhere


def check(payload: Json) -> None:
    """Nothing foreign is live, and nothing is too much."""
    TestDiscord().broken(payload)
    assert measure.broken(payload) == []
    assert list(TestDiscord().powers(payload)) == []


@sample_cards.FEW
@given(sample_cards.requests())
def test_hostile_text_stays_literal_and_inside_the_limits_on_cards_and_in_windows(request: model.Request) -> None:
    ticket = samples.sample(request)
    payload = render.render(draw.card_of(ticket, samples.MINT))
    check(payload)
    for part in components.walk(payload["components"]):
        if part["type"] == components.TEXT:
            kinds = {piece.kind for piece in markdown.pieces(part["content"])}
            assert kinds <= {"text", "code", "escape", "time"}
    for action in ("review", "edit", "reason", "other", "fill", "pick"):
        pressed = tokens.read(samples.MINT.token(ticket, action))
        if action in ("fill", "pick") and request.kind == "permission":
            continue
        opened = dialog.of_press(ticket, pressed, samples.MINT, render.ROOM)
        if opened is not None and (opened.parts or opened.inputs):
            check(render.render_dialog(opened))


def test_a_change_is_drawn_as_a_diff_that_no_row_of_it_can_end() -> None:
    edit = {"path": "a.py", "old_str": "x\n```\n<@1>", "new_str": "y\n```\n<@1>"}
    asked = samples.opened(sayso.Permission(tool="str_replace", input=edit))
    (content,) = (
        part["content"]
        for part in components.walk(render.render(draw.card_of(asked, samples.MINT))["components"])
        if "```diff" in part.get("content", "")
    )
    fenced = content.partition("```diff\n")[2]
    assert fenced.startswith("-x\n+y\n `\u200b`\u200b`\n <@1>\n```")

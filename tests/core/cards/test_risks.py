"""How a card says its risk: what the service found above what the agent says, and a second press for a high one."""

from __future__ import annotations

from typing import Any

from sayso import asking, model
from sayso.cards import card, dialog, draw, tokens
from sayso.content import risk
from sayso.testing import samples
from tests.tables import each

ASKS = dialog.WindowLimits(content=2_000, inputs=3, typed=3_000, asks_again=True)
ASKS_ITSELF = dialog.WindowLimits(content=2_000, inputs=3, typed=3_000)


def ticket(command: str, **given: Any) -> model.Ticket:
    return samples.sample(asking.Permission(tool="Bash", input={"command": command}, grants=("session",), **given))


def said(drawn: card.Card) -> list[str]:
    return ["".join(card.pieces(part)) for part in drawn.parts if isinstance(part, card.Risk)]


def test_what_the_service_finds_beats_the_claim_and_stands_before_it() -> None:
    drawn = draw.card_of(ticket("rm -rf /srv/app", risk="low"), samples.MINT)
    assert (drawn.risk, said(drawn)) == ("high", ["Deletes folders: rm -rf /srv/app"])
    assert "Risk, as the agent says" in str([part for part in drawn.parts if isinstance(part, card.Facts)])
    drawn = draw.card_of(ticket("sudo id", risk="high"), samples.MINT)
    assert drawn.risk == "high"
    assert said(drawn) == ["Runs with the rights of an administrator: sudo id", "The agent says: high risk"]
    assert (draw.card_of(ticket("ls"), samples.MINT).risk, said(draw.card_of(ticket("ls"), samples.MINT))) == (None, [])


def test_the_risk_stands_below_the_headline_and_its_terms_with_foreign_words_set_apart() -> None:
    drawn = draw.card_of(ticket("rm -rf '<!channel>\u202e'"), samples.MINT)
    (found,) = [part for part in drawn.parts if isinstance(part, card.Risk)]
    assert drawn.parts[2] is found
    assert found.text[0] == "Deletes folders: "
    assert "⟦U+202E⟧" in str(found.text[1])
    assert "channel" not in drawn.summary
    assert "high risk" in drawn.summary


def test_only_high_risk_asks_before_allow_and_before_every_grant() -> None:
    for row in each([("rm -rf a", True), ("sudo id", False), ("ls", False)]):
        with row as (command, asked):
            shown = ticket(command)
            buttons = {
                one.action: one for one in draw.card_of(shown, samples.MINT).controls if isinstance(one, card.Button)
            }
            assert {name for name, one in buttons.items() if one.confirm} == ({"allow", "session"} if asked else set())
            for action in ("allow", "session", "deny"):
                pressed = tokens.read(buttons[action].token)
                opened = dialog.of_press(shown, pressed, samples.MINT, ASKS)
                assert (opened is not None) is (asked and action != "deny")
                assert dialog.of_press(shown, pressed, samples.MINT, ASKS_ITSELF) is None
                if opened:
                    assert (opened.title, opened.danger, said_in(opened)) == (
                        "High risk",
                        True,
                        ["Deletes folders: rm -rf a"],
                    )
                    assert tokens.read(opened.token).action == action


def said_in(opened: dialog.Dialog) -> list[str]:
    return ["".join(card.pieces(part)) for part in opened.parts]


def test_a_decided_card_has_no_alarm() -> None:
    closed = samples.sample(
        asking.Permission(tool="Bash", input={"command": "rm -rf a"}, risk="high"), samples.said(verdict="deny")
    )
    drawn = draw.card_of(closed, samples.MINT)
    assert (drawn.risk, said(drawn)) == (None, [])


def test_what_has_no_room_is_counted() -> None:
    many = (
        "sudo rm -rf /etc && git push --force && curl x | sh && psql -c 'DROP TABLE t' && chmod -R 777 / && kill -9 -1"
    )
    words = said(draw.card_of(ticket(many), samples.MINT))
    assert words[-1] == "1 more finding"
    assert len(words) == 6


def test_what_a_mask_covers_is_risky_all_the_same() -> None:
    asked, shown = ticket("mkfs.ext4 /dev/sda").request, ticket("•••• /dev/sda").request
    assert [(one.level, one.words, one.trigger) for one in risk.in_sight(asked, shown)] == [
        ("high", "Overwrites a disk", "••••")
    ]


def test_a_program_behind_an_option_that_takes_the_next_word_is_in_sight() -> None:
    drawn = draw.card_of(ticket("xargs -I --password mkfs.ext4 /dev/sda"), samples.MINT)
    assert "mkfs" in str(drawn.parts)
    assert drawn.risk == "high"

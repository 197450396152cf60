"""Who asks, in which session and for whom: the operator's names are the service's words, an agent's are marked."""

from __future__ import annotations

import time
import uuid

import pytest

from sayso import asking, machine, model
from sayso.cards import card, draw, naming
from sayso.content import text
from sayso.machine import people
from sayso.testing.samples import MINT, NOW, after, opened, permission, person, said
from tests.tables import each

DIRECTORY = people.Directory(
    people={name: people.Profile(frozenset({f"chat:T/{name}"})) for name in ("ann", "bob", "carl")},
    groups={
        "release": people.Group(members=frozenset({"ann", "bob"})),
        "ops": people.Group(members=frozenset({"carl"}), platform_groups=frozenset({"chat:S1"})),
    },
)


def asked(owner: str, agent: str | None, *, requester: str | None = None) -> str:
    """The headline of a permission that such an agent asks, in one line."""
    request = permission(source=model.Source(agent=agent)) if agent else permission()
    terms = machine.Terms(owner=owner, policy=model.Policy(), route=("web",), requester=requester)
    ticket = machine.open_ticket(request, terms, id="r1", ref="A" * 22, at=NOW).ticket
    return line(draw.card_of(ticket, MINT).parts[0])


def line(part: card.Part) -> str:
    return "".join(card.words_of(span) for span in part.inlines())


def test_the_name_of_the_key_is_the_name_and_the_agents_own_is_marked() -> None:
    for row in each(
        [
            ("ci", None, "ci asks to run Bash"),
            ("ci", "ci", "ci asks to run Bash"),
            ("ci", " CI ", "ci asks to run Bash"),
            ("ci", "release-bot", "ci (calls itself release-bot) asks to run Bash"),
            ("local", "release-bot", "release-bot (self-named) asks to run Bash"),
            ("local", None, "An agent asks to run Bash"),
        ]
    ):
        with row as (owner, agent, headline):
            assert asked(owner, agent) == headline


def test_whoever_it_is_for_is_named() -> None:
    assert asked("ci", None, requester="ann") == "ci asks to run Bash on behalf of ann"


@pytest.mark.parametrize("name", ["ann", "release-bot_2.x"])
def test_a_name_of_the_settings_is_the_services_own_word(name: str) -> None:
    assert naming.given_name(name) == name
    assert not isinstance(naming.given_name(name), text.Foreign)


def test_any_other_name_is_foreign() -> None:
    for row in each(["slack:T1/U1", "a b", "a\u202eb", "*x*", "x" * 65, "", "<!channel>"]):
        with row as name:
            assert isinstance(naming.given_name(name), text.Foreign)


def test_a_session_that_is_only_an_id_is_short() -> None:
    for row in each(
        [
            ("fix the build", "fix the build"),
            ("s-1", "s-1"),
            (str(uuid.UUID(int=0x5F2B9C1A << 96)), "5f2b9c1a"),
            ("5F2B9C1A" * 4, "5F2B9C1A"),
            ("deadbeef", "deadbeef"),
            ("cafe and more cafe", "cafe and more cafe"),
        ]
    ):
        with row as (session, words):
            assert naming.session_words(session) == words


def test_a_session_of_one_name_is_another_one_for_each_agent() -> None:
    one, other = naming.session("ci", "fix the build"), naming.session("laptop", "fix the build")
    assert (one.name.text, other.name.text) == ("ci · fix the build", "laptop · fix the build")
    assert one.id == other.id


def test_a_session_has_the_project_in_its_name_and_on_the_card() -> None:
    session = "0b0e6a3c-1111-4222-8333-444455556666"
    ticket = opened(permission(source=model.Source(agent="bot", session=session, project="shop")))
    drawn = draw.card_of(ticket, MINT)
    assert drawn.session is not None
    assert (drawn.session.id, drawn.session.name.text) == (session, "agent · shop · 0b0e6a3c")
    facts = next(part for part in drawn.parts if isinstance(part, card.Facts))
    assert "shop · 0b0e6a3c" in [card.words_of(value) for _, value in facts.rows]
    assert session not in "".join(words for part in drawn.parts for words in card.pieces(part))


def test_those_who_may_decide_are_people() -> None:
    for row in each(
        [
            (("anyone",), None, "anyone here"),
            ((), None, "nobody"),
            (("ann", "group:release"), None, "ann, release (ann, bob)"),
            (("group:ops",), None, "ops (carl, its members in Chat)"),
            (("group:unknown",), None, "unknown"),
            (("requester",), "ann", "nobody"),
            (("group:release",), "ann", "release (bob)"),
        ]
    ):
        with row as (approvers, requester, shown):
            ticket = opened(approvers=approvers, requester=requester)
            assert terms(draw.card_of(ticket, MINT, DIRECTORY))[0].endswith(f" · May decide: {shown}")


def test_a_question_may_be_answered_by_whoever_it_is_for() -> None:
    ticket = opened(asking.Question("Which?"), approvers=("requester",), requester="ann")
    assert terms(draw.card_of(ticket, MINT, DIRECTORY))[0].endswith(" · May decide: ann")


def test_a_quorum_says_who_has_answered_and_who_is_missing() -> None:
    ticket = opened(quorum=2, veto=2, approvers=("group:release", "carl"))
    ticket = after(ticket, said(person("ann", "release"), verdict="allow"), said("carl", verdict="deny"))
    second = terms(draw.card_of(ticket, MINT, DIRECTORY))[1]
    assert second == "1 of 2 people has allowed this: Ann · denied by Carl · missing: bob"


def test_nobody_is_called_missing_if_the_settings_do_not_say_who_may() -> None:
    for approvers in (("anyone", "ann"), ("group:ops", "ann")):
        ticket = after(opened(quorum=2, approvers=approvers), said("ann", verdict="allow"))
        assert terms(draw.card_of(ticket, MINT, DIRECTORY))[1] == "1 of 2 people has allowed this: Ann"


def test_a_card_is_drawn_anew_when_the_directory_is_another() -> None:
    ticket = opened(approvers=("group:release",))
    one = draw.card_of(ticket, MINT, DIRECTORY)
    assert draw.card_of(ticket, MINT, DIRECTORY) is one
    assert terms(draw.card_of(ticket, MINT))[0].endswith("May decide: release")


def test_the_deadline_counts_down() -> None:
    moments = [span for part in draw.card_of(opened(), MINT).parts for span in part.inlines() if is_moment(span)]
    assert moments == [card.Moment(opened().expires_at, relative=True), card.Moment(NOW)]


def is_moment(span: card.Inline) -> bool:
    return isinstance(span, card.Moment)


def terms(drawn: card.Card) -> list[str]:
    """What stands right below the headline: by when, by whom, and who has answered."""
    return [line(part) for part in drawn.parts[1:3] if isinstance(part, card.Line)]


def test_a_long_session_takes_no_longer_by_the_sign() -> None:
    begun = time.perf_counter()
    naming.session_words("a" * 1_000_000)
    naming.session_words("a-" * 500_000)
    assert time.perf_counter() - begun < 0.5

"""Who sits where: people are matched to places, whatever the order; stages, quorum and veto, against an oracle."""

import itertools
import random
from datetime import timedelta

import pytest

from sayso import errors, machine, model
from sayso.cards import board, telling
from sayso.machine import approvers, events, people, places
from sayso.testing.samples import NOW, after, opened, person, said
from sayso_bots.terminal import output
from tests.conftest import LONG
from tests.tables import each

MIX = (model.Need(who=("group:release",), count=2), model.Need(who=("group:security",)))
ORDER = (model.Stage(approvers=("group:release",)), model.Stage(approvers=("group:leads",)))


def allowed(ticket: model.Ticket) -> bool:
    return ticket.decision is not None and ticket.decision.outcome == "allowed"


def by(ticket: model.Ticket) -> list[str]:
    assert ticket.decision is not None
    return [one.person for one in ticket.decision.by]


def test_a_person_of_two_groups_moves_up_so_that_everybody_has_a_place() -> None:
    for row in each(list(itertools.permutations(["ann", "bob", "cid"]))):
        with row as order:
            groups = {"ann": ("release", "security"), "bob": ("release",), "cid": ("release",)}
            ticket = opened(needs=MIX)
            for name in order:
                assert not allowed(ticket)
                ticket = after(ticket, said(person(name, *groups[name]), verdict="allow"))
            assert sorted(by(ticket)) == ["ann", "bob", "cid"]
            assert [[one.person for one in seats.by] for seats in places.board(ticket).stages[0]][1] == ["ann"]


def test_one_person_fills_one_place_however_many_groups_they_are_in() -> None:
    ticket = after(opened(needs=MIX), said(person("ann", "release", "security"), verdict="allow"))
    assert places.board(ticket).seated == 1
    ticket = after(ticket, said(person("bob", "release"), verdict="allow"))
    assert not allowed(ticket)


def test_whoever_has_no_place_left_is_on_record_and_moves_in_when_one_becomes_free() -> None:
    ticket = opened(needs=(model.Need(who=("group:release",)), model.Need(who=("group:security",))), veto=2)
    ticket = after(ticket, *(said(person(name, "release"), verdict="allow") for name in ("ann", "bob")))
    assert [one.person for one in places.board(ticket).by] == ["ann"]
    ticket = after(ticket, said(person("ann", "release"), after=6, verdict="deny"))
    assert [one.person for one in places.board(ticket).by] == ["bob"]


def test_a_denial_counts_whatever_stage_it_comes_from() -> None:
    ticket = after(opened(stages=ORDER), said(person("lea", "leads"), verdict="deny"))
    assert ticket.decision is not None
    assert ticket.decision.outcome == "denied"


def test_stages_come_one_after_the_other() -> None:
    ticket = opened(stages=ORDER)
    with pytest.raises(errors.NotAllowed, match="not your turn: now it is for the group release") as early:
        machine.step(ticket, said(person("lea", "leads"), verdict="allow"))
    assert early.value.message.endswith("You can deny it now, and allow it in your turn: the group leads")
    ticket = after(ticket, said(person("ann", "release"), verdict="allow"))
    assert (ticket.stage, ticket.stage_at, ticket.decision) == (1, NOW + timedelta(seconds=5), None)
    ticket = after(ticket, said(person("lea", "leads"), after=9, verdict="allow"))
    assert by(ticket) == ["ann", "lea"]


def test_a_person_of_two_stages_counts_in_the_one_in_which_they_answered() -> None:
    both = person("ann", "release", "leads")
    ticket = after(opened(stages=ORDER), said(both, verdict="allow"))
    again = after(ticket, said(both, after=6, verdict="allow"))
    assert (again, again.decision) == (ticket, None)
    other = both.model_copy(update={"account": "web:ann"})
    elsewhere = after(ticket, said(other, after=6, verdict="allow"))
    assert (elsewhere.stage, elsewhere.decision, [one.stage for one in elsewhere.answers]) == (1, None, [0, 0])


def test_whoever_had_no_place_in_one_stage_may_fill_one_in_the_next() -> None:
    stages = (
        model.Stage(needs=(model.Need(who=("group:release",)), model.Need(who=("group:security",)))),
        model.Stage(approvers=("group:release",)),
    )
    ticket = opened(stages=stages)
    for seconds, name in enumerate(("ann", "bob")):
        ticket = after(ticket, said(person(name, "release"), after=seconds, verdict="allow"))
    ticket = after(ticket, said(person("sec", "security"), after=3, verdict="allow"))
    assert ticket.stage == 1
    assert [approvers.is_awaited(ticket, person(name, "release")) for name in ("ann", "bob")] == [False, True]
    assert by(after(ticket, said(person("bob", "release"), after=4, verdict="allow"))) == ["ann", "sec", "bob"]


def test_a_place_that_becomes_free_opens_its_stage_again() -> None:
    ticket = after(opened(stages=ORDER, veto=2), said(person("ann", "release"), verdict="allow"))
    ticket = after(ticket, said(person("ann", "release"), after=7, verdict="deny"))
    assert (ticket.stage, ticket.decision) == (0, None)
    ticket = after(ticket, said(person("bob", "release"), after=8, verdict="allow"))
    assert (ticket.stage, ticket.stage_at) == (1, NOW + timedelta(seconds=8))


def test_a_stage_is_shown_to_those_whose_turn_it_is() -> None:
    terms = machine.Terms(
        owner="agent",
        policy=model.Policy(stages=ORDER),
        route=("chat:@ann",),
        stage_routes=((), ("chat:@lea",)),
    )
    ticket = machine.open_ticket(opened().request, terms, id="r1", ref="A" * 22, at=NOW).ticket
    assert approvers.to_notify(ticket) == ("group:release",)
    turned = machine.step(ticket, said(person("ann", "release"), verdict="allow"))
    assert turned.effects == (
        events.Redraw(place="chat:@ann"),
        events.Remind(place="chat:@ann", number=1, why="turned"),
        events.Announce(place="chat:@lea"),
    )
    assert approvers.to_notify(turned.ticket) == ("group:leads",)


def test_an_unlinked_account_may_be_somebody_of_an_earlier_stage() -> None:
    stages = (model.Stage(approvers=("anyone",)), model.Stage(approvers=("anyone",)))
    one = model.Person(id="chat:T/1", name="A", account="chat:T/1", member=True)
    other = model.Person(id="talk:1", name="A", account="talk:1", member=True)
    third = model.Person(id="chat:T/2", name="B", account="chat:T/2", member=True)
    ticket = after(opened(stages=stages), said(one, verdict="allow"), said(other, after=6, verdict="allow"))
    assert (ticket.stage, ticket.decision) == (1, None)
    assert by(after(ticket, said(third, after=7, verdict="allow"))) == ["chat:T/1", "chat:T/2"]


def test_a_question_under_stages_is_answered_by_the_first() -> None:
    ticket = opened(model.Request(kind="question", title="Which?"), stages=ORDER)
    assert approvers.may_answer(ticket, person("ann", "release"))
    assert not approvers.may_answer(ticket, person("lea", "leads"))


def test_who_is_said_in_one_way_only() -> None:
    for wrong in (
        {"approvers": ["ann"], "needs": [{"who": ["bob"]}]},
        {"needs": [{"who": ["bob"]}], "quorum": 2},
        {"stages": [{"approvers": ["ann"], "needs": [{"who": ["bob"]}]}]},
    ):
        with pytest.raises(ValueError, match=r"one of|leave quorum out"):
            model.Policy.model_validate(wrong)
    mixed = model.Policy(needs=MIX)
    assert (mixed.approvers, model.Policy.model_validate_json(mixed.model_dump_json())) == ((), mixed)


def test_the_platform_groups_of_every_place_are_looked_up() -> None:
    directory = people.Directory(
        {"ann": people.Profile(frozenset({"chat:T/ann"}))},
        {
            "release": people.Group(frozenset({"ann"}), frozenset({"chat:S1"})),
            "security": people.Group(frozenset(), frozenset({"chat:S2"})),
        },
    )
    ann = people.Actor("chat:T/ann", "Ann", member=True)
    assert approvers.groups_to_ask(opened(needs=MIX), directory, directory.identify(ann)) == ("chat:S2",)
    assert approvers.groups_to_ask(opened(approvers=("group:release",)), directory, directory.identify(ann)) == ()


# --- against an oracle -------------------------------------------------------------------------------------------

GROUPS = ("a", "b", "c")


def can_sit(fits: list[list[int]], counts: list[int]) -> int:
    """The most who can sit, by trying every assignment."""
    if not fits:
        return 0
    first, *rest = fits
    sit = [1 + can_sit(rest, [c - (i == n) for i, c in enumerate(counts)]) for n in first if counts[n]]
    return max([can_sit(rest, counts), *sit])


@pytest.mark.parametrize("seed", range(40 if LONG else 2))
def test_matching_seats_as_many_as_trying_everything(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(1000):
        counts = [chance.randint(1, 2) for _ in range(chance.randint(1, 3))]
        fits = [chance.sample(range(len(counts)), chance.randint(0, len(counts))) for _ in range(chance.randint(0, 6))]
        sitting = places.match(fits, counts)
        most = [can_sit(fits[:number], counts) for number in range(len(fits) + 1)]
        assert sum(one is not None for one in sitting) == most[-1]
        assert all(one is None or one in fit for one, fit in zip(sitting, fits, strict=True))
        assert all(sitting.count(need) <= count for need, count in enumerate(counts))
        # whoever came first and could sit with those before them, sits
        for number in range(len(fits)):
            assert (sitting[number] is not None) == (most[number + 1] > most[number])


# --- in words ----------------------------------------------------------------------------------------------------


def test_lists_say_which_places_are_free() -> None:
    assert board.words(opened()) == ""
    assert board.words(opened(needs=MIX)) == "release 0 of 2 · security 0 of 1"
    assert board.words(opened(approvers=("group:release", "ann"), quorum=2)) == "release or ann 0 of 2"
    staged = after(opened(stages=ORDER), said(person("ann", "release"), verdict="allow"))
    assert board.words(opened(stages=ORDER)) == "Stage 1 of 2: release 0 of 1 · then leads"
    assert board.words(staged) == "Stage 2 of 2: leads 0 of 1"
    assert output.state_of(staged) == "pending: Stage 2 of 2: leads 0 of 1"
    assert board.words(after(opened(needs=MIX), said(person("ann", "release"), verdict="deny"))) == ""
    assert board.words(opened(model.Request(kind="question", title="Which?"), needs=MIX)) == ""


def test_a_place_has_the_names_of_all_who_may_fill_it() -> None:
    both = model.Stage(needs=(model.Need(who=("requester", "anyone"), count=2), model.Need(who=("oncall:db",))))
    ticket = opened(stages=(ORDER[0], both), requester="rob")
    assert board.words(ticket) == "Stage 1 of 2: release 0 of 1 · then 2 of rob or anyone and on call for db"
    assert board.words(opened(needs=(model.Need(who=()), MIX[0]))) == "nobody 0 of 1 · release 0 of 2"


def test_a_name_that_no_setting_takes_stands_in_no_list() -> None:
    odd = (model.Need(who=("<!channel>",)), model.Need(who=("group:release",)))
    assert board.words(opened(needs=odd)) == "0 of 2 have allowed it"


def test_the_card_says_who_sat_where_only_where_it_was_allowed() -> None:
    ticket = opened(stages=ORDER)
    done = after(
        ticket,
        said(person("ann", "release"), verdict="allow"),
        said(person("lea", "leads"), after=6, verdict="allow"),
    )
    assert done.decision is not None
    [line] = board.seated(done, done.decision)
    assert list(board.lines(done, people.Directory())) == []
    assert board.card_words(line.inlines()) == "release: Ann · leads: Lea"
    denied = after(ticket, said(person("ann", "release"), verdict="deny"))
    assert denied.decision is not None
    assert list(board.seated(denied, denied.decision)) == []
    [line] = board.lines(after(ticket, said(person("ann", "release"), verdict="allow")), people.Directory())
    assert board.card_words(line.inlines()) == "Stage 2 of 2: leads 0 of 1 · before: release (Ann)"
    against = after(opened(needs=MIX, veto=2), said(person("ann", "release"), verdict="deny"))
    [line] = board.lines(against, people.Directory())
    assert board.card_words(line.inlines()) == "release 0 of 2 · security 0 of 1 · denied by Ann"


# --- one human, and what nobody could find out -------------------------------------------------------------------


def stands_in(name: str, of: str, *groups: str) -> model.Person:
    return person(of, *groups).model_copy(update={"delegate": name, "account": f"chat:T/{name}", "name": name.title()})


def test_whoever_stood_in_for_somebody_does_not_count_a_second_time_as_themselves() -> None:
    ticket = after(opened(stages=ORDER, veto=2), said(stands_in("bob", "ann", "release"), verdict="allow"))
    assert ticket.stage == 1
    # nobody is away any more, and bob is one of the leads himself
    bob = person("bob", "leads")
    with pytest.raises(errors.NotAllowed, match="you have allowed this already, as ann; one person counts once"):
        machine.step(ticket, said(bob, after=7, verdict="allow"))
    # a denial of his own takes back what he allowed for her
    denied = after(ticket, said(bob, after=8, verdict="deny"))
    assert (denied.stage, [one.person for one in places.latest(denied)]) == (0, ["bob"])


def test_whoever_may_be_in_a_group_that_nobody_could_look_up_is_told_that() -> None:
    unclear = person("lea", "leads").model_copy(update={"unknown": ("release",)})
    with pytest.raises(errors.MembershipUnknown, match="could not find out whether you are in the group release"):
        machine.step(opened(stages=ORDER), said(unclear, verdict="allow"))
    glass = model.BreakGlass(who=("group:sre",), review=("ann",))
    nobody = person("sue").model_copy(update={"unknown": ("sre",)})
    with pytest.raises(errors.MembershipUnknown, match="whether you are in the group sre"):
        machine.step(
            opened(approvers=("ann",), break_glass=glass), said(nobody, verdict="allow", break_glass=True, reason="x")
        )


def test_a_press_that_fills_no_place_is_told_why() -> None:
    def told(ticket: model.Ticket, before: model.Ticket | None, account: str) -> str:
        line = telling.tally(ticket, before, account)
        assert line is not None
        return board.card_words(line.inlines())

    pair = opened(needs=(model.Need(who=("group:release", "anyone")), model.Need(who=("group:security",))))
    first = after(pair, said(person("ann", "release"), verdict="allow"))
    second = after(first, said(person("bob", "release"), after=6, verdict="allow"))
    full = "Noted: all places that you could fill are taken. Still needed: 1 of security."
    assert told(second, first, "chat:T/bob") == full
    stranger = model.Person(id="talk:9", name="X", account="talk:9", member=True)
    mixed = after(first, said(stranger, after=6, verdict="allow"))
    assert told(mixed, first, "talk:9").endswith("so you may be one of them. Still needed: 1 of security.")


def test_nobody_sat_anywhere_where_a_rule_allowed_it() -> None:
    done = after(opened(needs=MIX), *(said(person(name, "release", "security"), verdict="allow") for name in "abc"))
    assert done.decision is not None
    assert list(board.seated(done.model_copy(update={"answers": ()}), done.decision)) == []


def test_a_stage_is_a_table() -> None:
    with pytest.raises(ValueError, match="Stage"):
        model.Stage.model_validate("ann")

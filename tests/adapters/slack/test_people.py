"""Who may decide in Slack, and what everybody else is told: nobody's click is ever ignored."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

import sayso
import sayso_slack
from sayso import errors, model
from sayso.cards import phrases, tokens
from sayso.desk import Desk
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso_slack import members as slack_members
from sayso_slack.api import api_of
from sayso_slack.members import Home, Members
from sayso_slack.parse import Who
from tests.adapters.slack_scene import Scene, scene
from tests.conftest import until
from tests.fakes.slack import Person
from tests.fakes.slack.limits import Refused
from tests.tables import each

Json = dict[str, Any]
DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})
OUTSIDERS: dict[str, dict[str, Any]] = {
    "guest": {"is_restricted": True},
    "single-channel guest": {"is_restricted": True, "is_ultra_restricted": True},
    "external of a shared channel": {"team_id": "T9"},
    "stranger": {"team_id": "T9", "is_stranger": True},
    "bot": {"is_bot": True},
    "deleted": {"deleted": True},
}


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


@pytest.fixture
def ann(there: Scene) -> Person:
    return there.slack.person("U1", name="ann")


@pytest.fixture
def bob(there: Scene) -> Person:
    return there.slack.person("U2", name="bob")


@pytest.mark.parametrize("facts", OUTSIDERS.values(), ids=OUTSIDERS)
async def test_an_outsider_is_told_that_they_may_not_decide(there: Scene, facts: dict[str, Any]) -> None:
    visitor = there.slack.person("U1", name="visitor", **facts)
    ticket = await there.ask(DEPLOY)
    seen = await visitor.press(there.card, "Allow")
    said = await there.whispered(seen)
    assert "may not answer" in said or "cannot decide" in said
    assert (await there.front.get(ticket.id)).decision is None


async def test_somebody_outside_who_is_named_by_the_operator_may_decide() -> None:
    async with scene(policy=model.Policy(approvers=("eve",))) as there:
        there.slack.world.channels["C1"].members.add("U9")
        eve = there.slack.person("U9", name="eve", team_id="T9")
        ticket = await there.ask(DEPLOY)
        await eve.press(there.card, "Allow")
        assert (await there.decision(ticket)).by[0].person == "eve"


async def test_a_same_user_id_of_another_workspace_is_somebody_else() -> None:
    async with scene(policy=model.Policy(approvers=("ann",))) as there:
        impostor = there.slack.person("U1", name="ann", team_id="T9")
        await there.ask(DEPLOY)
        seen = await impostor.press(there.card, "Allow")
        assert await there.whispered(seen) == "You may not answer this request; it is for ann."


async def test_membership_of_a_user_group_is_read_at_the_click() -> None:
    async with scene(policy=model.Policy(approvers=("group:release",))) as there:
        bob = there.slack.person("U2", name="bob")
        ticket = await there.ask(DEPLOY)
        seen = await bob.press(there.card, "Allow")
        assert "it is for the group release (its members in Slack)" in await there.whispered(seen)
        there.slack.usergroup("S1", ["U2"])
        there.clock.advance(61)
        await bob.press(there.card, "Allow")
        assert (await there.decision(ticket)).by[0].person == "slack:T1/U2"


async def test_somebody_let_go_a_minute_ago_cannot_decide(there: Scene, bob: Person) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={}, id="one"))
    await bob.press(there.card, "Deny")
    ticket = await there.ask(sayso.Permission(tool="Bash", input={}, id="two"))
    there.slack.person("U2", name="bob", deleted=True)
    there.clock.advance(61)
    seen = await bob.press(there.cards()[1], "Allow")
    assert await there.whispered(seen) == "Bots and closed accounts cannot decide anything."
    assert (await there.front.get(ticket.id)).decision is None


@pytest.mark.parametrize(("fault", "times"), [("500", 1), ("internal_error", 1), ("reset", 2)])  # reads are repeated
async def test_who_cannot_be_looked_up_is_asked_to_try_again(there: Scene, ann: Person, fault: str, times: int) -> None:
    there.transport = "http"
    await there.stop()
    await there.start()
    ticket = await there.ask(DEPLOY)
    there.slack.fail_next("users.info", fault, times=times)
    seen = await ann.press(there.card, "Allow")
    assert not seen.acked
    assert await there.whispered(seen) == phrases.WHO_ARE_YOU
    assert (await there.front.get(ticket.id)).decision is None
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed


async def test_people_are_looked_up_once_a_minute(there: Scene, ann: Person) -> None:
    for name in ("one", "two"):
        await there.ask(sayso.Permission(tool="Bash", input={}, id=name))
    for message in there.cards():
        await ann.press(message, "Deny")
    assert [call.method for call in there.slack.calls].count("users.info") == 1


async def test_nobody_approves_what_was_asked_on_their_own_behalf(there: Scene, ann: Person) -> None:
    await there.ask(DEPLOY, requester="ann")
    seen = await ann.press(there.card, "Allow")
    assert await there.whispered(seen) == "You cannot approve what was asked on your own behalf."


async def test_a_late_click_is_told_who_decided_and_sees_the_card_as_it_is(
    there: Scene, ann: Person, bob: Person
) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Deny")
    seen = await bob.press(old, "Allow")
    assert seen.acked
    assert await there.whispered(seen) == "Too late: denied by ann at 2026-01-01 12:00 UTC."
    await there.slack.until(lambda: there.slack.controls(there.card) == [])


async def test_a_late_submission_is_told_who_decided_where_they_typed(there: Scene, ann: Person, bob: Person) -> None:
    await there.ask(DEPLOY)
    view = await there.open(bob, "Deny with reason…")
    await ann.press(there.card, "Allow")
    await bob.fill(view, {"Why not? The agent reads this.": "no"})
    seen = await bob.submit(bob.view)
    assert seen.trouble == ""
    assert "Too late: allowed by ann" in there.slack.visible_text(bob.view)
    assert there.slack.controls(bob.view) == ["Close"]


async def test_a_double_click_is_one_answer_and_both_are_acked(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    seen = await ann.press(there.card, "Allow", times=2)
    assert seen.acked
    assert (await there.decision(ticket)).allowed
    assert len((await there.front.get(ticket.id)).answers) == 1


async def test_of_two_people_at_once_one_decides_and_the_other_is_told() -> None:
    async with scene() as there:
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        ticket = await there.ask(DEPLOY)
        old = there.card
        first, second = await asyncio.gather(ann.press(old, "Allow"), bob.press(old, "Deny"))
        decided = await there.decision(ticket)
        loser = second if decided.allowed else first
        assert "Too late" in await there.whispered(loser)


async def test_a_quorum_counts_people_and_the_card_shows_how_many() -> None:
    async with scene(policy=model.Policy(quorum=2)) as there:
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        ticket = await there.ask(DEPLOY)
        await ann.press(there.card, "Allow")
        await there.deliver()
        assert "1 of 2 people has allowed this: ann" in there.slack.visible_text(there.card)
        await bob.press(there.card, "Allow")
        assert [one.person for one in (await there.decision(ticket)).by] == ["ann", "slack:T1/U2"]


async def test_a_card_whose_buttons_were_made_with_another_secret_is_renewed(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    there.front.mint = tokens.TokenMaker(b"another secret, since the first was lost")
    seen = await ann.press(there.card, "Allow")
    assert seen.acked
    assert "is renewed now" in await there.whispered(seen)
    assert (await there.front.get(ticket.id)).decision is None
    await there.slack.until(lambda: there.card.edits == 1)
    await ann.press(there.card, "Allow")
    assert (await there.decision(ticket)).allowed


async def test_a_press_with_another_secret_on_what_is_decided_is_told_so(
    there: Scene, ann: Person, bob: Person
) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Deny")
    there.front.mint = tokens.TokenMaker(b"another secret, since the first was lost")
    seen = await bob.press(old, "Allow")
    assert "Too late: denied by ann" in await there.whispered(seen)


async def test_a_card_whose_request_is_gone_loses_its_buttons(there: Scene, ann: Person) -> None:
    await there.ask(sayso.Permission(tool="Bash", input={"command": "echo '<b>' & exit"}))
    await there.stop()
    there.front = Desk(memory.MemoryStore(), there.front.mint, there.front.setup, there.clock)
    await there.start()
    seen = await ann.press(there.card, "Allow")
    assert seen.acked
    assert "is not known here" in await there.whispered(seen)
    await there.slack.until(lambda: there.slack.controls(there.card) == [])
    assert "echo '<b>' & exit" in there.slack.visible_text(there.card)
    assert "nobody can answer it" in there.slack.visible_text(there.card)


async def test_where_two_programs_share_one_app_the_true_cause_is_said_and_the_card_stays(
    there: Scene, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    other = Desk(memory.MemoryStore(), there.front.mint, there.front.setup, there.clock)
    async with sayso_slack.connect(other, there.settings) as link:
        assert link.sockets is not None
        await until(lambda: link.sockets and link.sockets.is_shared)
        assert "another program uses the same Slack app" in caplog.text
        ticket = await there.ask(DEPLOY)
        while (await there.front.get(ticket.id)).decision is None:
            seen = await ann.press(there.card, "Allow")
            assert seen.acked
            if (await there.front.get(ticket.id)).decision is None:
                assert "another program uses the same Slack app" in await there.whispered(seen)
                assert "Allow" in there.slack.controls(there.card)
            there.clock.advance(11)
        found = {one.name: one for one in await sayso_slack.check(there.settings)}
        assert "4 connections are open" in found["SLACK_APP_TOKEN connections"].said


async def test_copies_of_one_service_are_not_taken_for_another_program(
    there: Scene, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await there.ask(DEPLOY)
    copy = Desk(there.front.store, there.front.mint, there.front.setup, there.clock)
    copy.copies = there.front.copies = 2
    async with sayso_slack.connect(copy, there.settings) as link:
        await until(lambda: link.sockets and link.sockets.counted == 4)
        assert not (link.sockets and link.sockets.is_shared)
        assert "another program" not in caplog.text
        await ann.press(there.card, "Allow")
        assert (await there.front.get(ticket.id)).decision is not None


async def test_three_presses_on_an_old_card_are_told_once(there: Scene, ann: Person, bob: Person) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Deny")
    seen = await bob.press(old, "Allow", times=3)
    await there.whispered(seen)
    await there.deliver()
    assert len(seen.ephemerals) == 1
    there.clock.advance(11)
    again = await bob.press(old, "Allow")
    assert "Too late" in await there.whispered(again)


async def test_whoever_presses_twice_is_told_what_their_own_press_did(there: Scene, ann: Person) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Allow")
    seen = await ann.press(old, "Allow")
    assert await there.whispered(seen) == "Allowed: that is what you said, and it counted at 2026-01-01 12:00 UTC."


async def test_a_second_allow_of_one_person_is_told_to_be_one() -> None:
    async with scene(policy=model.Policy(quorum=2)) as there:
        bob = there.slack.person("U2", name="bob")
        await there.ask(DEPLOY)
        first = await bob.press(there.card, "Allow")
        assert await there.whispered(first) == "Counted: 1 of 2 people has allowed this. Others have to agree."
        second = await bob.press(there.card, "Allow")
        assert "You have allowed this already" in await there.whispered(second)


async def test_whoever_is_too_late_reads_names_and_no_accounts(there: Scene, ann: Person, bob: Person) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await bob.press(old, "Deny")
    seen = await ann.press(old, "Allow")
    assert await there.whispered(seen) == "Too late: denied by bob at 2026-01-01 12:00 UTC."


async def test_a_card_copied_to_another_channel_counts_for_nothing(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    there.slack.channel("C2", name="other", members=["U1"])
    api = there.link.app.client
    await api.chat_postMessage(channel="C2", text="copy", blocks=list(there.card.blocks))
    seen = await ann.press(there.cards("C2")[0], "Allow")
    assert "not one of our buttons" in await there.whispered(seen)
    assert (await there.front.get(ticket.id)).decision is None


async def test_where_the_app_was_removed_people_are_told_through_the_response_url(
    there: Scene, ann: Person, bob: Person
) -> None:
    await there.ask(DEPLOY)
    old = there.card
    await ann.press(old, "Deny")
    there.slack.world.channels["C1"].members.discard("UBOT")
    there.slack.fail_next("chat.update", "channel_not_found")
    seen = await bob.press(old, "Allow")
    assert "Too late: denied by ann" in await there.whispered(seen)
    await there.slack.until(lambda: there.slack.controls(there.card) == [])


async def test_a_reply_never_decides_a_permission(there: Scene, ann: Person) -> None:
    ticket = await there.ask(DEPLOY)
    for words in ("yes", "allow", "Approved!"):
        seen = await ann.reply(there.card, words)
        assert seen.acked
    await there.slack.until(lambda: there.slack.ephemerals("U1"))
    assert (await there.front.get(ticket.id)).decision is None
    (only,) = there.slack.ephemerals("U1")
    assert "use the buttons" in there.slack.visible_text(only)
    assert only.thread_ts == there.card.ts


async def test_only_what_a_person_wrote_into_the_thread_answers_a_question(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?"))
    card = there.card
    await ann.say("C1", "not in the thread")
    await ann.reply(card, "a bot's words", bot_id="B9")
    await ann.reply(card, "joined", subtype="channel_join")
    await ann.edit(card, "edited")
    assert (await there.front.get(ticket.id)).decision is None
    await ann.reply(card, "Acme")
    assert (await there.decision(ticket)).text == "Acme"


async def test_a_repeated_event_is_one_answer_and_nobody_is_told_they_were_late(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Question("Which customer?"))
    first = await ann.reply(there.card, "Acme", event_id="Ev1")
    await there.slack.send_event(first.deliveries[0].payload["event"], event_id="Ev1")
    await there.stop()
    await there.start()
    await there.slack.send_event(first.deliveries[0].payload["event"], event_id="Ev1")
    late = await ann.reply(there.card, "No, Bolt")
    assert "Too late: your earlier answer counted" in await there.whispered(late)
    assert len(there.slack.ephemerals("U1")) == 1
    assert (await there.decision(ticket)).text == "Acme"


@pytest.mark.parametrize("words", ["", "x" * 40_001, "a\ud800b"], ids=["empty", "too long", "not text"])
async def test_a_reply_that_is_no_answer_is_told_so(there: Scene, ann: Person, words: str) -> None:
    ticket = await there.ask(sayso.Question("Which customer?"))
    seen = await ann.reply(there.card, words)
    assert seen.acked
    assert await there.whispered(seen)
    assert (await there.front.get(ticket.id)).decision is None
    await ann.reply(there.card, "Acme")
    assert (await there.decision(ticket)).text == "Acme"


async def test_a_choice_is_answered_by_a_reply_with_an_option_or_its_number(there: Scene, ann: Person) -> None:
    ticket = await there.ask(sayso.Choice("Which?", ["Red", "Blue"]))
    seen = await ann.reply(there.card, "green")
    assert "none of the options" in await there.whispered(seen)
    first = await ann.reply(there.card, "2", event_id="Ev1")
    await there.stop()
    await there.start()
    await there.slack.send_event(first.deliveries[0].payload["event"], event_id="Ev1")
    assert (await there.decision(ticket)).choice == "Blue"
    assert len(there.slack.ephemerals("U1")) == 1


async def test_a_window_that_cannot_open_is_said(there: Scene, ann: Person) -> None:
    await there.ask(DEPLOY)
    there.slack.fail_next("views.open", "expired_trigger_id")
    seen = await ann.press(there.card, "Deny with reason…")
    assert await there.whispered(seen) == "The window could not be opened. Please press again."


async def test_something_unforeseen_is_no_answer_and_is_said() -> None:
    class Bug(memory.MemoryStore):
        async def load_by_ref(self, ref: str) -> model.Ticket:
            raise RuntimeError("a bug")

    async with scene("http", kept=Bug()) as there:
        ann = there.slack.person("U1", name="ann")
        await there.ask(DEPLOY)
        seen = await ann.press(there.card, "Allow")
        assert not seen.acked
        assert "not counted" in await there.whispered(seen)


GROUPS = people.Directory(
    people={"ann": people.Profile(frozenset({"slack:T1/U1"}))},
    groups={f"g{n}": people.Group(platform_groups=frozenset({f"slack:S{n}"})) for n in range(25)},
)


@pytest.mark.parametrize(
    ("approvers", "asked"), [(("ann",), []), (("anyone",), []), (("ann", "group:g3"), []), (("group:g3",), ["S3"])]
)
async def test_only_the_groups_that_decide_whether_somebody_may_answer_are_asked(
    approvers: tuple[str, ...], asked: list[str]
) -> None:
    async with scene(policy=model.Policy(approvers=approvers), directory=GROUPS) as there:
        for number in range(25):
            there.slack.usergroup(f"S{number}", ["U1"] if number == 3 else [])
        ticket = await there.ask(DEPLOY)
        await there.slack.person("U1", name="ann").press(there.card, "Allow")
        assert (await there.decision(ticket)).allowed
        calls = [call for call in there.slack.calls if call.method == "usergroups.users.list"]
        assert [call.payload["usergroup"] for call in calls] == asked


async def test_a_group_that_fails_in_passing_refuses_nobody_whom_another_one_knows() -> None:
    async with scene(policy=model.Policy(approvers=("group:g1", "group:g2")), directory=GROUPS) as there:
        bob, eve = there.slack.person("U2", name="bob"), there.slack.person("U3", name="eve")

        def group(args: Json) -> Json:
            if args["usergroup"] == "S1":
                raise Refused("internal_error")
            return {"users": ["U2"]}

        there.slack._server.methods["usergroups.users.list"] = (group, "usergroups:read")
        ticket = await there.ask(DEPLOY)
        refused = await eve.press(there.card, "Allow")
        said = await there.whispered(refused)
        assert said.startswith("Could not find out whether you are in the group g1, so nothing was counted. Try again")
        assert refused.acked
        assert (await there.front.get(ticket.id)).decision is None
        await bob.press(there.card, "Allow")
        assert (await there.decision(ticket)).allowed


# Facts that the fake workspace has not: organisations, and answers that never come


@asynccontextmanager
async def members(user: Json | None) -> AsyncGenerator[Members, None]:
    """Members of workspace T1 in organisation E1, of whom Slack knows *user*; None never answers."""

    async def info(request: web.Request) -> web.Response:
        if user is None:
            await asyncio.Event().wait()
        return web.json_response({"ok": True, "user": user})

    async def group(request: web.Request) -> web.Response:
        if request.query["usergroup"] == "S404":
            return web.json_response({"ok": False, "error": "no_such_subteam"})
        return web.json_response({"ok": True, "users": ["U5"]})

    served = web.Application()
    served.router.add_get("/api/users.info", info)
    served.router.add_get("/api/usergroups.users.list", group)
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    async with api_of(sayso_slack.Settings("xoxb-fake", api_url=url)) as api:
        known = Members(api, ManualClock(), Home("T1", "E1"))
        yield known
        await known.close()
    await runner.cleanup()


async def test_members_are_those_of_the_workspace_or_its_organisation() -> None:
    rows: list[tuple[Json, str | None, str | None, bool]] = [
        ({"team_id": "T1"}, "T1", "slack:T1/U5", True),
        ({"team_id": "T1"}, None, "slack:T1/U5", True),
        ({"team_id": "T1"}, "T9", "slack:T1/U5", False),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}}, "T2", "slack:E1/U5", True),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E9"}}, "T2", "slack:T2/U5", False),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}, "is_restricted": True}, "T2", None, False),
        ({}, "T1", "slack:unknown/U5", False),
    ]
    for row in each(rows):
        with row as (facts, team, account, member):
            async with members({"id": "U5", "name": "eve", **facts}) as known:
                actor = await known.actor(Who("U5", team, "eve"))
            # of a guest or a stranger no user group is asked for
            assert (actor.member, actor.complete) == (member, frozenset() if member else frozenset({"slack"}))
            assert account in (None, actor.account)


async def test_a_user_group_has_full_members_of_the_workspace_alone() -> None:
    rows: list[tuple[Json, str, bool]] = [
        ({"team_id": "T1"}, "slack:T1/U5", True),
        ({"team_id": "T1"}, "slack:T9/U5", False),
        ({"team_id": "T1", "is_restricted": True}, "slack:T1/U5", False),
        ({"team_id": "T1", "deleted": True}, "slack:T1/U5", False),
        ({"team_id": "T1", "is_bot": True}, "slack:T1/U5", False),
        ({"team_id": "T1"}, "slack:T1/U6", False),
    ]
    for row in each(rows):
        with row as (facts, account, inside):
            async with members({"id": "U5", **facts}) as known:
                assert await known.is_in("slack:S1", account) == inside


async def test_a_user_group_that_slack_does_not_know_is_not_taken_for_an_empty_one() -> None:
    async with members({"id": "U5", "team_id": "T1"}) as known:
        with pytest.raises(errors.ChannelError):
            await known.is_in("slack:S404", "slack:T1/U5")


async def test_an_answer_about_somebody_else_is_refused() -> None:
    async with members({"id": "U6", "team_id": "T1"}) as known:
        with pytest.raises(errors.NotAllowed):
            await known.actor(Who("U5", "T1"))


async def test_who_is_not_known_in_time_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slack_members._LOOK_UP_WITHIN < 3
    monkeypatch.setattr(slack_members, "_LOOK_UP_WITHIN", 0.1)
    async with members(None) as known:
        with pytest.raises(errors.ChannelError):
            await known.actor(Who("U5", "T1"))


# People by their verified address, which the operator wrote down


MAILS = people.Directory(
    {"ann": people.Profile(email="Ann@Example.com"), "bob": people.Profile(frozenset({"slack:T1/U2"}), "bob@x.com")},
    {"release": people.Group(platform_groups=frozenset({"slack:S1"}))},
)


async def test_a_verified_address_makes_an_account_the_persons_whose_it_is_in_the_settings() -> None:
    async with scene(policy=model.Policy(approvers=("ann",)), directory=MAILS) as there:
        ticket = await there.ask(DEPLOY)
        await there.slack.person("U1", name="whoever", email="ann@example.com").press(there.card, "Allow")
        assert (await there.decision(ticket)).by[0].person == "ann"


async def test_no_other_address_does() -> None:
    rows: list[dict[str, Any]] = [
        {"email": "ann@example.com", "is_email_confirmed": False},
        {"email": "ann@example.com", "is_restricted": True},
        {"email": "ann@example.com", "team_id": "T9"},
        {"email": "annn@example.com"},
        {"real_name": "ann@example.com"},
        {"email": "bob@x.com"},
        {},
    ]
    for row in each(rows):
        with row as facts:
            async with scene(policy=model.Policy(approvers=("ann", "bob")), directory=MAILS) as there:
                ticket = await there.ask(DEPLOY)
                there.slack.world.channels["C1"].members.add("U7")
                seen = await there.slack.person("U7", name="ann", **facts).press(there.card, "Allow")
                assert "may not answer" in await there.whispered(seen)
                assert (await there.front.get(ticket.id)).decision is None


async def test_without_the_scope_nobody_is_known_by_an_address() -> None:
    async with scene(policy=model.Policy(approvers=("ann",)), directory=MAILS) as there:
        there.slack.scopes.discard("users:read.email")
        await there.ask(DEPLOY)
        seen = await there.slack.person("U1", name="ann", email="ann@example.com").press(there.card, "Allow")
        assert "may not answer" in await there.whispered(seen)


async def test_a_person_by_address_is_written_to_and_is_in_their_groups_at_the_inbox_too() -> None:
    async with scene(policy=model.Policy(approvers=("group:release",)), directory=MAILS) as there:
        there.slack.usergroup("S1", ["U1"])
        there.slack.person("U1", name="ann", email="ann@example.com")
        ticket = await there.ask(DEPLOY)
        at_inbox = people.Actor("web:ann", "ann", member=True, person="ann")
        await there.front.answer(ticket.id, sayso.Answer(verdict="allow"), at_inbox)
        assert (await there.decision(ticket)).by[0].person == "ann"
    async with scene(policy=model.Policy(approvers=("ann",)), directory=MAILS) as there:
        ann = there.slack.person("U1", name="ann", email="ann@example.com")
        ticket = await there.ask(DEPLOY.model_copy(update={"route": ("approvers",)}))
        assert ticket.route == ("slack:@U1",)
        await ann.press(there.slack.dms("U1")[0], "Allow")
        assert (await there.decision(ticket)).by[0].person == "ann"

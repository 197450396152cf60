"""What `sayso doctor` says of people, user groups and the clock at Slack, and of posts with a wrong signature."""

import hmac
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import sayso_slack
from sayso.chat import roster
from sayso.machine import people
from tests.adapters.slack.test_wire import Poster, signed
from tests.adapters.slack_scene import Scene, scene


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


async def found(there: Scene, **accounts: str) -> dict[str, sayso_slack.Finding]:
    """What is said where these people have these accounts; a name that begins with `group_` has a user group."""
    persons = {name: people.Profile(frozenset({f"slack:{one}"})) for name, one in accounts.items()}
    groups = {
        name.removeprefix("group_"): people.Group(platform_groups=next(iter([profile.accounts])))
        for name, profile in persons.items()
        if name.startswith("group_")
    }
    known = {name: profile for name, profile in persons.items() if not name.startswith("group_")}
    directory = people.Directory(known, groups)
    return {one.name: one for one in await sayso_slack.check(there.settings, directory)}


async def test_whom_slack_does_not_know_is_named_by_the_key(there: Scene) -> None:
    there.slack.person("U1", name="ann")
    said = await found(there, ann="T1/U1", bob="T1/U404", eve="T9/U405")
    assert (said["people"].ok, said["people"].said) == (True, "Slack knows 1 of 3")
    assert (said["people.bob.slack"].ok, said["people.bob.slack"].said) == (False, "Slack does not know T1/U404")
    assert 'slack = "T1/U…"' in (said["people.bob.slack"].hint or "")
    assert "T9 is another workspace, this is T1" in said["people.eve.slack"].said


async def test_accounts_by_which_nobody_can_press_are_named(there: Scene) -> None:
    there.slack.person("U1", name="ann")
    there.slack.person("U2", name="bob", deleted=True)
    there.slack.person("U3", name="bot", is_bot=True)
    there.slack.person("U9", name="eve", team_id="T9")
    said = await found(there, ann="T9/U1", bob="T1/U2", bot="T1/U3", eve="T9/U9")
    assert said["people.ann.slack"].hint == 'slack = "T1/U1"'
    assert "is deactivated" in said["people.bob.slack"].said
    assert "is a bot" in said["people.bot.slack"].said
    assert "people.eve.slack" not in said, "people of other workspaces press with their own"


@pytest.mark.parametrize("how", ["429", "500", "reset", "missing_scope"])
async def test_a_person_who_could_not_be_looked_up_is_not_called_unknown(there: Scene, how: str) -> None:
    # the library itself repeats a call whose connection was lost
    there.slack.fail_next("users.info", how, times=2 if how == "reset" else 1)
    said = await found(there, ann="T1/U1", bob="T1/U2", cy="T1/U3")
    assert said["people.ann.slack"].said.startswith("could not find out whether Slack knows T1/U1 and 2 more people: ")
    assert not {"people.bob.slack", "people.cy.slack", "people"} & said.keys(), "one sentence for all"


async def test_no_more_people_are_looked_up_than_slack_takes_in_a_minute(there: Scene) -> None:
    accounts = {f"p{number}": f"T1/U{number}" for number in range(roster.MOST + 5)}
    for name, account in accounts.items():
        there.slack.person(account.removeprefix("T1/"), name=name)
    said = await found(there, **accounts)
    assert sum(call.method == "users.info" for call in there.slack.calls) == roster.MOST
    assert f"people.p{roster.MOST}.slack" in said
    assert "and 4 more people" in said[f"people.p{roster.MOST}.slack"].said


async def test_user_groups_that_nobody_is_in_by_mistake_are_named(there: Scene) -> None:
    there.slack.usergroup("S1", ["U1", "U2"])
    there.slack.usergroup("S2", ["U1"])
    there.slack.world.disabled.add("S2")
    said = await found(there, group_a="S1", group_b="S2", group_c="S404", group_d="@group-S1")
    assert said["groups.a.slack_group"].said == "S1 is @group-S1, members: 2"
    assert said["groups.a.slack_group"].enrolled == {
        "slack:S1": people.Enrolled(frozenset({"slack:T1/U1", "slack:T1/U2"}))
    }
    assert "is disabled" in said["groups.b.slack_group"].said
    assert said["groups.c.slack_group"].said == "Slack has no user group S404"
    assert said["groups.d.slack_group"].hint == 'slack_group = "S1"', "the name by which it is mentioned is no id"
    assert sum(call.method == "usergroups.list" for call in there.slack.calls) == 1


async def test_a_group_that_could_not_be_looked_up_is_not_called_unknown(there: Scene) -> None:
    there.slack.scopes.discard("usergroups:read")
    said = (await found(there, group_a="S1"))["groups.a.slack_group"]
    assert (said.ok, "could not find out" in said.said, said.enrolled) == (False, True, {})


@pytest.mark.parametrize(
    ("off", "said"), [(0.0, None), (-20.0, None), (95.0, "95 seconds behind"), (-95.0, "95 seconds ahead of")]
)
async def test_a_clock_that_is_wrong_is_told(there: Scene, off: float, said: str | None) -> None:
    there.slack.world.clock_off = off
    clock = (await found(there)).get("clock")
    if said is None or clock is None:
        assert (clock, said) == (None, None)
        return
    # the header has no fractions of a second
    near = {said, said.replace("95", "96"), said.replace("95", "94")}
    assert any(one in clock.said for one in near)
    assert "five minutes" in (clock.hint or "")


async def test_wrong_signatures_are_kept_for_doctor_until_one_is_right(caplog: pytest.LogCaptureFixture) -> None:
    async with scene("http") as there:
        poster = Poster(there)
        stamp, _ = signed(b"{}", time.time())
        wrong = f"v0={hmac.digest(b'other', f'v0:{stamp}:{{}}'.encode(), 'sha256').hex()}"
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": wrong}
        for _ in range(3):
            assert await poster.post("/slack/events", b"{}", headers) == 401
        said = [one for one in caplog.records if one.message == "a post was not signed by its platform"]
        assert len(said) == 1, "at most once a minute"
        assert not any(secret in str(vars(said[0])) for secret in (wrong, there.slack.signing_secret))
        settings = there.settings
        (finding,) = [one for one in await sayso_slack.check(settings, None, there.front.store) if not one.ok]
        assert (finding.name, "SLACK_SIGNING_SECRET" in (finding.hint or "")) == ("signatures", True)
        later = datetime.now(UTC) + timedelta(days=2)
        assert all(one.ok for one in await sayso_slack.check(settings, None, there.front.store, later))
        await there.slack.verify_url()
        assert all(one.ok for one in await sayso_slack.check(settings, None, there.front.store))


@pytest.mark.parametrize(
    ("facts", "ok", "said"),
    [
        ({"email": "ann@example.com"}, True, "ann@example.com is T1/U1"),
        ({"email": "ann@example.com", "is_email_confirmed": False}, False, "is no verified address of a full member"),
        ({"email": "ann@example.com", "is_restricted": True}, False, "is no verified address of a full member"),
        ({}, False, "is no verified address of a full member"),
    ],
)
async def test_whom_only_their_address_makes_known_is_looked_up_by_it(
    there: Scene, facts: dict[str, Any], ok: bool, said: str
) -> None:
    there.slack.person("U1", name="ann", **facts)
    elsewhere = people.Profile(frozenset({"discord:940"}), "bob@example.com")
    directory = people.Directory({"ann": people.Profile(email="ann@example.com"), "bob": elsewhere})
    found = {one.name: one for one in await sayso_slack.check(there.settings, directory)}
    assert (found["people.ann.email"].ok, said in found["people.ann.email"].said) == (ok, True)
    assert "people.bob.email" not in found, "they may have none in Slack"


async def test_the_scope_that_an_address_needs_is_named(there: Scene) -> None:
    there.slack.scopes.discard("users:read.email")
    directory = people.Directory({"ann": people.Profile(email="ann@example.com")})
    found = {one.name: one for one in await sayso_slack.check(there.settings, directory)}
    assert "users:read.email" in (found["people.ann.email"].hint or "")

"""What `sayso doctor` says of people, roles and the clock at Discord, and of posts with a wrong signature."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

import sayso_discord
from sayso.chat.roster import MOST
from sayso.machine import people
from sayso_discord import roster
from tests.adapters.discord_scene import ANN, BOB, ROLE, Scene, scene
from tests.fakes.discord.delivery import signature

NOBODY = "300000000000000404"


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


async def found(there: Scene, accounts: dict[str, str], roles: dict[str, str]) -> dict[str, sayso_discord.Finding]:
    directory = people.Directory(
        {name: people.Profile(frozenset({f"discord:{one}"})) for name, one in accounts.items()},
        {name: people.Group(platform_groups=frozenset({f"discord:{one}"})) for name, one in roles.items()},
    )
    return {one.name: one for one in await sayso_discord.check(there.settings, directory)}


async def test_whom_the_server_does_not_know_is_named_by_the_key(there: Scene) -> None:
    there.discord.person(ANN, name="ann")
    there.discord.person(BOB, name="bob", in_guild=False)
    there.discord.person("300000000000000009", name="bot", is_bot=True)
    said = await found(there, {"ann": ANN, "bob": BOB, "cy": NOBODY, "bot": "300000000000000009"}, {})
    assert (said["people"].ok, said["people"].said) == (True, "the server knows 1 of 4")
    assert said["people.bob.discord"].said == f"{BOB} is not in the server"
    assert said["people.cy.discord"].said == f"{NOBODY} is not in the server"
    assert "Copy User ID" in (said["people.cy.discord"].hint or "")
    assert "is a bot" in said["people.bot.discord"].said


@pytest.mark.parametrize("how", ["reset", "50001"])
async def test_a_person_who_could_not_be_looked_up_is_not_called_unknown(there: Scene, how: str) -> None:
    # the library itself repeats what fails on the way
    there.discord.fail_next("get_guild_member", how, times=1 if how == "50001" else 6)
    directory = people.Directory(
        {name: people.Profile(frozenset({f"discord:{one}"})) for name, one in (("ann", ANN), ("bob", BOB))}
    )
    listed = [one async for one in _people(there, directory)]
    assert [one.name for one in listed] == ["people.ann.discord"], "one sentence for all"
    assert listed[0].said.startswith(f"could not find out whether the server knows {ANN} and 1 more person: ")


async def _people(there: Scene, directory: people.Directory) -> AsyncIterator[sayso_discord.Finding]:
    from sayso_discord.api import api_of

    async with api_of(there.settings) as api:
        async for one in roster.look(api, there.discord.guild_id, directory):
            yield one


async def test_no_more_people_are_looked_up_than_it_says(there: Scene) -> None:
    accounts = {f"p{number}": f"3000000000000010{number:02}" for number in range(MOST + 5)}
    for name, account in accounts.items():
        there.discord.person(account, name=name)
    said = await found(there, accounts, {})
    asked = [call for call in there.discord.calls if call.operation == "get_guild_member"]
    assert len({call.path for call in asked}) == MOST + 1, "and the bot itself, for its permissions"
    assert "and 4 more people" in said[f"people.p{MOST}.discord"].said


async def test_roles_that_nobody_has_by_mistake_are_named(there: Scene) -> None:
    there.discord.role(ROLE, name="release")
    there.discord.person(ANN, name="ann", roles=(ROLE,))
    there.discord.person(BOB, name="bob", roles=(ROLE,))
    said = await found(there, {"ann": ANN}, {"a": ROLE, "b": "404", "c": there.discord.guild_id})
    assert said["groups.a.discord_role"].said == f"{ROLE} is @release, members: 2"
    assert said["groups.a.discord_role"].enrolled == {
        f"discord:{ROLE}": people.Enrolled(frozenset({f"discord:{ANN}"}), others=1)
    }
    assert said["groups.b.discord_role"].said == "the server has no role 404"
    assert "@everyone" in said["groups.c.discord_role"].said


async def test_a_role_whose_members_are_not_counted_is_known_all_the_same(there: Scene) -> None:
    there.discord.role(ROLE, name="release")
    there.discord.fail_next("guild_role_member_counts", "50013")
    said = (await found(there, {}, {"a": ROLE}))["groups.a.discord_role"]
    assert (said.ok, said.enrolled) == (True, {})


@pytest.mark.parametrize(("off", "said"), [(0.0, None), (-20.0, None), (95.0, "behind"), (-95.0, "ahead of")])
async def test_a_clock_that_is_wrong_is_told(there: Scene, off: float, said: str | None) -> None:
    there.discord.world.clock_off = off
    clock = (await found(there, {}, {})).get("clock")
    assert (clock is None) == (said is None)
    assert clock is None or f"seconds {said} Discord's" in clock.said
    assert there.discord.refusals == []


async def test_wrong_signatures_are_kept_for_doctor_until_one_is_right(caplog: pytest.LogCaptureFixture) -> None:
    async with scene("http") as there:
        wrong = signature('{"type": 1} ')
        for _ in range(3):
            assert (await there.endpoint.post({}, '{"type": 1}', wrong)).status == 401
        said = [one for one in caplog.records if one.message == "a post was not signed by its platform"]
        assert len(said) == 1, "at most once a minute"
        assert not any(value in str(vars(said[0])) for value in wrong.values() if len(value) > 20)
        records = there.front.store
        found = {one.name: one for one in await sayso_discord.check(there.settings, None, records) if not one.ok}
        assert "DISCORD_PUBLIC_KEY" in (found["signatures"].hint or "")
        later = datetime.now(UTC) + timedelta(days=2)
        assert "signatures" not in {one.name for one in await sayso_discord.check(there.settings, None, records, later)}
        assert (await there.endpoint.ping()).status == 200
        assert "signatures" not in {one.name for one in await sayso_discord.check(there.settings, None, records)}


async def test_without_a_channel_of_a_server_nobody_is_looked_up(there: Scene) -> None:
    directory = people.Directory({"ann": people.Profile(frozenset({f"discord:{ANN}"}))})
    settings = dataclasses.replace(there.settings, channel=None)
    found = {one.name: one for one in await sayso_discord.check(settings, directory)}
    assert (found["people"].ok, "not looked up" in found["people"].said) == (True, True)
    hidden = await sayso_discord.check(dataclasses.replace(there.settings, channel="404"), directory)
    assert "people.ann.discord" not in {one.name for one in hidden}, "who is there cannot be known"

"""`sayso init team`: six answers become settings that work, and a rehearsal says what they come to."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sayso import errors, model
from sayso.rules import rulings
from sayso_bots.commands import init_team
from sayso_bots.demo import rehearsal
from sayso_bots.settings import team, toml
from sayso_bots.terminal import files
from tests.bots.conftest import Call, Command
from tests.fakes.processes import run

GIVEN = (
    *("init", "team", "--people", "ann,bob,cid", "--chat", "slack", "--channel", "#approvals"),
    *("--account", "ann=T1/U1", "--agents", "claude-code,release-bot", "--production", "terraform,deploy"),
    *("--quorum", "2", "--hours", "Europe/Berlin mon-fri 09:00-18:00"),
)


def test_six_answers_give_the_files_and_a_rehearsal_on_the_real_machine(inside: Call, tmp_path: Path) -> None:
    done = inside(*GIVEN)
    assert done.returncode == 0, done.stderr
    made = toml.load(tmp_path / "sayso.toml")
    setup = toml.setup(made)
    assert setup.policies["production"].quorum == 2
    assert setup.directory.people["ann"].accounts == {"slack:T1/U1"}
    assert [rule.id for rule in setup.rules.rules][:2] == ["no-secrets", "production-tools"]
    assert "display_information" in json.loads((tmp_path / "slack-manifest.json").read_text())
    assert "PreToolUse" in json.loads((tmp_path / "claude-settings.json").read_text())["hooks"]
    told = " ".join(done.stdout.split())
    assert (
        "Asks 2 of the group team (ann, bob, cid), in slack:#approvals. Reminded Mon 10:30 and Mon 12:00; den" in told
    )
    assert "denied Mon 14:00 if nobody answers. Bash cd infra && terraform apply production-terraform" in told
    assert "Denied at once. Read .env no-secrets" in told
    assert "Then people, about Bash cd infra && terraform apply" in told
    assert "ann allows, ann allows again, bob allows: 1 of 2, 1 of 2, allowed" in told
    assert "cid denies: denied" in told
    assert "nobody answers: 2 reminders, expired Mon 14:00" in told
    assert "sayso keys add release-bot --role agent" in told
    assert "Write the accounts of bob, cid into sayso.toml." in told
    assert "SAYSO_KEY=$(cat claude-code.key) claude" in told
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_service_takes_what_was_written(command: Command) -> None:
    alone = ("init", "team", "--people", "ann,bob,cid", "--chat", "none", *GIVEN[10:])
    assert command(*alone).returncode == 0
    command.key("release-bot", "agent")
    looked = command("doctor")
    assert looked.returncode == 0, looked.stdout + looked.stderr


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("git", model.Request(kind="permission", tool="Bash", input={"command": "git status"})),
        ("Bash", model.Request(kind="permission", tool="Bash", input={"command": "git status"})),
        ("tools", model.Request(kind="permission", tool="Bash", input={"command": "tools run"})),
        ("Read,Grep,Glob", model.Request(kind="permission", tool="Read", input={"file_path": "a.md"})),
        ("x" * 45, model.Request(kind="permission", tool="x" * 45)),
    ],
)
def test_whatever_touches_production_is_asked_about(named: str, asked: model.Request) -> None:
    names = team.read_names(named, "production")
    setup = toml.setup(toml.parse(tomllib.loads(team.write(team.Team(people={"ann": ""}, production=names)))))
    ruling = rulings.decide(setup.rules.matching(setup.rules.call(asked, "bot"), datetime.now(UTC)))
    assert ruling.rule is not None
    assert (ruling.effect, ruling.rule.policy) == ("ask", "production")


def test_what_cannot_be_put_into_a_rule_is_refused_at_its_question() -> None:
    with pytest.raises(errors.InvalidSettings, match="is no name"):
        team.read_names("x" * 46, "production")
    with pytest.raises(errors.InvalidSettings, match="are no hours"):
        team.read_hours("Europe/Berlin mon-fri 25:00-99:00")


def test_no_file_is_written_through_a_link(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").symlink_to(tmp_path / "elsewhere.toml")
    assert "is there already" in inside(*GIVEN).stderr
    assert not (tmp_path / "elsewhere.toml").exists()


def test_nothing_is_written_over_what_is_there(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "claude-settings.json").write_text("mine")
    done = inside(*GIVEN)
    assert done.returncode != 0
    assert "claude-settings.json is there already; nothing was changed" in done.stderr
    assert not (tmp_path / "sayso.toml").exists()


@pytest.mark.parametrize(
    ("said", "days", "zone"),
    [
        ("Europe/Berlin mon-fri 09:00-18:00", ["mon", "tue", "wed", "thu", "fri"], "Europe/Berlin"),
        ("UTC 08:00-16:00", ["mon", "tue", "wed", "thu", "fri"], "UTC"),
        ("America/New_York sat-sun 10:00-12:00", ["sat", "sun"], "America/New_York"),
    ],
)
def test_hours_as_people_write_them(said: str, days: list[str], zone: str) -> None:
    found = team.read_hours(said)
    assert found is not None
    assert (list(found.days), found.zone) == (days, zone)


def test_always_is_no_calendar() -> None:
    assert team.read_hours(" Always ") is None
    written = team.write(team.Team({"ann": ""}, hours=None))
    assert "calendars" not in tomllib.loads(written)


@pytest.mark.parametrize(
    "said", ["", "9-18", "Nowhere/X 09:00-18:00", "UTC fri-mon 09:00-18:00", "UTC abc-fri 09:00-18:00"]
)
def test_hours_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        team.read_hours(said)
    assert refused.value.field == "hours"


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        (("--people", ""), "people"),
        (("--people", "ann, b b"), "people"),
        (("--people", "ann", "--quorum", "2"), "quorum"),
        (("--people", "ann", "--chat", "teams"), "chat"),
        (("--people", "ann", "--account", "bob=T1/U1"), "account"),
        (("--people", "ann", "--production", "rm -rf"), "production"),
    ],
)
def test_answers_that_do_not_go_together_are_refused_by_name(
    inside: Call, tmp_path: Path, answers: tuple[str, ...], field: str
) -> None:
    rest = ("--chat", "none", "--agents", "bot", "--production", "deploy", "--quorum", "1", "--hours", "always")
    left = [pair for pair in zip(rest[::2], rest[1::2], strict=True) if pair[0] not in answers]
    done = inside("init", "team", *answers, *(word for pair in left for word in pair))
    assert done.returncode == 2
    assert field in done.stderr
    assert list(tmp_path.iterdir()) == []


async def test_a_rehearsal_has_twenty_calls_whatever_production_is() -> None:
    setup = toml.setup(toml.parse(tomllib.loads(team.write(team.Team({"ann": ""}, production=("deploy",))))))
    start = rehearsal.next_monday(datetime(2026, 11, 29, tzinfo=UTC), "UTC")
    assert (start.isoweekday(), start.hour) == (1, 10)
    found = [one async for one in rehearsal.rehearse(setup, "bot", ("deploy",), start)]
    acts = [one for one in found if isinstance(one, rehearsal.Act)]
    assert (len(found), len(acts)) == (rehearsal.CALLS + 3, 3)
    assert acts[-1].came == "2 reminders, expired Mon 14:00"


async def test_without_production_people_are_rehearsed_on_the_first_call_that_is_asked_about() -> None:
    setup = toml.setup(toml.parse(tomllib.loads(team.write(team.Team({"ann": "", "bob": ""})))))
    start = rehearsal.next_monday(datetime(2026, 11, 29, tzinfo=UTC), "UTC")
    acts = [one async for one in rehearsal.rehearse(setup, "bot", (), start) if isinstance(one, rehearsal.Act)]
    assert [(one.about, one.did, one.came) for one in acts[:2]] == [
        ("Bash git status; rm -rf src", "ann allows", "allowed"),
        ("Bash git status; rm -rf src", "bob denies", "denied"),
    ]


def test_a_wrong_answer_at_the_keyboard_is_asked_for_again_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = ["", "a b", "ann,bob", "teams", "none", "bot", "rm -rf", "deploy", "3", "2", "9 to 5", "UTC 08:00-18:00"]
    done = CliRunner().invoke(init_team.command, input="\n".join(said) + "\n")
    assert done.exit_code == 0, done.output
    for refused in (
        "'a b' is no name",
        "'teams' is not installed",
        "'rm -rf' is no name",
        "so many people are not in the team",
        "are no hours",
    ):
        assert refused in done.output
    made = tomllib.loads((tmp_path / "sayso.toml").read_text())
    assert (made["policies"]["production"]["quorum"], made["calendars"]["office"]["hours"]) == (2, "08:00-18:00")


@pytest.mark.parametrize(
    ("chat", "said", "refused"),
    [
        (
            "slack",
            ("", "a#b", "#ops", "nonsense", "T1/U1", "T1/U1", "T1/U2"),
            ("'a#b'", "'nonsense'", "'T1/U1' belongs"),
        ),
        ("discord", ("#ops", "910", "", "ann#1", "940", "940", ""), ("'#ops'", "'ann#1'", "'940' belongs")),
    ],
)
def test_a_wrong_channel_or_account_is_asked_for_again_where_it_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chat: str, said: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = ["ann,bob", chat, *said, "bot", "deploy", "1", "always"]
    done = CliRunner().invoke(init_team.command, input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert [one for one in refused if f"{one}" not in done.output] == []
    accounts = toml.setup(toml.load(tmp_path / "sayso.toml")).directory.people
    assert accounts["ann"].accounts == {"slack:T1/U1" if chat == "slack" else "discord:940"}


def test_nothing_is_asked_if_the_settings_are_there_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sayso.toml").write_text("# mine\n")
    done = CliRunner().invoke(init_team.command, input="ann\n")
    assert "sayso.toml is there already; nothing was changed" in str(done.exception)
    assert "Who decides" not in done.output


def test_no_answers_go_on_where_the_settings_are_written(inside: Call, tmp_path: Path) -> None:
    assert inside(*GIVEN).returncode == 0
    said = inside(*GIVEN).stderr
    assert "sayso.toml is there already; nothing was changed" in said
    assert "same answers" not in said
    assert "sayso doctor says what is left to do; to be asked anew, remove it" in said


def test_the_page_shows_what_the_command_prints(inside: Call) -> None:
    page = Path(__file__).parents[2].joinpath("docs/team-review.md").read_text()
    line, shown = re.findall(r"```(?:sh|text)\n(.*?)```", page.partition("\n## Two of release")[0], re.DOTALL)
    printed = inside(*shlex.split(line.replace("\\\n", ""))[1:]).stdout
    # the next Monday is another one next week
    undated = [re.sub(r"\d{4}-\d\d-\d\d", "DAY", text) for text in (shown, printed)]
    pieces = [piece.strip("\n") for piece in undated[0].split("  …\n")]
    assert len(pieces) == 4
    assert [piece for piece in pieces if piece not in undated[1]] == []


MIX = ("--quorum", "2 of team, one of security")


@pytest.mark.parametrize(
    ("who", "written", "told"),
    [
        ("bob,cid", {"members": ["bob", "cid"]}, "1 of the group security (bob, cid)"),
        ("discord:77", {"discord_role": "77"}, "Who is in security is known to the chat alone: here everybody is."),
    ],
)
def test_several_groups_agree_about_production(
    inside: Call, tmp_path: Path, who: str, written: dict[str, object], told: str
) -> None:
    given = ("init", "team", "--people", "ann,bob,cid", "--chat", "discord", "--channel", "910", *GIVEN[10:12])
    done = inside(*given, *MIX, "--group", f"security={who}", "--production", "deploy", "--hours", "always")
    assert done.returncode == 0, done.stderr
    made = tomllib.loads((tmp_path / "sayso.toml").read_text())
    assert made["groups"]["security"] == written
    assert made["policies"]["production"]["needs"] == [
        {"who": ["group:team"], "count": 2},
        {"who": ["group:security"], "count": 1},
    ]
    shown = " ".join(done.stdout.split())
    assert told in shown
    assert "ann allows, ann allows again, bob allows, cid allows: 1 of 3, 1 of 3, 2 of 3, allowed" in shown


@pytest.mark.parametrize(
    ("quorum", "more", "refused"),
    [
        ("some", (), "'some' does not say how many of whom — a number, or"),
        ("0", (), "does not say how many"),
        ("101", (), "does not say how many"),
        ("4", (), "so many people are not in the team, which has 3"),
        ("1 of team, 2 of team", (), "names a group twice"),
        (
            "1 of ops",
            ("--group", "ops=zoe"),
            "ops: 'zoe' are not people of the team — names, with commas between; or discord:ID",
        ),
        ("1 of ops", ("--group", "ops=slack:S1"), "are not people of the team"),
        ("1 of ops", ("--group", "ops=discord:x"), "are not people of the team"),
        ("2 of ops", ("--group", "ops=ann"), "2 of ops must agree, and these are fewer"),
        ("1", ("--group", "ops=ann"), "'ops' is not asked to agree"),
        ("3 of team, 1 of ops", ("--group", "ops=ann"), "group: "),
    ],
)
def test_a_mix_that_nobody_could_fill_is_refused(
    inside: Call, tmp_path: Path, quorum: str, more: tuple[str, ...], refused: str
) -> None:
    given = ("init", "team", "--people", "ann,bob,cid", "--chat", "discord", "--channel", "910", "--agents", "bot")
    done = inside(*given, "--production", "deploy", "--hours", "always", "--quorum", quorum, *more)
    assert done.returncode == 2
    assert refused in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_groups_and_the_application_are_asked_for_at_the_keyboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chat = ["discord", "910", "an id", "123456789012345678", "", ""]
    said = ["ann,bob", *chat, "bot", "deploy", "1 of ops", "zoe", "discord:77", "always"]
    done = CliRunner().invoke(init_team.command, input="\n".join(said) + "\n")
    assert done.exit_code == 0, done.output
    for told in ("this is not an application id", "'zoe' are not people of the team", "https://discord.com/oauth2/"):
        assert told in done.output
    assert "sayso init discord 123456789012345678" in done.output
    assert tomllib.loads((tmp_path / "sayso.toml").read_text())["groups"]["ops"] == {"discord_role": "77"}


# Killed when the file of this name would take its place.
KILLED = """
import os, pathlib, signal, sys
from sayso_bots import cli
put = pathlib.Path.replace
def replace(self, target):
    if pathlib.Path(target).name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return put(self, target)
pathlib.Path.replace = replace
cli.run(sys.argv[2:])
"""


def killed_at(name: str, folder: Path) -> None:
    """Set a team up, up to this file."""
    assert run([sys.executable, "-c", KILLED, name, *GIVEN], folder).returncode == -signal.SIGKILL


def test_one_that_was_killed_between_its_files_goes_on_when_it_is_tried_again(inside: Call, tmp_path: Path) -> None:
    killed_at("sayso.toml", tmp_path)
    whole = tmp_path / "claude-settings.json"
    whole.chmod(0o640)
    (left,) = tmp_path.glob(".sayso.toml.*")
    done = inside(*GIVEN)
    assert done.returncode == 0, done.stderr
    assert f"{left.name} removed: a command that was cut short had left it" in done.stderr
    assert "There already, as it should be: " in done.stdout
    assert "claude-settings.json" in done.stdout
    toml.load(tmp_path / "sayso.toml")
    assert whole.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_what_one_left_that_was_killed_is_said_where_the_answers_are_others(inside: Call, tmp_path: Path) -> None:
    killed_at("sayso.toml", tmp_path)
    (tmp_path / "claude-settings.json").write_text("of other answers")
    refused = inside(*GIVEN)
    assert refused.returncode == 2
    assert "claude-settings.json is there already; nothing was changed" in refused.stderr
    assert "give the same answers if one that was cut short left it; or remove it" in refused.stderr


def test_what_somebody_writes_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write = Path.write_text

    def late(self: Path, data: str, **how: Any) -> int:
        (tmp_path / "sayso.toml").write_bytes(b"theirs")
        return write(self, data, **how)

    monkeypatch.setattr(Path, "write_text", late)
    with pytest.raises(errors.InvalidSettings, match="was changed meanwhile"):
        files.write(Path("sayso.toml"), "ours", new=True)
    assert (tmp_path / "sayso.toml").read_text() == "theirs"
    assert [one.name for one in tmp_path.iterdir()] == ["sayso.toml"]


def test_what_a_writer_is_about_is_left_alone(tmp_path: Path) -> None:
    for name in (f".sayso.toml.{os.getppid()}", ".sayso.toml.swp", ".sayso.toml.1"):
        (tmp_path / name).touch()
    files.write(tmp_path / "sayso.toml", "ours", new=True)
    assert len(list(tmp_path.iterdir())) == 4


def test_what_one_left_that_had_the_same_number_gives_its_permissions_to_nothing(tmp_path: Path) -> None:
    left = tmp_path / f".sayso.toml.{os.getpid()}"
    left.touch(mode=0o600)
    files.write(tmp_path / "sayso.toml", "ours", new=True)
    (tmp_path / "other.toml").touch()
    modes = {one.stat().st_mode for one in tmp_path.iterdir()}
    assert (len(modes), left.exists()) == (1, False)

"""The commands over a database of their own: what they print, and above all what they exit with."""

import getpass
import json
import signal
from pathlib import Path

import pytest

from tests.bots.conftest import Call, Command
from tests.tables import each

RUN = ("ask", "permission", "--tool", "Bash", "--input", '{"command": "make deploy"}', "--id", "r1")


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (("--allow",), 0, "was allowed by terminal:"),
        (("--deny", "--reason", "not on a Friday"), 1, "Reason: not on a Friday"),
    ],
)
async def test_the_verdict_given_in_another_process_is_the_exit_code(
    command: Command, answer: tuple[str, ...], code: int, told: str
) -> None:
    async with command.started(*RUN, "--wait") as asking:
        await asking.line("waiting for r1", error=True)
        assert command("answer", "r1", *answer).returncode == 0
        returned, out, _ = await asking.ended()
    assert returned == code
    assert told in out


def test_an_allow_lets_one_run_of_a_script_through(inside: Call) -> None:
    assert inside(*RUN).returncode == 0
    assert inside("answer", "r1", "--allow").returncode == 0
    assert inside(*RUN, "--wait").returncode == 0
    again = inside(*RUN, "--wait")
    assert again.returncode == 2
    assert "was used at" in again.stderr
    assert json.loads(inside("show", "r1", "--json").stdout)["used_at"]
    assert "Used · " in inside("show", "r1").stdout
    assert ", used" in inside("list").stdout


RISKY = (*RUN[:5], '{"command": "rm -rf /srv/app"}', "--id", "r1")


@pytest.mark.parametrize("how", [("--allow",), ("--allow", "--input", '{"command": "rm -rf /"}')])
def test_a_script_allows_high_risk_only_if_it_says_so(inside: Call, how: tuple[str, ...]) -> None:
    assert inside(*RISKY).returncode == 0
    refused = inside("answer", "r1", *how)
    assert refused.returncode == 2
    assert "high risk: Deletes folders" in refused.stderr
    assert "--yes" in refused.stderr
    assert json.loads(inside("show", "r1", "--json").stdout)["state"] == "pending"
    assert inside("answer", "r1", *how, "--yes").returncode == 0


def test_a_denial_and_an_input_without_the_risk_need_no_yes(inside: Call) -> None:
    inside(*RISKY)
    assert inside("answer", "r1", "--allow", "--input", '{"command": "ls"}').returncode == 0
    inside(*RISKY[:-1], "r2")
    assert inside("answer", "r2", "--deny").returncode == 0


def test_an_option_that_allows_needs_no_other_one(inside: Call) -> None:
    inside(*RUN)
    assert inside("answer", "r1", "--input", '{"command": "make check"}').returncode == 0
    decision = json.loads(inside("show", "r1", "--json").stdout)["decision"]
    assert (decision["outcome"], decision["input"]) == ("allowed", {"command": "make check"})


def test_an_option_that_decides_nothing_is_refused_with_those_that_do(inside: Call) -> None:
    inside(*RUN)
    refused = inside("answer", "r1", "--reason", "why not")
    assert (refused.returncode, refused.stderr) == (2, "sayso: allow it, or deny it? — add --allow or --deny\n")
    assert inside("answer", "r1", "--deny", "--input", "{}").stderr == (
        "sayso: the verdict deny takes no input — it takes question or reason\n"
    )
    assert json.loads(inside("show", "r1", "--json").stdout)["state"] == "pending"


async def test_a_cancelled_request_is_no_decision(command: Command) -> None:
    async with command.started(*RUN, "--wait") as asking:
        await asking.line("waiting for r1", error=True)
        assert command("cancel", "r1", "--reason", "never mind").returncode == 0
        returned, out, err = await asking.ended()
    assert (returned, out) == (3, "")
    assert "Do not go ahead" in err


async def test_whoever_stops_waiting_has_no_decision_and_the_request_stays_open(command: Command) -> None:
    async with command.started(*RUN, "--wait") as asking:
        await asking.line("waiting for r1", error=True)
        asking.process.send_signal(signal.SIGINT)
        returned, _, err = await asking.ended()
    assert (returned, err.strip()) == (3, "sayso: stopped")
    assert json.loads(command("show", "r1", "--json").stdout)["state"] == "pending"


def test_an_expired_request_is_no_decision(inside: Call) -> None:
    done = inside(*RUN, "--wait", "--expires-in", "0.1s")
    assert done.returncode == 3
    assert "Silence is not consent" in done.stderr


def test_an_expired_request_is_listed_as_expired_though_nobody_waited(inside: Call) -> None:
    assert inside(*RUN, "--expires-in", "0.001s").returncode == 0
    assert json.loads(inside("list", "--json").stdout)[0]["decision"]["outcome"] == "expired"


async def test_an_edited_input_is_not_taken_for_a_plain_allow(command: Command) -> None:
    async with command.started(*RUN, "--wait") as asking:
        await asking.line("waiting for r1", error=True)
        assert command("answer", "r1", "--allow", "--input", '{"command": "make check"}').returncode == 0
        returned, _, err = await asking.ended()
    assert returned == 2
    assert "with an edited input" in err
    again = command(*RUN, "--wait", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["input"] == {"command": "make check"}


@pytest.mark.parametrize(
    ("asked", "answered", "printed"),
    [
        (("question", "Which customer?"), ("--text", "Acme"), "Acme\n"),
        (("choice", "Which?", "--option", "A", "--option", "B"), ("--choice", "B"), "B\n"),
        (
            ("choice", "Which?", "--option", "A", "--option", "B", "--multiple"),
            ("--choice", "B", "--choice", "A"),
            "B\nA\n",
        ),
        (("choice", "--title", "Which?", "--option", "A", "--other"), ("--choice", "C"), "C\n"),
    ],
)
async def test_the_answer_is_what_a_script_reads(
    command: Command, asked: tuple[str, ...], answered: tuple[str, ...], printed: str
) -> None:
    async with command.started("ask", *asked, "--id", "q1", "--wait") as asking:
        await asking.line("waiting for q1", error=True)
        assert command("answer", "q1", *answered).returncode == 0
        returned, out, _ = await asking.ended()
    assert (returned, out) == (0, printed)


async def test_a_form_is_filled_by_name_and_printed_as_json(command: Command, tmp_path: Path) -> None:
    properties = {
        "amount": {"type": "number"},
        "paid": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
    }
    (tmp_path / "refund.json").write_text(json.dumps({"type": "object", "properties": properties}))
    async with command.started(
        "ask", "form", "Refund", "--schema-file", "refund.json", "--id", "f1", "--wait"
    ) as asking:
        await asking.line("waiting for f1", error=True)
        given = ("--value", "amount=10.5", "--value", "paid=yes", "--value", "tags=a", "--value", "tags=b")
        assert command("answer", "f1", *given).returncode == 0
        returned, out, _ = await asking.ended()
    assert (returned, json.loads(out)) == (0, {"amount": 10.5, "paid": True, "tags": ["a", "b"]})


def test_without_waiting_only_the_id_is_printed_and_asking_again_finds_it(inside: Call) -> None:
    first, again = inside(*RUN), inside(*RUN)
    assert (first.returncode, first.stdout) == (0, "r1\n")
    assert again.stdout == first.stdout
    assert len(json.loads(inside("list", "--json").stdout)) == 1


def test_the_options_of_ask_reach_the_request(inside: Call) -> None:
    given = ("--title", "Deploy", "--body", "*why*", "--route", "web", "--agent", "bot", "--session", "s1")
    more = ("--risk", "high", "--expires-in", "2m", "--policy", "default", "--json")
    asked = json.loads(inside(*RUN, *given, *more).stdout)
    request = asked["request"]
    assert asked["id"] == "r1"
    assert (request["title"], request["body"], request["route"]) == ("Deploy", "*why*", ["web"])
    assert (request["source"]["agent"], request["source"]["session"]) == ("bot", "s1")
    assert (request["risk"], request["expires_in"], request["policy"]) == ("high", 120, "default")
    assert "ref" not in asked


def test_a_late_answer_is_told_who_was_first(inside: Call) -> None:
    inside(*RUN)
    inside("answer", "r1", "--allow")
    late = inside("answer", "r1", "--deny")
    assert late.returncode == 2
    assert "Too late: allowed by terminal:" in late.stderr


def test_show_prints_the_whole_card_the_ways_to_answer_and_the_log(inside: Call) -> None:
    inside(*RUN)
    shown = inside("show", "r1", "--log").stdout
    assert "│ make deploy" in shown
    assert "sayso answer r1 --deny --reason TEXT" in shown
    assert "opened" in shown
    assert [row["type"] for row in json.loads(inside("show", "r1", "--log", "--json").stdout)["log"]] == ["opened"]


def test_show_names_the_people_of_a_group(inside: Call, tmp_path: Path) -> None:
    settings = '[people.ann]\nterminal = "ann"\n[groups.release]\nmembers = ["ann"]\n'
    (tmp_path / "sayso.toml").write_text(settings + '[policies.default]\napprovers = ["group:release"]\n')
    inside(*RUN)
    assert "May decide: release (ann)" in inside("show", "r1").stdout


def test_show_lists_the_fields_of_a_form(inside: Call) -> None:
    inside("ask", "form", "Refund", "--schema", '{"properties": {"amount": {"type": "number"}}}', "--id", "f1")
    assert '--value "amount"=…  (number, may be left out)  "amount"' in inside("show", "f1").stdout


def test_list_shows_only_what_was_asked_for(inside: Call) -> None:
    inside(*RUN, "--session", "s1")
    inside("ask", "question", "Hm?", "--id", "q1", "--session", "s2")
    inside("answer", "q1", "--text", "yes")

    def ids(*arguments: str) -> list[str]:
        return [ticket["id"] for ticket in json.loads(inside("list", "--json", *arguments).stdout)]

    assert ids() == ["q1", "r1"]
    assert ids("--state", "pending") == ["r1"]
    assert ids("--session", "s2") == ["q1"]
    assert ids("--limit", "1") == ["q1"]
    assert "Answered by terminal:" in inside("list").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ask", "permission"), "Missing option '--tool'"),
        (("ask", "permission", "--tool", "x", "--input", "{"), "this is not JSON"),
        (("ask", "question"), "give one title"),
        (("ask", "form", "F"), "give --schema or --schema-file"),
        (("ask", "permission", "--tool", "x", "--expires-in", "soon"), "expected a time"),
        (("ask", "permission", "--tool", "x", "--policy", "prod"), "there is no policy 'prod'"),
        (("show", "nope"), "there is no request nope"),
        (("answer", "nope", "--allow"), "there is no request nope"),
        (("keys", "revoke", "nope"), "there is no key 'nope'"),
        (("keys", "add", "ann", "--role", "approver", "--person", "ann"), "nobody in sayso.toml is called 'ann'"),
        (("shwo",), "No such command 'shwo'. Did you mean 'show'?"),
        (("xyz",), "No such command 'xyz' — see: sayso --help"),
    ],
)
def test_a_wrong_command_is_one_clear_line_and_exit_code_2(inside: Call, arguments: tuple[str, ...], told: str) -> None:
    inside("ask", "question", "Which customer?")
    done = inside(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.startswith("sayso: ")
    assert done.stderr.count("\n") == 1


def test_an_answer_that_does_not_fit_names_the_part(inside: Call) -> None:
    inside("ask", "choice", "Which?", "--option", "A", "--id", "c1")
    wrong = inside("answer", "c1", "--choice", "Z")
    assert wrong.returncode == 2
    assert "'Z' is not one of the options" in wrong.stderr
    assert json.loads(inside("show", "c1", "--json").stdout)["state"] == "pending"


def test_without_a_keyboard_an_answer_must_be_given(inside: Call) -> None:
    inside(*RUN)
    assert "say what to answer" in inside("answer", "r1").stderr


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(inside: Call) -> None:
    inside("ask", "question", "Which customer?")
    made = inside("keys", "add", "bot", "--role", "agent")
    listed = inside("keys", "list", "--json")
    assert made.stdout.startswith("sayso_agent_")
    assert [(key["name"], key["role"]) for key in json.loads(listed.stdout)] == [("bot", "agent")]
    assert made.stdout.strip() not in listed.stdout
    assert inside("keys", "revoke", "bot").returncode == 0
    assert json.loads(inside("keys", "list", "--json").stdout) == []


def test_keys_and_the_secret_of_the_service_are_changed_with_an_overlap(inside: Call) -> None:
    inside("ask", "question", "Which customer?")
    old = inside("keys", "add", "bot", "--role", "agent").stdout
    new = inside("keys", "rotate", "bot", "--overlap", "2d")
    assert (new.stdout.startswith("sayso_agent_"), new.stdout != old) == (True, True)
    assert "good for 2 d more" in new.stderr
    assert sorted(bool(key["until"]) for key in json.loads(inside("keys", "list", "--json").stdout)) == [False, True]
    assert "good no more" in inside("keys", "rotate", "bot", "--overlap", "0").stderr
    assert inside("keys", "rotate", "bot", "--overlap", "soon").returncode == 2
    assert inside("keys", "rotate", "nope").returncode == 2
    callback = inside("keys", "callback").stdout
    assert "for 7 d more" in inside("keys", "secret").stdout
    assert inside("keys", "callback").stdout != callback


def test_a_key_is_bound_to_a_policy_and_places_and_says_so(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[policies.production]\napprovers = ["anyone"]\nquorum = 2\n')
    inside("ask", "question", "Which customer?")
    bound = ("--policy", "production", "--route", "web", "--route", "slack:#prod")
    assert inside("keys", "add", "bot", "--role", "agent", *bound).returncode == 0
    again = inside("keys", "add", "bot", "--role", "agent").stderr
    assert "if its secret was lost, print another: sayso keys rotate bot --overlap 0" in again
    [listed] = json.loads(inside("keys", "list", "--json").stdout)
    assert (listed["policy"], listed["route"]) == ("production", "web slack:#prod")
    assert "production" in inside("keys", "add", "b2", "--role", "agent", "--policy", "nope").stderr
    assert "route" in inside("keys", "add", "b3", "--role", "agent", "--route", "#prod").stderr
    assert "asks nothing" in inside("keys", "add", "b4", "--role", "approver", "--policy", "production").stderr


def test_a_place_of_a_chat_that_is_not_installed_is_refused_where_nobody_is_connected(inside: Call) -> None:
    # no service runs here, and a chat without a table may get one
    assert inside("ask", "question", "q", "--route", "slack:#ops").returncode == 0
    for row in each([("slck:#ops", "did you mean 'slack'?"), ("telegram:5", "places begin with: web, approvers, ")]):
        with row as (place, hint):
            name = place.partition(":")[0]
            for words in (("ask", "question", "q"), ("keys", "add", "k", "--role", "agent")):
                done = inside(*words, "--route", place)
                assert done.returncode == 2
                assert f"there is no chat '{name}' (route) — {hint}" in done.stderr


def test_a_copy_is_put_back_held_and_released_or_cancelled(inside: Call, tmp_path: Path) -> None:
    for id in ("q1", "q2"):
        inside("ask", "question", "Which customer?", "--id", id)
    assert inside("backup", "copy.db").returncode == 0
    assert "there already" in inside("backup", "copy.db").stderr
    assert "cannot be printed" in inside("backup", "-").stderr
    assert not (tmp_path / "-").exists()
    assert inside("answer", "q1", "--text", "Acme").returncode == 0
    assert "2 open requests are held" in inside("restore", "copy.db").stdout
    assert (tmp_path / "sayso.db.before-restore-1").exists()
    listed = json.loads(inside("list", "--json").stdout)
    assert {(one["id"], one["state"], one["held"]) for one in listed} == {
        ("q1", "pending", True),
        ("q2", "pending", True),
    }
    assert "held" in inside("list").stdout
    told = inside("doctor").stdout
    assert "2 open requests are held since a copy was put back" in told
    assert "sayso restore --release, or --cancel" in told
    refused = inside("answer", "q1", "--text", "Acme")
    assert (refused.returncode, "sayso restore --release" in refused.stderr) == (2, True)
    assert inside("restore", "--release", "q1").stdout.strip() == "q1: pending"
    assert inside("answer", "q1", "--text", "Acme").returncode == 0
    assert "q2: Withdrawn" in inside("restore", "--cancel").stdout
    assert inside("restore", "--cancel").stdout.strip() == "nothing is held"
    assert "older copy" in inside("show", "q2").stdout
    assert json.loads(inside("restore", "--hold", "--json").stdout) == {"held": 0, "void": 0}
    for wrong in ((), ("a.db", "b.db"), ("--release", "--cancel")):
        assert inside("restore", *wrong).returncode == 2


def test_a_database_that_is_no_file_is_copied_by_its_own_tools(inside: Call) -> None:
    for command, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
        refused = inside(command, "copy.db", SAYSO_DATABASE_URL="postgresql://127.0.0.1/x")
        assert (refused.returncode, tool in refused.stderr) == (2, True)


def test_foreign_text_cannot_act_on_the_terminal(inside: Call) -> None:
    hostile = "\x1b[2J[red]hi[/red]\u202e"
    inside("ask", "question", hostile, "--id", "q1")
    for arguments in (("list",), ("show", "q1"), ("list", "--json"), ("show", "q1", "--json")):
        shown = inside(*arguments).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "[red]hi[/red]" in inside("list").stdout


@pytest.mark.parametrize("option", [("permission", "--tool", "Bash", "--input", "[1]"), ("form", "A", "--schema", "3")])
def test_json_that_is_no_object_is_refused_in_one_line(command: Command, option: tuple[str, ...]) -> None:
    refused = command("ask", *option)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "not an object" in refused.stderr


def test_stop_freezes_what_is_open_and_resume_lets_it_go_on(inside: Call) -> None:
    assert inside("stop", "--agent", "bto").returncode == 2
    inside(*RUN)
    assert inside("stop", "--list").stdout == "Nothing is stopped.\n"
    stopped = inside("stop", "--reason", "a key leaked")
    assert stopped.returncode == 0
    assert stopped.stdout.startswith("Everything was stopped by ")
    assert stopped.stdout.rstrip().endswith("UTC: a key leaked")
    assert "stopped" in inside("list").stdout
    assert "Everything was stopped by" in inside("show", "r1").stdout
    told = inside("doctor").stdout
    assert "Everything was stopped by" in told
    assert "sayso resume" in told
    refused = inside("answer", "r1", "--allow")
    assert refused.returncode == 2
    assert "has stopped everything: it can only be denied now" in refused.stderr
    assert json.loads(inside("stop", "--json").stdout)[0]["reason"] == "a key leaked"
    assert inside("stop", "--list").stdout == stopped.stdout
    assert (inside("stop", "--list", "--agent", "local").returncode, inside("stop", "--list").stdout) == (
        2,
        stopped.stdout,
    )
    assert inside("stop", "--agent", "local").stdout.count("stopped by") == 2
    assert "The agent local was stopped by" in inside("resume").stdout
    assert inside("resume", "--agent", "local").stdout == "Nothing is stopped.\n"
    assert "there is no stop of everything" in inside("resume").stderr
    assert inside("answer", "r1", "--allow").returncode == 0


@pytest.mark.parametrize(
    "settings", ["[policies.default", "[polices.default]", '[policies.default]\napprovers = ["ann"]\nquorum = 2']
)
def test_a_stop_and_its_end_need_no_settings_that_are_right(inside: Call, tmp_path: Path, settings: str) -> None:
    inside(*RUN)
    (tmp_path / "sayso.toml").write_text(settings)
    assert inside("answer", "r1", "--allow").returncode == 2
    stopped = inside("stop", "--reason", "a key leaked")
    assert (stopped.returncode, "Everything was stopped by" in stopped.stdout) == (0, True)
    assert "the settings are refused, and not needed for this: " in stopped.stderr
    assert inside("stop", "--list").stdout == stopped.stdout
    assert inside("resume").stdout == "Nothing is stopped.\n"


@pytest.mark.parametrize(
    ("wrong", "is_toml"),
    [("[policies.default", False), ("[polices.default]", True), ('[retention]\ntraces = "1h"', True)],
)
def test_what_judges_nothing_works_while_the_settings_are_refused(
    inside: Call, tmp_path: Path, wrong: str, is_toml: bool
) -> None:
    inside(*RUN)
    inside(*RUN[:-1], "r2", "--expires-in", "0.001s")
    settings = tmp_path / "sayso.toml"
    settings.write_text(f"[people.ann]\n{wrong}")
    told = "the settings are refused, and not needed for this: "
    for arguments in (["list"], ["show", "r1"], ["show", "r2"], ["cancel", "r1"]):
        called = inside(*arguments)
        assert (called.returncode, called.stderr.count(told)) == (0, 1), arguments
        # time does not act without them: it may ask more people
        assert arguments[-1] in called.stdout + "list"
        assert "Expired:" not in called.stdout
    # who may answer is judged by nothing else
    refused = [
        inside(*one) for one in (["answer", "r2", "--deny"], ["list", "--whose", "me"], ["link"], ["link", "bob"])
    ]
    assert [one.returncode for one in refused] == [2, 2, 2, 2]
    # whom the file names all the same may sign in
    assert inside("link", "ann").returncode == (0 if is_toml else 2)
    settings.unlink()
    listed = inside("list").stdout
    assert "Expired:" in listed
    assert "Withdrawn" in listed


def test_an_answer_of_another_kind_is_told_the_option_of_its_own_and_what_may_be_chosen(inside: Call) -> None:
    inside("ask", "choice", "Which?", "--option", "A", "--option", "B", "--id", "c1")
    inside("ask", "question", "Who?", "--id", "q1")
    inside("ask", "form", "Refund", "--schema", '{"properties": {"amount": {"type": "number"}}}', "--id", "f1")
    for arguments, told in (
        (("c1", "--allow"), "a choice is answered with --choice LABEL — and nothing else"),
        (("c1", "--choice", "A", "--reason", "x"), "a choice is answered with --choice LABEL — and nothing else"),
        (("c1", "--choice", "C"), "Which?: 'C' is not one of the options (answer) — options: A, B"),
        (("q1", "--choice", "A"), "a question is answered with --text TEXT — and nothing else"),
        (("f1", "--text", "x"), "a form is answered with --value NAME=VALUE — and nothing else"),
        (("f1", "--value", "amnt=1"), "there is no field 'amnt' — fields: amount"),
    ):
        assert inside("answer", *arguments).stderr == f"sayso: {told}\n"


def test_a_denial_counts_under_a_stop(inside: Call) -> None:
    inside(*RUN)
    inside("stop")
    assert inside("answer", "r1", "--deny").returncode == 0


def test_who_is_nobody_of_the_settings_at_a_terminal_reads_how_to_be_somebody(inside: Call, tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text('[people.ann]\n[policies.default]\napprovers = ["ann"]\n')
    assert inside(*RUN).returncode == 0
    refused = inside("answer", "r1", "--allow")
    hint = f'the settings name nobody at this terminal; in your [people.NAME]: terminal = "{getpass.getuser()}"'
    assert (refused.returncode, refused.stderr.endswith(f"it is for ann — {hint}\n")) == (2, True)
    (tmp_path / "sayso.toml").write_text(
        f'[people.ann]\n[people.bob]\nterminal = "{getpass.getuser()}"\n[policies.default]\napprovers = ["ann"]\n'
    )
    # a request keeps its policy; whoever is somebody, and may not, is told who may
    assert inside("answer", "r1", "--allow").stderr.endswith("it is for ann\n")


def test_somebody_else_is_asked_from_the_terminal(inside: Call, tmp_path: Path) -> None:
    settings = f"""
[people.me]
terminal = "{getpass.getuser()}"
[people.bob]
terminal = "bob"
[policies.default]
approvers = ["me", "bob"]
"""
    (tmp_path / "sayso.toml").write_text(settings)
    assert inside(*RUN).returncode == 0
    assert inside("answer", "r1", "--pass-to", "bob").returncode == 0
    assert " asked bob to answer this" in inside("show", "r1").stdout
    again = inside("answer", "r1", "--pass-to", "bob")
    assert (again.returncode, "bob was asked to answer this already" in again.stderr) == (2, True)
    both = inside("answer", "r1", "--allow", "--pass-to", "bob")
    assert (both.returncode, "leave the other options out" in both.stderr) == (2, True)
    assert inside("answer", "r1", "--claim").returncode == 0
    assert inside("answer", "r1", "--snooze", "10m").returncode == 0
    shown = inside("show", "r1").stdout
    assert "has taken this on" in shown
    assert "has put this off until" in shown
    assert "taken on by me, put off by me" in inside("list").stdout
    never = inside("answer", "r1", "--snooze", "3d")
    assert (never.returncode, "it would expire meanwhile" in never.stderr) == (2, True)

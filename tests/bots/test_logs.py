"""The lines of the log: for people or as JSON, and never with a secret in them."""

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from sayso_bots.settings import environment
from sayso_bots.terminal import logs
from tests.bots.conftest import Command

KEY = "sayso_agent_" + "k" * 43
SECRETS = {
    "SAYSO_SECRET": "a secret of thirty-two characters",
    "SAYSO_PUSH_KEY": 'with "quotes" and more than 32 characters',
    "SAYSO_SIGNING_KEY": "newest-signing-key,older-signing-key",
    "SAYSO_DATABASE_URL": "postgresql://sayso:p%40ssword@db.example.com/sayso",
    "SLACK_BOT_TOKEN": "xoxb-1-2-3-4-5-6-7-8",
    "SLACK_SIGNING_SECRET": "0123456789abcdef",
    "DISCORD_BOT_TOKEN": "MTk4NjIy.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    "PAGERDUTY_TOKEN": "u+AtBdqvNtestTokeNcg",
}


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.CaptureFixture[str]]:
    """Standard error, with the handlers of this process put aside."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    yield capfd
    root.handlers, root.level = before, level


def start(**chosen: str) -> None:
    # those of pytest itself would keep ours away
    logging.getLogger().handlers = []
    variables = {f"SAYSO_{name.upper()}": value for name, value in chosen.items()}
    logs.start(environment.read({**SECRETS, **variables}))


def test_a_line_of_json_holds_what_was_logged_and_nothing_can_pass_for_its_first_keys(
    lines: pytest.CaptureFixture[str],
) -> None:
    start(log_format="json")
    logging.getLogger("sayso.test").warning("delivery failed", extra={"ticket": "r1", "level": "none", "time": "now"})
    (line,) = lines.readouterr().err.splitlines()
    said = json.loads(line)
    assert datetime.fromisoformat(said.pop("time")).tzinfo is not None
    assert said == {"level": "warning", "logger": "sayso.test", "message": "delivery failed", "ticket": "r1"}


def test_an_exception_stays_in_its_line(lines: pytest.CaptureFixture[str]) -> None:
    start(log_format="json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("sayso.test").exception("worker crashed")
    (line,) = lines.readouterr().err.splitlines()
    assert "ValueError: two\nlines" in json.loads(line)["exception"]


@pytest.mark.parametrize("form", environment.LOG_FORMATS)
def test_no_secret_of_this_process_stands_in_a_line_whoever_logs_it(
    form: str, lines: pytest.CaptureFixture[str]
) -> None:
    start(log_format=form)
    told = [
        "p@ssword",
        "older-signing-key",
        KEY,
        *(one for name, one in SECRETS.items() if name != "SAYSO_SIGNING_KEY"),
    ]
    for secret in told:
        logging.getLogger("somebody").info("called with %s", secret, extra={"headers": {"Authorization": secret}})
        try:
            raise ValueError(secret)
        except ValueError:
            logging.getLogger("somebody").exception("failed")
    said = lines.readouterr().err
    assert [secret for secret in told if secret in said or json.dumps(secret)[1:-1] in said] == []
    assert said.count("[secret]") >= 3 * len(told) - 3


@pytest.mark.parametrize(("level", "heard"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_the_level_says_what_is_heard(level: str, heard: int, lines: pytest.CaptureFixture[str]) -> None:
    start(log_level=level)
    log = logging.getLogger("sayso.test")
    for name in ("debug", "info", "warning"):
        getattr(log, name)("said")
    assert len(lines.readouterr().err.splitlines()) == heard


def test_what_platforms_send_is_not_logged_even_where_everything_else_is(lines: pytest.CaptureFixture[str]) -> None:
    start(log_level="debug")
    for name in ("slack_sdk.web", "discord.gateway"):
        logging.getLogger(name).debug("a frame with what people wrote")
    assert lines.readouterr().err == ""


def record(error: str, at: float, level: int = logging.WARNING, **data: object) -> logging.LogRecord:
    """What some loop logs at a moment."""
    facts = {"name": "sayso.test", "levelno": level, "levelname": logging.getLevelName(level), "msg": "not looked at"}
    return logging.makeLogRecord({**facts, "created": at, "error": error, **data})


def written(lines: pytest.CaptureFixture[str], *records: logging.LogRecord) -> list[dict[str, Any]]:
    """What of these the log has."""
    start(log_format="json")
    for one in records:
        logging.getLogger().handle(one)
    return [json.loads(line) for line in lines.readouterr().err.splitlines()]


def test_trouble_that_lasts_is_written_once_a_minute_with_how_often_it_came(lines: pytest.CaptureFixture[str]) -> None:
    away = [record("the store is away", number / 10, ticket=f"r{number}") for number in range(1_201)]
    said = written(lines, *away)
    assert [(one["ticket"], one.get("left_out")) for one in said] == [("r0", None), ("r600", 599), ("r1200", 599)]


def test_other_trouble_and_what_something_came_to_is_written_each_time(lines: pytest.CaptureFixture[str]) -> None:
    other = [record("the store is away", 0.0), record("the disk is full", 0.1)]
    lost = [record("channel_not_found", 0.2, logging.ERROR, ticket=f"r{number}") for number in range(3)]
    assert len(written(lines, *other, *lost)) == 5


def test_what_is_no_trouble_is_written_each_time(lines: pytest.CaptureFixture[str]) -> None:
    assert len(written(lines, *(record("", 0.0, logging.INFO) for _ in range(3)))) == 3


def test_a_loop_that_fails_at_every_turn_writes_one_trace_a_minute(lines: pytest.CaptureFixture[str]) -> None:
    raised = ValueError("odd")
    failed = [record("", at, logging.ERROR, exc_info=(ValueError, raised, None)) for at in (0.0, 1.0, 59.0, 61.0)]
    assert [one.get("left_out") for one in written(lines, *failed)] == [None, 2]


async def test_a_service_whose_database_file_was_replaced_says_so_once_with_what_to_do(command: Command) -> None:
    async with command.started("serve", SAYSO_PORT="0") as service:
        await service.line("sayso listens on ")
        for name in ("sayso.db", "sayso.db-wal", "sayso.db-shm"):
            (command.folder / name).unlink(missing_ok=True)
        # several loops notice it, and each of them many times in a second
        told = [await service.line("deleted or replaced", error=True) for _ in range(3)]
        service.process.terminate()
        _, _, rest = await service.ended()
    said = [line.split(maxsplit=2)[2] for line in [*told, *rest.splitlines()] if "deleted or replaced" in line]
    assert len(said) == len(set(said))
    assert all("stop the service, put sayso.db" in line for line in told)

"""Every variable does something, and a misspelt one stops the start."""

from pathlib import Path

import pytest

from sayso import errors, stores
from sayso_bots.settings import environment
from tests.tables import each


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("SAYSO_CONFIG", "other.toml", "config", Path("other.toml")),
        ("SAYSO_URL", "http://127.0.0.1:1", "url", "http://127.0.0.1:1"),
        ("SAYSO_KEY", "sayso_agent_x", "key", "sayso_agent_x"),
        ("SAYSO_DATABASE_URL", "memory://", "database", "memory://"),
        ("SAYSO_HOST", "::1", "host", "::1"),
        ("SAYSO_PORT", "0", "port", 0),
        ("SAYSO_LOG_LEVEL", "DEBUG", "log_level", "debug"),
        ("SAYSO_LOG_FORMAT", "json", "log_format", "json"),
    ],
)
def test_each_variable_is_read(name: str, value: str, attribute: str, expected: object) -> None:
    assert getattr(environment.read({name: value}), attribute) == expected
    assert getattr(environment.read({}), attribute) != expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_APP_TOKEN", "xapp-1"),
        ("SLACK_SIGNING_SECRET", "s"),
        ("SLACK_API_URL", "http://127.0.0.1:1/api/"),
        ("DISCORD_BOT_TOKEN", "t"),
        ("DISCORD_PUBLIC_KEY", "ab" * 32),
        ("DISCORD_API_URL", "http://127.0.0.1:1/api/v10"),
        ("DISCORD_GATEWAY_URL", "ws://127.0.0.1:1/"),
    ],
)
def test_each_variable_of_a_chat_is_read(name: str, value: str) -> None:
    assert environment.read({name: value}).chats == {name: value}
    assert environment.read({}).chats == {}


WRONG = [
    ("SAYSO_PROT", "1", "did you mean SAYSO_PORT?"),
    ("SAYSO_QQQQQQQQQQ", "1", "known: "),
    ("SAYSO_PORT", "70000", "0 to 65535"),
    ("SAYSO_PORT", "web", "0 to 65535"),
    ("SAYSO_LOG_LEVEL", "loud", "debug, info, warning, error"),
    ("SAYSO_LOG_FORMAT", "xml", "text, json"),
    ("SAYSO_URL", "127.0.0.1", "http://"),
    ("SLACK_API_URL", "slack.com", "http://"),
    ("DISCORD_API_URL", "discord.com", "http://"),
    ("DISCORD_GATEWAY_URL", "http://127.0.0.1", "ws://"),
    ("DISCORD_PUBLIC_KEY", "swapped", "64 hexadecimal digits"),
    ("SLACK_BOT_TOKEN", "xapp-swapped", "sayso init slack"),
    ("DISCORD_BOT_TOKEN", "Bot abc.def", "without the word Bot"),
    ("SLACK_APP_TOKEN", "xoxb-swapped", "sayso init slack"),
]


def test_a_wrong_variable_is_named_and_its_value_is_not() -> None:
    for row in each(WRONG):
        with row as (name, value, hint):
            with pytest.raises(errors.InvalidSettings) as caught:
                environment.read({name: value})
            assert caught.value.field == name
            assert hint in (caught.value.hint or "")
            assert "swapped" not in str(caught.value)


def test_an_empty_variable_is_none() -> None:
    assert environment.read({"SAYSO_URL": "", "SAYSO_PORT": ""}) == environment.Environment()
    assert environment.read({}).database == stores.DEFAULT_DATABASE


def test_secrets_are_not_shown_with_the_environment() -> None:
    given = environment.read(
        {
            "SAYSO_KEY": "hidden-1",
            "SLACK_BOT_TOKEN": "xoxb-hidden",
            "SLACK_APP_TOKEN": "xapp-hidden",
            "SLACK_SIGNING_SECRET": "hidden-2",
            "SAYSO_DATABASE_URL": "postgresql://sayso:hidden-3@db/sayso",
        }
    )
    assert "hidden" not in repr(given)

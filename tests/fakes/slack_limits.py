"""The former address of `tests.fakes.slack.limits`."""

from tests.fakes.slack.limits import *  # noqa: F403

"""The former address of `tests.fakes.slack.payloads`."""

from tests.fakes.slack.payloads import *  # noqa: F403

"""Slack: cards as messages, answers by buttons, modals and thread replies, over Socket Mode or signed HTTP."""

from typing import TYPE_CHECKING

from sayso import late

if TYPE_CHECKING:
    from sayso.chat.finding import Finding
    from sayso_slack.connection import Slack, connect
    from sayso_slack.doctor import check
    from sayso_slack.settings import Settings
else:
    # the manifest is printed even if Slack"s packages are not installed
    __getattr__ = late.names(
        __name__,
        {
            "sayso.chat.finding": "Finding",
            "sayso_slack.connection": "Slack connect",
            "sayso_slack.doctor": "check",
            "sayso_slack.settings": "Settings",
        },
    )

__all__ = ["Finding", "Settings", "Slack", "check", "connect"]

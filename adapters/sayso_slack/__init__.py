"""Slack: cards as messages, answers by buttons, modals and thread replies, over Socket Mode or signed HTTP."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sayso.chat.finding import Finding
    from sayso_slack.connection import Slack, connect
    from sayso_slack.doctor import check
    from sayso_slack.settings import Settings

__all__ = ["Finding", "Settings", "Slack", "check", "connect"]

_MODULES = {
    "Finding": "sayso.chat.finding",
    "Settings": "sayso_slack.settings",
    "Slack": "sayso_slack.connection",
    "check": "sayso_slack.doctor",
    "connect": "sayso_slack.connection",
}


def __getattr__(name: str) -> Any:
    # the manifest is printed even if Slack's packages are not installed
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)

"""Slack: cards as messages, answers by buttons, modals and thread replies, over Socket Mode or signed HTTP."""

from sayso_slack.connection import Slack, connect
from sayso_slack.doctor import check
from sayso_slack.settings import Finding, Settings

__all__ = ["Finding", "Settings", "Slack", "check", "connect"]

"""Slack: cards as messages, answers by buttons, modals and thread replies, over Socket Mode or signed HTTP."""

from sayso_slack.connection import Slack, connect
from sayso_slack.settings import Settings

__all__ = ["Settings", "Slack", "connect"]

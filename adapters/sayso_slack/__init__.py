"""Slack: cards as messages, answers by buttons, modals and thread replies, over Socket Mode or signed HTTP."""

"""Agents of the OpenAI Agents SDK wait for tool approvals; people answer."""

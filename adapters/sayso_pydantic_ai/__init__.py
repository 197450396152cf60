"""Pydantic AI agents defer tool calls; people answer."""

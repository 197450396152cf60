"""Hooks of the observability dashboard ask here; people answer."""

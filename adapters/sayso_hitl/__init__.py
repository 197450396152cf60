"""Hooks of the observability dashboard ask here, as at its own server; people answer."""

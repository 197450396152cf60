"""Durable workflows wait in typed hooks; people resume them."""

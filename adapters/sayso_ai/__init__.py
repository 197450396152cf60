"""Vercel's AI SDK for Python asks through its hooks; people answer."""

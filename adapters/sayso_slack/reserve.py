"""How much of what Slack takes is used: for the text of a whole message it gives no exact number."""

from __future__ import annotations

# Slack staff name 12,000 characters for all blocks of a message (bolt-js#2509), and 11,341 were once refused (#2867).
MESSAGE_TEXT = 11_000
VIEW_CONTENT = 230_000
"""Bytes of JSON for the parts of one page of a review; the rest of a view's bytes is for its buttons and its token."""
CARD_CONTENT = 8_000
"""So a card holds this much content; the rest is for labels, numbers and the words of controls."""

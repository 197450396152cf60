"""How much of what Discord takes is used: its numbers for text are not exact, and escapes take room."""

from __future__ import annotations

TEXT_LENGTH = 3_900
TEXT_BYTES = 10_000
ANSWER = 3_000
"""What somebody may type as an answer; only what is there already may be longer."""
CARD_CONTENT = 3_200
"""So a card holds this much content if it is plain, and less of what must be escaped."""
PAGE_CONTENT = 1_600
"""The text above the inputs of a modal: it fits even if every character is escaped."""
PAGE_TEXT = 3_700
"""One page of a review, measured as Discord does; the rest is for its title."""

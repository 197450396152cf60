"""Lets in the posts to a chat's address that its platform signed, and notes those that it did not sign.

The rule: nothing is read of a post whose headers cannot be right.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from sayso.chat import unsigned

SIGNATURE_WINDOW = 300.0
"""Seconds. Posts that are older or newer may be replays."""
_STAMP = re.compile(r"[0-9]{1,15}")


class Admission:
    """Admits what a platform signed."""

    def __init__(
        self,
        plausible: Callable[[str, str, float], bool],
        verify: Callable[[str, str, bytes, float], bool],
        wrong_key: str,
        seconds: Callable[[], float],
        others: unsigned.Unsigned,
    ) -> None:
        """*wrong_key* is what to do if the platform signs with another key; *seconds* is the time since 1970."""
        self._plausible = plausible
        self._verify = verify
        self._wrong_key = wrong_key
        self._seconds = seconds
        self._others = others

    async def body(
        self, timestamps: Sequence[str], signatures: Sequence[str], read: Callable[[], Awaitable[bytes]]
    ) -> bytes | None:
        """The body of a post if its signature is right, else None; a header that is there twice is not right."""
        seconds = self._seconds()
        if len(timestamps) != 1 or len(signatures) != 1:
            return None
        if not self._plausible(timestamps[0], signatures[0], seconds):
            await self._others.note_refusal("its time is not near the one here: set this machine's clock")
            return None
        # the signature needs the body, which is bounded; a sender without these headers is not listened to
        body = await read()
        if not self._verify(timestamps[0], signatures[0], body, seconds):
            await self._others.note_refusal(self._wrong_key)
            return None
        await self._others.forget()
        return body


def is_recent(timestamp: str, seconds: float) -> bool:
    """Whether a timestamp is near this time; *seconds* since 1970."""
    return bool(_STAMP.fullmatch(timestamp)) and abs(seconds - int(timestamp)) <= SIGNATURE_WINDOW

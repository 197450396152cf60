"""Who may do what where: role permissions, then the overwrites of the channel.

Rule: pure arithmetic on bit fields, in the order of Discord's permissions reference.
"""

from collections.abc import Iterable, Mapping

ADD_REACTIONS, ADMINISTRATOR, VIEW, SEND = 1 << 6, 1 << 3, 1 << 10, 1 << 11
MANAGE_MESSAGES, EMBED_LINKS, ATTACH_FILES, READ_HISTORY = 1 << 13, 1 << 14, 1 << 15, 1 << 16
MENTION_EVERYONE, MANAGE_THREADS, CREATE_PUBLIC_THREADS = 1 << 17, 1 << 34, 1 << 35
CREATE_PRIVATE_THREADS, SEND_IN_THREADS = 1 << 36, 1 << 38
EVERYTHING = (1 << 53) - 1

MEMBER = VIEW | SEND | READ_HISTORY | ADD_REACTIONS | SEND_IN_THREADS
"""What @everyone may do in the fake's guild."""
APP = MEMBER | EMBED_LINKS | ATTACH_FILES | CREATE_PUBLIC_THREADS | CREATE_PRIVATE_THREADS
"""What the app's own role allows: the bits an invitation for an approval bot asks for."""
DIRECT = MEMBER | EMBED_LINKS | ATTACH_FILES
"""What both sides may do in a direct message."""

Overwrites = Mapping[str, tuple[int, int]]
"""Allowed and denied bits, by role or member id."""


def allowed(base: Iterable[int], roles: Iterable[str], member: str, everyone: str, overwrites: Overwrites) -> int:
    """What *member* with these role permissions and role ids may do under *overwrites*."""
    found = 0
    for permissions in base:
        found |= permissions
    if found & ADMINISTRATOR:
        return EVERYTHING
    for targets in ([everyone], [*roles], [member]):
        # All roles are taken together: one role's allow beats another one's deny.
        denied = allow = 0
        for target in targets:
            more, less = overwrites.get(target, (0, 0))
            allow, denied = allow | more, denied | less
        found = (found & ~denied) | allow
    return found if found & VIEW else 0

"""How many files this process may have open, and how many of them are for connections."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

# Files that are not for connections: the database, the chats, calls to receivers, and what the system has accepted
# before we could look at it (asyncio takes as many at once as wait in the queue of the socket).
QUEUE = 128
RESERVED = QUEUE + 128
# No more than this is asked of the system.
_MOST_FILES = 65_536


def allowed_connections() -> int:
    """Raise the limit of open files as far as the system lets us; how many connections that allows."""
    try:
        import resource
    except ImportError:  # not on Windows
        return _MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY:
        return _MOST_FILES
    if soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
        except (OSError, ValueError):
            log.warning("the limit of open files cannot be raised", extra={"files": soft})
    return max(16, soft - RESERVED)

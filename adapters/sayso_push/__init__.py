"""Web Push: people are told on their devices of what waits for them, also where no page of the inbox is open."""

import importlib.util

if importlib.util.find_spec("webpush") is None:
    raise ImportError("sayso_push needs webpush: in a clone of sayso, pip install '.[push]'")

from sayso_push.pusher import Pusher, Reply
from sayso_push.server_keys import VARIABLE, ServerKeys, open_keys
from sayso_push.subscriptions import Subscriptions

__all__ = ["VARIABLE", "Pusher", "Reply", "ServerKeys", "Subscriptions", "open_keys"]

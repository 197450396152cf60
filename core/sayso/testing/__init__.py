"""Contracts for those who write a store or a channel, a clock and a board for tests, and a door to every renderer."""

from __future__ import annotations

from sayso.testing.redacting import redact as redact
from sayso.testing.showing import RequestField as RequestField
from sayso.testing.showing import View as View
from sayso.testing.showing import render as render
from sayso.testing.showing import ticket as ticket
from sayso.testing.showing import windows as windows

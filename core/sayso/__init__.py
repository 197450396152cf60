"""On your say-so: AI agents ask, people answer in the chat they already have open, the agent goes on, or does not.

The rule: importing it costs nothing. A name brings its module when it is used, since most programs need few of them.
"""

import sys
from typing import TYPE_CHECKING, Any

from sayso import late, moved

if TYPE_CHECKING:
    from sayso.asking import Choice, Form, Permission, Question
    from sayso.asking.gate import Denied, requires_approval
    from sayso.asking.hooks.by_label import ToolApproval, abort_pending_hook, cancel_hook, hook, resolve_hook
    from sayso.asking.hooks.hook_errors import HookCancelled, HookClosed, HookConflict, HookDeferred, HookExpired
    from sayso.asking.hooks.typed import Hook, HookType, define_hook
    from sayso.asking.hooks.webhooks import Webhook, create_webhook
    from sayso.asking.opening import open
    from sayso.asking.receipts import Receipt, verify_receipt
    from sayso.clock import Clock, SystemClock
    from sayso.desk import Caller, Desk, Setup
    from sayso.desk.asker import Asker, Handle, held
    from sayso.errors import (
        AlreadyDecided,
        AlreadyExists,
        AlreadyTaken,
        AlreadyUsed,
        Altered,
        DigestMismatch,
        InvalidAnswer,
        InvalidRequest,
        InvalidSettings,
        NotAllowed,
        NotFound,
        NotUsable,
        Refused,
        SaysoError,
        StoreUnavailable,
        Unauthorized,
    )
    from sayso.model import Answer, Attachment, Decision, Field, Offer, Option, Policy, Request, Source, Ticket

    # What they were called until 0.2.
    Defined = HookType
    House = Setup

__all__ = [
    "AlreadyDecided",
    "AlreadyExists",
    "AlreadyTaken",
    "AlreadyUsed",
    "Altered",
    "Answer",
    "Asker",
    "Attachment",
    "Caller",
    "Choice",
    "Clock",
    "Decision",
    "Denied",
    "Desk",
    "DigestMismatch",
    "Field",
    "Form",
    "Handle",
    "Hook",
    "HookCancelled",
    "HookClosed",
    "HookConflict",
    "HookDeferred",
    "HookExpired",
    "HookType",
    "InvalidAnswer",
    "InvalidRequest",
    "InvalidSettings",
    "NotAllowed",
    "NotFound",
    "NotUsable",
    "Offer",
    "Option",
    "Permission",
    "Policy",
    "Question",
    "Receipt",
    "Refused",
    "Request",
    "SaysoError",
    "Setup",
    "Source",
    "StoreUnavailable",
    "SystemClock",
    "Ticket",
    "ToolApproval",
    "Unauthorized",
    "Webhook",
    "abort_pending_hook",
    "cancel_hook",
    "create_webhook",
    "define_hook",
    "held",
    "hook",
    "open",
    "requires_approval",
    "resolve_hook",
    "verify_receipt",
]

_HOMES = {
    "sayso.asking": "Choice Form Permission Question",
    "sayso.asking.gate": "Denied requires_approval",
    "sayso.asking.hooks.by_label": "ToolApproval abort_pending_hook cancel_hook hook resolve_hook",
    "sayso.asking.hooks.hook_errors": "HookCancelled HookClosed HookConflict HookDeferred HookExpired",
    "sayso.asking.hooks.typed": "Hook HookType define_hook",
    "sayso.asking.hooks.webhooks": "Webhook create_webhook",
    "sayso.asking.opening": "open",
    "sayso.asking.receipts": "Receipt verify_receipt",
    "sayso.clock": "Clock SystemClock",
    "sayso.desk": "Caller Desk Setup",
    "sayso.desk.asker": "Asker Handle held",
    "sayso.errors": """
        AlreadyDecided AlreadyExists AlreadyTaken AlreadyUsed Altered DigestMismatch InvalidAnswer InvalidRequest
        InvalidSettings NotAllowed NotFound NotUsable Refused SaysoError StoreUnavailable Unauthorized
    """,
    "sayso.model": "Answer Attachment Decision Field Offer Option Policy Request Source Ticket",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
# The same.
_RENAMED = {"Defined": "HookType", "House": "Setup"}

sys.meta_path.append(moved.Finder())


def __getattr__(name: str) -> Any:
    named = _RENAMED.get(name, name)
    found = getattr(late.module(_HOME_OF[named]), named) if named in _HOME_OF else _module(name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _module(name: str) -> Any:
    """A module of this package, which people use without importing it."""
    called = f"{__name__}.{name}"
    try:
        if name.isidentifier() and not name.startswith("_"):
            return late.module(called)
    except ModuleNotFoundError as error:
        if error.name != called:
            raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)

"""On your say-so: AI agents ask, people answer in the chat they already have open, the agent goes on, or does not."""

import sys

from sayso import moved
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

# Their names until 0.2.
Defined = HookType
House = Setup

sys.meta_path.append(moved.Finder())

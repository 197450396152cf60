"""On your say-so: AI agents ask, people answer in the chat they already have open, the agent goes on, or does not."""

from sayso.asker import Asker, Handle, held
from sayso.asking import Choice, Form, Permission, Question
from sayso.clock import Clock, SystemClock
from sayso.desk import Caller, Desk, House
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
from sayso.gate import Denied, requires_approval
from sayso.hook_errors import HookCancelled, HookClosed, HookConflict, HookDeferred, HookExpired
from sayso.hooks import ToolApproval, abort_pending_hook, cancel_hook, hook, resolve_hook
from sayso.model import Answer, Attachment, Decision, Field, Offer, Option, Policy, Request, Source, Ticket
from sayso.opening import open
from sayso.typed import Defined, Hook, define_hook
from sayso.webhooks import Webhook, create_webhook

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
    "Defined",
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
    "House",
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
    "Refused",
    "Request",
    "SaysoError",
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
]

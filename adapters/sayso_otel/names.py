"""The names of attributes, spans and figures, all in one place: those that OpenTelemetry fixes may still change."""

from __future__ import annotations

from typing import Final

# Of OpenTelemetry's conventions for generative AI, which are in development.
TOOL: Final = "gen_ai.tool.name"

REQUEST: Final = "sayso.request.id"
KIND: Final = "sayso.request.kind"
POLICY: Final = "sayso.policy"
VERDICT: Final = "sayso.verdict"
OUTCOME: Final = "sayso.outcome"
CHANNEL: Final = "sayso.channel"
EFFECT: Final = "sayso.effect"
RULE: Final = "sayso.rule"
RULING: Final = "sayso.ruling"
DELIVERED: Final = "sayso.delivered"

ASK: Final = "sayso.ask"
ANSWER: Final = "sayso.answer"
DELIVER: Final = "sayso.deliver"

REQUESTS: Final = "sayso.requests"
DECISIONS: Final = "sayso.decisions"
WAITING: Final = "sayso.waiting"
FIRST_VIEW: Final = "sayso.first_view"
FIRST_ANSWER: Final = "sayso.first_answer"
OPEN: Final = "sayso.waiting_open"
QUICK: Final = "sayso.quick_allows"
ANSWERS: Final = "sayso.answers"
APPROVERS: Final = "sayso.approvers"
DECIDED_AT: Final = "sayso.decided_at"
RULINGS: Final = "sayso.rulings"
OBSERVED: Final = "sayso.observed"
DELIVERIES: Final = "sayso.deliveries"

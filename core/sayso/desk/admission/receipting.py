"""Receipts: an allow as one signed line, for tools whose back end does not ask the service.

The rule: a receipt says what was decided, and never decides. It is stored with the decision, so it is made once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from sayso import errors, machine, model
from sayso.content import digest
from sayso.desk.setup import Setup

# Of those who allowed; the log names all of them.
_MOST_PEOPLE = 20
_ISSUER = "sayso"


class Issuer(Protocol):
    """Signs receipts and reads them again; `sayso_signing.Keyring` is one."""

    @property
    def jwks(self) -> Mapping[str, Any]:
        """The public keys, as a JSON Web Key Set."""
        ...

    def issue(self, claims: Mapping[str, Any]) -> str:
        """Return these claims as a compact JWS."""
        ...

    def read(self, token: str, at: datetime) -> Mapping[str, Any]:
        """Return the claims of a token that is good at this moment. Raises `InvalidToken`."""
        ...


class Signing(Protocol):
    """What of a desk is needed here."""

    issuer: Issuer | None
    setup: Setup


def attach(shell: Signing, step: machine.Step) -> machine.Step:
    """The step, and if it allows something, its receipt in the decision."""
    ticket, audience = step.ticket, shell.setup.audience
    decision = ticket.decision
    if shell.issuer is None or audience is None or decision is None or not decision.allowed or decision.receipt:
        return step
    receipt = shell.issuer.issue(claims(ticket, decision, shell.setup.address or _ISSUER, audience))
    carried = decision.model_copy(update={"receipt": receipt})
    return machine.Step(ticket.model_copy(update={"decision": carried}), step.effects)


def claims(ticket: model.Ticket, decision: model.Decision, issuer: str, audience: str) -> dict[str, Any]:
    """What a receipt says."""
    policy = digest.digest(ticket.policy.model_dump(mode="json", exclude_defaults=True), "policy")
    people = [one.model_dump(mode="json", exclude_none=True) for one in decision.by[:_MOST_PEOPLE]]
    return {
        "iss": issuer,
        "aud": audience,
        "sub": ticket.id,
        "jti": single_use_id(ticket, decision),
        "iat": int(decision.decided_at.timestamp()),
        # whole seconds, and never later than the allow itself
        "exp": int((decision.valid_until or machine.valid_until(ticket, decision)).timestamp()),
        "tool": ticket.request.tool,
        "digest": decision.input_digest,
        "request": decision.digest,
        "people": people,
        "policy": {"name": ticket.policy_name, "digest": policy},
        "rule": ticket.ruled.rule if ticket.ruled else None,
        "agent": ticket.owner,
        "break_glass": decision.break_glass,
    }


def single_use_id(ticket: model.Ticket, decision: model.Decision) -> str:
    """The id of the receipt of a decision."""
    bound = f"{ticket.ref}\n{decision.digest}\n{decision.decided_at.isoformat()}"
    return "rcp_" + hashlib.sha256(bound.encode()).hexdigest()[:32]


def read(shell: Signing, receipt: str, at: datetime) -> Mapping[str, Any]:
    """What a receipt of this service says. Raises `InvalidToken`."""
    if shell.issuer is None:
        raise errors.InvalidToken("no receipts are made here", field="receipt", hint="see: sayso doctor")
    return shell.issuer.read(receipt, at)


def check(ticket: model.Ticket, said: Mapping[str, Any]) -> None:
    """Refuse claims that are not those of this request as it is stored. Raises `InvalidToken`."""
    decision = ticket.decision
    mine = decision and (single_use_id(ticket, decision), decision.input_digest)
    if mine != (said.get("jti"), said.get("digest")):
        message = "this receipt is not of a request that is stored here"
        raise errors.InvalidToken(message, field="receipt", hint="do not act on it")

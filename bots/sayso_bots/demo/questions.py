"""What the agent of the demo asks: one request of each kind."""

from __future__ import annotations

from typing import Literal

import pydantic

import sayso
from sayso import model


class Refund(pydantic.BaseModel):
    """What the agent of the demo wants to have filled in."""

    amount: float = pydantic.Field(ge=0, le=500, title="Amount")
    currency: Literal["EUR", "USD", "GBP"] = pydantic.Field(title="Currency")
    goodwill: bool = pydantic.Field(default=False, title="As a goodwill payment?")


def requests() -> tuple[model.Request, ...]:
    """What the agent asks, one of each kind."""
    source = model.Source(agent="release-bot", session="demo")
    options = [
        model.Option(label="PostgreSQL", description="On the shared cluster; backed up every hour."),
        model.Option(label="SQLite", description="A file beside the service; nothing to operate."),
    ]
    body = "All **42 tests** passed on `main`. The last deployment was four days ago."
    command = {"command": "make deploy ENV=staging", "cwd": "/srv/shop"}
    return (
        sayso.Permission(tool="Bash", input=command, body=body, risk="medium", source=source),
        sayso.Question("Which customer is this release for?", source=source),
        sayso.Choice("Which database should the new service use?", options, other=True, source=source),
        sayso.Form("Refund for order 1042", Refund, source=source),
    )

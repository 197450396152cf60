"""As whom somebody acts on a request: as themselves, or in place of somebody who is away. Pure.

The rule: a delegate acts as the delegator, and one human counts once. What they said stays said as whom they said it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sayso import model
from sayso.machine import approvers, glass, people


def acting(directory: people.Directory, ticket: model.Ticket, actor: people.Actor, at: datetime) -> model.Person:
    """The person behind an account on this request: as they answered it before, else as it waits for them."""
    person = directory.identify(actor)
    if not directory.delegations:
        return person
    faces = (person, *directory.stand_ins(actor, ticket.policy_name, at))
    said = {one.person for one in approvers.latest(ticket) if one.human == person.id}
    tests: tuple[Callable[[model.Person], bool], ...] = (
        lambda face: face.id in said,
        lambda face: approvers.is_awaited(ticket, face),
        lambda face: glass.may_see(ticket, face),
        # told why not: it was asked on behalf of who is away
        lambda face: face.delegate is not None and approvers.is_barred(ticket, face.id),
        # nobody could find out whether they may act for this one, and are told so
        lambda face: bool(face.unknown),
    )
    return next((face for test in tests for face in faces if test(face)), person)

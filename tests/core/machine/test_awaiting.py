"""What whoever waits sees of a ticket."""

from __future__ import annotations

from datetime import timedelta

from sayso import machine, model
from sayso.testing import samples


def test_an_allow_of_which_nobody_wrote_down_until_when_it_is_good_may_be_void() -> None:
    until = samples.NOW + timedelta(minutes=15)
    decided = model.Decision(outcome="allowed", digest="d", decided_at=samples.NOW, model_text="")
    dated = decided.model_copy(update={"valid_until": until})
    assert machine.may_be_void(decided, samples.NOW)
    assert not machine.may_be_void(dated, until - timedelta(microseconds=1))
    assert machine.may_be_void(dated, until)
    assert not machine.may_be_void(decided.model_copy(update={"outcome": "denied"}), until)

"""A ticket as people see it: what was looked through once, and what is looked through again."""

from sayso.cards import masked
from sayso.testing import samples

PASSWORD = "Tr0ub4dor&3xplode"


def test_a_request_without_secrets_vouches_for_no_other_and_for_no_answer() -> None:
    ticket = samples.opened(samples.permission(input={"command": "make"}))
    for _ in range(2):
        assert masked.of(ticket, samples.MINT) is ticket
    other = ticket.model_copy(update={"request": samples.permission(input={"password": PASSWORD})})
    assert PASSWORD not in masked.of(other, samples.MINT).model_dump_json()
    answered = samples.after(ticket, samples.said(verdict="deny", reason=f"password={PASSWORD}"))
    assert PASSWORD in answered.model_dump_json()
    assert PASSWORD not in masked.of(answered, samples.MINT).model_dump_json()

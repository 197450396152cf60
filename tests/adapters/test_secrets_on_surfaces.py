"""No secret stands in anything that a surface shows, whatever field it was planted in."""

from __future__ import annotations

import json
import random
from typing import Any, get_args

import pytest

from sayso import asking, machine, model, testing
from sayso.cards import batch, dialog, draw, masked, notification, submission, tokens
from sayso.machine import events
from sayso.stores import Row
from sayso.testing import samples, showing
from sayso_web import timeline
from tests.secrets_made import MADE
from tests.tables import each

PLATFORMS = ("slack", "discord", "web", "terminal")
FIELDS = get_args(testing.RequestField)
VIEWS = ("card", "windows", "review", "row")
LIMITS = dialog.WindowLimits(content=5_000, inputs=10, typed=2_000)


def secret_for(field: str, platform: str) -> str:
    source = random.Random(f"{field} {platform}")
    return MADE[source.choice(sorted(MADE))](source)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("view", VIEWS)
def test_no_surface_shows_a_secret(platform: str, view: showing.View) -> None:
    for row in each(FIELDS):
        with row as field:
            secret = secret_for(field, platform)
            # windows and reviews draw the same many times
            for said in (f"with {secret} in it"[:190], secret[:190])[: 2 if view == "card" else 1]:
                shown = repr(testing.render(platform, field, said, view))
                assert secret[:190] not in shown, shown[:2_000]
                # a mask tells that there is one, where the text itself is shown
                if view == "card" and field not in ("key", "url"):
                    assert "••••" in shown or said not in shown


def call(**given: Any) -> model.Request:
    return asking.Permission(tool="Bash", **given)


def pressed(ticket: model.Ticket, action: tokens.Action, draft: dialog.Draft, index: int = 0) -> model.Answer:
    press = tokens.read(samples.MINT.token(ticket, action, index))
    answer = submission.follow(ticket, press, draft, samples.MINT, LIMITS)
    assert isinstance(answer, model.Answer)
    return answer


def edited(ticket: model.Ticket) -> dialog.Dialog:
    opened = dialog.of_press(ticket, tokens.read(samples.MINT.token(ticket, "edit")), samples.MINT, LIMITS)
    assert opened is not None
    return opened


ASKED = {"command": "TOKEN=abc123def make", "env": {"DB_PASSWORD": "hunter22"}, "password": 12345678}


def test_an_edit_runs_with_the_secret_and_its_window_shows_the_mask() -> None:
    ticket = samples.sample(call(input=ASKED))
    window = edited(ticket)
    values = {one.name: one.value or "" for one in window.inputs}
    assert not any(secret in repr(window) for secret in ("abc123def", "hunter22", "12345678"))
    values["k0"] = values["k0"].replace("make", "make test")
    answer = pressed(ticket, "edit", values)
    assert answer.input == {**ASKED, "command": "TOKEN=abc123def make test"}


def test_what_somebody_typed_that_looks_odd_is_shown_again_behind_its_mask() -> None:
    ticket = samples.sample(call(input=ASKED))
    values = {one.name: one.value or "" for one in edited(ticket).inputs}
    values["k0"] += " “x”"
    press = tokens.read(samples.MINT.token(ticket, "edit"))
    again = submission.follow(ticket, press, values, samples.MINT, LIMITS)
    assert isinstance(again, dialog.Dialog)
    assert "abc123def" not in repr(again)


def test_an_edit_shows_what_was_asked_and_what_runs_behind_masks_and_only_what_changed() -> None:
    ticket = samples.sample(call(input=ASKED))
    answer = model.Answer(verdict="allow", input={**ASKED, "command": "TOKEN=abc123def make test"})
    by = model.Person(id="ann", name="Ann", account="chat:T/ann", member=True)
    allowed = machine.step(ticket, events.Answered(at=samples.NOW, by=by, answer=answer)).ticket
    shown = repr(draw.card_of(allowed, samples.MINT))
    assert "abc123def" not in shown
    assert "make test" in shown
    assert "as edited" in shown
    # what nobody changed is no edit, although it is masked
    plain = machine.step(ticket, events.Answered(at=samples.NOW, by=by, answer=model.Answer(verdict="allow"))).ticket
    assert "as edited" not in repr(draw.card_of(plain, samples.MINT))


def test_an_answer_under_the_name_of_a_secret_is_masked_on_the_card() -> None:
    by = model.Person(id="ann", name="Ann", account="chat:T/ann", member=True)
    form = asking.Form("Connect", [model.Field(name="f1", label="API key"), model.Field(name="user", label="User")])
    for request, answer in (
        (form, model.Answer(values={"f1": "a1b2c3d4e5", "user": "ann"})),
        (asking.Question("What is the API key?"), model.Answer(text="a1b2c3d4e5")),
    ):
        ticket = samples.opened(request)
        answered = machine.step(ticket, events.Answered(at=samples.NOW, by=by, answer=answer)).ticket
        assert answered.decision is not None
        assert "a1b2c3d4e5" in answered.decision.model_dump_json()
        assert "a1b2c3d4e5" not in repr(draw.card_of(answered, samples.MINT))


def test_rows_of_the_log_and_the_sentence_for_the_model_hold_no_secret() -> None:
    secret = "ghp_" + "a1B2" * 9
    ticket = samples.sample(call(input={"command": "ls"}))
    by = model.Person(id="ann", name="Ann", account="chat:T/ann", member=True)
    answered = events.Answered(at=samples.NOW, by=by, answer=model.Answer(verdict="deny", reason=f"not with {secret}"))
    denied = machine.step(ticket, answered).ticket
    shown = masked.of(denied, samples.MINT)
    assert shown.decision is not None
    assert secret not in shown.model_dump_json()
    rows = [Row(1, ticket.id, 1, masked.entry_of(answered, samples.MINT))]
    assert secret not in repr(timeline.past(shown, rows))
    assert secret not in repr(masked.entry_over_wire(answered))
    used = events.Used(at=samples.NOW, by="bot")
    assert masked.entry_of(used, samples.MINT) is used


def test_a_ticket_without_secrets_is_shown_as_it_is() -> None:
    ticket = samples.sample(call(input={"command": "make deploy"}, body="because"))
    assert masked.of(ticket, samples.MINT) is ticket
    assert masked.secrets_of(ticket, samples.MINT) == {}
    assert masked.over_wire(ticket) is ticket


def test_plain_shows_secrets_and_puts_none_back() -> None:
    plain = tokens.TokenMaker(samples.MINT.secret, plain=True)
    ticket = samples.sample(call(input=ASKED))
    assert "abc123def" in repr(draw.card_of(ticket, plain))
    assert masked.secrets_of(ticket, plain) == {}
    answered = events.Cancelled(at=samples.NOW, by="bot", reason="password=hunter22")
    assert masked.entry_of(answered, plain) is answered


def test_a_secret_is_found_as_a_risk_behind_its_mask() -> None:
    ticket = samples.sample(call(input=ASKED))
    shown = repr(draw.card_of(ticket, samples.MINT))
    assert "Holds a credential" in shown
    assert "abc123def" not in shown


def test_what_takes_long_is_covered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = samples.sample(call(input={"command": "TOKEN=abc123def make"}))
    first = masked.of(ticket, samples.MINT)
    assert masked.of(ticket.model_copy(), samples.MINT) is first
    other = tokens.TokenMaker(b"another secret of the service, 32")
    assert masked.of(ticket, other) is not first
    for number in range(40):
        masked.of(samples.opened(call(input={"command": f"TOKEN=abc123d{number} make"})), samples.MINT)
    assert json.loads(masked.of(ticket, samples.MINT).model_dump_json()) == json.loads(first.model_dump_json())


def test_a_notification_and_a_subject_name_no_secret() -> None:
    ticket = samples.sample(asking.Permission(tool="ghp_" + "a1B2" * 9, input={}))
    drawn = draw.card_of(ticket, samples.MINT)
    assert "a1B2a1B2" not in drawn.summary + drawn.subject + notification.subject_of(masked.of(ticket, samples.MINT))


def test_the_card_of_several_requests_shows_no_secret_either() -> None:
    tickets = [samples.sample(call(input={"command": f"TOKEN=abc123d{number} make"})) for number in range(3)]
    shown = repr(batch.draw_card("b" * 22, tickets, samples.MINT))
    assert "abc123d" not in shown
    assert shown.count("••••") >= 6
    # what is shown already is not covered once more
    once = masked.of(tickets[0], samples.MINT)
    assert masked.of(once, samples.MINT) is once

"""What one person sees of a ticket: its card, framed with the way to answer that is theirs. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from sayso import errors, machine, model
from sayso.cards import card, dialog, draw, phrases, telling, tokens
from sayso.content import fields, text
from sayso.desk import Desk
from sayso_web import inputs, render, sessions

# The page of a request has room for everything: nothing is cut, paged or asked in steps there. In the list a long one
# is shown in part, with the way to its own page, so that a page of many stays one that can be read.
_ENDLESS = sys.maxsize
LONGEST_IN_LIST, SHOWN_IN_LIST = 20_000, 4_000
ROOM = dialog.WindowLimits(content=_ENDLESS, inputs=_ENDLESS, typed=_ENDLESS)


@dataclass(frozen=True, slots=True)
class Press:
    """What somebody sent with a press, and what is to be said about it."""

    opened: dialog.Dialog | None = None
    draft: dialog.Draft = field(default_factory=dict[str, dialog.Submitted])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    notice: str | card.Line = ""


NOTHING = Press()


@dataclass(frozen=True, slots=True)
class View:
    """The eyes of one session on the tickets of a desk."""

    front: Desk
    session: sessions.Session

    def fragment(self, ticket: model.Ticket, press: Press = NOTHING) -> str:
        """The card of a ticket, as HTML."""
        drawn = draw.card_of(ticket, self.front.mint)
        own = self._own_dialog(ticket)
        opened = press.opened or own
        barred = self._barred(ticket)
        shown = render.Frame(
            csrf=self.session.csrf,
            expires_at=ticket.expires_at,
            opened=None if ticket.decision or ticket.taken or ticket.held or barred else opened,
            always_open=own is not None and opened is not None and opened.token == own.token,
            typed=inputs.fitting(opened.inputs if opened else dialog.inputs_of(ticket), press.draft),
            wrong=_placed(ticket, opened, press.wrong),
            notice=press.notice,
            barred=barred,
        )
        return render.render(drawn, shown)

    def listed(self, ticket: model.Ticket) -> str:
        """The same among others: whole if it is short."""
        short = draw.glance_of(ticket, self.front.mint, LONGEST_IN_LIST, SHOWN_IN_LIST)
        if short is None:
            return self.fragment(ticket)
        return render.render(short, render.Frame(expires_at=ticket.expires_at, elsewhere=ticket.decision is None))

    def row(self, ticket: model.Ticket) -> str:
        """A decided ticket as a line of the history."""
        return render.row(draw.card_of(ticket, self.front.mint))

    def after_error(self, ticket: model.Ticket, token: str, draft: dialog.Draft, error: errors.Refused) -> str:
        """The card after a press that was refused, with what was typed and what is wrong with it."""
        if isinstance(error, errors.AlreadyDecided):
            return self.fragment(ticket, Press(notice=telling.late_press(error, self.session.actor.account, token)))
        if not isinstance(error, errors.InvalidAnswer):
            return self.fragment(ticket, Press(notice=refusal(error)))
        opened = dialog.of_press(ticket, tokens.read(token), self.front.mint, ROOM)
        complaints = error.complaints or {error.field or "": error.message}
        wrong = {name: _complaint(ticket, name, said) for name, said in complaints.items()}
        return self.fragment(ticket, Press(opened, draft, wrong))

    def _own_dialog(self, ticket: model.Ticket) -> dialog.Dialog | None:
        """Questions and forms are answered in the card; there is nothing to open first."""
        if ticket.request.kind not in ("question", "form"):
            return None
        return dialog.fill(ticket, 0, self.front.mint.token(ticket, "fill"), ROOM)

    def _barred(self, ticket: model.Ticket) -> str:
        person = self.front.setup.directory.identify(self.session.actor)
        if ticket.taken and ticket.taken.given.person != person.id:
            return phrases.sentence(errors.AlreadyTaken(ticket).message)
        if ticket.decision or machine.may_answer(ticket, person):
            return ""
        return phrases.sentence(machine.refusal(ticket, person).message)


def refusal(error: errors.SaysoError) -> str:
    """What somebody is told whose press was not taken."""
    return phrases.sentence(error.message)


def _placed(ticket: model.Ticket, opened: dialog.Dialog | None, wrong: Mapping[str, str]) -> Mapping[str, str]:
    """Each complaint beside its input; one about anything else above the form."""
    names = {asked.name for asked in (opened.inputs if opened else dialog.inputs_of(ticket))}
    placed: dict[str, str] = {}
    for name, said in wrong.items():
        target = name if name in names else ""
        placed[target] = f"{placed[target]} {said}" if target in placed else said
    return placed


def _complaint(ticket: model.Ticket, name: str, said: str) -> str:
    """What is wrong, without the label that stands beside it already."""
    for index, asked in enumerate(fields.of_request(ticket.request)):
        if name == dialog.field_name(index) and said.startswith(asked.label):
            said = said.removeprefix(asked.label).removeprefix(": ").strip()
    # a message may repeat agent text or what was typed
    shown = text.line("This " + said if said.startswith("is ") else said).text
    return phrases.sentence(shown)

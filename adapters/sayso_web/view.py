"""What one person sees of a ticket: its card, framed with the way to answer that is theirs. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sayso import errors, model
from sayso.cards import card, dialog, draw, masked, phrases, telling, tokens
from sayso.content import fields, text
from sayso.desk import Desk
from sayso.desk.answering import identity
from sayso.machine import approvers, glass, people, schedule
from sayso_web import inputs, render, sessions

# The page of a request has room for everything: nothing is cut, paged or asked in steps there. In the list a long one
# is shown in part, with the way to its own page, so that a page of many stays one that can be read.
_ENDLESS = sys.maxsize
LONGEST_IN_LIST, SHOWN_IN_LIST = 20_000, 4_000
NO_LIMITS = dialog.WindowLimits(content=_ENDLESS, inputs=_ENDLESS, typed=_ENDLESS, asks_again=True)


@dataclass(frozen=True, slots=True)
class Press:
    """What somebody sent with a press, and what is to be said about it."""

    opened: dialog.Dialog | None = None
    draft: dialog.Draft = field(default_factory=dict[str, dialog.Submitted])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    notice: str | card.Line = ""


NOTHING = Press()


@dataclass(frozen=True, slots=True)
class Glance:
    """What people see differently of the same card, beside their own forms."""

    barred: str
    waits: bool


@dataclass(frozen=True, slots=True)
class View:
    """The eyes of one session on the tickets of a desk."""

    desk: Desk
    session: sessions.Session
    actor: people.Actor
    """Whose session it is, with the groups they are in now."""

    def draw(self, ticket: model.Ticket, press: Press = NOTHING) -> str:
        """Draw the card of a ticket, as HTML."""
        drawn = draw.card_of(ticket, self.desk.mint, self.desk.setup.directory)
        own = self._dialog_in_card(ticket)
        opened = press.opened or own
        barred = self._why_barred(ticket)
        shown = render.Frame(
            csrf=self.session.csrf,
            expires_at=_countdown(ticket),
            opened=None if ticket.decision or ticket.taken or ticket.held or barred else opened,
            always_open=own is not None and opened is not None and opened.token == own.token,
            typed=inputs.fitting(opened.inputs if opened else dialog.inputs_of(ticket), press.draft),
            wrong=_place(ticket, opened, press.wrong),
            notice=press.notice or self._emergency(ticket),
            barred=barred,
            waits=self.waits(ticket),
        )
        return render.render(drawn, shown)

    def waits(self, ticket: model.Ticket) -> bool:
        """Tell whether a ticket waits for this person: they may answer it, and have not yet."""
        if ticket.decision or ticket.taken or ticket.held:
            return False
        return approvers.is_awaited(ticket, self.desk.acting(ticket, self.actor))

    def level(self, ticket: model.Ticket) -> model.Risk | None:
        """Give the risk of an open ticket."""
        return draw.card_of(ticket, self.desk.mint, self.desk.setup.directory).risk

    def glance(self, ticket: model.Ticket) -> Glance:
        """Tell what of its card in a list is different for different people."""
        return Glance(self._why_barred(ticket), self.waits(ticket))

    def draw_in_list(self, ticket: model.Ticket) -> str:
        """Draw it among others: whole if it is short."""
        short = draw.glance_of(ticket, self.desk.mint, LONGEST_IN_LIST, SHOWN_IN_LIST, self.desk.setup.directory)
        if short is None:
            return self.draw(ticket)
        shown = render.Frame(expires_at=_countdown(ticket), elsewhere=ticket.decision is None, waits=self.waits(ticket))
        return render.render(short, shown)

    def draw_row(self, ticket: model.Ticket) -> str:
        """Draw a decided ticket as a line of the history."""
        return render.render_row(draw.card_of(ticket, self.desk.mint, self.desk.setup.directory))

    def draw_after_error(self, ticket: model.Ticket, token: str, draft: dialog.Draft, error: errors.Refused) -> str:
        """Draw the card after a press that was refused, with what was typed and what is wrong with it."""
        if isinstance(error, errors.AlreadyDecided):
            return self.draw(ticket, Press(notice=telling.late_press(error, self.session.actor.account, token)))
        if not isinstance(error, errors.InvalidAnswer):
            return self.draw(ticket, Press(notice=refusal_words(error)))
        opened = dialog.of_press(ticket, tokens.read(token), self.desk.mint, NO_LIMITS)
        complaints = error.complaints or {error.field or "": error.message}
        wrong = {name: _sentence(ticket, name, said) for name, said in complaints.items()}
        return self.draw(ticket, Press(opened, draft, wrong))

    def _dialog_in_card(self, ticket: model.Ticket) -> dialog.Dialog | None:
        """Questions and forms are answered in the card; there is nothing to open first."""
        if ticket.request.kind not in ("question", "form"):
            return None
        return dialog.fill(masked.of(ticket, self.desk.mint), 0, self.desk.mint.token(ticket, "fill"), NO_LIMITS)

    def _why_barred(self, ticket: model.Ticket) -> str:
        person = self.desk.acting(ticket, self.actor)
        if ticket.taken and ticket.taken.given.person != person.id:
            return phrases.sentence(errors.AlreadyTaken(ticket).message)
        refused = self._refused(ticket, person)
        # whoever may break the glass has the buttons, and a window opens behind one of them
        return phrases.sentence(refused.message) if refused and not glass.may_break(ticket, person) else ""

    def _emergency(self, ticket: model.Ticket) -> str:
        person = self.desk.acting(ticket, self.actor)
        if self._refused(ticket, person) is None or not glass.may_break(ticket, person):
            return ""
        return "You may not answer this. In an emergency you may break the glass: press Allow."

    def _refused(self, ticket: model.Ticket, person: model.Person) -> errors.Refused | None:
        return None if ticket.decision else approvers.refused(ticket, person, directory=self.desk.setup.directory)


async def of(desk: Desk, session: sessions.Session) -> View:
    """The eyes of one session, which know the groups that this person is in now."""
    return View(desk, session, await identity.complete(desk, session.actor))


def _countdown(ticket: model.Ticket) -> datetime | None:
    """To what the card counts down; under a stop no time runs."""
    return None if ticket.stopped else schedule.ends(ticket)


def refusal_words(error: errors.SaysoError) -> str:
    """What somebody is told whose press was not taken."""
    return phrases.sentence(error.message)


def _place(ticket: model.Ticket, opened: dialog.Dialog | None, wrong: Mapping[str, str]) -> Mapping[str, str]:
    """Each complaint beside its input; one about anything else above the form."""
    names = {asked.name for asked in (opened.inputs if opened else dialog.inputs_of(ticket))}
    placed: dict[str, str] = {}
    for name, said in wrong.items():
        beside = name if name in names else ""
        placed[beside] = f"{placed[beside]} {said}" if beside in placed else said
    return placed


def _sentence(ticket: model.Ticket, name: str, said: str) -> str:
    """What is wrong, without the label that stands beside it already."""
    for index, asked in enumerate(fields.of_request(ticket.request)):
        if name == dialog.field_name(index):
            said = fields.without_label(asked, said)
    # a message may repeat agent text or what was typed
    return phrases.sentence(text.line(said).text)

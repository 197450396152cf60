"""What opens when a press needs more than a press: a reason, an edit, the whole content, a form. Pure, both ways."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from sayso import model
from sayso.cards import alike, buttons, card, cutting, demanded, draw, inputs, lasting, masked, risks, tokens, values
from sayso.content import text, typography
from sayso.machine import demands, fitting, people

Trusted = text.Trusted

WindowLimits = inputs.WindowLimits
Room = WindowLimits  # its name until 0.2
Input = inputs.Input
Submitted = inputs.Submitted
Draft = inputs.Draft
field_name = inputs.field_name
other_name = inputs.other_name
key_name = inputs.key_name
inputs_of = inputs.inputs_of
steps_of = inputs.steps_of

_MADE_UP = text.line("The tool knows no such argument. Left empty, it is taken away.")
_ONE_STEP = Trusted("Your answer")


@dataclass(frozen=True, slots=True)
class Dialog:
    """A window over the card. Submitting sends `token` and the inputs; without `submit` it can only be closed."""

    title: text.Trusted
    token: str
    parts: tuple[card.Part, ...] = ()
    inputs: tuple[Input, ...] = ()
    submit: text.Trusted | None = None
    danger: bool = False
    more: bool = False
    """Whether submitting leads to a further page or step."""
    jumps: tuple[card.Button, ...] = ()
    """Other pages of the same."""
    link: str = ""
    """The same request in the inbox, where it is one page and a file."""
    name: text.Foreign | None = None
    """What the agent calls the form; it stands in quotes in the title."""

    def heading(self, longest: int) -> str:
        """The title with the name of the form, in plain text of *longest* characters."""
        rest = f" · {self.title}" if self.more or self.title != _ONE_STEP else ""
        room = longest - len(rest) - 2
        if self.name is None or not self.name.text.strip() or room < 1:
            return self.title
        return f"“{model.cut(self.name.text, room)}”{rest}"


# A form has a step for each field at most; a token's index holds the step and, above it, which draft it goes on with.
_STEPS = 2 * model.MAX_FIELDS
_DRAFTS = 49_999


DEMANDED = 100
"""Added to the number of an offer whose window was read: what follows is the window for what the policy wants."""


def step_of(index: int) -> int:
    """The step of a form that a token's index names."""
    return index % _STEPS


def draft_of(index: int) -> int:
    """The draft that a token's index goes on with; 0 is a new one."""
    return index // _STEPS


def index_of(step: int, typed: Draft) -> int:
    """The index of a step that goes on with what was typed: another text is another draft, and never mixed with it."""
    content = json.dumps(dict(typed), sort_keys=True, default=list).encode()
    return step + _STEPS * (1 + int.from_bytes(hashlib.sha256(content).digest()[:8]) % (_DRAFTS - 1))


def filled_in(opened: Dialog, typed: Draft) -> Dialog:
    """A window with what somebody typed before."""
    kept = (inputs.fill_in(one, typed[one.name]) if one.name in typed else one for one in opened.inputs)
    return replace(opened, inputs=tuple(kept))


def may_open(ticket: model.Ticket, pressed: tokens.Pressed, limits: WindowLimits) -> bool:
    """Whether this press may open a dialog; most do not, so that nothing of the ticket needs to be looked through."""
    row = buttons.row_of(pressed.action, ticket.request.kind)
    return row.window is not None or limits.asks_again or demanded.opens(ticket, row)


def of_press(
    ticket: model.Ticket,
    pressed: tokens.Pressed,
    maker: tokens.TokenMaker,
    limits: WindowLimits,
    directory: people.Directory = people.NOBODY_KNOWN,
) -> Dialog | None:
    """The dialog that this press opens; None if the press alone is the answer."""
    if not may_open(ticket, pressed, limits):
        return None
    row = buttons.row_of(pressed.action, ticket.request.kind)
    whole, ticket = ticket, masked.of(ticket, maker)
    token = maker.token(ticket, pressed.action, pressed.index)
    window = row.window
    match window:
        case None if row.answer and demanded.opens(ticket, row):
            return demand(ticket, row, row.answer, token)
        case None:
            return _ask_again(ticket, pressed, token) if limits.asks_again else None
        case buttons.Window():
            return _ask_for_words(ticket, pressed, window, token)
        case "pass" | "snooze":
            return None  # the desk makes it: it knows who there is, and what time it is
        case "edit":
            return _edit(ticket, token, limits) if step_of(pressed.index) == 0 else None
        case "offer":
            return _offer(ticket, pressed.index, token)
        case "standing" | "likeness":
            return lasting_for(ticket, row.answer.standing if row.answer else None, pressed.index, token, limits)
        case "review":
            return review(whole, pressed.index, maker, limits, pressed.action, directory)
        case "fill":
            return fill(ticket, step_of(pressed.index), token, limits)
        case "pick":
            return Dialog(Trusted("Choose"), token, _question(ticket), inputs_of(ticket)[:1], Trusted("Answer"))
        case _:
            assert_never(window)


def demand(ticket: model.Ticket, row: buttons.Row, answer: model.Answer, token: str) -> Dialog:
    """A window for what the policy wants with this answer, about a ticket as it is shown."""
    allows = answer.verdict == "allow"
    risky = risks.of(ticket) if allows else None
    parts = (*(risky.parts if risky else ()), *demanded.parts_of(ticket, answer))
    danger = not allows or (risky is not None and risky.level == "high")
    label = Trusted(row.label.rstrip("…")) if row.index is None else Trusted("Allow")
    return Dialog(label, token, parts, demanded.missing(ticket, answer), label, danger=danger)


def _ask_again(ticket: model.Ticket, pressed: tokens.Pressed, token: str) -> Dialog | None:
    row = buttons.row_of(pressed.action, ticket.request.kind)
    # an input is read for risks only if this press could need a second one: a denial does not wait for it
    if not risks.allows_at_once(row):
        return None
    risky = risks.of(ticket)
    confirm = risks.second_press(row, risky)
    if confirm is None:
        return None
    return Dialog(confirm.title, token, risky.parts, submit=confirm.submit, danger=True)


def _ask_for_words(ticket: model.Ticket, pressed: tokens.Pressed, window: buttons.Window, token: str) -> Dialog:
    parts = _question(ticket) if window.question else ()
    if window.note:
        parts = (*parts, card.Note((Trusted(window.note),)))
    label, longest = Trusted(window.label), window.longest
    row = buttons.row_of(pressed.action, ticket.request.kind)
    required = window.required or bool(row.answer and demands.wants_reason(ticket, row.answer.verdict))
    written = Input(window.name, label, required=required, multiline=True, longest=longest)
    return Dialog(Trusted(window.title), token, parts, (written,), Trusted(window.submit), danger=window.danger)


def _offer(ticket: model.Ticket, index: int, token: str) -> Dialog | None:
    if index % DEMANDED >= len(ticket.request.offers):
        return None
    if index >= DEMANDED:
        row = buttons.row_of("offer", ticket.request.kind)
        return demand(ticket, row, model.Answer(verdict="allow"), token)
    return Dialog(
        Trusted("Allow, and more"), token, tuple(draw.offer_parts(ticket.request, index)), submit=Trusted("Allow")
    )


def lasting_for(
    ticket: model.Ticket, standing: model.Standing | None, number: int, token: str, limits: WindowLimits
) -> Dialog:
    """All that an allow would cover for a while; what does not fit into one window cannot be allowed so.

    Of a pattern it is asked first what may differ; *number* says what was chosen.
    """
    free = alike.names(ticket.request, number)
    if standing == "pattern" and not free:
        return _ask_what_differs(ticket, token)
    covered = lasting.parts_of(ticket, standing or "call", free)
    first, *more = cutting.pages([*risks.of(ticket).parts, *covered], limits.content)
    if more:
        note = card.Note((Trusted("This is too large to be shown here in full. Allow it once."),))
        return Dialog(Trusted("Allow for a while"), token, (note,))
    return Dialog(Trusted("Allow for a while"), token, first, submit=Trusted("Allow for a while"))


def _ask_what_differs(ticket: model.Ticket, token: str) -> Dialog:
    title, asked = Trusted("What may differ"), alike.asked(ticket.request)
    if not asked.options:
        return Dialog(title, token, (card.Note((Trusted("Nothing of this may differ. Allow it once."),)),))
    return Dialog(title, token, inputs=(asked,), submit=Trusted("Next"), more=True)


def _edit(ticket: model.Ticket, token: str, limits: WindowLimits) -> Dialog:
    made: list[Input] = []
    fixed: list[card.Part] = [card.Note((Trusted("What you allow here runs instead of what the agent asked for."),))]
    for index, (key, value) in enumerate((ticket.request.input or {}).items()):
        shown = values.text_of(value)
        # Text that a person cannot see as it is must not be edited as if they could: it stays as it was.
        if text.literal(shown, code=True).text == shown and len(shown) <= limits.typed and len(made) < limits.inputs:
            hint = _MADE_UP if fitting.is_made_up(ticket.request, key) else None
            box = Input(
                key_name(index), text.line(key), required=False, multiline=True, value=shown, longest=limits.typed
            )
            made.append(replace(box, hint=hint))
        else:
            fixed += values.parts_of({key: value}, "Stays as it is", "input")
    pages = cutting.pages(fixed, limits.content)
    if made and len(pages) == 1:
        return Dialog(Trusted("Edit and allow"), token, pages[0], tuple(made), Trusted("Allow"))
    return Dialog(
        Trusted("Edit and allow"),
        token,
        (card.Note((Trusted("This is too large to edit here. Deny it with a reason."),)),),
    )


def look_again(
    odd: Mapping[str, tuple[str, ...]], edited: model.JsonObject, token: str, limits: WindowLimits
) -> Dialog | None:
    """An edit as it would run, if a phone may have changed what was typed; None if it is too long to show."""
    parts: list[card.Part] = [
        card.Note((Trusted("A phone or a chat may have changed what you typed. Exactly this will run."),))
    ]
    for key, signs in odd.items():
        parts += [
            card.Warn(Trusted(typography.describe(signs))),
            *values.parts_of({key: edited[key]}, "Will run as it stands", "edited"),
        ]
    pages = cutting.pages(parts, limits.content)
    return Dialog(Trusted("Look again"), token, pages[0], submit=Trusted("Allow as it is")) if len(pages) == 1 else None


def review(
    ticket: model.Ticket,
    page: int,
    maker: tokens.TokenMaker,
    limits: WindowLimits,
    action: buttons.Action = "review",
    directory: people.Directory = people.NOBODY_KNOWN,
) -> Dialog:
    """One page of the whole content; only the last one lets the person decide, and none that is only read."""
    pages = draw.pages_of(ticket, maker, limits.page, directory)
    page = min(page, len(pages) - 1)
    token = maker.token(ticket, action, page)
    title = Trusted(f"Page {page + 1} of {len(pages)}" if len(pages) > 1 else "The whole request")
    jumps = tuple(_jumps(ticket, action, page, len(pages) - 1, maker))
    if page + 1 < len(pages):
        return Dialog(title, token, pages[page], submit=Trusted("Next page"), more=True, jumps=jumps)
    if ticket.decision is not None or action in ("details", "reveal"):
        return Dialog(title, token, pages[page], jumps=jumps)
    submit = Trusted("Allow" if ticket.request.kind == "permission" else "Answer")
    return Dialog(title, token, pages[page], submit=submit, jumps=jumps)


def _jumps(
    ticket: model.Ticket, action: buttons.Action, page: int, last: int, maker: tokens.TokenMaker
) -> Iterable[card.Button]:
    """Ways to the beginning and to the end, if they are not this page or the next one."""
    wanted = {"First page": 0} if page > 0 else {}
    wanted |= {"Last page": last} if page + 1 < last else {}
    for label, number in wanted.items():
        yield card.Button(Trusted(label), maker.token(ticket, action, number), action)


def fill(ticket: model.Ticket, step: int, token: str, limits: WindowLimits) -> Dialog:
    """One step of a question or form, of a ticket as it is shown."""
    steps = steps_of(ticket, limits)
    title = Trusted(f"Step {step + 1} of {len(steps)}") if len(steps) > 1 else _ONE_STEP
    form = ticket.request.title if ticket.request.kind == "form" else None
    more = step + 1 < len(steps)
    submit = Trusted("Next") if more else Trusted("Answer")
    return Dialog(
        title,
        token,
        _question(ticket),
        inputs_of(ticket, limits.answer, only=steps[min(step, len(steps) - 1)]),
        submit,
        more=more,
        name=text.line(form) if form else None,
    )


def _question(ticket: model.Ticket) -> tuple[card.Part, ...]:
    shown: Iterable[card.Part] = (card.Ask(text.literal(ticket.request.title)),) if ticket.request.title else ()
    return tuple(shown)

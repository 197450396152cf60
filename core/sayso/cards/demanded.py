"""What a window asks for because a policy wants it with an answer: a reason, a name to type, time to read. Pure."""

from __future__ import annotations

from sayso import errors, model
from sayso.cards import buttons, card, inputs
from sayso.content import text, wording
from sayso.machine import demands

Trusted = text.Trusted

REASON, TYPED = "reason", "confirm"
"""The names of the inputs, and of the parts of the answer that they fill."""
_WHY = Trusted("Why? It is on record, and the agent reads it.")


def opens(ticket: model.Ticket, row: buttons.Row) -> bool:
    """Whether a press on a button that would answer by itself opens a window for what the policy wants."""
    return (
        row.window is None
        and row.answer is not None
        and bool(missing(ticket, row.answer) or _reads(ticket, row.answer))
    )


def missing(ticket: model.Ticket, answer: model.Answer) -> tuple[inputs.Input, ...]:
    """The inputs for what this answer lacks."""
    made: list[inputs.Input] = []
    types = answer.verdict == "allow" and not answer.break_glass and answer.confirm is None
    named = demands.name_to_type(ticket, answer.input) if types else None
    if named is not None:
        label = Trusted("Type this name to allow it")
        made.append(inputs.Input(TYPED, label, hint=text.line(named), longest=model.MAX_NAME))
    if demands.wants_reason(ticket, answer.verdict) and not (answer.reason or answer.question):
        made.append(inputs.Input(REASON, _WHY, multiline=True, longest=model.MAX_REASON))
    return tuple(made)


def flags(ticket: model.Ticket, row: buttons.Row) -> str:
    """The further options of `sayso answer` for what the policy wants with the answer of this button."""
    lacks = missing(ticket, row.answer) if row.answer and not row.asks_back else ()
    asked = [f" --{one.name} {'NAME' if one.name == TYPED else 'TEXT'}" for one in lacks]
    return "".join(one for one in asked if one.split()[0] not in row.flag)


def parts_of(ticket: model.Ticket, answer: model.Answer) -> tuple[card.Part, ...]:
    """What the window says above its inputs."""
    if not _reads(ticket, answer):
        return ()
    time = wording.within(demands.reading_time(ticket))
    return (card.Note((Trusted(f"Its policy gives it {time} to be read. You can allow it after that."),)),)


def filled(answer: model.Answer, asked: tuple[inputs.Input, ...], draft: inputs.Draft) -> model.Answer | None:
    """The answer with what was written; None if nobody was asked for it yet.

    Raises:
        InvalidAnswer: `field` is the input that was left empty.
    """
    if not any(one.name in draft for one in asked):
        return None
    return answer.model_copy(update={one.name: _read(one, draft) for one in asked})


def _read(asked: inputs.Input, draft: inputs.Draft) -> str:
    written = draft.get(asked.name)
    if not isinstance(written, str) or not written.strip():
        raise errors.InvalidAnswer("please write something", field=asked.name)
    if len(written) > asked.longest:
        raise errors.InvalidAnswer(f"at most {wording.counted(asked.longest, 'character')}, please", field=asked.name)
    return written.strip() if asked.name == TYPED else written


def _reads(ticket: model.Ticket, answer: model.Answer) -> bool:
    return answer.verdict == "allow" and not answer.break_glass and demands.reading_time(ticket) > 0

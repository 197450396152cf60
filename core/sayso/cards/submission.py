"""What a submitted dialog or a press means: the next step, or the answer. Pure; the other way round of `dialog`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from sayso import errors, model
from sayso.cards import alike, buttons, card, demanded, dialog, draw, editing, inputs, masked, tokens
from sayso.content import fields, typography, wording
from sayso.machine import people


def follow(
    ticket: model.Ticket,
    pressed: tokens.Pressed,
    draft: dialog.Draft,
    maker: tokens.TokenMaker,
    limits: dialog.WindowLimits,
    directory: people.Directory = people.NOBODY_KNOWN,
) -> dialog.Dialog | model.Answer:
    """What follows from a submitted dialog or a deciding press: the next step, or the answer.

    Raises:
        InvalidAnswer: `field` is the name of the input that is wrong.
    """
    try:
        found = _meaning(ticket, pressed, draft, maker, limits, directory)
        return found if isinstance(found, dialog.Dialog) else _with_demands(ticket, pressed, found, draft, maker)
    except errors.InvalidRequest as error:
        # half a character, say: nothing that a person can type, but a forged submission can hold it
        raise errors.InvalidAnswer(error.message, field=next(iter(draft), None)) from error


def _with_demands(
    ticket: model.Ticket,
    pressed: tokens.Pressed,
    answer: model.Answer,
    draft: dialog.Draft,
    maker: tokens.TokenMaker,
) -> dialog.Dialog | model.Answer:
    """The answer with what its policy wants along, or the window that asks for it."""
    asked = demanded.missing(ticket, answer)
    whole = demanded.filled(answer, asked, draft) if asked else answer
    if whole is not None:
        return whole
    row = buttons.row_of("allow" if pressed.action == "review" else pressed.action, ticket.request.kind)
    return dialog.demand(masked.of(ticket, maker), row, answer, _next_token(ticket, pressed, draft, maker))


def _next_token(ticket: model.Ticket, pressed: tokens.Pressed, draft: dialog.Draft, maker: tokens.TokenMaker) -> str:
    """The token of the window that follows the one in which an answer was given."""
    match pressed.action:
        case "edit":
            return maker.token(ticket, "edit", dialog.index_of(dialog.step_of(pressed.index) + 1, draft))
        case "offer":
            return maker.token(ticket, "offer", pressed.index % dialog.DEMANDED + dialog.DEMANDED)
        case "review":
            return maker.token(ticket, "allow")
        case _:
            return maker.token(ticket, pressed.action, pressed.index)


def _meaning(
    ticket: model.Ticket,
    pressed: tokens.Pressed,
    draft: dialog.Draft,
    maker: tokens.TokenMaker,
    limits: dialog.WindowLimits,
    directory: people.Directory,
) -> dialog.Dialog | model.Answer:
    row = buttons.row_of(pressed.action, ticket.request.kind)
    match row.window:
        case "edit":
            return _edit(ticket, dialog.step_of(pressed.index), draft, maker, limits)
        case "review":
            return _turn_page(ticket, pressed, maker, limits, directory)
        case "fill":
            return _take_step(ticket, dialog.step_of(pressed.index), draft, maker, limits)
        case "pick":
            return _read_pick(ticket, draft)
        case "likeness" if not pressed.index:
            shown = masked.of(ticket, maker)
            number = alike.read(shown.request, draft)
            return dialog.lasting_for(shown, "pattern", number, maker.token(ticket, "pattern", number), limits)
        case "offer" | "standing" | "likeness" | "pass" | "snooze" | None:
            written: model.JsonObject = {}
        case buttons.Window():
            written = _read_window(ticket, row.window, draft)
        case _:
            assert_never(row.window)
    if row.answer is None:
        raise errors.InvalidToken("this button answers nothing")
    given = row.answer.model_dump(exclude_none=True)
    return model.Answer(**{**given, **_read_number(ticket, row, pressed.index), **written})


def _read_window(ticket: model.Ticket, window: buttons.Window, draft: dialog.Draft) -> model.JsonObject:
    """What somebody wrote in a window, as the part of the answer that it fills."""
    if not window.required and not str(draft.get(window.name) or "").strip():
        return {}
    written = read_text(draft, window.name, window.longest)
    return free_choice(ticket, written) if window.fills == "choice" else {window.fills: written}


def _read_number(ticket: model.Ticket, row: buttons.Row, index: int) -> model.JsonObject:
    """What the number in a token stands for, as a part of the answer."""
    match row.index:
        case "option":
            return {"choice": _label_of(ticket, index)}
        case "offer":
            return {"grant": _grant_of(ticket, index)}
        case "parts":
            return {"free": alike.names(ticket.request, index)}
        case None:
            return {}
        case _:
            assert_never(row.index)


def values_of(ticket: model.Ticket, draft: dialog.Draft) -> model.JsonObject:
    """The inputs as values by field name; a choice's indexes become its labels.

    Raises:
        InvalidAnswer: an option that is not there, or a value that its field refuses.
    """
    return _values(fields.of_request(ticket.request), range(model.MAX_FIELDS), draft)


def _values(asked: Sequence[model.Field], only: Iterable[int], draft: dialog.Draft) -> model.JsonObject:
    values: model.JsonObject = {}
    complaints: dict[str, str] = {}
    for index in (index for index in only if index < len(asked)):
        name = dialog.field_name(index)
        try:
            raw = _raw_value(asked[index], draft.get(name), draft.get(dialog.other_name(name)), name)
            values |= fields.check([asked[index]], {} if raw is None else {asked[index].name: raw})
        except errors.InvalidAnswer as error:
            complaints[name] = error.message
    if complaints:
        first = next(iter(complaints))
        raise errors.InvalidAnswer("; ".join(complaints.values()), field=first, complaints=complaints)
    return values


def _edit(
    ticket: model.Ticket, step: int, draft: dialog.Draft, maker: tokens.TokenMaker, limits: dialog.WindowLimits
) -> dialog.Dialog | model.Answer:
    edited, before = editing.apply(ticket, draft, masked.secrets_of(ticket, maker)), ticket.request.input or {}
    odd = {key: signs for key, value in edited.items() if (signs := typography.find_new(before.get(key), value))}
    if step > 0 or not odd:
        return model.Answer(verdict="allow", input=edited)
    shown = dialog.look_again(
        odd, maker.masks.value(edited), maker.token(ticket, "edit", dialog.index_of(1, draft)), limits
    )
    if shown is None:
        key, signs = next(iter(odd.items()))
        said = (
            f"this holds {typography.describe(signs)}, and is too long to be shown again; please write the plain signs"
        )
        raise errors.InvalidAnswer(said, field=dialog.key_name(list(before).index(key)))
    return shown


def _turn_page(
    ticket: model.Ticket,
    pressed: tokens.Pressed,
    maker: tokens.TokenMaker,
    limits: dialog.WindowLimits,
    directory: people.Directory,
) -> dialog.Dialog | model.Answer:
    last = len(draw.pages_of(ticket, maker, limits.page, directory)) - 1
    if pressed.index < last or pressed.action == "details":
        return dialog.review(ticket, pressed.index + 1, maker, limits, pressed.action, directory)
    if ticket.request.kind == "permission":
        return model.Answer(verdict="allow")
    return dialog.fill(masked.of(ticket, maker), 0, maker.token(ticket, "fill"), limits)


def _take_step(
    ticket: model.Ticket, step: int, draft: dialog.Draft, maker: tokens.TokenMaker, limits: dialog.WindowLimits
) -> dialog.Dialog | model.Answer:
    steps = dialog.steps_of(ticket, limits)
    if step + 1 < len(steps):
        # what is wrong is said while its input is still on the screen
        _values(fields.of_request(ticket.request), steps[step], draft)
        token = maker.token(ticket, "fill", dialog.index_of(step + 1, draft))
        return dialog.fill(masked.of(ticket, maker), step + 1, token, limits)
    values = values_of(ticket, draft)
    if ticket.request.kind == "form":
        return model.Answer(values=values)
    value: Any = values[fields.ANSWER]
    if ticket.request.kind == "question":
        return model.Answer(text=value)
    return model.Answer(choices=value) if ticket.request.multiple else model.Answer(choice=value)


def _read_pick(ticket: model.Ticket, draft: dialog.Draft) -> model.Answer:
    name = card.PICKED
    labels = tuple(_label_of(ticket, index) for index in inputs.read_indexes(draft.get(name), name))
    if not labels:
        raise errors.InvalidAnswer("choose at least one option", field=name)
    _refuse_several(labels, ticket.request.multiple, name)
    return model.Answer(choices=labels) if ticket.request.multiple else model.Answer(choice=labels[0])


def free_choice(ticket: model.Ticket, typed: str) -> model.JsonObject:
    """The part of an answer that chooses words of one's own, or an option by its label."""
    return {"choices": (typed,)} if ticket.request.multiple else {"choice": typed}


def _label_of(ticket: model.Ticket, index: int) -> str:
    if index >= len(ticket.request.options):
        raise errors.InvalidAnswer("there is no such option", field="choice")
    return ticket.request.options[index].label


def _grant_of(ticket: model.Ticket, index: int) -> str:
    index %= dialog.DEMANDED
    if index >= len(ticket.request.offers):
        raise errors.InvalidAnswer("there is no such offer", field="grant")
    return ticket.request.offers[index].name


def _raw_value(field: model.Field, value: dialog.Submitted, other: dialog.Submitted, name: str) -> Any:
    if field.kind != "choice":
        return value
    indexes = inputs.read_indexes(value, name)
    if any(index >= len(field.options) for index in indexes):
        raise errors.InvalidAnswer("there is no such option", field=name)
    labels = [field.options[index].label for index in indexes]
    if isinstance(other, str) and other.strip():
        labels = [*labels, other] if field.multiple else [other]
    _refuse_several(labels, field.multiple, name)
    return (labels or None) if field.multiple else (labels[0] if labels else None)


def _refuse_several(labels: Sequence[str], multiple: bool, name: str) -> None:
    # a list that a surface splits over several menus lets people choose in each of them
    if len(labels) > 1 and not multiple:
        raise errors.InvalidAnswer("only one option may be chosen", field=name)


def read_text(draft: dialog.Draft, name: str, longest: int) -> str:
    """What was typed into an input that needs something.

    Raises:
        InvalidAnswer: it is empty or too long.
    """
    typed = draft.get(name)
    if not isinstance(typed, str) or not typed.strip():
        raise errors.InvalidAnswer("please write something", field=name)
    if len(typed) > longest:
        raise errors.InvalidAnswer(f"at most {wording.counted(longest, 'character')}, please", field=name)
    return typed

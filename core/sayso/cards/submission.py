"""What a submitted dialog or a press means: the next step, or the answer. Pure; the other way round of `dialog`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import pydantic
import regex

from sayso import errors, model
from sayso.cards import card, dialog, draw, tokens
from sayso.content import digest, entries, fields, lookalikes, requests, text, typed_json, typography
from sayso.machine import fitting

_EMOJI = regex.compile(
    r"(?V1):[a-z0-9_+-]{2,50}:|[\p{Extended_Pictographic}--[0-9#*©®™]]|[\p{Emoji_Modifier}\uFE0F\u200D]"
)


def after(
    ticket: model.Ticket,
    pressed: tokens.Pressed,
    draft: dialog.Draft,
    maker: tokens.TokenMaker,
    limits: dialog.WindowLimits,
) -> dialog.Dialog | model.Answer:
    """What follows from a submitted dialog or a deciding press: the next step, or the answer.

    Raises:
        InvalidAnswer: `field` is the name of the input that is wrong.
    """
    try:
        return _meaning(ticket, pressed, draft, maker, limits)
    except pydantic.ValidationError as error:
        # half a character, say: nothing that a person can type, but a forged submission can hold it
        raise errors.InvalidAnswer(requests.invalid(error).message, field=next(iter(draft), None)) from error


def _meaning(
    ticket: model.Ticket,
    pressed: tokens.Pressed,
    draft: dialog.Draft,
    maker: tokens.TokenMaker,
    limits: dialog.WindowLimits,
) -> dialog.Dialog | model.Answer:
    match pressed.action:
        case "allow":
            return model.Answer(verdict="allow")
        case "session" | "always":
            return model.Answer(verdict="allow", grant=pressed.action)
        case "offer":
            return model.Answer(verdict="allow", grant=_offered(ticket, pressed.index))
        case "deny":
            return model.Answer(verdict="deny")
        case "stop":
            said = str(draft.get("reason") or "").strip()
            return model.Answer(verdict="stop", reason=_typed(draft, "reason", model.MAX_REASON) if said else None)
        case "respond":
            return model.Answer(verdict="respond", text=_typed(draft, "text", model.MAX_TEXT))
        case "reason":
            return model.Answer(verdict="deny", reason=_typed(draft, "reason", model.MAX_REASON))
        case "edit":
            return _edit(ticket, dialog.step_of(pressed.index), draft, maker, limits)
        case "option":
            return model.Answer(choice=_label(ticket, pressed.index))
        case "pick":
            return _picked(ticket, draft)
        case "other":
            return _free(ticket, _typed(draft, "other", model.MAX_TEXT))
        case "undo":
            raise errors.InvalidToken("this button answers nothing")
        case "review":
            return _reviewed(ticket, pressed.index, draft, maker, limits)
        case "fill":
            return _filled(ticket, dialog.step_of(pressed.index), draft, maker, limits)


def spoken(ticket: model.Ticket, said: str) -> model.Answer:
    """What a person's plain words mean as the answer to a question or a choice.

    Raises:
        InvalidAnswer: they are no answer to it; a permission and a form are not answered with words.
    """
    request = ticket.request
    if not text.is_whole(said):
        raise errors.InvalidAnswer("this holds half a character", field="text")
    if request.kind == "question":
        return model.Answer(text=_typed({"text": said}, "text", model.MAX_TEXT))
    if request.kind != "choice":
        raise errors.InvalidAnswer("this cannot be answered with words", hint="Please use the buttons on its card.")
    words = said.strip()
    label = named([option.label for option in request.options], words)
    if label is None and not request.other:
        raise errors.InvalidAnswer("this is none of the options", hint="Write an option or its number.")
    return _free(ticket, _typed({"other": label or words}, "other", model.MAX_TEXT))


def named(labels: Sequence[str], words: str) -> str | None:
    """The one option that somebody wrote: as it is, in another spelling, without emoji, or as its number."""
    for form in (str, _folded, _bare):
        found = [label for label in labels if form(label) == form(words) != ""]
        if len(found) == 1:
            return found[0]
    is_number = words.isascii() and words.isdigit() and 0 < int(words[:6]) <= len(labels)
    return labels[int(words) - 1] if is_number and len(words) < 7 else None


def _folded(written: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", written).casefold().split())


def _bare(written: str) -> str:
    """Without emoji, their names, the sign before a person's name, and the quotes and dashes that a phone puts in."""
    return _folded(lookalikes.likeness(_EMOJI.sub(" ", written))).removeprefix("@")


def repeated(ticket: model.Ticket, account: str, said: str) -> bool:
    """Whether these words of this account are among the answers already: platforms deliver a message again at times."""
    meant = spoken(ticket, said)
    wanted = meant.text or meant.choice or list(meant.choices or ())
    answers = (*ticket.answers, *([ticket.taken.given] if ticket.taken else []))
    given = (one.answer.values or {} for one in answers if one.via == account)
    return any(wanted in values.values() for values in given)


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
            raw = _raw(asked[index], draft.get(name), draft.get(dialog.other_name(name)), name)
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
    edited, before = _edited(ticket, draft), ticket.request.input or {}
    odd = {key: signs for key, value in edited.items() if (signs := typography.put_in(before.get(key), value))}
    if step > 0 or not odd:
        return model.Answer(verdict="allow", input=edited)
    shown = dialog.look_again(odd, edited, maker.token(ticket, "edit", dialog.index_of(1, draft)), limits)
    if shown is None:
        key, signs = next(iter(odd.items()))
        said = f"this holds {typography.told(signs)}, and is too long to be shown again; please write the plain signs"
        raise errors.InvalidAnswer(said, field=dialog.key_name(list(before).index(key)))
    return shown


def _edited(ticket: model.Ticket, draft: dialog.Draft) -> model.JsonObject:
    edited = dict(ticket.request.input or {})
    complaints: dict[str, str] = {}
    for index, key in enumerate(list(edited)):
        name = dialog.key_name(index)
        if name not in draft:
            continue
        typed = draft[name] or ""
        if not str(typed).strip() and fitting.is_made_up(ticket.request, key):
            del edited[key]
            continue
        if isinstance(edited[key], str):
            edited[key] = typed
            continue
        try:
            edited[key] = typed_json.read(str(typed))
        except entries.Unfit as error:
            complaints[name] = str(error)
    if complaints:
        first = next(iter(complaints))
        raise errors.InvalidAnswer("; ".join(complaints.values()), field=first, complaints=complaints)
    _check_edit(ticket, edited)
    return edited


def _check_edit(ticket: model.Ticket, edited: model.JsonObject) -> None:
    """Say what is wrong beside its input, while the window is open; the answer itself is checked again."""
    if ticket.request.input_schema is None or digest.same(edited, ticket.request.input or {}):
        return
    # its library takes a while to load, and few requests need it
    from sayso.content import edits

    try:
        edits.check(ticket.request.input_schema, edited)
    except errors.InvalidAnswer as error:
        names = {key: dialog.key_name(index) for index, key in enumerate(ticket.request.input or {})}
        placed = {names.get(key, ""): said for key, said in error.complaints.items()}
        first = next(iter(placed), None)
        raise errors.InvalidAnswer(error.message, field=first or "input", complaints=placed) from error


def _reviewed(
    ticket: model.Ticket, page: int, draft: dialog.Draft, maker: tokens.TokenMaker, limits: dialog.WindowLimits
) -> dialog.Dialog | model.Answer:
    last = len(draw.pages_of(ticket, maker, limits.content)) - 1
    if page < last:
        return dialog.review(ticket, page + 1, maker, limits)
    if ticket.request.kind == "permission":
        return model.Answer(verdict="allow")
    return dialog.fill(ticket, 0, maker.token(ticket, "fill"), limits)


def _filled(
    ticket: model.Ticket, step: int, draft: dialog.Draft, maker: tokens.TokenMaker, limits: dialog.WindowLimits
) -> dialog.Dialog | model.Answer:
    steps = dialog.steps_of(ticket, limits)
    if step + 1 < len(steps):
        # what is wrong is said while its input is still on the screen
        asked, shown = fields.of_request(ticket.request), {given.name for given in steps[step]}
        here = [index for index in range(len(asked)) if dialog.field_name(index) in shown]
        _values(asked, here, draft)
        token = maker.token(ticket, "fill", dialog.index_of(step + 1, draft))
        return dialog.fill(ticket, step + 1, token, limits)
    values = values_of(ticket, draft)
    if ticket.request.kind == "form":
        return model.Answer(values=values)
    value: Any = values[fields.ANSWER]
    if ticket.request.kind == "question":
        return model.Answer(text=value)
    return model.Answer(choices=value) if ticket.request.multiple else model.Answer(choice=value)


def _picked(ticket: model.Ticket, draft: dialog.Draft) -> model.Answer:
    name = card.PICKED
    labels = tuple(_label(ticket, index) for index in _indexes(draft.get(name), name))
    if not labels:
        raise errors.InvalidAnswer("choose at least one option", field=name)
    _only_one(labels, ticket.request.multiple, name)
    return model.Answer(choices=labels) if ticket.request.multiple else model.Answer(choice=labels[0])


def _free(ticket: model.Ticket, typed: str) -> model.Answer:
    return model.Answer(choices=(typed,)) if ticket.request.multiple else model.Answer(choice=typed)


def _label(ticket: model.Ticket, index: int) -> str:
    if index >= len(ticket.request.options):
        raise errors.InvalidAnswer("there is no such option", field="choice")
    return ticket.request.options[index].label


def _offered(ticket: model.Ticket, index: int) -> str:
    if index >= len(ticket.request.offers):
        raise errors.InvalidAnswer("there is no such offer", field="grant")
    return ticket.request.offers[index].name


def _raw(field: model.Field, value: dialog.Submitted, other: dialog.Submitted, name: str) -> Any:
    if field.kind != "choice":
        return value
    indexes = _indexes(value, name)
    if any(index >= len(field.options) for index in indexes):
        raise errors.InvalidAnswer("there is no such option", field=name)
    labels = [field.options[index].label for index in indexes]
    if isinstance(other, str) and other.strip():
        labels = [*labels, other] if field.multiple else [other]
    _only_one(labels, field.multiple, name)
    return (labels or None) if field.multiple else (labels[0] if labels else None)


def _only_one(labels: Sequence[str], multiple: bool, name: str) -> None:
    # a list that a surface splits over several menus lets people choose in each of them
    if len(labels) > 1 and not multiple:
        raise errors.InvalidAnswer("only one option may be chosen", field=name)


def _indexes(value: dialog.Submitted, name: str) -> list[int]:
    if value is None or value == "":
        return []
    if isinstance(value, str | bool) or any(index < 0 for index in value):
        raise errors.InvalidAnswer("choose among the options", field=name)
    return list(value)


def _typed(draft: dialog.Draft, name: str, longest: int) -> str:
    typed = draft.get(name)
    if not isinstance(typed, str) or not typed.strip():
        raise errors.InvalidAnswer("please write something", field=name)
    if len(typed) > longest:
        raise errors.InvalidAnswer(f"at most {longest} characters, please", field=name)
    return typed

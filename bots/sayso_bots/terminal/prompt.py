"""Answers at this terminal: shows the card and asks; somebody elsewhere may be first."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import click

from sayso import errors, model
from sayso.cards import demanded, dialog, lasting, masked, plain_words, risks, tokens
from sayso.content import field_kinds, fields, text
from sayso_bots.terminal import access, output, render, rows

_YES = frozenset({"y", "yes"})
_NO = frozenset({"n", "no", "deny"})
_YESLIKE = _YES | {
    "a",
    "allow",
    "allowed",
    "ok",
    "okay",
    "sure",
    "yep",
    "yeah",
    "approve",
    "approved",
    "fine",
    "do",
    "go",
}


async def answer(desk: access.CommandDesk, ticket: model.Ticket) -> model.Ticket:
    """Show the request and take an answer from the keyboard.

    Raises:
        InvalidRequest: there is no keyboard.
        AlreadyDecided: it is closed.
    """
    if ticket.decision is not None:
        raise errors.AlreadyDecided(ticket)
    if not sys.stdin.isatty():
        raise errors.InvalidRequest("say what to answer", hint="see: sayso answer --help")
    seen = access.shown(desk, ticket)
    output.print_card(seen, access.directory_of(desk))
    while True:
        try:
            said = await _ask(ticket, seen)
            await confirm(ticket, said)
            return await desk.answer(ticket.id, said)
        except errors.InvalidAnswer as error:
            output.say(error.message, err=True)


async def show_covered(ticket: model.Ticket, said: model.Answer, *, sure: bool) -> None:
    """Show all that an allow covers for a while before it counts; at a keyboard it is asked about, unless *sure*.

    Raises:
        InvalidAnswer: it was not said again, or names what may not differ.
    """
    if said.standing is None or ticket.policy.grants is None or ticket.decision is not None:
        return
    parts = lasting.parts_of(masked.of(ticket, tokens.TokenMaker(b"for showing only")), said.standing, said.free or ())
    shown = dialog.Dialog(text.Trusted("Allow for a while"), "", tuple(parts))
    click.echo(render.render_dialog(shown, rows.columns()), err=True)
    if sure or not sys.stdin.isatty():
        return
    if (await read_line("Type yes to allow all of this: ")).strip().lower() != "yes":
        raise errors.InvalidAnswer("not allowed: only yes allows it")


async def confirm(ticket: model.Ticket, said: model.Answer) -> None:
    """Ask once more before something of high risk is allowed; a script says so beforehand.

    Raises:
        InvalidAnswer: it was not said again, or there is no keyboard to ask at.
    """
    asked = risks.before_allow(ticket.request, said) if ticket.decision is None else None
    if asked is None:
        return
    if not sys.stdin.isatty():
        raise errors.InvalidAnswer(f"{asked.title.lower()}: {asked.question}", hint="add --yes to allow it")
    typed = await read_line(f"{asked.title}. {asked.question} Type yes: ")
    if typed.strip().lower() != "yes":
        raise errors.InvalidAnswer("not allowed: only yes allows it")


async def decide(desk: access.CommandDesk, ticket: model.Ticket) -> model.Decision:
    """The decision of the first who answers: somebody elsewhere, or the person at this keyboard."""
    answering = asyncio.create_task(answer(desk, ticket))
    deciding = asyncio.create_task(desk.wait(ticket.id))
    await asyncio.wait({answering, deciding}, return_when=asyncio.FIRST_COMPLETED)
    if answering.done() and not deciding.done() and (error := answering.exception()):
        # not theirs to decide; somebody else still may
        output.say(str(error) or "not answered here", err=True)
    decided = await deciding
    answering.cancel()
    return decided


async def _ask(ticket: model.Ticket, seen: model.Ticket) -> model.Answer:
    request = ticket.request
    if request.kind == "permission":
        return await _ask_demanded(ticket, await _ask_verdict())
    asked = zip(fields.of_request(request), fields.of_request(seen.request), strict=True)
    values = {one.name: value for one, shown in asked if (value := await _ask_value(one, shown)) not in (None, "", [])}
    value = values.get(fields.ANSWER)
    if request.kind == "form":
        return model.Answer(values=values)
    if request.kind == "question":
        return model.Answer(text=value or None)
    return model.Answer(choices=tuple(value or ())) if request.multiple else model.Answer(choice=value)


async def _ask_demanded(ticket: model.Ticket, said: model.Answer) -> model.Answer:
    """The answer with what its policy wants along."""
    given: dict[str, str] = {}
    for asked in demanded.missing(ticket, said):
        if asked.hint is not None:
            output.say(f"{asked.label_text}: {asked.hint.text}")
        given[asked.name] = (await read_line(render.question(asked.label, ": ", rows.columns()))).strip()
    if not all(given.values()):
        raise errors.InvalidAnswer("please write something")
    return said.model_copy(update=given)


async def _ask_verdict() -> model.Answer:
    while True:
        said = (await read_line("Allow? [y]es, [n]o, or no and why: ")).strip()
        if said.lower() in _YES:
            return model.Answer(verdict="allow")
        if said.lower() in _NO:
            return model.Answer(verdict="deny")
        if why := _reason_in(said):
            return model.Answer(verdict="deny", reason=why)
        if said:
            # a denial is final, and one odd key does not make one
            click.echo("Please write yes or no, or no and why.", err=True)


def _reason_in(said: str) -> str | None:
    """Why somebody says no: what follows on a no, or words of their own that do not begin with a yes."""
    first, _, rest = said.partition(" ")
    word = first.lower().rstrip(",.:;!-")
    if word in _NO and rest.strip():
        return rest.strip()
    return said if rest.strip() and word not in _YESLIKE else None


async def _ask_value(field: model.Field, shown: model.Field) -> Any:
    hint = f" ({written})" if (written := field_kinds.TRAITS[field.kind].hint) else ""
    if field.kind == "choice":
        hint = " (number" + (" or numbers" if field.multiple else "") + (", or text" if field.other else "") + ")"
        for row in render.options((text.line(option.label) for option in shown.options), rows.columns()):
            click.echo(row, err=True)
    if field.multiple and field.kind != "choice":
        return await _read_lines(_question(shown, " (one a line, an empty line at the end)"))
    typed = (await read_line(_question(shown, hint))).strip()
    if field.kind != "choice" or not typed:
        return typed
    if not field.multiple:
        return _label_of(field, typed)
    # a label may hold a comma, so only numbers are told apart by one
    parts = [typed] if any(typed == option.label for option in field.options) else typed.split(",")
    return [_label_of(field, part) for part in parts]


def _label_of(field: model.Field, typed: str) -> str:
    """The option with this number or, in whatever spelling, this label; anything else is taken as it was typed."""
    named = plain_words.find_option([option.label for option in field.options], typed.strip())
    return typed.strip() if named is None else named


def _question(field: model.Field, hint: str) -> str:
    return render.question(text.line(field.label), f"{hint}: ", rows.columns())


async def _read_lines(prompt: str) -> list[str]:
    """Lines from the keyboard, up to an empty one."""
    typed: list[str] = []
    while line := (await read_line(prompt if not typed else "  and: ")).strip():
        typed.append(line)
    return typed


async def read_line(prompt: str) -> str:
    """One line from the keyboard, without blocking an answer from elsewhere."""
    click.echo(prompt, nl=False, err=True)
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    # a terminal hands over whole lines, so one read is one line
    typed = os.read(sys.stdin.fileno(), 65_536)
    if not typed:
        raise click.Abort
    return typed.decode(errors="replace").rstrip("\n")

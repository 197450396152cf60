"""Answers at this very terminal: shows the card, asks, and lets whoever answers elsewhere be first."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import click

from sayso import errors, fields, model
from sayso_bots import door, output


async def answer(desk: door.Door, ticket: model.Ticket) -> model.Ticket:
    """Show the request and take an answer from the keyboard.

    Raises:
        InvalidRequest: there is no keyboard.
        AlreadyDecided: it is closed.
    """
    if ticket.decision is not None:
        raise errors.AlreadyDecided(ticket)
    if not sys.stdin.isatty():
        raise errors.InvalidRequest("say what to answer", hint="see: sayso answer --help")
    output.card(ticket)
    while True:
        try:
            return await desk.answer(ticket.id, await _asked(ticket.request))
        except errors.InvalidAnswer as error:
            click.echo(error.message, err=True)


async def decide(desk: door.Door, ticket: model.Ticket) -> model.Decision:
    """The decision, by whoever is first: somebody elsewhere, or the person at this keyboard."""
    answering = asyncio.create_task(answer(desk, ticket))
    deciding = asyncio.create_task(desk.wait(ticket.id))
    await asyncio.wait({answering, deciding}, return_when=asyncio.FIRST_COMPLETED)
    if answering.done() and not deciding.done() and (error := answering.exception()):
        # not theirs to decide; somebody else still may
        click.echo(str(error) or "not answered here", err=True)
    decided = await deciding
    answering.cancel()
    return decided


async def _asked(request: model.Request) -> model.Answer:
    if request.kind == "permission":
        return await _verdict()
    asked = fields.of_request(request)
    values = {field.name: value for field in asked if (value := await _value(field)) not in (None, "", [])}
    value = values.get(fields.ANSWER)
    if request.kind == "form":
        return model.Answer(values=values)
    if request.kind == "question":
        return model.Answer(text=value or None)
    return model.Answer(choices=tuple(value or ())) if request.multiple else model.Answer(choice=value)


async def _verdict() -> model.Answer:
    while True:
        said = (await _line("Allow? [y]es, [n]o, or no and why: ")).strip()
        if said.lower() in ("y", "yes"):
            return model.Answer(verdict="allow")
        if said:
            why = None if said.lower() in ("n", "no") else said
            return model.Answer(verdict="deny", reason=why)


async def _value(field: model.Field) -> Any:
    hint = {"boolean": " (yes or no)", "date": " (YYYY-MM-DD)"}.get(field.kind, "")
    if field.kind == "choice":
        hint = " (number" + (" or numbers" if field.multiple else "") + (", or text" if field.other else "") + ")"
        for number, option in enumerate(field.options, 1):
            click.echo(f"  {number}. {json.dumps(output.safe(option.label), ensure_ascii=False)}")
    typed = (await _line(f"{json.dumps(output.safe(field.label), ensure_ascii=False)}{hint}: ")).strip()
    if field.kind != "choice" or not typed:
        return typed
    picked = [_label(field, part) for part in (typed.split(",") if field.multiple else [typed])]
    return picked if field.multiple else picked[0]


def _label(field: model.Field, typed: str) -> str:
    """The option with this number; anything else is taken as it was typed."""
    number = typed.strip()
    if number.isascii() and number.isdigit() and 1 <= int(number) <= len(field.options):
        return field.options[int(number) - 1].label
    return number


async def _line(prompt: str) -> str:
    """One line from the keyboard, without blocking whoever answers elsewhere."""
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

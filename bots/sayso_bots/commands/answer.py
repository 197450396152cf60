"""`sayso answer`: one person's answer, from the terminal or, with an approver's key, through the service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import click

from sayso import errors, model
from sayso.cards import phrases
from sayso.content import entries, fields, typed_json
from sayso_bots.settings import environment
from sayso_bots.terminal import access, options, output, prompt

_ATTENDING = {"pass_to", "claim", "snooze"}
# What is only ever said with an allow, as the help of each says.
_WITH_ALLOW = {"input", "confirm", "break_glass", "grant", "standing"}
# By which option each kind is answered.
_OPTIONS: Mapping[model.Kind, tuple[str, str]] = {
    "question": ("text", "--text TEXT"),
    "choice": ("choices", "--choice LABEL"),
    "form": ("values", "--value NAME=VALUE"),
}


@click.command(
    "answer",
    epilog="\b\nExample:\n  sayso answer deploy-42 --deny --reason 'not on a Friday'\n"
    "  sayso answer refund-7 --value amount=10 --value currency=EUR",
)
@click.argument("id")
@click.option("--allow", "verdict", flag_value="allow", help="Allow a permission.")
@click.option("--deny", "verdict", flag_value="deny", help="Deny it.")
@click.option("--stop", "verdict", flag_value="stop", help="Deny it, and end the agent's run, if that is offered.")
@click.option("--respond", metavar="TEXT", help="Answer in place of the tool, if that is offered.")
@click.option("--reason", help="Why; the agent reads it.")
@click.option("--ask-back", metavar="TEXT", help="Deny with a question; the agent's next request answers it.")
@click.option("--input", metavar="JSON", help="Allow, but with this input.")
@click.option("--confirm", metavar="NAME", help="Allow where its policy wants a name to be typed: this one.")
@click.option("--break-glass", is_flag=True, default=None, help="Allow it alone in an emergency, with a --reason.")
@click.option("--grant", metavar="NAME", help="Allow more than this once: session, always, or an offer's number.")
@click.option(
    "--standing",
    type=click.Choice(get_args(model.Standing)),
    help="Allow it for a while, if its policy has grants: the same call, this tool in this session, what is like it.",
)
@click.option(
    "--free", multiple=True, metavar="PART", help="Allow what is like it: a part that may differ. Repeatable."
)
@click.option("--text", help="Answer a question.")
@click.option("--choice", "choices", multiple=True, metavar="LABEL", help="Choose; repeatable where several may be.")
@click.option("--value", "values", multiple=True, metavar="NAME=VALUE", help="Fill a field of a form. Repeatable.")
@click.option("--pass-to", metavar="NAME", help="Ask this person, who may answer it as well, in place of answering.")
@click.option("--claim", is_flag=True, default=None, help="Take it on, in place of answering: others see that.")
@click.option(
    "--snooze", metavar="TIME", callback=options.time, help="Put it off for yourself, in place of answering: 15m, 2h."
)
@click.option("--yes", is_flag=True, help="Allow something of high risk without being asked again.")
@click.option("--json", "as_json", is_flag=True, help="Print the request as JSON.")
def command(id: str, as_json: bool, yes: bool, **given: Any) -> None:
    """Answer a request. Without any option, ask at the terminal."""
    said = {name: value for name, value in given.items() if value not in (None, ())}
    asyncio.run(_answer(id, as_json, yes, said))


async def _answer(id: str, as_json: bool, yes: bool, given: dict[str, Any]) -> None:
    async with access.connect(environment.read()) as desk:
        ticket = await access.find(desk, id)
        try:
            if _ATTENDING & given.keys():
                ticket = await _attend(desk, ticket, given)
            elif given:
                said = read_options(ticket.request, given)
                await prompt.show_covered(ticket, said, sure=yes)
                if not yes:
                    await prompt.confirm(ticket, said)
                ticket = await desk.answer(ticket.id, said)
            else:
                ticket = await prompt.answer(desk, ticket)
        except errors.AlreadyDecided as error:
            # whoever is late is told who was first
            raise click.ClickException(phrases.too_late(error.ticket)) from error
    output.print_state(ticket, as_json=as_json)


async def _attend(desk: access.CommandDesk, ticket: model.Ticket, given: dict[str, Any]) -> model.Ticket:
    """What answers nothing: one of these, and alone."""
    if len(given) > 1:
        name = next(name for name in given if name in _ATTENDING)
        flag = f"--{name.replace('_', '-')}"
        raise errors.InvalidAnswer(f"{flag} answers nothing: leave the other options out", field=name)
    if "claim" in given:
        return await desk.claim(ticket.id)
    if "snooze" in given:
        return await desk.snooze(ticket.id, given["snooze"])
    return await desk.pass_on(ticket.id, given["pass_to"])


def read_options(request: model.Request, given: dict[str, Any]) -> model.Answer:
    """The answer that the options say. Raises `InvalidAnswer`."""
    choices: Sequence[str] = given.pop("choices", ())
    values: Sequence[str] = given.pop("values", ())
    given.pop("yes", None)
    if "respond" in given:
        given |= {"verdict": "respond", "text": given.pop("respond")}
    if "ask_back" in given:
        given = {"verdict": "deny", **given, "question": given["ask_back"]}
        del given["ask_back"]
    if "free" in given:
        given = {"standing": "pattern", **given}
    if _WITH_ALLOW & given.keys():
        given = {"verdict": "allow", **given}
    if request.kind == "permission" and "verdict" not in given:
        raise errors.InvalidAnswer("allow it, or deny it?", hint="add --allow or --deny")
    _check_kind(
        request, {*given, *(["choices"] if choices else []), *(["values"] if values else [])}, given.get("verdict")
    )
    if "grant" in given:
        given["grant"] = _grant(request, given["grant"])
    if "input" in given:
        given["input"] = _input(given["input"])
    if choices:
        given |= {"choices": choices} if request.multiple else {"choice": _single(choices)}
    if values:
        given["values"] = _values(request, values)
    try:
        return model.Answer(**given)
    except errors.InvalidRequest as error:
        raise errors.InvalidAnswer(error.message, field=error.field) from error


def _check_kind(request: model.Request, given: set[str], verdict: model.Verdict | None) -> None:
    """Refuse options of another kind of request, by the one that its own takes."""
    if request.kind == "permission" or verdict in request.verdicts:
        return
    name, option = _OPTIONS[request.kind]
    if given != {name}:
        raise errors.InvalidAnswer(f"a {request.kind} is answered with {option}", hint="and nothing else")


def _grant(request: model.Request, named: str) -> str:
    """The name of a grant; an offer goes by its number on the card."""
    number = int(named) if named.isascii() and named.isdigit() else 0
    return request.offers[number - 1].name if 1 <= number <= len(request.offers) else named


def _input(raw: str) -> Any:
    try:
        return typed_json.read(raw)
    except entries.Unfit as error:
        raise errors.InvalidAnswer(f"--input: {error}", field="input") from error


def _single(choices: Sequence[str]) -> str:
    if len(choices) > 1:
        raise errors.InvalidAnswer("only one may be chosen", field="choice")
    return choices[0]


def _values(request: model.Request, given: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE pairs by field; a field of several choices gathers its own."""
    several = {field.name for field in fields.of_request(request) if field.multiple}
    values: dict[str, Any] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise errors.InvalidAnswer(f"{pair!r} is not NAME=VALUE", field="values")
        if name in several:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise errors.InvalidAnswer(f"{name} is given twice", field=name)
        else:
            values[name] = value
    return values

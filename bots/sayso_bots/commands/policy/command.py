"""`sayso policy`: lint, test, init-tests, replay, explain, suggest, and versions of the settings."""

from __future__ import annotations

import asyncio
import collections
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

import sayso
from sayso import clock, model
from sayso.content import masks, wording
from sayso.desk.upkeep import denied, looking_back
from sayso.rules import Book, lint, rulings, suggesting, written
from sayso.rules.replaying import Replayed, replay
from sayso_bots.commands.policy import cases, history, listing, versions
from sayso_bots.service import database
from sayso_bots.settings import durations, environment, rule_tables, toml
from sayso_bots.terminal import access, output

# Names of changed requests that are printed; --json has all.
_MOST_NAMED = 50
# A suggestion is a rule that ends, so that somebody looks at it again.
_GOOD_FOR = timedelta(days=90)


@click.group("policy", epilog="\b\nExample:\n  sayso policy replay --since 7d")
def command() -> None:
    """What the rules of sayso.toml are worth."""


@command.command("lint", epilog="\b\nExample:\n  sayso policy lint")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lint_command(as_json: bool) -> None:
    """Look the rules over; exits with 2 if something should not be left so."""
    setup = _setup()
    found = lint.lint(setup.rules.rules, clock.SystemClock().now())
    if as_json:
        output.print_json([asdict(one) for one in found])
    else:
        for one in found:
            click.echo(f"{one.rule}: {one.said}\n  → {one.hint}")
        click.echo(f"{wording.counted(len(setup.rules.rules), 'rule')}, {wording.counted(len(found), 'finding')}")
    sys.exit(2 if found else 0)


@command.command("test", epilog="\b\nExample:\n  sayso policy test rules_test.toml")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test_command(file: Path, as_json: bool) -> None:
    """Try the rules on the cases of FILE; exits with 2 if one comes to something else than it expects."""
    setup, now = _setup(), clock.SystemClock().now()
    wanted = cases.read(file)
    told = [(case.name or f"case {number}", cases.failing(case, setup, now)) for number, case in enumerate(wanted, 1)]
    wrong = [(name, said) for name, said in told if said is not None]
    if as_json:
        output.print_json({"cases": len(told), "failed": [{"name": name, "said": said} for name, said in wrong]})
    else:
        for name, said in wrong:
            output.say(f"FAIL  {name}: {said}")
        click.echo(f"{wording.counted(len(told), 'case')}, {len(wrong)} failed")
    sys.exit(2 if wrong else 0)


@command.command("init-tests", epilog="\b\nExample:\n  sayso policy init-tests > rules_test.toml")
@click.option("--since", default="30d", show_default=True, help="How far to look back.")
@click.option("--each", type=click.IntRange(1, 100), default=3, show_default=True, help="Of one tool and one ruling.")
def init_tests(since: str, each: int) -> None:
    """Print cases from what was asked here, with what the rules come to now.

    They hold what agents asked: look for secrets before you keep them.
    """
    asyncio.run(_init_tests(_back(since), each))


@command.command("replay", epilog="\b\nExample:\n  sayso policy replay --since 30d")
@click.option("--since", default="30d", show_default=True, help="How far to look back.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every request that would change.")
def replay_command(since: str, as_json: bool) -> None:
    """What these rules would have come to on what was asked here."""
    asyncio.run(_replay(_back(since), as_json))


@command.command("explain", epilog="\b\nExample:\n  sayso policy explain deploy-42")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(id: str, as_json: bool) -> None:
    """Which rule decided a request, and what every rule says of it now."""
    asyncio.run(_explain(id, as_json))


def _setup() -> sayso.Setup:
    return toml.setup(toml.load(environment.read().config))


def _back(written: str) -> timedelta:
    return timedelta(seconds=durations.period(written, "--since"))


async def _init_tests(since: timedelta, each: int) -> None:
    given = environment.read()
    history.check_here(given)
    book = _setup().rules
    async with database.connect(given) as store:
        past = [one async for one in looking_back.newest_first(store, clock.SystemClock().now() - since)]
    click.echo("# Cases of sayso policy test: what the rules came to when this was written.\n")
    for case in cases.of_past(past, book, each):
        click.echo(case)


async def _replay(since: timedelta, as_json: bool) -> None:
    given = environment.read()
    history.check_here(given)
    book = _setup().rules
    async with database.connect(given) as store:
        past = [one async for one in looking_back.newest_first(store, clock.SystemClock().now() - since)]
    found = list(replay(book, reversed(past)))
    changed = [one for one in found if one.is_changed]
    if as_json:
        output.print_json(_document(found, changed))
        return
    for line in _told(found, changed):
        output.say(line)


def _document(found: Sequence[Replayed], changed: Sequence[Replayed]) -> dict[str, Any]:
    return {
        "requests": len(found),
        "now": dict(collections.Counter(one.now.effect for one in found)),
        "rules": dict(collections.Counter(_rule_of(one) or "" for one in found)),
        "watched": dict(collections.Counter(name for one in found for name in one.now.watched)),
        "changed": [
            {
                "id": one.past.id,
                "tool": one.past.request.tool,
                "was": one.past.effect,
                "now": one.now.effect,
                "rule": _rule_of(one),
                "outcome": one.past.outcome,
            }
            for one in changed
        ],
    }


def _told(found: Sequence[Replayed], changed: Sequence[Replayed]) -> Iterator[str]:
    yield f"{wording.counted(len(found), 'request')}, {len(changed)} would have come to something else"
    for effect, number in sorted(collections.Counter(one.now.effect for one in found).items()):
        yield f"  {effect:<6} {number}"
    yield from (f"  by the rule {name}: {number}" for name, number in _counted(_rule_of(one) for one in found))
    watched = _counted(name for one in found for name in one.now.watched)
    yield from (f"  only watched, {name}: {number}" for name, number in watched)
    denied = [one for one in changed if one.now.effect == "allow" and one.past.outcome == "denied"]
    if denied:
        yield f"  {wording.counted(len(denied), 'request')} that people denied would have been allowed"
    for one in changed[-_MOST_NAMED:]:
        by = f" by the rule {_rule_of(one)}" if _rule_of(one) else ""
        became = f"; it was {one.past.outcome}" if one.past.outcome else ""
        about = one.past.request.tool or one.past.request.kind
        yield f"{one.past.id}  {about}: {one.past.effect} → {one.now.effect}{by}{became}"
    if len(changed) > _MOST_NAMED:
        yield f"and {len(changed) - _MOST_NAMED} before these: --json has all"


def _counted(names: Iterator[str | None]) -> list[tuple[str, int]]:
    return collections.Counter(name for name in names if name is not None).most_common()


def _rule_of(one: Replayed) -> str | None:
    return one.now.rule.id if one.now.rule else None


async def _explain(id: str, as_json: bool) -> None:
    given = environment.read()
    book = _setup().rules
    async with access.connect(given) as desk:
        ticket = await access.find(desk, id)
    call = book.call(ticket.request, ticket.owner)
    looked = [(rule, book.failing(rule, call, ticket.created_at)) for rule in book.rules]
    now = rulings.decide(tuple(rule for rule, why in looked if why is None))
    if as_json:
        rows = [{"rule": rule.id, "effect": rule.effect, "fails": why} for rule, why in looked]
        then = ticket.ruled.model_dump(mode="json") if ticket.ruled else None
        output.print_json({"id": ticket.id, "then": then, "now": now.rule.id if now.rule else None, "rules": rows})
        return
    output.say(_then(ticket))
    for line in _now(book, looked, now):
        output.say(line)


def _then(ticket: model.Ticket) -> str:
    """What the rules came to when it was asked."""
    under = f" under the policy {ticket.policy_name}" if ticket.policy_name else ""
    ruled = ticket.ruled
    if ruled is None:
        return f"{ticket.id}: no rules were there when it was asked{under}."
    watched = f" Only watched: {', '.join(ruled.watched)}." if ruled.watched else ""
    if ruled.rule is None:
        return f"{ticket.id}: no rule decided, so people were asked{under}.{watched}"
    done = {"allow": "allowed it", "deny": "denied it", "ask": f"asked people{under}"}[ruled.effect]
    return f"{ticket.id}: the rule {ruled.rule} {done}.{watched}"


def _now(book: Book, looked: Sequence[tuple[Any, str | None]], now: rulings.Ruling) -> Iterator[str]:
    if not book.rules:
        yield "There are no rules now."
        return
    yield f"At that moment, the rules of now ({wording.counted(len(book.rules), 'rule')}):"
    wide = max(len(rule.id) for rule in book.rules)
    for rule, why in looked:
        said = "matches" if why is None else f"does not match: {why}"
        said += ", only watched" if rule.observed and why is None else ""
        said += " and decides" if now.rule is not None and rule.id == now.rule.id else ""
        memory = [name for name in ("after", "limit") if getattr(rule, name) is not None]
        said += f" (as far as {wording.in_a_row(memory)} let it)" if memory and why is None else ""
        yield f"  {rule.id:<{wide}}  {rule.effect:<5}  {said}"
    if now.rule is None:
        yield "No rule decides: people are asked."


@command.command("suggest", epilog="\b\nExample:\n  sayso policy suggest --since 30d --least 5")
@click.option("--since", default="30d", show_default=True, help="How far to look back.")
@click.option(
    "--least", type=click.IntRange(2, 1_000), default=5, show_default=True, help="How often people allowed it."
)
@click.option("--costly", is_flag=True, help="Also what costs money, is secret or cannot be taken back.")
def suggest_command(since: str, least: int, costly: bool) -> None:
    """Print rules for what people allowed again and again and nobody denied, with the calls they would have covered."""
    asyncio.run(_suggest(_back(since), least, costly))


async def _suggest(since: timedelta, least: int, costly: bool) -> None:
    given = environment.read()
    history.check_here(given)
    setup = _setup()
    async with database.connect(given) as store:
        now = clock.SystemClock().now()
        past = [one async for one in looking_back.newest_first(store, now - since)]
        parse = rule_tables.load_shell()
        found = suggesting.suggest(past, least, parse)
        # what was denied longer ago counts as well
        against = await denied.ever(store, [one.match for one in found], parse) if found else {}
    kept = [one for number, one in enumerate(found) if number not in against and (costly or not one.costly)]
    # read by people, and run by nobody
    cover = masks.Masks(secrets.token_bytes(32))
    for number, one in enumerate(kept, 1):
        click.echo(written.suggested(f"suggested-{number}", one, (now + _GOOD_FOR).date(), cover))
    left = len(found) - len(against) - len(kept)
    more = f"; {left} about money, secrets or deletes left out, see --costly" if left else ""
    click.echo(
        f"# {wording.counted(len(kept), 'suggestion')}{more}; {wording.counted(len(setup.rules.rules), 'rule')} now."
    )


for _one in (
    listing.command,
    versions.list_command,
    versions.show_command,
    versions.diff_command,
    versions.restore_command,
):
    command.add_command(_one)

"""Many requests at a keyboard: groups of like ones, the most risky first, and one answer for those that are named.

The rule: only what was printed whole may be allowed. Who stops reading can deny the rest, and nothing else.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import click

from sayso import errors, model
from sayso.cards import card, demanded, grid, phrases, risks
from sayso_bots.terminal import access, output, prompt, render, rows

_HOW = "allow all · allow 1 3-5 · deny 2 · deny all, and why · Enter for the next · q to end: "
_WHICH = re.compile(r"(all|[0-9-][0-9,\s-]*+)(?:(?<=[\s,])|(?=[\s,])|\Z)([\s\S]*)", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
# Lines that stay free below a screen.
_MARGIN = 2


Verdict = Literal["allow", "deny"]
_VERBS: dict[str, Verdict] = {"allow": "allow", "a": "allow", "deny": "deny", "d": "deny"}


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says to some rows of a group."""

    verdict: Verdict
    numbers: Sequence[int]
    reason: str | None = None


def read(typed: str, count: int) -> Said:
    """An answer for rows 1 to *count*. Raises `InvalidAnswer`."""
    verb, _, rest = typed.strip().partition(" ")
    verdict = _VERBS.get(verb.lower())
    if verdict is None:
        raise errors.InvalidAnswer("begin with allow or deny")
    found = _WHICH.fullmatch(rest.strip())
    if found is None:
        raise errors.InvalidAnswer(f"say which: all, or numbers from 1 to {count}")
    numbers = {number for word in found[1].replace(",", " ").split() for number in _numbers(word, count)}
    reason = found[2].lstrip(",").strip() or None
    if verdict == "allow" and reason:
        raise errors.InvalidAnswer(f"{reason!r} is no number; an allow takes numbers only")
    if reason and len(found[1].replace(", ", ",").split()) > 1:
        # in `deny 2 3 days too late` only who wrote it knows which
        raise errors.InvalidAnswer("before a reason the numbers have commas between: deny 1,2 and why")
    return Said(verdict, sorted(numbers), reason)


def _numbers(word: str, count: int) -> Sequence[int]:
    if word.lower() == "all":
        return range(1, count + 1)
    found = _RANGE.fullmatch(word)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= count:
        raise errors.InvalidAnswer(f"there are rows 1 to {count}")
    return range(first, last + 1)


class Reading:
    """Prints rows screen by screen, and knows which were printed whole."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        """The ids of those that were."""
        self._left = self._screen()

    async def show(self, group: grid.Group) -> bool:
        """Print a group; whether it was read to its end."""
        columns = rows.columns()
        heads: list[card.Part] = [group.headline, *group.told]
        lines = ["", "═" * min(columns - 1, 72), *render.parts(heads, columns)]
        if not await self._print(lines):
            return False
        for cell in group.cells:
            if not await self._print(["", *render.parts(cell.parts, columns)]):
                return False
            self.seen.add(cell.ticket.id)
        return True

    async def _print(self, lines: Sequence[str]) -> bool:
        for line in lines:
            if not self._left:
                if (await prompt.read_line("── Enter for more, q to read no further: ")).strip().lower() == "q":
                    return False
                self._left = self._screen()
            click.echo(line)
            self._left -= 1
        sys.stdout.flush()
        return True

    @staticmethod
    def _screen() -> int:
        return max(3, shutil.get_terminal_size().lines - _MARGIN)


async def answer_group(desk: access.CommandDesk, group: grid.Group, asked: Sequence[model.Ticket]) -> bool:
    """Show a group and take answers until it is done or left; whether to go on with the next.

    *asked* are its requests as they are stored, in the order of its rows.
    """
    reading = Reading()
    whole = await reading.show(group)
    if not whole:
        output.say("Not all of it was shown: what was not can only be denied.", err=True)
    left = set(range(1, len(asked) + 1))
    while left:
        typed = (await prompt.read_line(f"{_HOW}")).strip()
        if typed.lower() in ("", "q", "skip"):
            return typed.lower() != "q"
        try:
            said = read(typed, len(asked))
            chosen = [(number, asked[number - 1]) for number in said.numbers if number in left]
            left -= await _answer(desk, said, chosen, reading.seen)
        except errors.InvalidAnswer as error:
            output.say(error.message, err=True)
    return True


async def _answer(
    desk: access.CommandDesk, said: Said, chosen: Sequence[tuple[int, model.Ticket]], seen: Collection[str]
) -> set[int]:
    """Answer these, and say of each what it came to; the numbers of those that need no answer any more."""
    given = model.Answer(verdict=said.verdict, reason=said.reason)
    await _confirm([one for one in chosen if one[1].id in seen], given)
    done = set[int]()
    for number, ticket in chosen:
        words, over = await answer_one(desk, ticket, given, seen)
        output.say(f"{number}: {words}", err=not over)
        if over:
            done.add(number)
    return done


async def answer_one(
    desk: access.CommandDesk, ticket: model.Ticket, given: model.Answer, seen: Collection[str]
) -> tuple[str, bool]:
    """Answer one of many; what it came to in words, and whether it needs no answer any more."""
    if given.verdict == "allow" and ticket.id not in seen:
        return "not all of it was shown, so it is not allowed", False
    if demanded.missing(ticket, given):
        return f"its policy wants more with it: sayso answer {ticket.id} --{given.verdict}", False
    now = await desk.get(ticket.id)
    if now.decision is not None:
        # one of those that are decided together
        return output.state_of(now), True
    try:
        # over the wire an address has no room for many others
        together = ticket.request.batch is not None and ticket.request.batch.whole
        return output.state_of(await desk.answer(ticket.id, given, shown=[*seen] if together else ())), True
    except errors.AlreadyDecided as error:
        return phrases.too_late(error.ticket), True
    except errors.Refused as error:
        return f"{error.message}{f' — {error.hint}' if error.hint else ''}", False


async def _confirm(chosen: Sequence[tuple[int, model.Ticket]], given: model.Answer) -> None:
    """Ask once more before something of high risk is allowed. Raises `InvalidAnswer` if it was not said again."""
    risky = [number for number, one in chosen if risks.before_allow(one.request, given) is not None]
    if risky:
        question = f"Of high risk: {', '.join(map(str, risky))}. Type yes to allow all that you named: "
        if (await prompt.read_line(question)).strip().lower() != "yes":
            raise errors.InvalidAnswer("not allowed: only yes allows it")

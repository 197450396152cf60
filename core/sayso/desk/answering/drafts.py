"""What somebody typed in windows that were not the last one: kept in the store, so that any process can go on with it.

The rule: a draft belongs to one person, and only they see it again.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta

from sayso import errors, model
from sayso.cards import buttons, demanded, dialog, tokens
from sayso.desk.shell import Shell
from sayso.machine import people
from sayso.stores import Record
from sayso.stores.record_kinds import DRAFT

_KEPT = timedelta(hours=1)
_IN_STEPS: frozenset[buttons.Action] = frozenset({"fill", "edit"})


async def earlier(shell: Shell, ticket: model.Ticket, pressed: tokens.Pressed, actor: people.Actor) -> dialog.Draft:
    """What this person typed in the steps before this one.

    Raises:
        InvalidAnswer: it is not there any more.
    """
    if pressed.action not in _IN_STEPS or dialog.step_of(pressed.index) == 0:
        return {}
    found = await shell.store.get(DRAFT, _name(ticket, actor, dialog.draft_of(pressed.index)))
    if found is None:
        hint = "Please start again from its card."
        raise errors.InvalidAnswer("what you filled in on the steps before is gone", hint=hint)
    return found.value


async def keep(
    shell: Shell, ticket: model.Ticket, following: tokens.Pressed, actor: people.Actor, typed: dialog.Draft
) -> None:
    """Keep what was typed so far for the step that follows."""
    if following.action in _IN_STEPS:
        await _put(shell, _name(ticket, actor, dialog.draft_of(following.index)), typed)


async def keep_typed(
    shell: Shell, ticket: model.Ticket, pressed: tokens.Pressed, actor: people.Actor, typed: dialog.Draft
) -> None:
    """Keep what was typed in a window, whether it can be taken or not, for whoever begins again."""
    typed = {name: value for name, value in typed.items() if name != demanded.TYPED}
    if typed and _is_brought_back(ticket, pressed):
        before = await _typed(shell, ticket, pressed, actor)
        await _put(shell, _latest(ticket, actor, pressed), {**before, **typed})


async def filled_in(
    shell: Shell, ticket: model.Ticket, pressed: tokens.Pressed, actor: people.Actor, opened: dialog.Dialog
) -> dialog.Dialog:
    """A window with what this person typed in it before."""
    if not opened.inputs or not _is_brought_back(ticket, pressed):
        return opened
    return dialog.filled_in(opened, await _typed(shell, ticket, pressed, actor))


def _is_brought_back(ticket: model.Ticket, pressed: tokens.Pressed) -> bool:
    """Whether a window shows again what was typed in it: no window that allows as it stands does."""
    row = buttons.row_of(pressed.action, ticket.request.kind)
    writes = isinstance(row.window, buttons.Window) and row.answer is not None and row.answer.verdict != "allow"
    return pressed.action in _IN_STEPS or writes


async def _typed(shell: Shell, ticket: model.Ticket, pressed: tokens.Pressed, actor: people.Actor) -> dialog.Draft:
    found = await shell.store.get(DRAFT, _latest(ticket, actor, pressed))
    gone = found is None or (found.expires_at is not None and found.expires_at <= shell.clock.now())
    return {} if gone or found is None else found.value


def _name(ticket: model.Ticket, actor: people.Actor, number: int) -> str:
    # one person may fill the same form in on two devices; each goes on with its own
    return f"{ticket.ref}/{actor.account}/{number}"


def _latest(ticket: model.Ticket, actor: people.Actor, pressed: tokens.Pressed) -> str:
    return f"{ticket.ref}/{actor.account}/{pressed.action}"


async def _put(shell: Shell, name: str, typed: dialog.Draft) -> None:
    found = await shell.store.get(DRAFT, name)
    version = found.version if found else 0
    # a double click wrote the same a moment ago
    with contextlib.suppress(errors.Conflict):
        await shell.store.put(Record(DRAFT, name, dict(typed), shell.clock.now() + _KEPT, version))

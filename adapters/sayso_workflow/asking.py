"""Ask people for what a workflow's hook waits for: a step calls `ask`, and one hook is one request, however often.

The rule: a request is bound to one hook of one run. A token that is used again never finds an older answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pydantic_core
from vercel.workflow import BaseHook

import sayso
from sayso import model
from sayso.asking import runs
from sayso.asking.hooks import payloads, turns
from sayso_workflow import records, resuming


async def ask(
    hook: type[BaseHook],
    token: str,
    *,
    desk: sayso.Asker | None = None,
    title: str | None = None,
    nth: int = 1,
    otherwise: BaseHook | None = None,
    **common: Any,
) -> sayso.Ticket:
    """Ask for the *nth* payload of the hook that waits under *token*, and return at once.

    Call it in a step, after `hook = Approval.wait(token=…, metadata=…)`; the metadata is shown. A hook of nothing but
    `approved` (or `granted`) and an optional `comment` (or `reason`) is asked as a permission, any other as a form.
    `resume_when_decided` resumes the run; *desk* is its desk unless given. If nobody decides, a permission resumes
    the run with a no, a form with *otherwise*, or not at all. *common* are other keys of a request: `policy` …

    Raises:
        NotFound: no workflow waits under this token.
        InvalidRequest: the hook cannot be shown as a card, or `resume_when_decided` was not told of it.
    """
    # a run waits for one payload: a verdict beside it, or a grant, would reach nobody
    runs.refuse(common, "a workflow's hook", "metadata", "verdicts", "grants", "offers", "editable")
    resuming.check(hook)
    found = await records.wait_for_hook(token)
    if found is None:
        hint = "make the hook before the step that asks: hook = Approval.wait(token=…)"
        raise sayso.NotFound(f"no workflow waits under {token!r}", field="token", hint=hint)
    payload = payloads.of(hook)
    fallback = None if otherwise is None else payload.adapter.dump_python(otherwise, mode="json")
    marks: model.JsonObject = {
        "hook": resuming.name_of(hook),
        "token": token,
        "run": found.run_id,
        "id": found.hook_id,
        "nth": nth,
        "otherwise": fallback,
    }
    common.setdefault("source", runs.source(None, found.run_id))
    id = f"wf_{found.hook_id}" + (f".{nth}" if nth > 1 else "")
    shown = _plain(found.metadata)
    request = payload.request(id, hook.__name__, shown, marks, title, **common)
    async with turns.at(desk or resuming.present_desk()) as opened:
        ticket = await opened.open(request)
    resuming.follow(ticket)
    return ticket


def _plain(metadata: Any) -> Mapping[str, Any]:
    plain = pydantic_core.to_jsonable_python(metadata)
    if isinstance(plain, dict):
        return cast(Mapping[str, Any], plain)
    return {} if plain is None else {"metadata": plain}

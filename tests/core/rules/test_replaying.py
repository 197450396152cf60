"""A replay counts and remembers as the desk does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sayso import model, rules
from sayso.rules.replaying import Past, replay
from sayso.rules.rule import read_match
from sayso.testing import samples

AT = samples.NOW


def rule(effect: str, tool: str, **more: Any) -> rules.Rule:
    match = read_match("x", {"tool": tool})
    return rules.Rule.model_validate({"id": f"{effect}-{tool}", "match": match, "effect": effect, **more})


def past(tool: str, at: datetime, **more: Any) -> Past:
    return Past(f"{tool} {at}", model.Request(kind="permission", tool=tool, input={}), "bot", at, **more)


def effects(book: rules.Book, *given: Past) -> list[str]:
    return [one.now.effect for one in replay(book, given)]


def test_an_allowance_is_counted_and_slides() -> None:
    book = rules.Book((rule("allow", "read", limit=rules.Limit(count=2, per=60)), rule("deny", "read", when="x")))
    book = rules.Book(book.rules[:1])
    asked = [past("read", AT + timedelta(seconds=seconds)) for seconds in (0, 30, 59, 60, 61)]
    assert effects(book, *asked) == ["allow", "allow", "ask", "allow", "ask"]


def test_an_earlier_call_is_remembered_for_a_while() -> None:
    earlier = rules.After(match=read_match("x", {"tool": "backups"}), within=60)
    book = rules.Book((rule("deny", "wipe", after=earlier),))
    asked = [past("wipe", AT), past("backups", AT), past("wipe", AT + timedelta(seconds=60))]
    assert effects(book, *asked, past("wipe", AT + timedelta(seconds=61))) == ["ask", "ask", "deny", "ask"]


def test_what_a_grant_allowed_is_something_that_the_rules_asked_about() -> None:
    granted = model.Ruled(rule="grant 1a2b", effect="allow")
    (found,) = replay(rules.Book(), [past("read", AT, ruled=granted)])
    assert not found.is_changed


def test_what_came_to_something_else_is_said() -> None:
    book = rules.Book((rule("allow", "read"),))
    was = model.Ruled(rule="allow-read", effect="allow")
    found = list(replay(book, [past("read", AT), past("read", AT, ruled=was), past("other", AT)]))
    assert [one.is_changed for one in found] == [True, False, False]

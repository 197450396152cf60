"""Whatever a line is: if an allow of some words takes it, a deny of the same words does, too."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import strategies as st

import sayso_shell
from sayso import model, rules
from sayso.rules import matching
from sayso.rules.rule import read_match

WORDS = ["git", "status", "push", "ls", "rm", "-rf", "-s", "-X", "curl", "tar", "a.b", "src/x", "--force", "env", "sh"]
GLUE = [
    " ",
    " ",
    " ",
    ";",
    "&&",
    "|",
    "$(",
    ")",
    "'",
    '"',
    "`",
    "\\",
    ">",
    "<",
    "*",
    "{",
    "}",
    "$",
    "\n",
    "#",
    "=",
    "~",
]
GLOBS = [*WORDS, "*", "**", "s*", "-?", "*x"]

lines = st.lists(st.sampled_from([*WORDS, *GLUE]), max_size=9).map("".join) | st.lists(
    st.sampled_from(WORDS), min_size=1, max_size=5
).map(" ".join)
tables = st.fixed_dictionaries(
    {
        "tool": st.just("Bash"),
        "program": st.lists(st.sampled_from(WORDS[:5]), min_size=1, max_size=2),
        "args": st.lists(st.sampled_from(GLOBS), max_size=4),
    }
) | st.fixed_dictionaries({"tool": st.just("Bash"), "program": st.just("ls"), "any_args": st.just(True)})


@hypothesis.settings(max_examples=600, deadline=None)
@hypothesis.given(lines, tables)
def test_an_allow_never_takes_what_a_deny_of_the_same_words_leaves(line: str, table: dict[str, Any]) -> None:
    request = model.Request(kind="permission", tool="Bash", input={"command": line})
    call = rules.Book(parse=sayso_shell.read).call(request, "bot")
    match = read_match("x", table)
    if matching.holds(match, call, strictly=True):
        assert matching.holds(match, call, strictly=False)
        # and nothing in it is more than one command of that program
        assert line.split()[0] in match.program


# beyond ASCII the grammar's own scanner reads past its tables: this once ended the process
foreign = st.lists(
    st.sampled_from([*GLUE, "\x80", "\xff", "\u0100", "\u2028", "\uffff", "\U0010ffff", "\ud800", "\x00"])
)


@hypothesis.settings(max_examples=600, deadline=None)
@hypothesis.given(st.text(max_size=40) | foreign.map("".join))
def test_any_text_at_all_can_be_read_or_is_said_to_be_unreadable(line: str) -> None:
    found = sayso_shell.read(line)
    assert not (found.whole and found.unread)
    assert not found.whole or (len(found.commands) == 1 and line.isprintable())

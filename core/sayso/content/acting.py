"""What of a text acts when it runs: programs, the files they write, and variables that become either of them. Pure.

The rule: it is asked only about what looks like a secret, and what may act stays in sight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sayso.content import command_line, outside, programs, secret_names

Span = tuple[int, int]

# As much as is read for risks; the card says if there is more.
_READ = 20_000
# Behind anything else the first word alone is a program, and no secret is the first word, unless something is set or
# sent before it: `A=password: reboot`.
_RUN_OR_WRITE = re.compile(
    rf"""(?<![\w.-])(?:{"|".join((*programs.WRAPPERS, *programs.SHELLS, *outside.WRITERS, "find", "eval"))})\s"""
)
# What names the secret is itself where something is read or written: `$X bash <<<--password reboot`.
_SENT_BEFORE = re.compile(r"""[<>][|&]?[\s\\]{0,9}["']?-{0,2}[\w.-]{1,40}["']?[:=]?["']?[ \t]{1,9}["']?\Z""")
_BEFORE_WORDS = tuple(" \t\"'/")
_NO_QUOTES = str.maketrans("", "", "'\"\\")
_WORD = re.compile(r"[A-Za-z0-9_~.][\w./@:%+-]*\Z")
# An option of its own before an option takes it for its value: `xargs -I --password reboot` runs reboot.
_OPTION_BEFORE = re.compile(
    r"""(?:^|\s)['"]?(?!--(?:batch|yes|quiet|silent|verbose|debug|force|insecure|json|no-[a-z-]{1,30}|non-interactive)\s)
    -{1,2}[A-Za-z][\w-]{0,40}['"]?[ \t]+['"]?\Z""",
    re.VERBOSE,
)
_ALIAS_BEFORE = re.compile(r"\balias\s[^\n;|&]{0,120}\Z")
# By these a variable is used without its name behind a dollar, and any word may be run.
_INDIRECT = re.compile(r"\$\{!|<\(|\b(?:eval|printenv|source)\b|\b(?:declare|typeset|local)\s+-\w*n")
_INDIRECT_WORDS = ("${!", "<(", "eval", "printenv", "source", "declare", "typeset", "local")
_PIPED_TO_SHELL = re.compile(
    r"""\|\s{0,9}(?:sudo\s{1,9})?(?:[\w./-]{0,40}/)?
    (?:(?:(?:ba|z|da|k|a|fi)?sh|xargs)\b|(?:python3?|perl|ruby|node)\s{0,9}-?\s{0,9}(?:\Z|[;|&)\n'"]))""",
    re.VERBOSE,
)
_EXPANDED = re.compile(r"\$(?:\{[#!^]?)?(?P<name>[A-Za-z_]\w{0,80}(?:\[)?|[0-9@*])")
# How other languages read one.
_READ_ELSEWHERE = re.compile(
    r"""(?:environ(?:\.get)?|getenv|ENV|process\.env|env:|%)[\[({.]{0,2}["']?(?P<name>[A-Za-z_]\w{0,80})"""
)
# What other languages run, and what they take away.
_HANDED = re.compile(
    r"""\b(?:system|[pP]open|exec\w{0,10}|spawn\w{0,10}|run|call|check_(?:output|call)|passthru|shell_exec|eval
    |rmtree|unlink|remove)\b\s{0,3}\((?P<said>[^\n)]{0,200})""",
    re.VERBOSE,
)
_RUN_FIRST = re.compile(r"(?:&|`|\b(?:iex|Invoke-Expression|system|exec))\s{0,3}(?P<said>\$[A-Za-z_]\w{0,80})")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{0,80}")
_ARGUMENTS, _OF_A_LIST = frozenset("123456789@*"), "@"
_LOOKED_BACK = 120
# Of more uses than these nobody looks where they are: they may act.
_MOST = 200
_NAME_BEFORE = re.compile(
    r"""(?: (?P<option>-{1,2}) (?P<named>[A-Za-z_][\w.-]{0,80}) ["']?[\ =]
    | (?P<name>[A-Za-z_][\w.-]{0,80}) [\\"']{0,2}[=:]\ ? ) [\\"']{0,3} (?:(?:Bearer|Basic|Token)\ )?\Z""",
    re.VERBOSE,
)
# An option of a client that takes a password, an address, and the question whether a variable is empty.
_PLACES_BEFORE = re.compile(
    r"""(?: (?<![^\s/(`"'])(?: curl\s[^\n|;&]{0,100}\ -(?:u|-user)[ =]?["']?[\w.@-]{0,40}:?
        | (?:sshpass | (?:docker|podman)\ login\s[^\n|;&]{0,100})\ -p\ ?["']?
        | (?:mysql|mariadb)\s[^\n|;&]{0,100}\ -p["']? )
    | ://[\w.%-]{0,40}: | (?:\[{1,2}|\btest)\ +-[nz]\ +["']? )\Z""",
    re.VERBOSE,
)
_HANDED_TO_LOGIN = re.compile(
    r"""[\w}]*["']?\s{0,3}\|\s{0,3}(?:sudo\ )?
    (?:docker|podman|buildah|gh\ auth|glab\ auth|helm\ registry|oras|skopeo)\ login\b""",
    re.VERBOSE,
)


def without(raw: str, found: Iterable[Span]) -> Iterator[Span]:
    """Those places in which no whole word stands that is a program or a file that is written."""
    names: frozenset[str] | None = None
    all_read = False
    for begin, end in found:
        if not all_read and begin < _READ and _may_be_first(raw, begin):
            names, all_read = _read(raw[:_READ]), True
        elif names is None:
            names = _names_in(raw[:_READ])
        sent = all_read and _SENT_BEFORE.search(raw, max(0, begin - _LOOKED_BACK), begin)
        if raw[begin:end] not in names and not (sent and may_be_a_word(raw[begin:end])):
            yield begin, end


def _may_be_first(raw: str, at: int) -> bool:
    """Whether something is set or sent before the word that ends or begins here, so that it may be a program."""
    before = raw[max(0, at - _LOOKED_BACK) : at].replace("\\\n", " ").replace("\\\r\n", " ").rpartition("\n")[2]
    return before[-1:] in _BEFORE_WORDS and any(sign in before for sign in "=<>")


def _names_in(raw: str) -> frozenset[str]:
    """The programs and written files of a command line; none if what is beside a name can be neither of them."""
    may = "$'" in raw or _RUN_OR_WRITE.search(raw.translate(_NO_QUOTES))
    return _read(raw) if may else frozenset()


def _read(raw: str) -> frozenset[str]:
    names = set[str]()
    for one in programs.read(raw).programs:
        written = (word.text for word in (*outside.written_by(one), *one.command.into))
        names.update((one.name, *written, *(path.rpartition("/")[2] for path in written)))
    return frozenset(names)


def among(words: Iterable[object]) -> frozenset[str]:
    """The programs and written files among words that no shell reads any more."""
    return _names_in(command_line.joined(word for word in words if isinstance(word, str))[:_READ])


def may_be_a_word(value: str) -> bool:
    """Whether somebody may write this as the name of a program, a file or a host."""
    return bool(_WORD.match(value)) and not secret_names.is_random(value)


def is_value_of_another(raw: str, at: int) -> bool:
    """Whether the option that begins here may be the value of the option before it."""
    return bool(_OPTION_BEFORE.search(raw, max(0, at - 60), at))


class Variables:
    """What a text uses in places where no secret belongs; read once, and only if it is asked."""

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._read: frozenset[str] | None = None
        self._any = False
        self._run: frozenset[str] | None = None
        self._aliases: bool | None = None

    def is_alias(self, at: int, name: str) -> bool:
        """Whether what begins here gives a command another name."""
        if self._aliases is None:
            self._aliases = "alias" in self._raw
        if not self._aliases:
            return False
        return "alias." in name or bool(_ALIAS_BEFORE.search(self._raw, max(0, at - _LOOKED_BACK - 10), at))

    def act(self, name: str) -> bool:
        """Whether the value of this variable may be run, written to or reached."""
        return self.use(name) or self._any

    def use(self, name: str) -> bool:
        """The same, as far as the text names it."""
        return name in self._names()

    @property
    def positional(self) -> bool:
        """Whether arguments of a function, or those that were set, are used."""
        return not self._names().isdisjoint(_ARGUMENTS) or self._any

    def _names(self) -> frozenset[str]:
        if self._read is None:
            self._any = self._is_indirect()
            used = list(_EXPANDED.finditer(self._raw))
            everywhere = {one["name"] for one in used}
            acts = (one for at, one in enumerate(used) if at >= _MOST or not self._belongs(one, everywhere))
            names = {_OF_A_LIST if one["name"].endswith("[") else one["name"] for one in acts}
            names |= {one["name"] for one in _READ_ELSEWHERE.finditer(self._raw)}
            self._read = frozenset(names | self._handed())
        return self._read

    def _is_indirect(self) -> bool:
        # plain searches first: they are a hundred times faster than the pattern
        words = any(word in self._raw for word in _INDIRECT_WORDS)
        return bool((words and _INDIRECT.search(self._raw)) or _PIPED_TO_SHELL.search(self._raw))

    def is_run(self, name: str) -> bool:
        """Whether another language runs the value of this variable: there `$` stands before it where it is set, too."""
        return name in self._handed()

    def _handed(self) -> frozenset[str]:
        if self._run is None:
            handed = _HANDED.finditer(self._raw) if "(" in self._raw else ()
            first = _RUN_FIRST.finditer(self._raw) if "$" in self._raw else ()
            self._run = frozenset(name for one in (*handed, *first) for name in _IDENTIFIER.findall(one["said"]))
        return self._run

    def _belongs(self, used: re.Match[str], everywhere: set[str]) -> bool:
        """Whether a secret belongs where this is used: beside the name of one, or in an option of a known client."""
        begin = max(0, used.start() - _LOOKED_BACK)
        said = _NAME_BEFORE.search(self._raw, begin, used.start())
        if said and secret_names.strength_of(said["named"] or said["name"]):
            # another variable is as good as its own uses
            acts = is_value_of_another(self._raw, said.start()) if said["option"] else said["name"] in everywhere
            return not acts
        known = _PLACES_BEFORE.search(self._raw, begin, used.start())
        return bool(known) or bool(_HANDED_TO_LOGIN.match(self._raw, used.end()))

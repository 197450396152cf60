"""A command line as the commands in it: words without their quotes, pipes, redirections, and what stands inside others.

The rule: one pass, so hostile text costs what it is long. It decides nothing; a word that only the shell would know
when it runs is said to be unknown, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Word(NamedTuple):
    """One word as the program gets it."""

    text: str
    known: bool = True
    """Whether that is all of it; a variable, a substitution or a pattern is filled in when it runs."""


@dataclass(slots=True, eq=False)
class Command:
    """One simple command."""

    words: list[Word]
    written: str
    """The very words, with their quotes; not all of them, if there are many."""
    into: list[Word] = field(default_factory=lambda: [])
    """The files that its output goes to."""
    fed: list[str] = field(default_factory=lambda: [])
    """Here-documents and here-strings."""
    feeder: Command | None = None
    """The command whose output it reads, in a pipe."""
    inside: list[Command] = field(default_factory=lambda: [])
    """The commands whose output stands among its words."""


_PLAIN = r"[^\\'\"$`()<>|&;\s\#*?\[{]"
_TOKENS = re.compile(
    rf"""(?P<words>(?:{_PLAIN}{{1,200}}+[\ \t\r]{{1,9}}+){{1,400}})
    | (?P<joined>\\\n)
    | \\(?P<escaped>.?)
    | '(?P<single>[^']*)'?
    | \$'(?P<dollar>(?:[^'\\]|\\.)*)'?
    | (?P<quote>\$?")
    | (?P<open>[$<>]\()
    | (?P<tick>`)
    | (?P<variable>\$\{{?)
    | (?P<string><<<)
    | <<-?[\ \t]*(?P<document>[^\s;|&<>()]+)
    | (?P<into>(?:[0-9]*|&)>>?[&|]?)
    | (?P<from>[0-9]*<)
    | (?P<pipe>\|&?(?!\|))
    | (?P<end>\|\||&&|;+&?|&|\n)
    | (?P<group>\()
    | (?P<close>\))
    | (?P<blank>[\ \t\r]+)
    | (?P<comment>\#[^\n]*)
    | (?P<pattern>[*?\[{{])
    | (?P<plain>{_PLAIN}+|.)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(
    r"""(?P<joined>\\\n) | \\(?P<escaped>["\\$`]) | (?P<quote>") | (?P<open>\$\() | (?P<tick>`) | (?P<variable>\$\{?)
    | (?P<plain>[^"\\$`]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "a": "\a", "b": "\b"}
_LONGEST = 300
_KEYWORDS = frozenset(["if", "then", "elif", "else", "do", "while", "until", "!", "{", "time"])
_CLOSERS = frozenset(["}", "done", "fi", "esac"])
# What is no program where it stands first.
_FIRST = _KEYWORDS | _CLOSERS | {"case"}
_LINE = re.compile(r"^\t*([^\n]*)", re.MULTILINE)
_ASSIGNED = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]{0,80}\])?\+?=")
# What stands in no line that is one command of nothing but words, with one blank between two: most lines are.
_SIGNS = frozenset("\\'\"$`()<>|&;#*?[{")


def read(raw: str) -> list[Command]:
    """All commands of a command line, those inside others too, in the order in which they end."""
    if 0 < len(raw) <= _LONGEST and _SIGNS.isdisjoint(raw):
        words = raw.split(" ")
        if raw.split() == words and words[0] not in _FIRST and "=" not in words[0]:
            return [Command([Word(word) for word in words], raw)]
    return _Reader(raw).read()


def joined(words: Iterable[str]) -> str:
    """Words that no shell reads any more, as a line that says the same."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


class _Frame:
    """What is being read: the whole line, or what stands in `$(…)` or backticks."""

    def __init__(self, closer: str, start: int) -> None:
        self.closer = closer
        self.quoted = False
        self.groups = self.cases = 0
        self.documents: list[tuple[str, Command]] = []
        self.last: Command | None = None
        self.ended: list[Command] = []
        self.begin(start, None)

    def begin(self, start: int, feeder: Command | None) -> None:
        self.start = start
        self.command = Command([], "", feeder=feeder)
        self.word: list[str] | None = None
        self.known = True
        self.goes: list[Word] | None = None

    def add(self, said: str, *, known: bool = True) -> None:
        if self.word is None:
            self.word = []
        self.word.append(said)
        self.known = self.known and known

    def add_words(self, said: str) -> None:
        """Add words with a blank behind each; the first may go on with what was read before."""
        for word in (words := iter(said.split())):
            self.add(word)
            self.end_word()
            if self.command.words:
                self.command.words += map(Word, words)

    def end_word(self) -> None:
        if self.word is None:
            return
        word = Word("".join(self.word), self.known)
        self.word, self.known = None, True
        goes, self.goes = self.goes, None
        if goes is not None:
            goes.append(word)
        elif self.command.words or not (word.text in _KEYWORDS or _ASSIGNED.match(word.text)):
            # what a variable is set to may be unknown, and the program stands behind it all the same
            self.command.words.append(word)


class _Reader:
    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.frames = [_Frame("", 0)]
        self.found: list[Command] = []

    def read(self) -> list[Command]:
        at = 0
        while at < len(self.raw):
            frame = self.frames[-1]
            token = (_QUOTED if frame.quoted else _TOKENS).match(self.raw, at)
            # the last alternative of both takes any sign
            assert token is not None
            at = self._take(frame, token)
        while self.frames:
            self._end_command(self.frames[-1], len(self.raw))
            self._close()
        return self.found

    def _take(self, frame: _Frame, token: re.Match[str]) -> int:
        kind, at = token.lastgroup or "plain", token.end()
        said = token[kind]
        match kind:
            case "words":
                frame.add_words(said)
            case "joined":
                pass
            case "escaped" | "single" | "plain":
                frame.add(said)
            case "dollar":
                frame.add(_ESCAPES.sub(_unescape, said))
            case "quote":
                frame.quoted = not frame.quoted
                frame.add("")
            case "open":
                self.frames.append(_Frame(")", at))
            case "tick":
                self._tick(frame, token)
            case "variable" | "pattern":
                # a pattern is no more known than a variable: which files are there is seen when it runs
                frame.add(said, known=False)
            case _:
                return self._take_sign(frame, kind, said, token)
        return at

    def _take_sign(self, frame: _Frame, kind: str, said: str, token: re.Match[str]) -> int:
        at = token.end()
        if kind == "comment" and frame.word is not None:
            frame.add("#")
            return token.start() + 1
        if kind == "into" and frame.word is not None and said[0].isdigit():
            # digits belong to the word before, unless they stand alone
            frame.add(said.rstrip(">&|"))
        frame.end_word()
        if kind in ("into", "from", "string"):
            frame.goes = frame.command.into if kind == "into" and not said.endswith("&") else []
            if kind == "string":
                frame.goes = _Fed(frame.command)
        elif kind == "document":
            frame.documents.append((said.translate(_NO_QUOTES), frame.command))
        elif kind in ("pipe", "end", "group", "close"):
            return self._take_end(frame, kind, said, token)
        return at

    def _take_end(self, frame: _Frame, kind: str, said: str, token: re.Match[str]) -> int:
        at = token.end()
        self._end_command(frame, token.start())
        if kind == "close":
            if frame.groups:
                frame.groups -= 1
            elif frame.closer == ")" and not frame.cases:
                self._close()
                return at
        frame.groups += kind == "group"
        if said == "\n" and frame.documents:
            at = self._take_documents(frame, at)
        frame.begin(at, frame.last if kind == "pipe" else frame.command.feeder if kind == "group" else None)
        return at

    def _take_documents(self, frame: _Frame, at: int) -> int:
        for end, command in frame.documents:
            # compared, and not made a pattern: Python would keep those
            found = next((line for line in _LINE.finditer(self.raw, at) if line[1] == end.lstrip("\t")), None)
            command.fed.append(self.raw[at : found.start() if found else len(self.raw)])
            at = found.end() if found else len(self.raw)
        frame.documents = []
        return at

    def _tick(self, frame: _Frame, token: re.Match[str]) -> None:
        if frame.closer == "`" and not frame.quoted:
            self._end_command(frame, token.start())
            self._close()
        else:
            self.frames.append(_Frame("`", token.end()))

    def _end_command(self, frame: _Frame, at: int) -> None:
        frame.end_word()
        made = frame.command
        words = [word.text for word in made.words[:1]]
        frame.cases += words == ["case"]
        frame.cases -= words == ["esac"] and frame.cases > 0
        if not (made.words or made.into) or (words and words[0] in _CLOSERS and len(made.words) == 1):
            return
        made.written = self.raw[frame.start : min(at, frame.start + _LONGEST)].strip()
        frame.last = made
        frame.ended.append(made)
        self.found.append(made)

    def _close(self) -> None:
        frame = self.frames.pop()
        if self.frames:
            outer = self.frames[-1]
            outer.add("…", known=False)
            outer.command.inside += frame.ended


class _Fed(list[Word]):
    """Takes a here-string to its command."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self.command = command

    def append(self, word: Word, /) -> None:
        self.command.fed.append(word.text)


_NO_QUOTES = str.maketrans("", "", "'\"\\")


def _unescape(found: re.Match[str]) -> str:
    for base, digits in ((16, found[1]), (16, found[2]), (8, found[3])):
        if digits:
            return chr(int(digits, base))
    return _LETTERS.get(found[4], found[4])

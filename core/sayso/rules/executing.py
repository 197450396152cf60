"""Which programs a line runs: for an allow the one that it is, for a deny or an ask all that it may come to.

The rule: an allow sees one plain command or nothing. Whatever cannot be read is said to be so, and a deny takes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sayso.content import programs
from sayso.rules import carriers, globs, lines

# A line in a line in a line; and programs in all. Beyond that it counts as one that cannot be read.
_DEEPEST = 5
_MOST = 500
_FINDS_RUN = frozenset(["-exec", "-execdir", "-ok", "-okdir"])
# Words in which code of an editor or a filter runs a program.
_ESCAPES = ("!", "system", "exec", "|", "-c", "-e", "/e")
# Fewer letters are no beginning of a long option; nobody bundles more short ones.
_SHORTEST, _MOST_LETTERS = 3, 20


@dataclass(frozen=True, slots=True)
class Reach:
    """What a line may come to."""

    programs: tuple[tuple[str, tuple[lines.Word, ...]], ...]
    """Names without their folders, with the arguments."""
    unread: bool
    """Whether there may be more."""


def is_allowed(line: lines.Line, names: Sequence[str], args: Sequence[str] | None) -> bool:
    """Whether the line is one plain command of these names, and *args* (None for any) say all its arguments."""
    if not line.whole or line.unread or len(line.commands) != 1:
        return False
    words = line.commands[0].words
    if not words or not words[0].plain or words[0].text not in names or not all(word.known for word in words):
        return False
    given = [word.text for word in words[1:]]
    if args is None:
        return words[0].text not in carriers.SPELLED_OUT | carriers.SPECIAL.keys() | carriers.LITERAL
    if words[0].text in carriers.SPELLED_OUT:
        return given == list(args)
    return _names_what_is_special(words[0].text, given, args) and globs.covers(args, given)


def _names_what_is_special(name: str, given: Sequence[str], args: Sequence[str]) -> bool:
    """Whether every word that makes it do something else stands in *args* as it is."""
    if name in carriers.LITERAL:
        return not any(_is_option(name, word, at) for at, word in enumerate(given) if word not in args)
    special = carriers.SPECIAL.get(name, frozenset())
    return not any(_is_special(name, word, special, at == 0) for at, word in enumerate(given) if word not in args)


def _is_option(name: str, word: str, at: int) -> bool:
    # the first word of tar and some others is a bundle of options without a dash
    return word[:1] in ("-", "@") or (name in ("tar", "dd") and at == 0)


def _is_special(name: str, word: str, special: frozenset[str], first: bool) -> bool:
    pieces = {alike for piece in _pieces(name, word, first=first) for alike in (piece, _long(name, piece))}
    cut = word.partition("=")[0]
    shortened = cut.startswith("--") and len(cut) > _SHORTEST and any(one.startswith(cut) for one in special)
    return bool(pieces & special) or shortened or ("ext::" in word and name == "git")


def is_reached(reach: Reach, names: Sequence[str], args: Sequence[str] | None) -> bool:
    """Whether one of these programs may run with *args* among its arguments, in this order."""
    if reach.unread:
        return True
    wanted = {globs.fold(name) for name in names}
    return any(name in wanted and (args is None or _holds(name, words, args)) for name, words in reach.programs)


def _holds(name: str, given: Sequence[lines.Word], args: Sequence[str]) -> bool:
    """Whether the arguments have those of *args* somewhere in this order; an option may be spelled in any way."""
    at = 0
    for pattern in (one for one in args if one.strip("*")):
        # `-XDELETE` is two in one word, so the same word is looked at again
        found = next((index for index in range(at, len(given)) if _means(name, given[index], pattern)), None)
        if found is None:
            return False
        at = found
    return True


def _means(name: str, word: lines.Word, pattern: str) -> bool:
    long, pieces = _long(name, pattern), [globs.fold(piece) for piece in _pieces(name, word.text)]
    if any(globs.matches_loosely(pattern, piece) or _long(name, piece) == long for piece in pieces):
        return True
    if not word.known and any(globs.is_glob(piece) and _may_meet(pattern, piece) for piece in pieces):
        return True
    said = word.text.partition("=")[0]
    return said.startswith("--") and len(said) > _SHORTEST and long.startswith(said)


def _may_meet(pattern: str, piece: str) -> bool:
    return globs.is_glob(pattern) or globs.may_stand_for(piece, pattern)


def _long(name: str, option: str) -> str:
    return carriers.SAME.get(name, {}).get(option, option)


def _pieces(name: str, word: str, *, first: bool = False) -> Iterator[str]:
    """All that one word may say: `-sX` is `-s` and `-X`, `--request=DELETE` is an option and its value."""
    yield word
    if word.startswith("--"):
        yield from (one for one in word.partition("=")[::2] if one)
        return
    # the first word of tar is a bundle of options without a dash
    letters = word[1:] if word[:1] == "-" else word if first and name == "tar" else ""
    for at, letter in enumerate(letters[:_MOST_LETTERS]):
        yield f"-{letter}"
        if rest := letters[at + 1 :]:
            yield from (rest, rest.removeprefix("="))


def reach(line: lines.Line, parse: lines.Shell) -> Reach:
    """All programs that a line may run, as far as they can be read."""
    found = list[tuple[str, tuple[lines.Word, ...]]]()
    waiting, unread = deque([(line, 0)]), False
    while waiting and len(found) < _MOST:
        one, depth = waiting.popleft()
        unread = unread or one.unread or depth > _DEEPEST
        if depth > _DEEPEST:
            break
        for command in one.commands:
            looked = _Look(command)
            looked.follow(command.words)
            found += looked.found
            unread = unread or looked.unread
            waiting.extend((parse(script), depth + 1) for script in looked.scripts)
    return Reach(tuple(found[:_MOST]), unread or bool(waiting) or len(found) >= _MOST)


class _Look:
    """Follows one command through what it runs."""

    def __init__(self, command: lines.Command) -> None:
        self.command = command
        self.found = list[tuple[str, tuple[lines.Word, ...]]]()
        self.scripts = list[str]()
        self.unread = False

    def follow(self, words: Sequence[lines.Word]) -> None:
        for _ in range(_DEEPEST):
            if not words:
                return
            if not words[0].known:
                self.unread = True
                return
            name = globs.fold(words[0].text.replace("\\", "/").rpartition("/")[2])
            self.found.append((name, tuple(words[1:])))
            words = self._behind(name, words[1:])
        self.unread = self.unread or bool(words)

    def _behind(self, name: str, words: Sequence[lines.Word]) -> Sequence[lines.Word]:
        texts = [word.text for word in words]
        if name in carriers.SHELLS:
            self._shell(name, words)
        elif name in carriers.INTERPRETERS:
            self._interpreter(name, texts)
        elif name in carriers.CODE_IN_ARGUMENTS:
            self.unread = self.unread or any(sign in text for text in texts for sign in _ESCAPES)
        elif name in carriers.REMOTE or name == "parallel":
            self._somewhere(words)
        elif name in programs.WRAPPERS:
            return self._wrapped(name, words)
        elif name == "find":
            start = next((at for at, text in enumerate(texts) if text in _FINDS_RUN), len(words))
            return words[start + 1 :]
        else:
            self._special(name, texts)
        return ()

    def _special(self, name: str, texts: Sequence[str]) -> None:
        runs = {
            "git": ("!", "ext::", "--upload-pack", "--receive-pack", "--exec", "-x", "filter-branch", "--config-env"),
            "tar": ("checkpoint-action", "--to-command", "--use-compress", "-I", "--rsh-command"),
            "npm": ("exec", "x"),
        }.get(name, ())
        self.unread = self.unread or any(sign in text for text in texts for sign in runs)

    def _shell(self, name: str, words: Sequence[lines.Word]) -> None:
        if not all(word.known for word in words):
            self.unread = True
            return
        if name == "eval":
            self.scripts.append(" ".join(word.text for word in words))
            return
        option = next((at for at, word in enumerate(words) if word.text[:1] == "-" and word.text.endswith("c")), None)
        if option is not None and name not in ("source", "."):
            self.scripts += [word.text for word in words[option + 1 : option + 2]]
            return
        self.scripts += self.command.fed
        # what another command writes is read by nobody before it runs
        self.unread = self.unread or (self.command.piped and not [word for word in words if word.text[:1] != "-"])

    def _interpreter(self, name: str, texts: Sequence[str]) -> None:
        options = carriers.INTERPRETERS[name].split()
        inline = any(text == option or text.startswith(option) for text in texts for option in options)
        bare = not [text for text in texts if text[:1] != "-"] or "-" in texts
        self.unread = self.unread or inline or bool(self.command.fed) or (bare and self.command.piped)

    def _somewhere(self, words: Sequence[lines.Word]) -> None:
        """Every word may begin the command that runs over there."""
        self.unread = self.unread or not all(word.known for word in words)
        for at, word in enumerate(words[:50]):
            if " " in word.text:
                self.scripts.append(word.text)
            elif word.text[:1] != "-":
                self.found.append((globs.fold(word.text.rpartition("/")[2]), tuple(words[at + 1 :])))
                if word.text.rpartition("/")[2] in carriers.SHELLS:
                    self._shell(word.text.rpartition("/")[2], words[at + 1 :])

    def _wrapped(self, name: str, words: Sequence[lines.Word]) -> Sequence[lines.Word]:
        if name == "xargs" or not all(word.known for word in words):
            # what it reads becomes arguments
            self.unread = self.unread or name != "xargs"
        for word in words:
            split = word.text if word.text.startswith("-S") else ""
            if name == "env" and (split or word.text.startswith("--split-string")):
                self.scripts += [split[2:], word.text.partition("=")[2], " ".join(one.text for one in words)]
                self.unread = True
        # which words are values of options is not known for sure, so each may be the program
        for at, word in enumerate(words[:20]):
            if word.text[:1] != "-" and "=" not in word.text:
                self.found.append((globs.fold(word.text.rpartition("/")[2]), tuple(words[at + 1 :])))
                if _is_carrier(word.text.rpartition("/")[2]):
                    return words[at:]
        return ()


def _is_carrier(name: str) -> bool:
    return name in carriers.SPELLED_OUT or name in _FINDS_RUN or name == "find" or name in carriers.SPECIAL

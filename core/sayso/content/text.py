"""Makes foreign text safe to look at: what cannot be seen is spelled out, what deceives is named.

The rule: nothing is dropped and nothing is merged. Two different raw texts are always shown differently, because
U+27E6, which opens every escape, is itself escaped wherever the raw text has it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, NewType

import regex

from sayso.content import lookalikes
from sayso.content.guesses import AnyOf, Guess

Trusted = NewType("Trusted", str)
"""Text that the service itself wrote. Agents, tools, users and platforms never provide it."""

Safe = NewType("Safe", str)
"""Foreign text after escaping. It may stand in a literal container, never in the service's own place."""


class Odd(NamedTuple):
    """One kind of trick in a text: a sentence without any foreign text, with a place for the signs that it is about."""

    sentence: str
    signs: tuple[str, ...] = ()
    """As code points; of very many the first ones."""

    def __str__(self) -> str:
        more = len(self.signs) - _NAMED_AT_MOST
        return self.sentence.format(" ".join(self.signs[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else ""))


@dataclass(frozen=True, slots=True)
class Foreign:
    """Foreign text, ready to be shown, with what the reader should know about it."""

    text: Safe
    """With visible escapes such as ⟦U+202E⟧; everything else is as it was."""
    warnings: tuple[Odd, ...] = ()
    """One for each kind of trick, always in the same order."""


Literal = Foreign  # its name until 0.2

_PLAIN = bytes([9, 10, *range(0x20, 0x7F)])
# Beside these: letters and signs of the most usual alphabets. Where there is nothing else, nothing is spelled out.
_UNUSUAL = re.compile(
    r"[^\t\n -~\u00A1-\u00AC\u00AE-\u02FF\u0388-\u038A\u038E-\u03A1\u03A3-\u0482\u048A-\u052F\u05D0-\u05EA\u0621-\u063A"
    r"\u0641-\u064A\u0660-\u066C\u0E01-\u0E30\u1E00-\u1EFF\u2010-\u2027\u2030-\u205E\u20A0-\u20BF\u2100-\u218B\u2190-\u21E4\u2200-\u22FF"
    r"\u2500-\u25FF\u3001-\u3029\u3041-\u3096\u309B-\u30FF\u3131-\u3163\u4E00-\u9FEF\uAC00-\uD7A3\uFF01-\uFF9F]"
)

# Cf holds a few visible Arabic and Kaithi number signs; some blank-looking signs are not in any blank class.
_ODD = r"""[[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\uFFFC\U00016FE4\U0001D159\U00013441\U00013442\u27E6\u240D]
    --[\ \n\t\u0600-\u0605\u06DD\u0890\u0891\u08E2\U000110BD\U000110CD]]"""
# Only these flags are drawn by anybody; any other tag sequence hides ASCII text behind one black flag.
_REGIONS = ("".join(chr(0xE0000 + ord(letter)) for letter in region) for region in ("gbeng", "gbsct", "gbwls"))
_FLAGS = f"\U0001f3f4(?:{'|'.join(_REGIONS)})\U000e007f"
_TALL = r"[\p{Script=Tibetan}\p{Script=Myanmar}\p{Script=Tai_Tham}]"
_STRAY = r"(?: \A | [\p{C}\p{Zl}\p{Zp}--[\t\u200C\u200D]] )"
_LINE_SIGNS = {ord("\n"): "⏎", ord("\t"): "⇥"}

_SUSPECT = AnyOf(
    Guess(
        _FLAGS,
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f England",
        "\U0001f3f4\U000e0065\U000e0076\U000e0069\U000e006c\U000e007f",
    ),
    Guess(rf"(?P<marks> \p{{M}} (?<= \p{{M}}{{5}}) (?<! {_TALL}) )", "e" + "\u0301" * 4, "e" + "\u0301" * 5),
    Guess(r"(?P<marks> \p{M} (?<= \p{M}{7}) )", "བོད་སྐད་ ཧཱུྃ", "ཧ" + "\u0f74" * 7),
    Guess(rf"(?P<marks> \p{{M}} (?<= {_STRAY} \p{{M}}{{1,4}}) )", "line\nx\u0301 start", "line\n\u0338start"),
    Guess(_ODD, "rm -rf\n\ttabs", "rm\u200b -rf"),
)
_SUSPECT_IN_LINE = AnyOf(*_SUSPECT.guesses, Guess(f"[{''.join(_LINE_SIGNS.values())}]", "Press Enter", "Press ⏎"))

_CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\u3001-\u303F\u30FB\u30FC\uFF01-\uFFEE]"
_CURSIVE = r"[\p{Joining_Type=D}\p{Joining_Type=R}\p{Joining_Type=L}\p{Nd}&&[\p{Arabic}\p{Syriac}\p{Nko}\p{Mongolian}]]"
_UNSPACED = r"[[\p{Khmer}\p{Lao}\p{Thai}\p{Myanmar}]--\p{N}]"
_INDIC = r"[\p{Indic_Syllabic_Category=Consonant}]"
_NBSP = r"[\u00A0\u202F]"

# Where an invisible sign is part of ordinary writing. Each looks back over the sign itself.
_ORDINARY = AnyOf(
    Guess(r"\uFE0F (?<= [0-9\#*].) (?=\u20E3)", "Keycap 1\ufe0f\u20e3", "1\ufe0f2"),
    Guess(r"[\uFE0E\uFE0F] (?<= \p{Extended_Pictographic}.)", "❤\ufe0f ☎\ufe0e", "a\ufe0fb"),
    Guess(
        r"\u200D (?<= \p{Extended_Pictographic} [\uFE0F\p{Emoji_Modifier}]? .) (?= \p{Extended_Pictographic})",
        "👩\u200d💻 👩🏽\u200d⚕",
        "👍\u200d",
    ),
    # Persian and its like
    Guess(rf"\u200C (?<= {_CURSIVE} \p{{Mn}}{{0,3}} .) (?= {_CURSIVE})", "می\u200cخواهم", "la\u200cst"),
    Guess(r"\u200D (?<= [\p{Arabic}&&\p{L}] .) (?! [\p{L}--\p{Arabic}])", "سال ۱۳۰۰ ه\u200d", "ه\u200da"),
    # Indic half forms
    Guess(r"[\u200C\u200D] (?<= \p{Canonical_Combining_Class=9} .)", "क्\u200dष", "क\u200dष"),
    Guess(rf"\u200D (?<= {_INDIC} .) (?= \p{{Canonical_Combining_Class=9}})", "র\u200d্যাব", "র\u200dযাব"),
    Guess(r"\u200C (?<= \p{Khmer} .) (?= [\u17C9\u17CA])", "ស\u200c៊ី", "ស\u200cក"),
    Guess(r"[\u180B-\u180D\u180F] (?<= [\p{Mongolian}&&\p{L}] .)", "ᠮ\u180bᠣᠩ", "a\u180bb"),
    Guess(r"[\u180E\u202F] (?<= \p{Mongolian} .) (?= \p{Mongolian})", "ᠰᠠᠷ\u180eᠠ", "khmer \u180e"),
    # Khmer and its like: word ends
    Guess(rf"\u200B (?<= {_UNSPACED} .) (?= {_UNSPACED})", "អ្នក\u200bមាន\u200bសំបុត្រ", "rm\u200b -rf"),
    Guess(
        rf"\u3000 (?: (?<= {_CJK} \u3000{{1,4}}) | (?= \u3000{{0,4}} {_CJK}) )", "はい、\u3000「確認」", "rm\u3000-rf"
    ),
)
_SPACING = AnyOf(
    # French punctuation
    Guess(
        rf"""{_NBSP} (?= [;:!?»%‰€£$°](?![-/\w])) (?<= [\p{{L}}\p{{N}}\p{{Pe}}\p{{Pf}}\p{{M}}.…"] .)""",
        "Vous venez\u00a0? Oui\u202f!",
        "https\u00a0://x",
    ),
    Guess(rf"{_NBSP} (?<= «.)", "«\u00a0Oui", "<\u00a0b"),
    Guess(r"\u00A0 (?<= \p{L}['’] .) (?= \p{L})", "L'\u00a0anno", "rm '\u00a0rf'"),
    # 10 000 km
    Guess(rf"{_NBSP} (?<= \p{{N}} .) (?= [\p{{L}}\p{{N}}])", "10\u202f000\u00a0km", "10\u00a0-f"),
    # page 5
    Guess(rf"{_NBSP} (?<= [\p{{L}}.§№°#] .) (?= \p{{N}})", "page\u00a05, n°\u00a07", "kill -\u00a09"),
    # z. B., Mme Curie
    Guess(
        r"\u00A0 (?<= (?<! [\p{L}\p{N}]) (?: \p{L} | \p{L}{1,3}\. | \p{Lu}\p{Ll}{1,3} ) .) (?= \p{L})",
        "M.\u00a0Dupont et Mme\u00a0Curie",
        "APPROVED\u00a0by ann",
    ),
)
_SPACING_IN_CODE = AnyOf(
    Guess(
        rf"""{_NBSP} (?= [!?:»%€] (?: [\s"'\\] | $)) (?<= [\p{{L}}\p{{N}}] .)""",
        '"Vous continuez\u00a0?"',
        "continue\u00a0?x",
        code=True,
    ),
    Guess(rf"{_NBSP} (?<= \d .) (?= \d{{3}})", '"10\u202f000"', "10\u00a0km", code=True),
)
_SPACING_ABROAD = regex.compile(rf"(?V1x) {_NBSP} (?<= [\p{{L}}'’] .) (?= [\p{{L}}\p{{Ps}}\p{{Pi}}\p{{N}}])")
_FOREIGN = regex.compile(r"(?V1)[\p{L}«--\p{ASCII}]")
# Escaped so that nothing merges, but too ordinary to warn about: CRLF, our own signs, Han variants, thin spaces.
_QUIET = AnyOf(
    Guess(r"\r (?=\n)", "a\r\nb", "safe\rEVIL"),
    Guess(r"[⟦␍⏎⇥]", "⟦1, 2⟧", "\u2985\u200b"),
    Guess(r"[\U000E0100-\U000E01EF] (?<=\p{Han}.)", "葛\U000e0100城", "a\U000e0100b"),
    Guess(r"\u2009 (?<=\p{N}.) (?=\p{N})", "10\u2009000", "a\u2009b"),
)
_DEPENDS = frozenset("\r⟦␍⏎⇥\xa0\u2009\u202f\u3000\u200b\u200c\u200d\ufe0e\ufe0f\u180b\u180c\u180d\u180e\u180f") | {
    chr(point) for point in range(0xE0100, 0xE01F0)
}

_BLANK = regex.compile(r"\p{Z}")
_HIDDEN = "Contains invisible or control characters, shown as {}."
_ODD_BLANKS = "Contains unusual blanks, shown as {}."
_STACKED = "Contains stacked or stray combining marks, shown as {}."

# What these push out of sight is still there: at the side of a line, or below the fold.
_LINE_BREAKS = regex.compile(r"\n(?:[ \t\r\xA0\u3000]*+\n){19,}+")
_BLANKS = AnyOf(
    Guess(r"(?<![\ \t\xA0\u3000\n]) [\ \t\xA0\u3000]{100,}+", "a" + " " * 60 + "b", "ls" + " " * 120 + "; rm"),
    Guess(r"[\ \t\xA0\u3000]{160,}+", "\n" + " " * 120 + "deep", "ls\n" + " " * 200 + "; rm"),
    Guess(r"\t{40,}+", "\n" + "\t" * 20 + "deep", "ls" + "\t" * 60 + "; rm"),
)
_SHORTEST_RUN = 20
_NAMED_AT_MOST, _COUNTED_AT_MOST = 4, 1_000

# Look-alikes are sought this far, in characters: a card must be drawn in milliseconds, whatever an agent sends.
SEARCHED = 50_000


def literal(raw: str, *, code: bool = False) -> Foreign:
    """Show *raw* in a literal container, line breaks and tabs as they are.

    *code* is for what a machine will read (commands, arguments, option values): look-alikes of its signs count there.
    """
    if _is_plain(raw):
        return Foreign(Safe(raw), tuple(_warn_of_runs(raw)))
    return _show(raw, code=code, suspect=_SUSPECT)


def escaped(raw: str, *, code: bool = False) -> Safe:
    """The text that `literal` shows, for a piece of what is looked at whole elsewhere."""
    return Safe(raw) if _is_plain(raw) else _spell_out(raw, code=code, suspect=_SUSPECT)[0]


def is_whole(raw: str) -> bool:
    """Whether it is Unicode text; half a character (a lone surrogate) can be neither stored nor shown."""
    try:
        raw.encode()
    except UnicodeEncodeError:
        return False
    return True


def line(raw: str) -> Foreign:
    """Show *raw* on one line (titles, names, labels): a line break becomes ⏎, a tab ⇥."""
    # the service joins names with this sign, which deceives nobody
    bare = raw.replace("·", "")
    if bare.isascii() and bare.isprintable():
        return Foreign(Safe(raw), tuple(_warn_of_runs(raw)))
    shown = _show(raw, code=False, suspect=_SUSPECT_IN_LINE)
    return Foreign(Safe(shown.text.translate(_LINE_SIGNS)), shown.warnings)


def _is_plain(raw: str) -> bool:
    return raw.isascii() and not raw.encode().translate(None, _PLAIN)


def _show(raw: str, *, code: bool, suspect: AnyOf) -> Foreign:
    text, noted = _spell_out(raw, code=code, suspect=suspect)
    tricks = [(sentence, map(_escape, signs)) for sentence, signs in noted.items()]
    tricks += [(sentence, map(_point, signs)) for sentence, signs in lookalikes.find(raw[:SEARCHED], code=code)]
    return Foreign(text, (*_name_tricks(tricks), *_warn_of_runs(raw), *_warn_of_length(raw)))


def _spell_out(raw: str, *, code: bool, suspect: AnyOf) -> tuple[Safe, dict[str, dict[str, None]]]:
    """The text with what cannot be seen spelled out, and the signs that are worth a sentence, by that sentence."""
    noted: dict[str, dict[str, None]] = {_HIDDEN: {}, _ODD_BLANKS: {}, _STACKED: {}}
    if not _UNUSUAL.search(raw):
        return Safe(raw), noted
    foreign = bool(_FOREIGN.search(raw))
    spacing = (_SPACING if foreign or not code else _SPACING_IN_CODE).pattern

    stray = -2
    everywhere = dict[str, str]()

    def shown(found: regex.Match[str]) -> str:
        nonlocal stray
        sign, marks = found[0], found["marks"]
        if not marks and sign in everywhere:
            return everywhere[sign]
        if len(sign) > 1:
            return sign
        at = found.start()
        # beside a mark that is shown by its number, nothing is ordinary writing
        if marks:
            stray = at
        elif sign not in _DEPENDS:
            everywhere[sign] = _escape(sign)
        elif at != stray + 1:
            if _ORDINARY.pattern.match(raw, at) or spacing.match(raw, at):
                return sign
            if foreign and not code and _SPACING_ABROAD.match(raw, at):
                return sign
            if _QUIET.pattern.match(raw, at):
                return "␍" if sign == "\r" else _escape(sign)
        noted[_kind(found)][sign] = None
        return _escape(sign)

    return Safe(suspect.pattern.sub(shown, raw)), noted


def _kind(found: regex.Match[str]) -> str:
    if found["marks"]:
        return _STACKED
    return _ODD_BLANKS if _BLANK.match(found[0]) else _HIDDEN


def _escape(sign: str) -> str:
    return f"⟦{_point(sign)}⟧"


def _point(sign: str) -> str:
    return f"U+{ord(sign):04X}"


def _name_tricks(tricks: Iterable[tuple[str, Iterable[str]]]) -> Iterator[Odd]:
    return (odd(sentence, names) for sentence, signs in tricks if (names := list(signs)))


def odd(sentence: str, signs: Iterable[str]) -> Odd:
    """A trick with these signs, each once."""
    return Odd(sentence, tuple(itertools.islice(dict.fromkeys(signs), _COUNTED_AT_MOST)))


def _warn_of_length(raw: str) -> Iterator[Odd]:
    if len(raw) > SEARCHED:
        yield Odd(f"Only its first {SEARCHED} characters were searched for look-alike letters.")


def _warn_of_runs(raw: str) -> Iterator[Odd]:
    if len(raw) < _SHORTEST_RUN:
        return
    flat = raw.replace("\t", " ").replace("\xa0", " ").replace("\u3000", " ")
    # Plain searches first: they are a hundred times faster than the patterns, and nearly always enough.
    if "\n" * _SHORTEST_RUN in flat.replace(" ", "").replace("\r", ""):
        yield Odd(f"Contains {max(run.count(chr(10)) for run in _LINE_BREAKS.findall(raw))} line breaks in a row.")
    if " " * 40 in flat and (runs := _BLANKS.pattern.findall(raw)):
        yield Odd(f"Contains {max(map(len, runs))} blanks in a row.")

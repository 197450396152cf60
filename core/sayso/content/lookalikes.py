"""Finds signs that pass for other signs; the text itself is left alone.

The rule: ordinary writing in any language is never named, so every pattern here asks about its surroundings too.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Iterator

import regex

from sayso.content import symbols
from sayso.content.guesses import AnyOf, Guess, Late

_UNREADABLE = "\ufffd"
_UNSEEN = Late(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
_PLAIN_OF = str.maketrans(
    "аеорсухѕіјһԁԛԝӏүАВЕЅІЈКМНОРСТУХҮԚԜӀΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲϳօոսհցՍՕ‘’‚‛“”„‟‐‑‒–—―−⁃",
    "aeopcyxsijhdqwlyABESIJKMHOPCTYXYQWIABEZHIKMNOPTYXocjonuhgUO''''\"\"\"\"--------",
)

_LETTERS = "Contains letters that look like other letters: {}."
_STYLED = "Contains styled letters in place of plain ones: {}."
_WIDE = "Contains full-width or small signs in place of plain ones: {}."
_SYMBOLS = "Contains symbols that look like other symbols: {}."
_DASHES = "Contains a dash that is not a hyphen where an option begins: {}."
_LIGATURES = "Contains several letters in one sign: {}."
_LOST = "Contains the sign for what could not be read: {}."
_GIANTS = "Contains signs of unusual size: {}."
_OVERLAYS = "Contains marks drawn over other signs: {}."


def find(raw: str, *, code: bool) -> Iterator[tuple[str, Iterable[str]]]:
    """Sentences with a place for code points, and the signs that belong there, in a fixed order.

    *code*: the text is for a machine, so that look-alikes of its operators count as well.
    """
    if raw.isascii():
        return
    signs = "".join(dict.fromkeys(raw))
    yield _LETTERS, itertools.chain(_letters(raw, signs, code=code), _same(signs, code=code))
    yield _STYLED, symbols.styled(raw, signs, code=code)
    yield _WIDE, symbols.wide(raw, signs, code=code)
    yield _SYMBOLS, symbols.symbols(raw, signs, code=code)
    yield _DASHES, symbols.dashes(raw, signs, code=code)
    yield _OVERLAYS, symbols.overlays(raw, signs)
    yield _LIGATURES, _joint(raw, signs, code=code)
    yield _GIANTS, symbols.giants(raw, signs)
    yield _LOST, _UNREADABLE if _UNREADABLE in signs else ""


def likeness(raw: str) -> str:
    """What a short text looks like: two texts that nobody can tell apart have the same.

    Width, ligatures, blanks, dashes, quotes and look-alike letters of other alphabets do not count; case does.
    """
    plain = unicodedata.normalize("NFKC", raw).translate(_PLAIN_OF)
    return " ".join(_UNSEEN.pattern.sub("", plain).split())


# Not to be told from ASCII letters; and (NEAR) good enough to pass for one inside a Latin word.
_TWINS = frozenset(
    "аеорсухѕіјһԁԛԝӏүАВЕЅІЈКМНОРСТУХҮԚԜӀԌ"  # Cyrillic
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲϳϹϺͿⲞⲟⲢⲣⲤⲥⲎⲒⲔⲘⲚⲦ"  # Greek, Coptic
    "օոսհցՍՕՏԼ"  # Armenian
    "ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏎᏒᏔᏕᏙᏚᏞᏟᏢᏤᏦᏧᏩᏪᏮᏳᏴ"  # Cherokee
    "ᑌᑎᒍᒪᑭᐯᗪᗰᗷᗅᕼᖇᔕ"  # Canadian syllables
) | {chr(point) for point in range(0xA4D0, 0xA4F5)}  # Lisu
_NEAR = _TWINS | set("кмтнвпигьзёїѵөґєщшжҽЬѴѡꙇզյլնպքտ")
_NEAR_GREEK = frozenset("ανρυικτηχγωεσϱϒ")
_NEAR_LATIN = frozenset("aeopcyxijshdqwAEOPCYXIJSHKMTB")

_WORD = Late(r"[\p{L}\p{M}\p{N}]+")
_LATIN = Late(r"\p{Latin}")
_LATIN_WORD = Late(r"[\p{Latin}\p{M}0-9]+")
_GREEK = Late(r"(?V1)[\p{L}&&\p{Greek}]")
_CYRILLIC = Late(r"(?V1)[\p{L}&&[\p{Cyrillic}\p{Armenian}]]")
_EITHER = Late(r"[\p{Latin}\p{Cyrillic}\p{Armenian}]")
_ENDING = Late(r"[A-Z]{2,}[а-я]{1,3}")
# Alphabets that nobody mixes with Latin letters in one word.
_REMOTE = Late(
    r"""(?V1x)[[\p{L}\p{N}]&&[\p{Cherokee}\p{Lisu}\p{Coptic}\p{Deseret}\p{Canadian_Aboriginal}\p{Tifinagh}\p{Gothic}\p{Vai}
    \p{Old_Italic}\p{Carian}\p{Lycian}\p{Lydian}\p{Runic}\p{Osage}\p{Warang_Citi}\p{Elbasan}\p{Glagolitic}\p{Bamum}\p{Ahom}\p{Miao}\p{Ethiopic}\p{Tirhuta}]]"""
)
# Scripts without blanks between words do stand between Latin letters; of those only what looks like a nought counts.
_UNMIXED = r"""[[\p{L}\p{N}]--[\p{Latin}\p{Common}\p{Greek}\p{Han}\p{Hiragana}\p{Katakana}
    \p{Hangul}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"""
_NOUGHTS = "०০੦૦୦ଠ௦౦೦൦ഠ๐໐၀ဝ۵۱"
_ENCLOSED = AnyOf(
    Guess(rf"(?<=[A-Za-z]) (?: [๐໐၀ဝ០] | {_UNMIXED} \p{{M}}*+ )++ (?=[A-Za-z])", "ใช้APIนี้ได้, ה-API של", "aאb"),
    Guess(f"[{_NOUGHTS}] (?=[a-z]{{2}})", "०५ pages", "०pple"),
)
# What passes for a nought, and whatever else is no part of a Latin word.
_NEVER_LATIN = Late(rf"(?V1)[{_NOUGHTS}០\p{{Greek}}{_UNMIXED}]")
_HONEST = {
    script: Late(rf"(?V1)[\p{{L}}&&\p{{{script}}}--[{''.join(sorted(_TWINS))}]]")
    for script in ("Cyrillic", "Greek", "Armenian", "Cherokee", "Lisu", "Coptic", "Canadian_Aboriginal")
}
# Ohm, kelvin and angstrom have signs of their own that are drawn as Ω, K and Å.
_UNITS = Late(r"[\u2126\u212A\u212B]")
_SINGLES = Late(r"(?V1)[\p{L}&&[\u0300-\u1FFF\u2126\u212A\u212B\uF900-\uFAFF\U0002F800-\U0002FA1F]]")
# A page layout joins letters, and a copy from it keeps that; in a name or a command it is another name.
_JOINT = Late(r"[\uFB00-\uFB06\u0132\u0133\u01C4-\u01CC\u01F1-\u01F3\u0149]")
_LATIN_JOINT = Late(r"[\uFB00-\uFB06]")
_NAME_PARTS = Late(r"\w[./_@\\:=]\w")
_ASCII_LETTER = Late(r"[A-Za-z]")
_JOINED = AnyOf(
    Guess(r"[A-Za-z][./_@\\:]\n", "Все файлы: x. Сор", "Файл: a/рауо"),
    Guess(r"\n[./_@\\:][A-Za-z]", "Сор. Файл x", "https://рауо.com/x файл"),
)


def _letters(raw: str, signs: str, *, code: bool) -> Iterator[str]:
    if _may_be_mixed(unicodedata.normalize("NFD", signs)):
        for word in dict.fromkeys(_WORD.pattern.findall(raw)):
            if not word.isascii():
                yield from _mixed(unicodedata.normalize("NFD", word))
    if _TWINS.isdisjoint(signs) or not _ASCII_LETTER.pattern.search(signs):
        return
    # Code is judged line by line, or a comment in the other alphabet would vouch for a command in it.
    for part in raw.split("\n") if code else [raw]:
        if not part.isascii() and _ASCII_LETTER.pattern.search(part):
            yield from _disguised(part, shortest=1 if code else 2)


def _may_be_mixed(signs: str) -> bool:
    """Whether these are letters of more than one alphabet, of which one is not Latin."""
    if _LATIN.pattern.search(signs):
        return bool(_NEVER_LATIN.pattern.search(signs))
    return bool(_CYRILLIC.pattern.search(signs) and _GREEK.pattern.search(signs))


def _same(signs: str, *, code: bool) -> Iterator[str]:
    """Letters that Unicode holds to be the same as other ones; whoever writes text as it should be has none of them."""
    for sign in (_SINGLES if code else _UNITS).pattern.findall(signs):
        if len(unicodedata.decomposition(sign).split()) == 1 and not unicodedata.is_normalized("NFC", sign):
            yield sign


def _mixed(word: str) -> Iterator[str]:
    """Letters of another alphabet inside a Latin word, or the other way round."""
    if _LATIN_WORD.pattern.fullmatch(word):
        return
    yield from _REMOTE.pattern.findall(word) if _LATIN.pattern.search(word) else ()
    yield from (sign for found in _ENCLOSED.pattern.findall(word) for sign in found)
    latin, cyrillic, greek = _LATIN.pattern.findall(word), _CYRILLIC.pattern.findall(word), _GREEK.pattern.findall(word)
    if cyrillic and greek:
        yield from greek
    if latin and cyrillic and _is_odd_mix(word, latin, cyrillic):
        yield from cyrillic
    if latin:
        yield from (sign for sign in greek if sign in _TWINS or (sign in _NEAR_GREEK and len(latin) >= 4))


def _is_odd_mix(word: str, latin: list[str], cyrillic: list[str]) -> bool:
    """A Latin stem with a Cyrillic ending (SMSки) is ordinary; a change back, or nothing but look-alikes, is not."""
    if _ENDING.pattern.fullmatch(word) and not _TWINS.issuperset(cyrillic):
        return False
    only_near = _NEAR.issuperset(cyrillic) or (len(latin) == 1 and _NEAR_LATIN.issuperset(latin))
    return only_near or _turns(word)


def _turns(word: str) -> bool:
    """Whether the alphabet changes and changes back. Counted letter by letter: a pattern would try all the pairs."""
    changes, before = 0, None
    for found in _EITHER.pattern.finditer(word):
        latin = bool(_LATIN.pattern.match(found[0]))
        changes += before is not None and latin != before
        if changes == 2:
            return True
        before = latin
    return False


def _disguised(part: str, *, shortest: int) -> Iterator[str]:
    """Words made only of look-alikes, in a text that is otherwise Latin, or joined to Latin ones like a file name."""
    if _TWINS.isdisjoint(part):
        return
    honest = {script for script, letters in _HONEST.items() if letters.pattern.search(part)}
    for found in _WORD.pattern.finditer(part):
        letters = [sign for sign in found[0] if sign.isalpha()]
        if len(letters) < shortest or not _TWINS.issuperset(letters):
            continue
        joined = len(letters) > 1 and _JOINED.pattern.search(
            part[max(0, found.start() - 2) : found.start()] + "\n" + part[found.end() : found.end() + 2]
        )
        if joined or _script(letters[0]) not in honest:
            yield from letters


def _script(letter: str) -> str:
    return next(script for script in _HONEST if regex.match(rf"\p{{{script}}}", letter))


def _joint(raw: str, signs: str, *, code: bool) -> Iterator[str]:
    """Signs of several letters: anywhere in code, and in prose where a name or an address is written."""
    if code:
        yield from _JOINT.pattern.findall(signs)
    elif _LATIN_JOINT.pattern.search(signs):
        for word in raw.split():
            yield from _LATIN_JOINT.pattern.findall(word) if _NAME_PARTS.pattern.search(word) else ()

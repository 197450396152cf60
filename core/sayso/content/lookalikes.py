"""Finds signs that pass for other signs; the text itself is left alone.

The rule: ordinary writing in any language is never named, so every pattern here asks about its surroundings too.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Iterator

import regex

_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
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
    yield _LETTERS, itertools.chain(_letters(raw, code=code), _same(raw, code=code))
    yield _STYLED, _styled(raw, code=code)
    yield _WIDE, _wide(raw, code=code)
    yield _SYMBOLS, _symbols(raw, code=code)
    yield _DASHES, _matches(raw, _DASHES_IN_CODE if code else _DASHES_IN_PROSE)
    yield _OVERLAYS, _matches(raw, _DRAWN_OVER)
    yield _LIGATURES, _joint(raw, code=code)
    yield _GIANTS, _matches(raw, _OVERSIZED)
    yield _LOST, _matches(raw, _UNREADABLE)


def likeness(raw: str) -> str:
    """What a short text looks like: two texts that nobody can tell apart have the same.

    Width, ligatures, blanks, dashes, quotes and look-alike letters of other alphabets do not count; case does.
    """
    plain = unicodedata.normalize("NFKC", raw).translate(_PLAIN_OF)
    return " ".join(_UNSEEN.sub("", plain).split())


def _matches(raw: str, pattern: regex.Pattern[str]) -> Iterator[str]:
    """The non-ASCII signs of every match."""
    return (sign for found in pattern.finditer(raw) for sign in found[0] if not sign.isascii())


# --- letters ---------------------------------------------------------------------------------------------------------

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

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_LATIN = regex.compile(r"\p{Latin}")
_GREEK = regex.compile(r"(?V1)[\p{L}&&\p{Greek}]")
_CYRILLIC = regex.compile(r"(?V1)[\p{L}&&[\p{Cyrillic}\p{Armenian}]]")
_EITHER = regex.compile(r"(?P<latin>\p{Latin})|[\p{Cyrillic}\p{Armenian}]")
_ENDING = regex.compile(r"[A-Z]{2,}[а-я]{1,3}")
# Alphabets that nobody mixes with Latin letters in one word.
_REMOTE = regex.compile(
    r"""(?V1x)[[\p{L}\p{N}]&&[\p{Cherokee}\p{Lisu}\p{Coptic}\p{Deseret}\p{Canadian_Aboriginal}\p{Tifinagh}\p{Gothic}\p{Vai}
    \p{Old_Italic}\p{Carian}\p{Lycian}\p{Lydian}\p{Runic}\p{Osage}\p{Warang_Citi}\p{Elbasan}\p{Glagolitic}\p{Bamum}\p{Ahom}\p{Miao}\p{Ethiopic}\p{Tirhuta}]]"""
)
# Scripts without blanks between words do stand between Latin letters; of those only what looks like a nought counts.
_ENCLOSED = regex.compile(
    r"""(?V1x) (?<=[A-Za-z]) (?: [๐໐၀ဝ០] | [[\p{L}\p{N}]--[\p{Latin}\p{Common}\p{Greek}\p{Han}\p{Hiragana}\p{Katakana}
    \p{Hangul}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]] \p{M}*+ )++ (?=[A-Za-z])
    | [०০੦૦୦ଠ௦౦೦൦ഠ๐໐၀ဝ۵۱] (?=[a-z]{2})"""
)
_HONEST = {
    script: regex.compile(rf"(?V1)[\p{{L}}&&\p{{{script}}}--[{''.join(sorted(_TWINS))}]]")
    for script in ("Cyrillic", "Greek", "Armenian", "Cherokee", "Lisu", "Coptic", "Canadian_Aboriginal")
}
_ASCII_LETTER = regex.compile(r"[A-Za-z]")
_JOINED = regex.compile(r"[A-Za-z][./_@\\:]\n|\n[./_@\\:][A-Za-z]")


def _letters(raw: str, *, code: bool) -> Iterator[str]:
    for word in dict.fromkeys(_WORD.findall(raw)):
        if not word.isascii():
            yield from _mixed(unicodedata.normalize("NFD", word))
    # Code is judged line by line, or a comment in the other alphabet would vouch for a command in it.
    for part in raw.split("\n") if code else [raw]:
        if not part.isascii() and _ASCII_LETTER.search(part):
            yield from _disguised(part, shortest=1 if code else 2)


def _same(raw: str, *, code: bool) -> Iterator[str]:
    """Letters that Unicode holds to be the same as other ones; whoever writes text as it should be has none of them."""
    for sign in dict.fromkeys(_SINGLES.findall(raw)) if code else _UNITS.findall(raw):
        if len(unicodedata.decomposition(sign).split()) == 1 and not unicodedata.is_normalized("NFC", sign):
            yield sign


def _mixed(word: str) -> Iterator[str]:
    """Letters of another alphabet inside a Latin word, or the other way round."""
    yield from _REMOTE.findall(word) if _LATIN.search(word) else ()
    yield from (sign for found in _ENCLOSED.findall(word) for sign in found)
    latin, cyrillic, greek = _LATIN.findall(word), _CYRILLIC.findall(word), _GREEK.findall(word)
    if cyrillic and greek:
        yield from greek
    if latin and cyrillic and _is_odd_mix(word, latin, cyrillic):
        yield from cyrillic
    if latin:
        yield from (sign for sign in greek if sign in _TWINS or (sign in _NEAR_GREEK and len(latin) >= 4))


def _is_odd_mix(word: str, latin: list[str], cyrillic: list[str]) -> bool:
    """A Latin stem with a Cyrillic ending (SMSки) is ordinary; a change back, or nothing but look-alikes, is not."""
    if _ENDING.fullmatch(word) and not _TWINS.issuperset(cyrillic):
        return False
    only_near = _NEAR.issuperset(cyrillic) or (len(latin) == 1 and _NEAR_LATIN.issuperset(latin))
    return only_near or _turns(word)


def _turns(word: str) -> bool:
    """Whether the alphabet changes and changes back. Counted letter by letter: a pattern would try all the pairs."""
    changes, before = 0, None
    for found in _EITHER.finditer(word):
        latin = found["latin"] is not None
        changes += before is not None and latin != before
        if changes == 2:
            return True
        before = latin
    return False


def _disguised(part: str, *, shortest: int) -> Iterator[str]:
    """Words made only of look-alikes, in a text that is otherwise Latin, or joined to Latin ones like a file name."""
    honest = {script for script, letters in _HONEST.items() if letters.search(part)}
    for found in _WORD.finditer(part):
        letters = [sign for sign in found[0] if sign.isalpha()]
        if len(letters) < shortest or not _TWINS.issuperset(letters):
            continue
        joined = len(letters) > 1 and _JOINED.search(
            part[max(0, found.start() - 2) : found.start()] + "\n" + part[found.end() : found.end() + 2]
        )
        if joined or _script(letters[0]) not in honest:
            yield from letters


def _script(letter: str) -> str:
    return next(script for script in _HONEST if regex.match(rf"\p{{{script}}}", letter))


def _joint(raw: str, *, code: bool) -> Iterator[str]:
    """Signs of several letters: anywhere in code, and in prose where a name or an address is written."""
    if code:
        yield from _JOINT.findall(raw)
    elif _LATIN_JOINT.search(raw):
        for word in raw.split():
            yield from _LATIN_JOINT.findall(word) if _NAME_PARTS.search(word) else ()


# --- styled letters --------------------------------------------------------------------------------------------------

_STYLED_SIGNS = regex.compile(
    r"""(?V1x)
      [\U0001D400-\U0001D433\U0001D468-\U0001D7FF]{2,} | [\U0001D400-\U0001D7FF]{3,}
    | (?<= [A-Za-z]{2}) \p{Decomposition_Type=Font} | \p{Decomposition_Type=Font} (?! th\b) (?= [A-Za-z]{2})
    | [\u249C-\u24E9\U0001F110-\U0001F169\U0001F172-\U0001F17D\U0001F180-\U0001F189]{2,}
    | (?<= [A-Za-z]) [\u249C-\u24E9\U0001F110-\U0001F169] | [\u249C-\u24E9\U0001F110-\U0001F169] (?= [A-Za-z])
    | (?<= [A-Za-z]) [\u2160-\u217F\u212A] | [\u2160-\u217F\u212A] (?= [A-Za-z])
    | [\u02B0-\u02B8\u02E0-\u02E4\u1D2C-\u1D6A\u1D78\u1D9B-\u1DBF\u2071\u207F\u2090-\u209C]{4,}
    | (?<= [A-Za-z]) [ᴀᴄᴅᴇꜰᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢ] | [ᴀᴄᴅᴇꜰᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢ] (?= [A-Za-z])
    | (?<! \p{RI}) (?: \p{RI}{2} )*+ \p{RI} (?! \p{RI})"""
)
_FORMULA = regex.compile(r"[=≤≥≠≈∈∉→⇒⇔∀∃∑∏∫⊂⊆∪∩×·⋅√∂∇]")
_SMALL_CAPITALS = regex.compile(r"[ɪʀʟɴɢʙʜʏᴀᴄᴅᴇꜰᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢ]{2,}+")
_ALSO_PHONETIC = frozenset("ɪʀʟɴɢʙʜʏ")
_PHONETIC = regex.compile(r"[ːˈˌəɪʊɛɔʃʒθðŋæ]")
_ODD_LATIN = "ɑɡƧƨꞫȜƼƽƄꞴꬲꬵꞙſẝꞘᶃƍɩꞲƖᴑꬽꭇꭈƦꞟꭎꭒɯᶌỿꭚȣȢƷ"
_PHONETIC_TWINS = regex.compile(f"(?<=[A-Za-z]{{2}})[{_ODD_LATIN}]|[{_ODD_LATIN}](?=[A-Za-z]{{2}})")


def _styled(raw: str, *, code: bool) -> Iterator[str]:
    # Two bold letters side by side are a product of matrices in a formula, and a command elsewhere.
    shortest = 3 if not code and _FORMULA.search(raw) else 1
    yield from (sign for run in _STYLED_SIGNS.findall(raw) if len(run) != 2 or shortest < 3 for sign in run)
    yield from (sign for run in _SMALL_CAPITALS.findall(raw) if not _ALSO_PHONETIC.issuperset(run) for sign in run)
    if not _PHONETIC.search(raw):
        yield from _PHONETIC_TWINS.findall(raw)


# --- symbols and dashes ----------------------------------------------------------------------------------------------

# Strokes that pass for a dash, a slash, a bar or a nought are no sign of Chinese, Japanese or Korean writing.
_STROKES = "一丨丶丿ノー﹣ㅡㅣ〡ﾉㄧ〇ㅇ〳〴\u2f00-\u2fdf\u31c0-\u31e3"
_EAST = rf"[[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}\p{{Hangul}}\p{{Bopomofo}}]--[{_STROKES}]]"
_EASTERN = regex.compile(f"(?V1){_EAST}")
_WIDE_SIGNS = regex.compile(r"(?V1)[\u3001-\u3003\uFE50-\uFE6B\uFF01-\uFF64\uFFE0-\uFFEE]")
_WIDE_IN_CODE = regex.compile(
    rf"""(?V1x) (?<! {_EAST} [\u3000-\u303F\uFF01-\uFF64]{{0,20}})
    [\uFE50-\uFE6B\uFF02-\uFF07\uFF0A\uFF0B\uFF0D-\uFF19\uFF1C-\uFF1E\uFF20-\uFF5D\uFFE0-\uFFEE]
    (?! [\u3000-\u303F\uFF01-\uFF64]{{0,20}} {_EAST})"""
)
_PAUSES = regex.compile(r"[、。，：！？（）]")
_LAST_PAUSE = regex.compile(r"(?<=\w)[、。，：！？]\s*$")
_STROKE = regex.compile(f"[{_STROKES}]")


def _wide(raw: str, *, code: bool) -> Iterator[str]:
    """Full-width signs are ordinary in eastern prose; in code only as its punctuation or next to its letters."""
    eastern = bool(_EASTERN.search(raw))
    for part in raw.split("\n"):
        if eastern and not code:
            continue
        if _EASTERN.search(part):
            yield from _WIDE_IN_CODE.findall(part)
        else:
            ordinary = _PAUSES if eastern else _LAST_PAUSE
            yield from _WIDE_SIGNS.findall(ordinary.sub("", part))
            yield from _STROKE.findall(part) if _ASCII_LETTER.search(part) else ()


_NEVER_PLAIN = regex.compile(
    r"""(?x) [ǀǁ⧸⧵꞉] | ǃ (?! \p{Lu}) | (?<= [A-Za-z:/∕⁄]) [∕⁄] (?= [A-Za-z/∕⁄]) | (?<= [A-Za-z]) ∶ (?= [/∕⁄])
    | ∣ (?= \s* [a-z]{2})"""
)
_OPERATORS = regex.compile(
    r"∕|(?<!\p{Canadian_Aboriginal})[ᐸᐳ](?!\p{Canadian_Aboriginal})|(?<!\d)⁄|⁄(?!\d)|[⁎ˋ\u1FEF‵ʺʹ˂˃❘⏐꞊ˍˆ˜٭‥‖¦⟋⟍⧹╱╲⁚˸᛬꘎᜵⁁꓿᐀⹀⁓˄﹍-﹏]"
)
_MATH_OPERATORS = regex.compile(r"[∣∥∗∼∖]|(?<!\d)∶|∶(?!\d)")
_MATH = regex.compile(r"[∀∃∈∉∑∏∫≤≥≠≈→⇒⇔∞ℝℕℤℚℂ∪∩⊂⊆∅√∂∇×÷±⊥]")
_BARS = regex.compile(r"[│┃](?=\s*\w)")
_FRAMES = regex.compile(r"(?V1)[\u2500-\u257F--[│┃]]")
_STOPS = {"\u037e": regex.compile(r"\p{Greek}"), "․": regex.compile(r"\p{Armenian}")}


def _symbols(raw: str, *, code: bool) -> Iterator[str]:
    yield from _NEVER_PLAIN.findall(raw)
    # Ordinary among the letters of their own alphabet; to others they are a semicolon and a full stop.
    yield from (stop for stop, letters in _STOPS.items() if stop in raw and not letters.search(raw))
    if code:
        yield from _OPERATORS.findall(raw)
        yield from () if _MATH.search(raw) else _MATH_OPERATORS.findall(raw)
        yield from () if _FRAMES.search(raw) else _BARS.findall(raw)


_DASH = r"[\u2010-\u2015\u2212\u02D7\u2043\u207B\u2796\uFE58\uFE63\uFF0D]"
_BEFORE = r"(?<![^\s\"'`(=\[,|;&{])"
_OPTION = rf"""
      {_BEFORE} (?! [\u2012-\u2015] [^\n\u2012-\u2015]* [^\s\u2012-\u2015] [\u2012-\u2015] (?: [\s,.;:!?)] | $) )
        (?! \u2212 [A-Za-z]) -* {_DASH}+ -* (?= [A-Za-z])
    | (?<= [A-Za-z]{{2}} \s) \u2212 (?= [A-Za-z])
    | {_BEFORE} --? [A-Za-z] [\w-]*+ {_DASH} (?= \w)"""
# Dialogue opens with a dash: "—Hola", and Spanish encloses with two: " —dijo Juan—".
_DASHES_IN_PROSE = regex.compile(rf"(?mx) (?! (?<= ^ | [\"']) [\u2013-\u2015] \p{{Lu}}) (?: {_OPTION} )")
_DASHES_IN_CODE = regex.compile(
    rf"""(?mx) (?! (?<= ^ | ["']) [\u2014\u2015] \p{{Lu}}) (?: {_OPTION} )
    | (?<= [A-Za-z] \s) [\u2010-\u2013] (?= \d+ (?: \s | $))"""
)
# Whatever encloses a sign changes it; only keycaps are ordinary.
_DRAWN_OVER = regex.compile(
    r"""(?x) (?! (?<= [0-9\#*] \uFE0F?) \u20E3) \p{Me} | (?<= [\p{L}\p{N}\p{P}\p{Z}\p{M}$])
    [\u0334-\u0338\u20D2\u20D3\u20D8-\u20DA\u20E5\u20E6\u20EA\u20EB]"""
)
# Ohm, kelvin and angstrom have signs of their own that are drawn as Ω, K and Å.
_UNITS = regex.compile(r"[\u2126\u212A\u212B]")
_SINGLES = regex.compile(r"(?V1)[\p{L}&&[\u0300-\u1FFF\u2126\u212A\u212B\uF900-\uFAFF\U0002F800-\U0002FA1F]]")
# A page layout joins letters, and a copy from it keeps that; in a name or a command it is another name.
_JOINT = regex.compile(r"[\uFB00-\uFB06\u0132\u0133\u01C4-\u01CC\u01F1-\u01F3\u0149]")
_LATIN_JOINT = regex.compile(r"[\uFB00-\uFB06]")
_NAME_PARTS = regex.compile(r"\w[./_@\\:=]\w")
_UNREADABLE = regex.compile("\ufffd")
# Single code points that are drawn as wide as a line.
_OVERSIZED = regex.compile(r"\uFDFD{2,}|[\uA9C5\U00012219\U0001242B]|\u2E3B{3,}")

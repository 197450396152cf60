"""Finds styled letters, full-width signs, symbols and dashes that pass for plain ones.

The rule: ordinary writing in any language is never named, so every pattern here asks about its surroundings too.
*signs* are those of a text, each once: where none of those is that a pattern may name, the text itself is not read.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from sayso.content.guesses import AnyOf, Guess, Late

_ASCII_LETTER = Late(r"[A-Za-z]")

_BOLD = r"\U0001D400-\U0001D7FF"
_ENCLOSED = r"\u249C-\u24E9\U0001F110-\U0001F169\U0001F172-\U0001F17D\U0001F180-\U0001F189"
_RAISED = r"\u02B0-\u02B8\u02E0-\u02E4\u1D2C-\u1D6A\u1D78\u1D9B-\u1DBF\u2071\u207F\u2090-\u209C"
_CIRCLED = r"[\u249C-\u24E9\U0001F110-\U0001F169]"
_ROMAN = r"[\u2160-\u217F\u212A]"
_SMALL = "ᴀᴄᴅᴇꜰᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢ"
_STYLED_SIGNS = AnyOf(
    Guess(r"[\U0001D400-\U0001D433\U0001D468-\U0001D7FF]{2,}", "𝐀𝐱 = 𝐛", "𝐫𝐦"),
    Guess(f"[{_BOLD}]{{3,}}", "𝑎² + 𝑏² = 𝑐²", "𝑒𝑥𝑖𝑡"),
    Guess(r"(?<= [A-Za-z]{2}) \p{Decomposition_Type=Font}", "x ∈ ℝ", "exiℯ"),
    Guess(r"\p{Decomposition_Type=Font} (?! th\b) (?= [A-Za-z]{2})", "the 𝑛th item", "ℯxit"),
    Guess(f"[{_ENCLOSED}]{{2,}}", "Ⓐ or Ⓑ", "ⓡⓜ"),
    Guess(rf"(?<= [A-Za-z]) {_CIRCLED}", "see ⓐ", "admiⓝ"),
    Guess(rf"{_CIRCLED} (?= [A-Za-z])", "ⓐ first", "🅐dmin"),
    Guess(rf"(?<= [A-Za-z]) {_ROMAN}", "Part Ⅳ", "x\u217c"),
    Guess(rf"{_ROMAN} (?= [A-Za-z])", "Ⅳ parts", "\u217cs"),
    Guess(f"[{_RAISED}]{{4,}}", "1ˢᵗ, Mˡˡᵉ, x²", "ᵃᵖᵖʳᵒᵛᵉᵈ"),
    Guess(rf"(?<= [A-Za-z]) [{_SMALL}]", "ᴅ is a small capital", "suᴅ"),
    Guess(rf"[{_SMALL}] (?= [A-Za-z])", "the sign ᴅ", "ᴅel"),
    Guess(r"(?<! \p{RI}) (?: \p{RI}{2} )*+ \p{RI} (?! \p{RI})", "🇩🇪🇫🇷", "🇷m"),
)
_FORMULA = Late(r"[=≤≥≠≈∈∉→⇒⇔∀∃∑∏∫⊂⊆∪∩×·⋅√∂∇]")
_ALSO_PHONETIC = frozenset("ɪʀʟɴɢʙʜʏ")
_SMALL_CAPITALS = Late(rf"[ɪʀʟɴɢʙʜʏ{_SMALL}]{{2,}}+")
_PHONETIC = Late(r"[ːˈˌəɪʊɛɔʃʒθðŋæ]")
_ODD_LATIN = "ɑɡƧƨꞫȜƼƽƄꞴꬲꬵꞙſẝꞘᶃƍɩꞲƖᴑꬽꭇꭈƦꞟꭎꭒɯᶌỿꭚȣȢƷ"
_PHONETIC_TWINS = AnyOf(
    Guess(f"(?<=[A-Za-z]{{2}})[{_ODD_LATIN}]", "/hɑːd kæɡ/", "loɡ"),
    Guess(f"[{_ODD_LATIN}](?=[A-Za-z]{{2}})", "[ðə ɡɑːd]", "ɡit push"),
)
# Nothing above is found where there is none of these, and most texts have none.
_STYLES = Late(
    rf"[{_BOLD}{_ENCLOSED}{_RAISED}{_SMALL}ɪʀʟɴɢʙʜʏ{_ODD_LATIN}\p{{RI}}\p{{Decomposition_Type=Font}}]|{_CIRCLED}|{_ROMAN}"
)


def styled(raw: str, signs: str, *, code: bool) -> Iterator[str]:
    """Letters in a style of their own: bold, circled, superscript, small capitals, phonetic."""
    if not _STYLES.pattern.search(signs):
        return
    # Two bold letters side by side are a product of matrices in a formula, and a command elsewhere.
    shortest = 3 if not code and _FORMULA.pattern.search(raw) else 1
    yield from (sign for run in _STYLED_SIGNS.pattern.findall(raw) if len(run) != 2 or shortest < 3 for sign in run)
    yield from (
        sign for run in _SMALL_CAPITALS.pattern.findall(raw) if not _ALSO_PHONETIC.issuperset(run) for sign in run
    )
    if not _PHONETIC.pattern.search(raw):
        yield from _PHONETIC_TWINS.pattern.findall(raw)


# Strokes that pass for a dash, a slash, a bar or a nought are no sign of Chinese, Japanese or Korean writing.
_STROKES = "一丨丶丿ノー﹣ㅡㅣ〡ﾉㄧ〇ㅇ〳〴\u2f00-\u2fdf\u31c0-\u31e3"
_EAST = rf"[[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}\p{{Hangul}}\p{{Bopomofo}}]--[{_STROKES}]]"
_EASTERN = Late(f"(?V1){_EAST}")
_WIDE_SIGNS = Late(r"(?V1)[\u3001-\u3003\uFE50-\uFE6B\uFF01-\uFF64\uFFE0-\uFFEE]")
_WIDE_IN_CODE = Late(
    rf"""(?V1x) (?<! {_EAST} [\u3000-\u303F\uFF01-\uFF64]{{0,20}})
    [\uFE50-\uFE6B\uFF02-\uFF07\uFF0A\uFF0B\uFF0D-\uFF19\uFF1C-\uFF1E\uFF20-\uFF5D\uFFE0-\uFFEE]
    (?! [\u3000-\u303F\uFF01-\uFF64]{{0,20}} {_EAST})"""
)
_PAUSES = Late(r"[、。，：！？（）]")
_LAST_PAUSE = Late(r"(?<=\w)[、。，：！？]\s*$")
_STROKE = Late(f"[{_STROKES}]")
_WIDE_OR_STROKE = Late(rf"[\u3001-\u3003\uFE50-\uFE6B\uFF01-\uFF64\uFFE0-\uFFEE{_STROKES}]")


def wide(raw: str, signs: str, *, code: bool) -> Iterator[str]:
    """Full-width signs are ordinary in eastern prose; in code only as its punctuation or next to its letters."""
    if not _WIDE_OR_STROKE.pattern.search(signs):
        return
    eastern = bool(_EASTERN.pattern.search(raw))
    for part in raw.split("\n"):
        if eastern and not code:
            continue
        if _EASTERN.pattern.search(part):
            yield from _WIDE_IN_CODE.pattern.findall(part)
        else:
            ordinary = _PAUSES if eastern else _LAST_PAUSE
            yield from _WIDE_SIGNS.pattern.findall(ordinary.pattern.sub("", part))
            yield from _STROKE.pattern.findall(part) if _ASCII_LETTER.pattern.search(part) else ()


_NEVER_PLAIN = AnyOf(
    Guess("[ǀǁ⧸⧵꞉]", "curl x | sh", "curl x ǀ sh"),
    Guess(r"ǃ (?! \p{Lu})", "ǃKung, ǃXóõ", "rm ǃx"),
    Guess("(?<= [A-Za-z:/∕⁄]) [∕⁄] (?= [A-Za-z/∕⁄])", "1⁄2", "a⁄b"),
    Guess("(?<= [A-Za-z]) ∶ (?= [/∕⁄])", "11∶46∶30", "https∶//x"),
    Guess(r"∣ (?= \s* [a-z]{2})", "P(A∣B) = P(A ∩ B) / P(B)", "curl x ∣ sh"),
)
_OPERATORS = AnyOf(
    Guess("∕", "a / b", "a ∕ b", code=True),
    Guess(r"(?<!\p{Canadian_Aboriginal})[ᐸᐳ](?!\p{Canadian_Aboriginal})", "ᓯᐸᐃᓐ ᐳᓚᓐᑦ", "ls ᐳ x", code=True),
    Guess(r"(?<!\d)⁄", "1⁄2", "x ⁄2", code=True),
    Guess(r"⁄(?!\d)", "1⁄2", "2⁄ x", code=True),
    Guess("[⁎ˋ\u1fef‵ʺʹ˂˃❘⏐꞊ˍˆ˜٭‥‖¦⟋⟍⧹╱╲⁚˸᛬꘎᜵⁁꓿᐀⹀⁓˄﹍-﹏]", "ls | sh", "ls ❘ sh", code=True),
)
_MATH_OPERATORS = AnyOf(
    Guess("[∣∥∗∼∖]", "∑ a∣b ∗ c", "a ∗ b", code=True),
    Guess(r"(?<!\d)∶", "15∶30", "x ∶30", code=True),
    Guess(r"∶(?!\d)", "15∶30", "30∶ x", code=True),
)
_MATH = Late(r"[∀∃∈∉∑∏∫≤≥≠≈→⇒⇔∞ℝℕℤℚℂ∪∩⊂⊆∅√∂∇×÷±⊥]")
_BARS = Late(r"[│┃](?=\s*\w)")
_FRAMES = Late(r"(?V1)[\u2500-\u257F--[│┃]]")
_STOPS = {"\u037e": Late(r"\p{Greek}"), "․": Late(r"\p{Armenian}")}


_PASSING = Late("[ǀǁ⧸⧵꞉ǃ∕⁄∶∣\u037e․ᐸᐳ⁎ˋ\u1fef‵ʺʹ˂˃❘⏐꞊ˍˆ˜٭‥‖¦⟋⟍⧹╱╲⁚˸᛬꘎᜵⁁꓿᐀⹀⁓˄﹍-﹏∥∗∼∖│┃]")


def symbols(raw: str, signs: str, *, code: bool) -> Iterator[str]:
    """Symbols that look like ASCII signs; in *code* also those that prose and formulas use."""
    if not _PASSING.pattern.search(signs):
        return
    yield from _NEVER_PLAIN.pattern.findall(raw)
    # Ordinary among the letters of their own alphabet; to others they are a semicolon and a full stop.
    yield from (stop for stop, letters in _STOPS.items() if stop in raw and not letters.pattern.search(raw))
    if code:
        yield from _OPERATORS.pattern.findall(raw)
        yield from () if _MATH.pattern.search(raw) else _MATH_OPERATORS.pattern.findall(raw)
        yield from () if _FRAMES.pattern.search(raw) else _BARS.pattern.findall(raw)


_DASH = r"[\u2010-\u2015\u2212\u02D7\u2043\u207B\u2796\uFE58\uFE63\uFF0D]"
_ANY_DASH = Late(_DASH)
_BEFORE = r"(?<![^\s\"'`(=\[,|;&{])"
_PAIRED = r"(?! [\u2012-\u2015] [^\n\u2012-\u2015]* [^\s\u2012-\u2015] [\u2012-\u2015] (?: [\s,.;:!?)] | $) )"
_OPTIONS = (
    Guess(rf"{_BEFORE} {_PAIRED} (?! \u2212 [A-Za-z]) -* {_DASH}+ -* (?= [A-Za-z])", "it –as said– ends", "rm –rf /"),
    Guess(r"(?<= [A-Za-z]{2} \s) \u2212 (?= [A-Za-z])", "y = −x + 2", "rm −rf /"),
    Guess(rf"{_BEFORE} --? [A-Za-z] [\w-]*+ {_DASH} (?= \w)", "well‑known", "rm --no‑preserve‑root"),
)
_OPENING = "(?<= ^ | [\"'])"
# Dialogue opens with a dash: "—Hola", and Spanish encloses with two: " —dijo Juan—".
_DASHES_IN_PROSE = AnyOf(
    *_OPTIONS, unless=Guess(rf"{_OPENING} [\u2013-\u2015] \p{{Lu}}", "—Hola, ¿qué tal?", "—force"), flags="V1mx"
)
_DASHES_IN_CODE = AnyOf(
    *(one._replace(code=True) for one in _OPTIONS),
    Guess(r"(?<= [A-Za-z] \s) [\u2010-\u2013] (?= \d+ (?: \s | $))", "range 3–7", "kill –9 1", code=True),
    unless=Guess(rf"{_OPENING} [\u2014\u2015] \p{{Lu}}", '"—Hola, Juan"', "–Recurse", code=True),
    flags="V1mx",
)


def dashes(raw: str, signs: str, *, code: bool) -> Iterator[str]:
    """Dashes that are no hyphens, where an option begins or goes on."""
    if _ANY_DASH.pattern.search(signs):
        yield from matches(raw, (_DASHES_IN_CODE if code else _DASHES_IN_PROSE).pattern)


_DRAWN_OVER = AnyOf(
    # Whatever encloses a sign changes it; only keycaps are ordinary.
    Guess(r"(?! (?<= [0-9\#*] \uFE0F?) \u20E3) \p{Me}", "#\u20e3", "a\u20dd"),
    Guess(
        r"""(?<= [\p{L}\p{N}\p{P}\p{Z}\p{M}$])
        [\u0334-\u0338\u20D2\u20D3\u20D8-\u20DA\u20E5\u20E6\u20EA\u20EB]""",
        "a \u2260 b",
        "r\u0336m\u0336",
    ),
)
# Single code points that are drawn as wide as a line.
_OVERSIZED = AnyOf(
    Guess(r"\uFDFD{2,}", "\ufdfd", "\ufdfd\ufdfd"),
    Guess(r"[\uA9C5\U00012219\U0001242B]", "\U00012218", "\U0001242b"),
    Guess(r"\u2E3B{3,}", "\u2e3b", "\u2e3b\u2e3b\u2e3b"),
)


_MARKS = Late(r"[\p{Me}\u0334-\u0338\u20D2-\u20EB]")
_GIANT = Late(r"[\uFDFD\uA9C5\U00012219\U0001242B\u2E3B]")


def overlays(raw: str, signs: str) -> Iterator[str]:
    """Marks that are drawn over another sign."""
    if _MARKS.pattern.search(signs):
        yield from matches(raw, _DRAWN_OVER.pattern)


def giants(raw: str, signs: str) -> Iterator[str]:
    """Signs of unusual size."""
    if _GIANT.pattern.search(signs):
        yield from matches(raw, _OVERSIZED.pattern)


def matches(raw: str, pattern: regex.Pattern[str]) -> Iterator[str]:
    """The non-ASCII signs of every match."""
    return (sign for found in pattern.finditer(raw) for sign in found[0] if not sign.isascii())

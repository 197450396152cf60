"""Foreign text: nothing hidden, nothing merged, tricks named, ordinary writing left alone."""

import itertools
import time
import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from sayso.content import text
from tests.tables import each

HARMLESS = [
    "",
    "Deploy release 4.2 to production?",
    "tabs\tand\nline breaks\n\nstay",
    "Grüße aus Köln, naïve café, Ærøskøbing, Łódź, İstanbul, ılık",
    "“Curly quotes”, ‘single’, „deutsch“, it’s fine",
    "A dash — like this – and 2019–2024, Paris–London, well‑known",
    "Ellipsis… bullet • arrow → tick ✓ cross ✗ degree 20 °C €5 £3 ¥100",
    "Êtes-vous sûr\u00a0? Oui\u202f! «\u00a0Certainement\u00a0»\u00a0: 10\u202f000\u00a0km, 5\u00a0%",
    "M.\u00a0Dupont et Mme\u00a0Curie, page\u00a05, n°\u00a07",
    "z.\u00a0B. 10\u00a0km, Dr.\u00a0Meyer",
    "v\u00a0Praze a\u00a0okolí",
    "—Hola, ¿qué tal? —dijo Juan—. Adiós.",
    "¿Está seguro? ¡Sí! Mañana, corazón, pingüino",
    "Привет, мир! Удалить файл? Да, всё в порядке, её нет.",
    "IT-отдел использует API-ключ и 3D-модель, SMSки, git-репозиторий",
    "HTML с CSS и JavaScript",
    "Запусти тест: pytest -q, а потом git push",
    "Сор, рост и ухо в русском тексте about Latin",
    "Київ, їжак, ґанок, п'ять",
    "Καλημέρα κόσμε, ναι ή όχι; και Python",
    "E = mc², Δt = 5 µs, 10 kΩ, 3 μm, π ≈ 3.14, sinθcosφ, λx, νmax, αβγ",
    "∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε, ∑ xᵢ² ≤ ∞, A ⊂ B ∪ C",
    "y = −x + 2, −5 °C, a⋅b×c÷d, √2, ∫₀¹ f dx, x ∈ ℝⁿ",
    "P(A∣B) = P(A ∩ B) / P(B)",
    "𝑎² + 𝑏² = 𝑐², 𝐀𝐱 = 𝐛",
    "می‌خواهم کتاب‌ها را بخوانم؟ خانه‌ای، کار‌ها، نرم‌افزار",
    "السلام عليكم، هل تريد المتابعة؟ نعم ١٢٣",
    "بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ",
    "یہ اردو ہے۔",
    "שלום עולם, האם להמשיך?",
    "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "ה-API של השרת, הserver",
    "क्या आप जारी रखना चाहते हैं? क्‍ष और क्‌ष, श्री",
    "র‍্যাব, বাংলা ভাষা",
    "ശ്രീ മലയാളം അവന്‍",
    "ශ්‍රී ලංකා",
    "தமிழ் மொழி, తెలుగు, ಕನ್ನಡ ಭಾಷೆ, ਪੰਜਾਬੀ, ગુજરાતી",
    "ต้องการดำเนินการต่อหรือไม่ ใช้APIนี้ได้ น้ำ ที่ ปู่",
    "Bạn có muốn tiếp tục không? Đường Nguyễn Huệ",
    unicodedata.normalize("NFD", "Bạn có muốn tiếp tục không? Nguyễn, Ålesund, é, ≠"),
    "ဆက်လုပ်မလား? မြို့ မြန်မာ",
    "བོད་སྐད་ ཧཱུྃ",
    "ភាសាខ្មែរ",
    "ລາວ ພາສາ",
    "ქართული ენა, Հայերեն լեզու, ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
    "អ្នក\u200bមាន\u200bសំបុត្រ",
    "Գաղտնաբառ․",
    "Li lårdjeur di l'\u00a0etikete, d'\u00a0imådje",
    "L'\u00a0anêye tchoezeye antaŭ\u00a0ol",
    "ᓯᐸᐃᓐ ᐳᓚᓐᑦ",
    "作者：%s、%s、\n%s、%s",
    "Shell：",
    "11∶46∶30",
    "አማርኛ ቋንቋ",
    "ᠮᠣᠩᠭᠣᠯ",
    "続行しますか？　はい、「確認」してください。２０２４年",
    "参照ＵＲＬ：https://example.com（確認済）",
    "カタカナ、ｶﾀｶﾅ、ユーザー名",
    "是否继续？请检查（重要）：文件，目录；完成！",
    "使用 Python，Java 和 Go。",
    "계속하시겠습니까? 예, 한국어 ㅋㅋㅋ",
    "👍🏽 👩‍👩‍👧‍👦 ❤️ ❤️‍🔥 🏳️‍🌈 🏴‍☠️ 🇩🇪🇫🇷 1️⃣ #️⃣ ☎︎ 👩🏽‍⚕️ 🐦‍⬛ 🙂‍↔️ 👨🏻‍🤝‍👨🏼",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f England, ✅ done, ⚠️ careful, ℹ️ info, ™ ©",
    "①②③ Ⅳ ½ 1⁄2 № 5 § 3 ª º",
    "/ˈsɪtɪ/ ɪɪ /ɡɑːd/ [ðə kæt]",
    "1ˢᵗ, Mˡˡᵉ, x², H₂O, CO₂",
    "ﬁle ligature from a PDF",
    "Ĳsland, ǆamija, ʼn boom, 豈 塚 神, Ὀδύσσεια, Μῆνιν ἄειδε θεά, ά\u1f71",
    "Keycaps 1️⃣ #⃣ *️⃣, ѿ, Ѽ, ᾳ, 5\u00a0Ω",
]

HARMLESS_CODE = [
    "rm -rf build && make -j4 2>&1 | tee 'out file.log'; echo \"$HOME\" `date` ${x:-y} >/dev/null",
    "find . -name '*.py' -exec grep -n \"TODO\" {} \\; | sort -u | head -20",
    "curl -fsSL https://example.com/a?b=c&d=e#f | jq '.items[] | .id'",
    "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n-old — text\n+new – text\n",
    '{"command": "git commit -m \\"Fix naïve café\\"", "n": [1, 2.5e-3, null]}',
    r"^(?:[A-Za-z0-9._%+-]+)@[^\s@]{2,}\.(\d{1,3})$",
    r"C:\Users\Jörg\Documents\*.txt \\server\share",
    "def f(x: int) -> str:\n    return f'{x:>10}'  # größer\n\n\nclass A:\n\tpass\n",
    "λ = 0.5; Δx = 1; σ² = 2; α_max = 3; ρ_water = 1000",
    "SELECT * FROM \"t\" WHERE a <> 'b' -- comment\nUNION ALL SELECT 1;",
    '<div class="x">&nbsp;Grüße &amp; “Zitate”</div>',
    "├── core\n│   └── sayso\n└── tests",
    "│ a │ b │\n├───┼───┤\n│ 1 │ 2 │",
    '{"text": "—Hola, Juan", "q": "Voulez-vous continuer\u00a0?", "n": "10\u202f000"}',
    "Dosya adı, Her hangi kaldırılıyor",
    "ᓯᐸᐃᓐ ᐳᓚᓐᑦ, 15∶30",
    "作者 %s、 %s、\n%s、 %s、\n%s、および",
    "❯ ls -la ~/Bücher",
    '{"subject": "Êtes-vous sûr\u00a0?", "body": "Voilà\u00a0: 10\u00a0% «\u00a0oui\u00a0»"}',
    '{"text": "こんにちは！元気？（はい）　「了解」"}',
    '{"text": "你好，世界；请确认：是／否", "lang": "zh"}',
    "echo 'Привет, мир' > привет.txt",
    '{"text": "می‌خواهم", "emoji": "👩‍💻"}',
    "for (let i = 0; i < n; i++) { a[i] ??= `v${i}`; } // “ok” — done…",
    'if err != nil { return fmt.Errorf("x: %w", err) }',
    "\\sum_{i=1}^{n} x_i \\leq \\infty",
    "∑ x² ≤ ∞ ∧ a∣b ∗ c",
    "0x1F 1_000 'a' \"b\" !x ~y ^z %w &v *u #t @s",
    "a" + " " * 60 + "b",
    "        " * 10 + "deeply indented",
    "Сборка завершена: 5 файлов, тест пройден",
    "kubectl get pods -o=jsonpath='{.items[*].metadata.name}'",
    "git log --since='2 weeks ago' --pretty=format:%h",
    "5 − 3 = 2, −5, range 3–7",
]

HOSTILE = [
    ("invisible", "rm\u200b -rf"),
    ("invisible", "safe \u202egnp.exe"),
    ("invisible", "a\u2066b\u2069"),
    ("invisible", "x\u200fy"),
    ("invisible", "x\u061cy"),
    ("invisible", "soft\u00adhyphen"),
    ("invisible", "\ufefffile"),
    ("invisible", "zero\u2060joiner"),
    ("invisible", "hi" + "".join(chr(0xE0000 + ord(c)) for c in "rm -rf /")),
    ("invisible", "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "evil") + "\U000e007f"),
    ("invisible", "a\u3164b"),
    ("invisible", "a\uffa0b"),
    ("invisible", "a\u115fb\u1160c"),
    ("invisible", "a\u2800b"),
    ("invisible", "a\u034fb"),
    ("invisible", "a\ufe0fb"),
    ("invisible", "😀\U000e0100\U000e0150"),
    ("invisible", "la\u200cst"),
    ("invisible", "la\u200dst"),
    ("invisible", "👍\u200d"),
    ("invisible", "می\u200c\u200cخواهم"),
    ("invisible", "\x1b[2K\x1b[1A"),
    ("invisible", "safe\rEVIL"),
    ("invisible", "abc\b\b\bxyz"),
    ("invisible", "nul\x00"),
    ("invisible", "c1\x9b31m \x85"),
    ("invisible", "del\x7f vt\x0b ff\x0c"),
    ("invisible", "private \ue000"),
    ("invisible", "non\uffff char \ufdd0"),
    ("invisible", "lone \ud800 surrogate"),
    ("invisible", "inter\ufff9linear\ufffb \ufffc"),
    ("invisible", "music \U0001d173 null \U0001d159"),
    ("invisible", "khmer \u17b4 mongol \u180e"),
    ("blanks", "a\u2003b"),
    ("blanks", "a\u200ab"),
    ("blanks", "a\u205fb"),
    ("blanks", "a\u1680b"),
    ("blanks", "rm\u00a0-rf"),
    ("blanks", "rm\u3000-rf"),
    ("blanks", "a\u2028b"),
    ("blanks", "a\u2029b"),
    ("blanks", "APPROVED\u00a0by ann"),
    ("marks", "e" + "\u0301" * 5),
    ("marks", "Z\u0351\u0343\u0342\u0346\u0350\u0357"),
    ("marks", "ก" + "็" * 20),
    ("marks", "\u0338leading"),
    ("marks", "line\n\u0338start"),
    ("letters", "pаypal.com"),
    ("letters", "аdmin"),
    ("letters", "раyраl"),
    ("letters", "Сбербaнк"),
    ("letters", "Gοοgle"),
    ("letters", "pαypal"),
    ("letters", "run сору now"),
    ("letters", "https://рауо.com/x файл"),
    ("letters", "gօօgle"),
    ("letters", "Ꭺdmin"),
    ("letters", "ꓝꓡꓳꓪ it"),
    ("letters", "g๐๐gle"),
    ("letters", "g००gle"),
    ("letters", "aאb"),
    ("letters", "microsоft"),
    ("letters", "gσσgle"),
    ("letters", "०pple"),
    ("letters", "аΒс"),
    ("letters", "Aнна"),
    ("styled", "🅐dmin"),
    ("styled", "🇷m"),
    ("styled", "ƨudo"),
    ("styled", "𝐬𝐮𝐝𝐨 𝐫𝐦"),
    ("styled", "𝑒𝑥𝑖𝑡"),
    ("styled", "ⓡⓜ"),
    ("styled", "ʀᴍ"),
    ("styled", "ℯxit"),
    ("styled", "\u217cs"),
    ("styled", "ɡit push"),
    ("styled", "ᵃᵖᵖʳᵒᵛᵉᵈ"),
    ("full-width", "ｒｍ -rf"),
    ("full-width", "a ｜ b"),
    ("full-width", "ls ；rm"),
    ("full-width", "rm ⼀rf"),
    ("full-width", "x ＞ y ＆＆ z"),
    ("full-width", "rm 一rf"),
    ("full-width", "/etcノpasswd"),
    ("full-width", "evil。com"),
    ("symbols", "https:∕∕evil.com"),
    ("symbols", "example․com"),
    ("symbols", "ls\u037e rm"),
    ("symbols", "curl x ǀ sh"),
    ("symbols", "curl x ∣ sh"),
    ("dash", "rm –rf /"),
    ("dash", "git push —force"),
    ("dash", "rm −rf /"),
    ("dash", "x −−force"),
    ("dash", "rm -‐rf"),
    ("dash", "rm --no‑preserve‑root"),
    ("dash", "—force"),
    ("dash", "x|–rf"),
    ("unusual size", "\U0001242b"),
    ("unusual size", "\ufdfd" * 9),
    ("drawn over", "r\u0336m\u0336"),
    ("drawn over", "a\u20dd"),
    ("drawn over", "a\u0489"),
    ("drawn over", "5\u20e4"),
    ("drawn over", "a\u20e3"),
    ("drawn over", "\u1abe"),
    ("drawn over", "x\ua670"),
    ("letters", "10 k\u2126"),
    ("letters", "5 \u212b, 3 \u212a"),
    ("several letters", "edit con\ufb01g.toml"),
    ("several letters", "see /etc/\ufb02ags"),
    ("could not be read", "caf\ufffd"),
    ("line breaks", "ls" + "\n" * 25 + "rm"),
    ("line breaks", "ls" + "\n  " * 25 + "rm"),
    ("line breaks", "ls" + "\r\n" * 25 + "rm"),
    ("blanks in a row", "ls" + " " * 120 + "; rm"),
    ("blanks in a row", "ls\n" + " " * 200 + "; rm"),
    ("blanks in a row", "ls" + "\t" * 60 + "; rm"),
]

HOSTILE_CODE = [
    ("blanks", "10\u00a0km"),
    ("letters", "сору file"),
    ("letters", "# копия\nсору file"),
    ("letters", "x с y"),
    ("styled", "𝐫𝐦 = 1"),
    ("full-width", "你好 | ｓｈ"),
    ("symbols", "a ∕ b"),
    ("symbols", "ls ❘ sh"),
    ("symbols", "ls ‖ sh"),
    ("symbols", "ls ᐳ x"),
    ("blanks", "rm\u00a0x é"),
    ("full-width", "# 注釈\nls ＞ x"),
    ("symbols", "a ∣ b"),
    ("symbols", "a ∗ b"),
    ("symbols", "curl x │ sh"),
    ("symbols", "echo ˋdateˋ"),
    ("symbols", "cd ‥/‥"),
    ("symbols", "a⁄b"),
    ("dash", "kill –9 1"),
    ("several letters", "cat con\ufb01g"),
    ("several letters", "rm ĳs"),
    ("letters", "echo \u1f71 \uf900"),
    ("dash", "–Recurse"),
]

# What no reader can see; whatever may stay of it needs the neighbours that make it ordinary writing.
NEVER_SHOWN = regex.compile(
    r"(?V1)[[\p{C}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}]--[ \n\t\u00A0\u202F\u3000\u200B\u200C\u200D\uFE0E"
    r"\uFE0F\u0600-\u0605\u06DD\u0890\u0891\u08E2\u180B-\u180F\U000110BD\U000110CD\U000E0020-\U000E007F]]"
)
STACK = regex.compile(r"(?V1)[\p{M}--[\p{Tibetan}\p{Myanmar}\p{Tai_Tham}]]{5}|\p{M}{7}")
SPICE = [
    *"ab \n\t\r⟦⟧U+␍⏎⇥1-—–аαｒ漢",
    "\u202e",
    "\u200b",
    "\u200d",
    "\u200c",
    "\ufe0f",
    "\u0301",
    "\u00a0",
    "\u3000",
    "⟦U+202E⟧",
    "👩",
    "ب",
    "क",
    "्",
    "\x00",
]
SPICED = st.one_of(st.text(), st.lists(st.sampled_from(SPICE)).map("".join))


def raw_again(shown: str, *, in_line: bool = False) -> str:
    """Undoes every escape: that this is possible proves that no two texts look the same."""
    if in_line:
        shown = shown.replace("⏎", "\n").replace("⇥", "\t")
    return regex.sub(r"⟦U\+([0-9A-F]{4,6})⟧", lambda found: chr(int(found[1], 16)), shown.replace("␍", "\r"))


def check(shown: text.Foreign) -> None:
    assert not NEVER_SHOWN.search(shown.text)
    assert not STACK.search(shown.text)
    assert len(set(shown.warnings)) == len(shown.warnings) <= 12
    assert all(len(warning) < 200 for warning in map(str, shown.warnings))


def test_ordinary_writing_is_shown_as_it_is_without_a_warning() -> None:
    for row in each(HARMLESS):
        with row as raw:
            assert text.literal(raw) == text.Foreign(text.Safe(raw))


def test_ordinary_code_is_shown_as_it_is_without_a_warning() -> None:
    for row in each(HARMLESS_CODE):
        with row as raw:
            assert text.literal(raw, code=True) == text.literal(raw) == text.Foreign(text.Safe(raw))


def test_a_trick_is_named() -> None:
    for row in each(itertools.product(HOSTILE, (True, False))):
        with row as ((kind, raw), code):
            shown = text.literal(raw, code=code)
            check(shown)
            assert any(kind in warning for warning in map(str, shown.warnings))


def test_a_trick_is_named_between_other_words() -> None:
    for row in each((kind, raw) for kind, raw in HOSTILE if kind != "marks"):
        with row as (kind, raw):
            assert any(
                kind in warning for warning in map(str, text.literal(f"Some words: {raw}\nmore words.").warnings)
            )


def test_a_trick_that_works_in_code_is_named_there() -> None:
    for row in each(HOSTILE_CODE):
        with row as (kind, raw):
            assert any(kind in warning for warning in map(str, text.literal(raw, code=True).warnings))


@given(SPICED, st.booleans())
def test_any_text_can_be_read_back_from_what_is_shown(raw: str, code: bool) -> None:
    shown = text.literal(raw, code=code)
    check(shown)
    assert raw_again(shown.text) == raw
    assert len(shown.text) <= 10 * len(raw)
    assert shown == text.literal(raw, code=code)


@given(SPICED)
def test_any_title_fits_on_one_line_and_can_be_read_back(raw: str) -> None:
    shown = text.line(raw)
    check(shown)
    assert not set(shown.text) & set("\n\t\r")
    assert raw_again(shown.text, in_line=True) == raw


@given(SPICED, SPICED)
def test_two_texts_never_look_the_same(one: str, other: str) -> None:
    assert (text.literal(one).text == text.literal(other).text) == (one == other)
    assert (text.line(one).text == text.line(other).text) == (one == other)


@given(SPICED, st.booleans())
@example("\u094d\u200c", False)
def test_what_is_shown_needs_no_second_escaping_of_anything_but_our_own_signs(raw: str, code: bool) -> None:
    shown = text.literal(raw, code=code).text
    again = text.literal(shown.replace("⟦", "[").replace("␍", ""), code=code)
    assert not any("shown as" in warning for warning in map(str, again.warnings))


@given(st.characters())
def test_any_single_sign_is_shown_or_spelled_out(sign: str) -> None:
    shown = text.literal(sign)
    assert shown.text in (sign, f"⟦U+{ord(sign):04X}⟧")
    check(shown)


def test_a_text_that_is_too_long_to_search_says_so() -> None:
    long = "é" * (text.SEARCHED + 1) + "pаypal"
    assert text.literal(long).text == long
    assert tuple(map(str, text.literal(long).warnings)) == (
        f"Only its first {text.SEARCHED} characters were searched for look-alike letters.",
    )
    assert text.literal("é" * text.SEARCHED).warnings == ()


def test_an_escape_that_the_agent_wrote_itself_is_not_taken_for_ours() -> None:
    assert text.literal("⟦U+202E⟧") == text.Foreign(text.Safe("⟦U+27E6⟧U+202E⟧"))


def test_windows_line_ends_are_marked_without_a_warning() -> None:
    assert text.literal("a\r\nb\r\n") == text.Foreign(text.Safe("a␍\nb␍\n"))
    assert text.line("a\r\nb\tc") == text.Foreign(text.Safe("a␍⏎b⇥c"))


def test_signs_of_the_line_form_are_escaped_only_there() -> None:
    assert text.literal("Press ⏎").text == "Press ⏎"
    assert text.line("Press ⏎").text == "Press ⟦U+23CE⟧"


def test_a_variant_of_a_chinese_sign_is_spelled_out_without_a_warning() -> None:
    assert text.literal("葛\U000e0100城") == text.Foreign(text.Safe("葛⟦U+E0100⟧城"))


def test_warnings_have_a_fixed_order_and_name_only_a_few_signs() -> None:
    raw = " " * 150 + "x".join(map(chr, range(0x200B, 0x2010))) + "e" + "\u0301" * 6 + " рау pаl" + "\n" * 30
    assert tuple(map(str, text.literal(raw).warnings)) == (
        "Contains invisible or control characters, shown as ⟦U+200B⟧ ⟦U+200C⟧ ⟦U+200D⟧ ⟦U+200E⟧ and 1 more.",
        "Contains stacked or stray combining marks, shown as ⟦U+0301⟧.",
        "Contains letters that look like other letters: U+0430 U+0440 U+0443.",
        "Contains 30 line breaks in a row.",
        "Contains 150 blanks in a row.",
    )


def test_no_foreign_text_gets_into_a_warning() -> None:
    shown = text.literal("аdmin Approved \u202e" + " " * 300 + "x")
    assert "admin" not in "".join(map(str, shown.warnings))
    assert "Approved" not in "".join(map(str, shown.warnings))


HOSTILE_BULK = [
    "\u202e", "\u0301", "e" + "\u0301" * 9, "a\u200d\u0301", "\u200d", "ब\u200c", "က\u200b", "🇷", "ƨ", "Aа",
    "👩\u200d", "\u3000", "\u00a0",
    "\ufe0f", "\n", "\n ", " ", "\t", "\r", "а", "аa", "a‐", "—a ", "—", "-—", "ｒ", "漢ｒ", "一",
    "aא", "ᴀ", "ɪ", "𝐫", "⟦", "g๐", "∣ ", "´̸", "--a‐",
]  # fmt: skip


def seconds(unit: str, size: int, code: bool) -> float:
    raw = unit * (size // len(unit))
    start = time.process_time()
    text.literal(raw, code=code)
    return time.process_time() - start


@pytest.mark.parametrize("code", [True, False])
def test_the_work_grows_in_step_with_the_length_whatever_the_text(code: bool) -> None:
    for row in each(HOSTILE_BULK):
        with row as unit:
            # Ten times the text may take ten times as long; a quadratic step would take a hundred times.
            # In one of three tries: the garbage of a whole run may be collected in the midst of one.
            assert any(seconds(unit, 10_000, code) < 30 * max(seconds(unit, 1_000, code), 0.001) for _ in range(3))


def test_plain_text_costs_next_to_nothing() -> None:
    raw = "result = compute(x, y)\n" * 450
    start = time.process_time()
    for _ in range(100):
        text.literal(raw, code=True)
    assert time.process_time() - start < 0.1


# What the service joins names with.
_JOINED = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.just("·"), max_size=60)


@given(_JOINED)
def test_joined_names_need_no_look_at_each_sign(raw: str) -> None:
    assert text.line(raw) == text._show(raw, code=False, suspect=text._SUSPECT_IN_LINE)  # pyright: ignore[reportPrivateUsage]


def test_where_all_signs_are_usual_nothing_is_spelled_out() -> None:
    usual = [chr(point) for point in range(0x110000) if not text._UNUSUAL.search(chr(point))]  # pyright: ignore[reportPrivateUsage]
    assert len(usual) > 30_000
    # a mark or a flag depends on what stands before it or behind it
    assert not [sign for sign in usual if unicodedata.category(sign).startswith("M") or sign == "\U0001f3f4"]
    assert not text._SUSPECT_IN_LINE.pattern.search("".join(usual))  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    "raw", ["Пожалуйста", "请部署，谢谢。", "a\u202eb", "می\u200cخواهم", "a\r\nb", "⟦U+202E⟧", "e" + "\u0301" * 6]
)
@pytest.mark.parametrize("code", [True, False])
def test_a_piece_of_a_text_is_escaped_as_the_whole_is(raw: str, code: bool) -> None:
    assert text.escaped(raw, code=code) == text.literal(raw, code=code).text

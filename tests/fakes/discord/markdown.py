"""Discord's markdown as far as it decides what a person reads and what is live: mentions, links, code, escapes.

Rule: splits text into pieces with a kind; draws nothing itself. Read from descriptions, not from a client: where those
are unclear it errs towards "live".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"```(?:([A-Za-z0-9_+\-.#]+)\n)?\n*(.*?)\n*```", re.S)
_CODE = re.compile(r"(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", re.S)
_ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")
_MENTION = re.compile(r"<(?:@[!&]?|\#)\d+>|<id:\w+>|</[^:>\n]+:\d+>")
_BROADCAST = re.compile(r"@(?:everyone|here)")
_TIME = re.compile(r"<t:(-?\d+)(?::[tTdDfFRsS])?>")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_ADDRESS = r"https?://[^\s<>]+"
_MASKED = re.compile(rf"\[((?:[^\[\]\\]|\\.)+)\]\(<?({_ADDRESS}?)>?(?:\s+\"[^\"\n]*\")?\)", re.S)
_QUIET = re.compile(rf"<({_ADDRESS})>")
_MAIL = re.compile(r"<(?:mailto:|tel:|sms:)?([+\w.\-]+@[\w.\-]+|\+\d+)>")
_BARE = re.compile(r"https?://[^\s<]*[^\s<.,:;\"')\]]")
_LINE_MARKS = re.compile(r"^[ ]*(?:\#{1,3} |-\# |> |>>> )", re.M)
# A single underscore counts only at the edge of a word, everything else also inside one.
_STYLE = re.compile(r"(\*{1,3}|__|~~|\|\||(?<!\w)_(?=[^_]*_(?!\w)))(?=\S)(.+?)(?<=\S)\1", re.S)
# Discord drops these before it looks for @everyone (api-docs#1189).
_DROPPED = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PLACEHOLDER = "\ue000{}\ue001"
_HELD = re.compile("\ue000(\\d+)\ue001")


@dataclass(frozen=True)
class Piece:
    """Part of a text: kind `code`, `escape`, `mention`, `time`, `emoji`, `link` or `text`, its words and its target."""

    kind: str
    words: str
    target: str = ""
    quiet: bool = False


_RULES = [
    ("code", _FENCE), ("code", _CODE), ("escape", _ESCAPE), ("link", _MASKED), ("quiet", _QUIET), ("link", _MAIL),
    ("time", _TIME), ("emoji", _EMOJI), ("mention", _MENTION), ("mention", _BROADCAST), ("bare", _BARE),
]  # fmt: skip
# With one of these begins whatever fits one of the rules.
_BEGINS = re.compile(r"[`\\\[<@]|https?://")


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of *text*, in order; at every place the first rule that fits wins."""
    text, at, start = _DROPPED.sub("", text), 0, 0
    while begins := _BEGINS.search(text, at):
        at = begins.start()
        kind, hit = _first(text, at)
        if hit is None:
            at += 1
            continue
        if at > start:
            yield Piece("text", text[start:at])
        yield _piece(kind, hit)
        at = start = hit.end()
    if start < len(text):
        yield Piece("text", text[start:])


def styled(text: str) -> bool:
    """Whether any words of *text* are drawn bold, as a heading, quoted, hidden or the like."""
    plain = "".join(p.words if p.kind == "text" else "x" for p in pieces(text))
    return bool(_LINE_MARKS.search(plain) or _STYLE.search(plain))


def drawn(text: str, show: dict[str, str] | None = None) -> str:
    """*text* as it is read: marks gone, code and escapes literal; *show* has the words for mentions."""
    held: list[str] = []
    out: list[str] = []
    for piece in pieces(text):
        if piece.kind == "text":
            out.append(piece.words)
            continue
        # Held back, so that marks inside code are left alone while marks around it still pair up.
        out.append(_PLACEHOLDER.format(len(held)))
        inner = piece.kind == "link" and piece.words != piece.target
        words = drawn(piece.words, show) if inner else piece.words
        held.append((show or {}).get(piece.target, words) if piece.kind == "mention" else words)
    plain = _LINE_MARKS.sub("", "".join(out))
    while (plainer := _STYLE.sub(r"\2", plain)) != plain:
        plain = plainer
    return _HELD.sub(lambda hit: held[int(hit[1])], plain)


def pings(text: str) -> Iterator[str]:
    """Every mention the server would act on: outside code, escaped or not (`\\@everyone` still rings)."""
    clean = _CODE.sub("", _FENCE.sub("", _DROPPED.sub("", text)))
    yield from re.findall(r"<@[!&]?\d+>|@everyone|@here", clean)


def _first(text: str, at: int) -> tuple[str, re.Match[str] | None]:
    for kind, rule in _RULES:
        if hit := rule.match(text, at):
            return kind, hit
    return "", None


def _piece(kind: str, hit: re.Match[str]) -> Piece:
    match kind:
        case "code":
            return Piece("code", hit[2].strip("\n"))
        case "escape" | "emoji":
            return Piece(kind, hit[1] if kind == "escape" else f":{hit[1]}:")
        case "link":
            return Piece("link", hit[1], hit[2] if hit.re is _MASKED else f"mailto:{hit[1]}")
        case "quiet":
            return Piece("link", hit[1], hit[1], quiet=True)
        case "bare":
            return Piece("link", hit[0], hit[0])
        case _:
            return Piece(kind, hit[0], hit[0])

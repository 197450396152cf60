"""A Discord message as a page: components of the second version, drawn as the client does."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fakes.discord import markdown
from tests.pictures.slack import FONT, ago

Json = dict[str, Any]

STYLE = FONT + Path(__file__).with_suffix(".css").read_text()


def page(payload: Json, now: datetime, names: dict[str, str], files: dict[str, str]) -> str:
    """The page of one message; *names* are those of users and roles by id, *files* the addresses of files."""
    body = "".join(_component(one, now, names, files) for one in payload["components"])
    head = '<div class="who"><b>sayso</b><span class="app">APP</span><span class="time">Today at 12:00</span></div>'
    return (
        f'<meta charset="utf-8"><style>{STYLE}</style><div class="message" id="shot"><div class="icon">s</div>'
        f'<div class="body">{head}{body}</div></div>'
    )


def _component(part: Json, now: datetime, names: dict[str, str], files: dict[str, str]) -> str:
    inner = "".join(_component(one, now, names, files) for one in part.get("components", ()))
    match part["type"]:
        case 17:
            return f'<div class="container" style="--bar:#{part.get("accent_color") or 0x1E1F22:06x}">{inner}</div>'
        case 10:
            return f'<div class="text">{_text(part["content"], now, names)}</div>'
        case 9:
            return f'<div class="section"><div>{inner}</div>{_component(part["accessory"], now, names, files)}</div>'
        case 14:
            return "<hr>" if part.get("divider", True) else "<br>"
        case 1:
            return f'<div class="row">{inner}</div>'
        case 2:
            emoji = part.get("emoji", {}).get("name", "")
            return f'<span class="button s{part["style"]}">{emoji} {html.escape(part.get("label", ""))}</span>'
        case 3 | 5 | 6 | 7 | 8:
            return f'<span class="button select">{html.escape(part.get("placeholder", "Make a selection"))}</span>'
        case 12:
            names_of = (item["media"]["url"].removeprefix("attachment://") for item in part["items"])
            return "".join(f'<img src="{files[name]}" alt="">' for name in names_of)
        case other:
            raise ValueError(f"no picture of the component {other}")


def _text(content: str, now: datetime, names: dict[str, str]) -> str:
    held: list[str] = []

    def hold(shown: str) -> str:
        held.append(shown)
        return f"\ue000{len(held) - 1}\ue001"

    plain = "".join(
        html.escape(one.words, quote=False) if one.kind == "text" else hold(_piece(one, content, now, names))
        for one in markdown.pieces(content)
    )
    lines = "\n".join(_line(one) for one in plain.split("\n"))
    lines = lines.replace("</blockquote>\n", "</blockquote>").replace("</div>\n", "</div>")
    return re.sub("\ue000(\\d+)\ue001", lambda hit: held[int(hit[1])], lines)


def _piece(piece: markdown.Piece, content: str, now: datetime, names: dict[str, str]) -> str:
    words = html.escape(piece.words)
    match piece.kind:
        case "code":
            fenced = f"```\n{piece.words}" in content or f"```{piece.words}" in content or "\n" in piece.words
            return f"<pre>{words}</pre>" if fenced else f"<code>{words}</code>"
        case "time":
            stamp = int(re.sub(r"[^0-9]", "", piece.target or piece.words) or 0)
            found = re.search(rf"<t:{stamp}:([a-zA-Z])>", content)
            at = datetime.fromtimestamp(stamp, UTC)
            form = found[1] if found else "f"
            return f'<span class="stamp">{ago(at, now) if form == "R" else at.strftime("%-d %B %Y %H:%M")}</span>'
        case "mention":
            target = re.sub(r"\D", "", piece.target or piece.words)
            return f'<span class="mention">@{html.escape(names.get(target, target))}</span>'
        case _:
            return words


def _line(line: str) -> str:
    for mark, cls in (("### ", "h3"), ("## ", "h2"), ("# ", "h1"), ("-# ", "small")):
        if line.startswith(mark):
            return f'<div class="{cls}">{_styled(line.removeprefix(mark))}</div>'
    if line.startswith("&gt; "):
        return f"<blockquote>{_styled(line.removeprefix('&gt; '))}</blockquote>"
    return _styled(line)


def _styled(line: str) -> str:
    line = re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"<b>\1</b>", line)
    line = re.sub(r"~~(.+?)~~", r"<s>\1</s>", line)
    return re.sub(r"(?<!\*)\*(?=\S)(.+?)(?<=\S)\*(?!\*)", r"<i>\1</i>", line)

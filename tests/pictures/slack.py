"""A Slack message as a page: the blocks that our cards use, drawn as the client does. Everything else is an error."""

import html
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]

EMOJI = {
    "raised_hand": "✋", "white_check_mark": "✅", "no_entry": "⛔", "hourglass": "⌛", "warning": "⚠️", "x": "❌",
    "black_circle_for_record": "⏺️", "wastebasket": "🗑️", "speech_balloon": "💬", "rotating_light": "🚨",
    "large_orange_circle": "🟠", "large_yellow_circle": "🟡", "red_circle": "🔴", "large_green_circle": "🟢",
    "heavy_minus_sign": "➖",
    "lock": "🔒", "question": "❓", "memo": "📝", "no_entry_sign": "🚫", "octagonal_sign": "🛑",
}  # fmt: skip
FONT = '@font-face{font-family:emoji;src:url("/emoji.ttf")}'
STYLE = FONT + Path(__file__).with_suffix(".css").read_text()


def page(payload: Json, now: datetime, names: dict[str, str], files: dict[str, str]) -> str:
    """The page of one message; *names* are those of users and groups by id, *files* the addresses of files."""
    blocks = list(payload.get("blocks") or ())
    body = "".join(_block(one, now, names, files) for one in blocks)
    for attachment in payload.get("attachments", ()):
        inner = "".join(_block(one, now, names, files) for one in attachment.get("blocks", ()))
        body += f'<div class="attachment" style="--bar:{html.escape(attachment.get("color", "#ddd"))}">{inner}</div>'
    head = '<div class="who"><b>sayso</b><span class="app">APP</span><span class="time">12:00 PM</span></div>'
    return (
        f'<meta charset="utf-8"><style>{STYLE}</style><div class="message" id="shot"><div class="icon">s</div>'
        f'<div class="body">{head}{body}</div></div>'
    )


def _block(block: Json, now: datetime, names: dict[str, str], files: dict[str, str]) -> str:
    match block["type"]:
        case "rich_text":
            inner = "".join(_rich(one, now, names) for one in block["elements"])
        case "context":
            inner = '<div class="context">' + " ".join(_text(one, now, names) for one in block["elements"]) + "</div>"
        case "section":
            inner = _text(block["text"], now, names) if "text" in block else ""
            fields = "".join(f"<div>{_text(one, now, names)}</div>" for one in block.get("fields", ()))
            inner += f'<div class="fields">{fields}</div>' if fields else ""
            inner += _control(block["accessory"]) if "accessory" in block else ""
        case "actions":
            inner = '<div class="actions">' + "".join(map(_control, block["elements"])) + "</div>"
        case "header":
            inner = f'<div class="header">{_text(block["text"], now, names)}</div>'
        case "input":
            inner = f'<div class="label">{_text(block["label"], now, names)}</div>{_control(block["element"])}'
        case "divider":
            inner = "<hr>"
        case "image":
            inner = f'<img src="{files[block["slack_file"]["id"]]}" alt="">'
        case other:
            raise ValueError(f"no picture of the block {other!r}")
    return f'<div class="block">{inner}</div>'


def _rich(part: Json, now: datetime, names: dict[str, str]) -> str:
    match part["type"]:
        case "rich_text_section":
            return f'<div class="section">{_spans(part["elements"], now, names)}</div>'
        case "rich_text_preformatted":
            return f"<pre>{_spans(part['elements'], now, names)}</pre>"
        case "rich_text_quote":
            return f"<blockquote>{_spans(part['elements'], now, names)}</blockquote>"
        case "rich_text_list":
            tag = "ol" if part["style"] == "ordered" else "ul"
            items = "".join(f"<li>{_spans(one['elements'], now, names)}</li>" for one in part["elements"])
            return f"<{tag}>{items}</{tag}>"
        case other:
            raise ValueError(f"no picture of {other!r}")


def _spans(spans: list[Json], now: datetime, names: dict[str, str]) -> str:
    return "".join(_span(one, now, names) for one in spans)


def _span(span: Json, now: datetime, names: dict[str, str]) -> str:
    match span["type"]:
        case "text" | "link":
            shown = html.escape(str(span.get("text") or span.get("url", "")))
        case "emoji":
            return EMOJI[span["name"]]
        case "date":
            shown = _date(span["timestamp"], span["format"], now)
        case "user" | "usergroup":
            target: str = span.get("user_id") or span["usergroup_id"]
            return f'<span class="mention">@{html.escape(names.get(target, target))}</span>'
        case "broadcast":
            return f'<span class="mention">@{span["range"]}</span>'
        case other:
            raise ValueError(f"no picture of the element {other!r}")
    style = span.get("style", {})
    for name, tag in (("code", "code"), ("bold", "b"), ("italic", "i"), ("strike", "s")):
        if style.get(name):
            shown = f"<{tag}>{shown}</{tag}>"
    return shown


def _text(item: Json, now: datetime, names: dict[str, str]) -> str:
    if item["type"] == "image":
        return f"[{html.escape(item['alt_text'])}]"
    shown = html.escape(item["text"].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    return f'<span class="section">{shown}</span>'


def _control(item: Json) -> str:
    if item["type"] == "button":
        return f'<span class="button {item.get("style", "")}">{html.escape(item["text"]["text"])}</span>'
    words = item.get("placeholder", {}).get("text") or "Choose"
    if item["type"] == "overflow":
        words = "⋯"
    return f'<span class="button select">{html.escape(words)}</span>'


def _date(stamp: int, form: str, now: datetime) -> str:
    at = datetime.fromtimestamp(stamp, UTC)
    near = "today" if at.date() == now.date() else at.strftime("%b %-d, %Y")
    shown = form.replace("{ago}", ago(at, now)).replace("{time}", at.strftime("%-I:%M %p"))
    for name in ("{date_short_pretty}", "{date_pretty}", "{date_long_pretty}", "{date_short}", "{date}", "{date_num}"):
        shown = shown.replace(name, near)
    return shown


def ago(at: datetime, now: datetime) -> str:
    """How far a moment is, in the words of both chats: `in 59 minutes`, `2 hours ago`."""
    seconds = (at - now).total_seconds()
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    size, unit = next((one for one in units if abs(seconds) >= one[0]), units[-1])
    count = round(abs(seconds) / size)
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"in {words}" if seconds > 0 else f"{words} ago"

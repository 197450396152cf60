"""A card becomes a Discord message, a dialog a modal or a message for one person. Pure: plain dicts within `limits`.

The rule: foreign text goes only through `rich`, and into labels of buttons, menus and inputs, where nothing is live.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sayso import model
from sayso.cards import asked, batch, card, cutting, rows
from sayso.cards.dialog import Dialog, WindowLimits
from sayso.chat import bounds
from sayso.chat.received import Json
from sayso.machine import people
from sayso_discord import batches, components, custom_ids, inputs, layout, limits, measure, reserve, rich

ROOM = WindowLimits(
    content=reserve.PAGE_CONTENT,
    inputs=4,
    typed=bounds.EDITED,
    answer=reserve.ANSWER,
    options=limits.SELECT_OPTIONS,
    asks_again=True,
    paper=cutting.Paper(reserve.PAGE_TEXT, part=layout.length_of, text=layout.length_in_box),
)
"""What one modal holds: four labels, and a text above them."""

NOBODY: Json = {"parse": []}
"""Whom a message notifies. Sent with edits, too: without it Discord reads mentions anew."""

NOBODY_CALLED = people.Called()
_MENUS = 4
# What stands before an option: its number, of at most three digits.
_NUMBERING = 6
# Components above the rows of a card of several requests.
_HEAD = 3
# With less room than this hardly anything of the content would be shown.
_LEAST_ROOM = reserve.CARD_CONTENT // 16
# The longest id of a component: 31 bits.
_LONGEST_ID = 2**31 - 1
_MARKS: Mapping[str, str] = {"pending": "✋", "good": "✅", "bad": "⛔", "gone": "➖"}
_ACCENTS: Mapping[str, int] = {"pending": 0xF0B232, "good": 0x23A55A, "bad": 0xF23F43, "gone": 0x80848E}
_RISKY: Mapping[model.Risk | None, int] = {"medium": 0xE67E22, "high": 0xF23F43}
_STYLES: Mapping[str, int] = {
    "primary": components.SUCCESS,
    "danger": components.DANGER,
    "plain": components.SECONDARY,
}


def render(drawn: card.Card, called: people.Called = NOBODY_CALLED, *, loud: bool = False) -> Json:
    """The body of a message. It says what does not fit; then it offers no button that decides in favour.

    Those who are *called* are mentioned; only if it is *loud* that notifies them.
    """
    accounts, roles = _ids(called.accounts), _ids(called.groups)
    calls = _calls(accounts, roles)
    room = reserve.CARD_CONTENT
    while True:
        payload = _message(drawn, room, f"-# For {calls}" if calls else "")
        # how much is needed for escapes is known only afterwards
        if measure.fits(payload["components"]) or room < _LEAST_ROOM:
            break
        room = _less(room)
    return {**payload, "allowed_mentions": {"parse": [], "users": accounts, "roles": roles}} if loud else payload


def render_dialog(dialog: Dialog) -> Json:
    """A modal if there is something to fill in, else a message for one person."""
    return modal(dialog) if dialog.inputs else page(dialog)


def modal(dialog: Dialog) -> Json:
    """A modal; it carries its token."""
    labels = [label for given in dialog.inputs for label in inputs.render(given)]
    told = [*map(rich.part, dialog.parts), *filter(None, map(inputs.above, dialog.inputs))]
    room = len(labels) < limits.MODAL_PARTS
    return {
        "title": measure.cut(dialog.heading(limits.MODAL_TITLE), limits.MODAL_TITLE),
        "custom_id": custom_ids.write("window", dialog.token),
        "components": [*(layout.join(told) if room else []), *labels[: limits.MODAL_PARTS]],
    }


def page(dialog: Dialog) -> Json:
    """A message for one person that shows the parts of a dialog, with the button that sends it off."""
    head = layout.text(f"**{rich.escape(dialog.title)}**")
    pressed: list[Json] = []
    if dialog.submit is not None:
        sends = custom_ids.write("submit", dialog.token)
        style = components.DANGER if dialog.danger else components.SUCCESS
        pressed.append(_pressable(dialog.submit, sends, style))
    pressed += map(_button, dialog.jumps)
    if dialog.link:
        # a link of the operator's own: no foreign text becomes one
        pressed.append(
            {"type": components.BUTTON, "style": components.LINK, "label": "Open in the inbox", "url": dialog.link}
        )
    row = [_row(pressed)] if pressed else []
    shown = layout.of_parts(dialog.parts, limits.COMPONENTS - 1 - _count(row))
    return private([*layout.within_room([head, *shown]), *row])


def step(dialog: Dialog, said: str) -> Json:
    """A message for one person with the button that opens the next modal, which only a button can do."""
    opens = custom_ids.write("press", dialog.token)
    label = "Next" if dialog.submit else "Open"
    return private([layout.text(rich.escape(said)), _row([_pressable(label, opens, components.SUCCESS)])])


def retry(token: str, line: card.Line) -> Json:
    """A message for one person that says what was wrong, with the button that opens the modal again."""
    again = custom_ids.write("press", token)
    return private([*layout.join([rich.part(line)]), _row([_pressable("Try again", again, components.SECONDARY)])])


def whisper(line: card.Line) -> Json:
    """A message for one person."""
    return private(layout.join([rich.part(line)]))


def spoken(line: card.Line) -> Json:
    """A message of the service that everybody in the conversation sees."""
    return _body(layout.join([rich.part(line)]))


def message(line: card.Line, link: str = "") -> Json:
    """A direct message of the service, with the address of a card."""
    return _body(layout.join([rich.part(line), *([f"[Open the card](<{link}>)"] if link else [])]))


def reminder(line: card.Line, called: people.Called, number: int) -> Json:
    """A message below a card, which notifies those who are *called*; *number* is that of its first component."""
    accounts, roles = _ids(called.accounts), _ids(called.groups)
    calls = _calls(accounts, roles)
    told = "\n".join([*([calls] if calls else []), rich.part(line)])
    said = _body([{"type": components.TEXT, "id": number, "content": told}])
    return {**said, "allowed_mentions": {"parse": [], "users": accounts, "roles": roles, "replied_user": False}}


def note(note: card.Says | card.Line) -> Json:
    """A progress note of an agent, labelled as such; or a line of the service itself."""
    return _body(layout.join([rich.part(note)]))


def opening(session: card.Session, failed: str | None = None) -> Json:
    """The message that a session's thread hangs on; with *failed* it says why no thread could be begun."""
    told = f"🧵 Questions and notes of the session {rich.inline(session.name)}"
    if not failed:
        told += "\n-# Answer in this thread, with the buttons or just by writing there\\."
    else:
        told += f"\n{rich.escape(f'They are asked here, since no thread could be begun: {failed}')}"
    return _body(layout.join([told]))


def private(parts: list[Json]) -> Json:
    """A body that only one person sees."""
    return {**_body(parts), "flags": components.COMPONENTS_V2 | components.EPHEMERAL | components.SUPPRESS_EMBEDS}


def mark(of: str) -> int:
    """The number of a card's outermost component, by which it is found again; Discord takes 31 bits."""
    return int.from_bytes(hashlib.sha256(of.encode("utf-8", "surrogatepass")).digest()[:4]) % _LONGEST_ID + 1


def look(payload: Json) -> object:
    """The number that tells one state of a card from another: Discord gives it back with the message."""
    return payload["components"][0]["components"][0].get("id")


def _message(drawn: card.Card, room: int, calls: str) -> Json:
    shown = asked.with_hint(_without_list(cutting.fit(drawn, room, bounds.EDITED)), ROOM)
    told = [layout.text(calls)] if calls else []
    if isinstance(shown, batch.BatchCard) and shown.rows:
        head = [*layout.of_parts(shown.parts, _HEAD, _sign(drawn)), *told]
        children = batches.children(shown, head, room // len(shown.rows), _button)
    else:
        children = _children(shown, _sign(drawn), told)
    container: Json = {
        "type": components.CONTAINER,
        "id": mark(drawn.ticket_id),
        "accent_color": _RISKY.get(drawn.risk, _ACCENTS[drawn.tone]),
        "components": children,
    }
    state = mark(json.dumps(container, sort_keys=True))
    container["components"][0]["id"] = state if state != container["id"] else state - 1 or 2
    return _body([container])


def _children(shown: card.Card, sign: str, calls: list[Json]) -> list[Json]:
    controls = list(_controls(shown.controls))
    most = limits.COMPONENTS - 1 - _count(controls) - len(calls)
    parts = layout.of_parts(shown.parts, most, sign, images=True)
    if shown.tone != "pending" and not calls and len(controls) == 1 and len(controls[0]["components"]) == 1:
        return layout.beside(parts, controls[0]["components"][0])
    return [*parts, *calls, *controls]


def _count(shown: list[Json]) -> int:
    return len(list(components.walk(shown)))


def _sign(drawn: card.Card) -> str:
    """What a headline begins with: what became of it, or how risky it is."""
    if drawn.risk is not None and drawn.risk in card.RISK_WORDS:
        return f"{rich.RISKS[drawn.risk]} **{card.RISK_WORDS[drawn.risk]}** ·"
    return _MARKS[drawn.tone]


def _less(room: int) -> int:
    """The room for the next try, if the content with its escapes was too long."""
    return room * 3 // 4


def _calls(accounts: Iterable[str], roles: Iterable[str]) -> str:
    return " ".join([*(f"<@{one}>" for one in accounts), *(f"<@&{one}>" for one in roles)])


def _ids(called: Iterable[str]) -> list[str]:
    return [one.partition(":")[2] for one in called][: bounds.MOST_CALLED]


def _controls(controls: Sequence[card.Control]) -> Iterator[Json]:
    for control in controls:
        if isinstance(control, card.Pick):
            yield from _pick(control)
    yield from (_row(list(map(_button, row))) for row in rows.rows_of(controls))


def _without_list(drawn: card.Card) -> card.Card:
    """The card without its list of options, if its buttons or its menus show all of them."""
    pick = next((one for one in drawn.controls if isinstance(one, card.Pick)), None)
    if pick is None or _needs_window(pick):
        return drawn
    longest = limits.BUTTON_LABEL if _has_buttons(pick) else limits.OPTION_TEXT
    described = 0 if _has_buttons(pick) else limits.OPTION_TEXT
    # signs beyond the first plane count twice there
    return asked.without_list(drawn, longest // 2 - _NUMBERING, described // 2)


def _has_buttons(pick: card.Pick) -> bool:
    return not pick.multiple and len(pick.labels) <= bounds.OPTION_BUTTONS


def _needs_window(pick: card.Pick) -> bool:
    # what is chosen in one menu is sent without that of the others
    return len(pick.labels) > (limits.SELECT_OPTIONS if pick.multiple else _MENUS * limits.SELECT_OPTIONS)


def _pick(pick: card.Pick) -> Iterator[Json]:
    count = len(pick.labels)
    if _has_buttons(pick):
        yield _row(
            [
                _pressable(f"{number} · {label.text}", custom_ids.write("press", token), components.SECONDARY)
                for number, (label, token) in enumerate(zip(pick.labels, pick.tokens, strict=True), 1)
            ]
        )
        return
    if _needs_window(pick):
        yield _row([_pressable("Choose…", custom_ids.write("press", pick.submit), components.SUCCESS)])
        return
    for number, start in enumerate(range(0, count, limits.SELECT_OPTIONS)):
        some = pick.labels[start : start + limits.SELECT_OPTIONS]
        said = "Choose one or several" if pick.multiple else "Choose one"
        more = f" ({start + 1} to {start + len(some)})" if count > limits.SELECT_OPTIONS else ""
        sends = custom_ids.write("choose", pick.submit, number)
        menu = inputs.select(sends, some, start, multiple=pick.multiple, placeholder=said + more)
        yield _row([inputs.describe(menu, pick.described[start : start + limits.SELECT_OPTIONS])])


def _button(button: card.Button) -> Json:
    return _pressable(button.label, custom_ids.write("press", button.token), _STYLES[button.style])


def _pressable(label: str, custom_id: str, style: int) -> Json:
    shown = measure.cut(label, limits.BUTTON_LABEL)
    return {"type": components.BUTTON, "style": style, "label": shown, "custom_id": custom_id}


def _row(elements: list[Json]) -> Json:
    return {"type": components.ROW, "components": elements}


def _body(parts: list[Json]) -> Json:
    flags = components.COMPONENTS_V2 | components.SUPPRESS_EMBEDS
    return {"flags": flags, "components": parts, "allowed_mentions": NOBODY}

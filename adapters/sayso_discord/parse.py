"""Reads what somebody did from what Discord sends. Pure; a payload that makes no sense is None, never an error.

The rule: people are known by ids, and their roles only from the payload of their own act.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sayso.cards import card, dialog
from sayso.chat import admission
from sayso.chat.received import get, items, text
from sayso_discord import components, custom_ids, inputs

_SIGNATURE = re.compile(r"[0-9a-f]{128}")
PRESSED, SUBMITTED = 3, 5
# A message and a reply; messages of all other types are written by Discord itself.
_WRITTEN_BY_PEOPLE = (0, 19)
# GuildMemberFlags: somebody who was let in for one channel or one call only
_GUEST = 1 << 4


@dataclass(frozen=True, slots=True)
class Who:
    """The person who acted, as the payload has them."""

    user: str
    name: str = ""
    bot: bool = False
    member: bool | None = None
    """A full member of the guild; None if the payload does not say."""
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Spot:
    """The message that a card is."""

    channel: str
    message: str
    within: str | None = None
    """The channel that a thread belongs to."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """How an interaction is answered; the token is good for 15 minutes."""

    id: str
    app: str
    token: str = field(repr=False)
    private: bool = False
    """Whether it was made on a message that only this person sees."""


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed one of our buttons, or chose in one of our menus."""

    who: Who
    token: str
    interaction: Interaction
    spot: Spot | None = None
    """None if it stands on a message that only this person sees."""
    draft: dialog.Draft | None = None
    """What was chosen, if that is sent along."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Somebody submitted one of our modals."""

    who: Who
    token: str
    interaction: Interaction
    spot: Spot | None
    draft: dialog.Draft


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody wrote a message."""

    who: Who
    channel: str
    message: str
    text: str
    """As Discord writes it, with ids for names."""
    to: str | None = None
    """The message it is a reply to."""
    to_author: str | None = None
    """Who wrote that one; None if Discord does not say."""
    guild: str | None = None
    """None in a direct message, and if Discord does not say."""
    private: bool | None = None
    """Whether it is a direct message; None if Discord does not say."""
    people: Mapping[str, str] = field(default_factory=dict[str, str])
    """The names of those who are mentioned."""
    files: bool = False
    edited: bool = False


def verify(key: str, timestamp: str | None, signature: str | None, body: bytes, seconds: float) -> bool:
    """Whether Discord signed this body a short while ago; *seconds* since 1970. Anything odd counts as not signed."""
    if not timestamp or not signature or not is_plausible(timestamp, signature, seconds):
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), timestamp.encode() + body)
    except (ValueError, InvalidSignature):
        return False
    return True


def is_plausible(timestamp: str, signature: str, seconds: float) -> bool:
    """Whether a body with these headers is worth reading."""
    return bool(_SIGNATURE.fullmatch(signature)) and admission.is_recent(timestamp, seconds)


def parse(payload: Any) -> Click | Submission | None:
    """What an interaction was, or None if it is not for us. A component of another form has an empty token."""
    kind, who, interaction = get(payload, "type"), read_who(payload), read_interaction(payload)
    if kind not in (PRESSED, SUBMITTED) or who is None or interaction is None:
        return None
    data = get(payload, "data")
    carried = custom_ids.read(text(data, "custom_id"))
    token, how = (carried.token, carried.how) if carried else ("", "press")
    message = text(payload, "message", "id")
    channel = text(payload, "channel_id") or text(payload, "channel", "id")
    within = text(payload, "channel", "parent_id") or None
    spot = Spot(channel, message, within) if channel and message and not interaction.private else None
    if kind == SUBMITTED:
        return Submission(who, token, interaction, spot, inputs.draft(get(data, "components")))
    draft: dialog.Draft | None = {} if how == "submit" else None
    if how == "choose":
        draft = {card.PICKED: inputs.chosen(get(data, "values"))}
    return Click(who, token, interaction, spot, draft)


def reply(message: Any) -> Reply | None:
    """What a message says, or None if no person wrote it."""
    some_id, channel = text(message, "id"), text(message, "channel_id")
    if not some_id or not channel or get(message, "webhook_id") or get(message, "type") not in _WRITTEN_BY_PEOPLE:
        return None
    who = _read_person(get(message, "author"), get(message, "member"), known=False)
    if who is None or who.bot:
        return None
    reference = get(message, "message_reference")
    return Reply(
        who=who,
        channel=channel,
        message=some_id,
        text=text(message, "content"),
        # a message that was forwarded has a reference as well
        to=text(reference, "message_id") or None if not get(reference, "type") else None,
        to_author=text(message, "referenced_message", "author", "id") or None,
        guild=text(message, "guild_id") or None,
        private=get(message, "guild_id") is None if "guild_id" in message else None,
        people={text(one, "id"): _name_of(one, get(one, "member")) for one in items(message, "mentions")},
        files=bool(items(message, "attachments") or items(message, "sticker_items")),
        edited=bool(get(message, "edited_timestamp")),
    )


def author(message: Any) -> str:
    """Who wrote a message, by id."""
    return text(message, "author", "id")


def read_who(payload: Any) -> Who | None:
    """The person who acted."""
    member = get(payload, "member")
    return _read_person(get(member, "user") or get(payload, "user"), member, known=True)


def _read_person(user: Any, member: Any, *, known: bool) -> Who | None:
    some_id = text(user, "id")
    if not some_id:
        return None
    name = _name_of(user, member)
    bot = bool(get(user, "bot") or get(user, "system"))
    if not isinstance(member, Mapping):
        return Who(some_id, name, bot, False if known else None)
    return Who(some_id, name, bot, is_full_member(member), roles_of(member))


def _name_of(user: Any, member: Any) -> str:
    return text(member, "nick") or text(user, "global_name") or text(user, "username")


def is_full_member(member: Any) -> bool:
    """Whether somebody is more than a guest, and through the guild's entrance."""
    flags = get(member, "flags")
    guest = isinstance(flags, int) and bool(flags & _GUEST)
    return not guest and not get(member, "pending")


def roles_of(member: Any) -> frozenset[str]:
    """The ids of a member's roles."""
    return frozenset(map(str, items(member, "roles")))


def read_interaction(payload: Any) -> Interaction | None:
    """How an interaction is answered."""
    some_id, app, token = text(payload, "id"), text(payload, "application_id"), text(payload, "token")
    flags = get(payload, "message", "flags")
    private = isinstance(flags, int) and bool(flags & components.EPHEMERAL)
    return Interaction(some_id, app, token, private) if some_id and token else None

"""Turns what the library received into the form that Discord sends over HTTP, so that the rest reads one form. Pure."""

from __future__ import annotations

import discord

from sayso.chat.received import Json


def payload_of(interaction: discord.Interaction) -> Json:
    """An interaction in the form in which it also comes by HTTP."""
    message = interaction.message
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(interaction.application_id),
        "type": interaction.type.value,
        "token": interaction.token,
        "channel_id": str(interaction.channel_id or ""),
        "channel": {"parent_id": str(getattr(interaction.channel, "parent_id", None) or "") or None},
        "data": interaction.data,
        "message": {"id": str(message.id), "flags": message.flags.value} if message else None,
    }
    return {**payload, **_author(interaction.user)}


def message_of(message: discord.Message) -> Json:
    """A message in the form in which it also comes by the HTTP API."""
    author = _author(message.author)
    reference = message.reference
    resolved = reference.resolved if reference and isinstance(reference.resolved, discord.Message) else None
    about = {"message_id": str(reference.message_id), "type": reference.type.value} if reference else None
    return {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "guild_id": str(message.guild.id) if message.guild else None,
        "type": message.type.value,
        "webhook_id": message.webhook_id,
        "author": author["member"]["user"] if "member" in author else author["user"],
        "member": author.get("member"),
        "content": message.content,
        "mentions": [{"id": str(user.id), "global_name": user.display_name} for user in message.mentions],
        "attachments": [{"id": str(one.id)} for one in message.attachments],
        "sticker_items": [{"id": str(one.id)} for one in message.stickers],
        "components": [part.to_dict() for part in message.components] if message.author.bot else [],
        "message_reference": about,
        "referenced_message": {"author": {"id": str(resolved.author.id)}} if resolved else None,
    }


def _author(person: discord.User | discord.Member) -> Json:
    user = {"id": str(person.id), "username": person.name, "global_name": person.global_name, "bot": person.bot}
    if not isinstance(person, discord.Member):
        return {"user": user}
    # as they came: the property `roles` leaves out those that the cache does not know yet
    roles = [str(role) for role in person._roles]  # pyright: ignore[reportPrivateUsage]
    flags = person.flags.value
    return {"member": {"user": user, "nick": person.nick, "roles": roles, "flags": flags, "pending": person.pending}}

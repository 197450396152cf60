"""Which session hears of which event, and how much of it.

Rule: pure; intents are bit fields as in IDENTIFY.
"""

from tests.fakes.discord.errors import Json
from tests.fakes.discord.payloads import MESSAGE_CONTENT
from tests.fakes.discord.world import BOT, GUILD, Channel

# Of an event, by how its name begins: the intent for guilds and the one for direct messages.
_INTENTS = {
    "MESSAGE_REACTION": (1 << 10, 1 << 13),
    "MESSAGE": (1 << 9, 1 << 12),
    **dict.fromkeys(("THREAD", "GUILD", "CHANNEL"), (1, 1)),
}
_BLANK: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def wants(intents: int, shard: list[int] | None, name: str, channel: Channel | None) -> bool:
    """Whether a session with these intents on this shard gets the event."""
    direct = channel is not None and channel.dm_with is not None
    # Direct messages come to shard 0, whatever their id.
    here = not shard or shard[0] == 0 if direct else on_shard(shard)
    wanted = next((pair for start, pair in _INTENTS.items() if name.startswith(start)), None)
    return here and (wanted is None or bool(intents & wanted[direct]))


def on_shard(shard: list[int] | None) -> bool:
    """Whether the guild belongs to this shard."""
    return not shard or (int(GUILD) >> 22) % shard[1] == shard[0]


def shown(intents: int, data: Json) -> Json:
    """The event as such a session gets it: without the intent, content is blank where the app is not meant."""
    found = {key: value for key, value in data.items() if key != "_readable"}
    if intents & MESSAGE_CONTENT or "_readable" not in data:
        return found
    parent: Json | None = found.get("referenced_message")
    if parent and "guild_id" in found and parent["author"]["id"] != BOT:
        found["referenced_message"] = {**parent, **_BLANK}
    return found if data["_readable"] else {**found, **_BLANK}

"""The commands of the application: made one by one, found by people in the menus of their client.

Rule: a command of the same name and kind takes the place of the old one; more than 100 of a kind are refused.
"""

from typing import Any

from tests.fakes.discord.calls import Answer, Call, Handler
from tests.fakes.discord.errors import Json, Refused, wrong
from tests.fakes.discord.world import APP, World

CHAT, ON_MESSAGE = 1, 3
_MOST = {CHAT: 100, 2: 15, ON_MESSAGE: 15}
_LONGEST_NAME, _LONGEST_DESCRIPTION = 32, 100


class Commands:
    """All commands of the application, of all servers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.made: dict[tuple[str, int], Json] = {}

    def handlers(self) -> dict[str, Handler]:
        """The routes answered here."""
        return {"list_application_commands": self._list, "create_application_command": self._create}

    def find(self, name: str, kind: int) -> Json:
        """The command that a person finds under this name; LookupError when there is none."""
        if (name, kind) not in self.made:
            raise LookupError(f"there is no command {name!r}; there are {sorted(self.made)}")
        return self.made[name, kind]

    def keep(self, command: Json) -> Json:
        """A command is there, as if the application had made it before."""
        # as Discord does, with fields that nobody asked for
        options: list[Any] = [{**one, "required": False} for one in command.get("options", [])]
        more: Json = {"id": self._world.snowflake(), "application_id": APP, "version": self._world.snowflake()}
        facts: Json = {"nsfw": False, "default_member_permissions": None, "dm_permission": True}
        kept = self.made[command["name"], command.get("type", CHAT)] = {
            "description": "",
            **command,
            **facts,
            **more,
            "options": options,
        }
        self._world.changed()
        return kept

    def _list(self, call: Call) -> Answer:
        self._own(call)
        return 200, list(self.made.values())

    def _create(self, call: Call) -> Answer:
        self._own(call)
        name, kind, said = str(call.body.get("name", "")), call.body.get("type", CHAT), call.body.get("description", "")
        if not 1 <= len(name) <= _LONGEST_NAME or (kind == CHAT and name != name.lower()):
            raise wrong("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        if (kind == CHAT) != bool(said) or len(said) > _LONGEST_DESCRIPTION:
            raise wrong("description", "BASE_TYPE_REQUIRED", "Only commands that are typed have a description.")
        known = (name, kind) in self.made
        if not known and sum(other == kind for _, other in self.made) >= _MOST[kind]:
            raise Refused(30032)
        return 200 if known else 201, self.keep(call.body)

    def _own(self, call: Call) -> None:
        if call.params["application_id"] != APP:
            raise Refused(20012)

"""How a chat is plugged in: a `Chat`, which the package of its adapter names in the entry point group `sayso.chats`.

The rule: whoever reads settings loads every `Chat`, so loading one imports no library of its platform. What needs such
a library is imported by `connect`, `check` and `write`.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sayso import errors
from sayso.chat.settings import Key, Table, Variable

if TYPE_CHECKING:
    from sayso.chat.finding import Finding
    from sayso.desk import Desk
    from sayso.machine.people import Directory
    from sayso.parts import Place
    from sayso.stores import Store

GROUP = "sayso.chats"

T = TypeVar("T", bound=Table)


class Connection(Protocol):
    """A chat that is connected, as the service looks after it."""

    async def check_ready(self) -> None:
        """Raise `ChannelError` if presses cannot arrive now; for `/readyz`."""
        ...

    async def lost(self) -> None:
        """Return never. Raises `SaysoError` once presses cannot arrive again without somebody's help."""
        ...


class Configured(Protocol):
    """A chat with its settings."""

    @property
    def described(self) -> str:
        """How it is connected and where requests go, in a line."""
        ...

    def connect(self, desk: Desk, routes: Any) -> AbstractAsyncContextManager[Connection]:
        """Connect, put a `sayso.channel.Platform` into `Desk.platforms`, and take presses until the block ends.

        *routes* is the `aiohttp.web.Application` of the service, for a platform that posts to an address.

        Raises:
            InvalidSettings: the platform does not take a secret, or the channel is closed to us.
            ChannelError: the platform cannot be reached.
        """
        ...

    async def check(self, directory: Directory, store: Store | None, rooms: Mapping[Place, str]) -> Sequence[Finding]:
        """What `sayso doctor` looks at; *store* has what a running service noticed. Never raises for the platform.

        *rooms* are the places of it that routes and fallbacks name, each with the keys of the settings that do so.
        """
        ...


@dataclass(frozen=True, slots=True)
class Word:
    """A word that `sayso init NAME` takes: an argument if it is required, else an option."""

    name: str
    help: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """`sayso init NAME`: what the platform needs, and what to do with it."""

    about: str
    example: str
    write: Callable[..., tuple[str, str]]
    """Gives what goes to the platform, and the steps that follow. Gets each word by name."""
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat(Generic[T]):
    """All that the service, the doctor and the settings know of a chat."""

    name: str
    """Of its table, of its channel and of its accounts."""
    table: type[T]
    account: Key
    """What a person is called there; the key has the name of the chat."""
    variables: tuple[Variable, ...]
    token: str
    """The variable without which nothing works: whoever has it can look at the chat."""
    configure: Callable[[T | None, Mapping[str, str]], Configured]
    """Puts the table and the variables together. Raises `InvalidSettings` if one is missing."""
    setup: Setup
    example: str
    """The table in the file that `sayso init` writes."""
    group: Key | None = None
    """What a group or role is called there, if the platform has any."""
    secret_values: str | None = None
    """How secrets of the platform begin, as a regular expression, so that none is taken from the file."""
    needs: str
    """The module that connects, and that imports the libraries of the platform."""
    packages: frozenset[str] = frozenset()
    """These libraries, as they are imported."""
    install: str = ""
    """How to get them."""
    rank: int = 100
    """Chats are listed by it, then by name."""


@functools.cache
def installed() -> tuple[Chat[Any], ...]:
    """Every chat that is installed here.

    Raises:
        InvalidSettings: one cannot be loaded, or another one has its name.
    """
    found: dict[str, Chat[Any]] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            chat = entry.load()
        except Exception as error:
            said = f"the chat {entry.name} cannot be loaded: {type(error).__name__}: {error}"
            raise errors.InvalidSettings(said, field=entry.name, hint=f"mend or remove {entry.value}") from error
        if not isinstance(chat, Chat) or chat.name != entry.name or chat.name in found:
            said = f"{entry.value} is not the only chat with the name {entry.name}"
            raise errors.InvalidSettings(said, field=entry.name, hint="remove the package that brings it")
        found[chat.name] = chat
    return tuple(sorted(found.values(), key=lambda chat: (chat.rank, chat.name)))

"""The two short-lived rights that come with a click: a trigger id for one modal, a response_url for five posts.

Rule: time comes from the injected clock; each right ends by use or by age, whichever comes first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.slack.limits import Refused

_TRIGGER_SECONDS = 3.0
_URL_SECONDS = 30 * 60
_URL_USES = 5


@dataclass
class ResponseUrl:
    """What a response_url may still do: posts left, until when, about which message and for whom."""

    channel: str
    ts: str
    user: str
    ends: float
    left: int = _URL_USES


@dataclass
class Passes:
    """All rights given out; `clock` is in seconds."""

    clock: Callable[[], float]
    _triggers: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    _used: set[str] = field(default_factory=set[str])
    _urls: dict[str, ResponseUrl] = field(default_factory=dict[str, ResponseUrl])

    def trigger(self, user: str) -> str:
        """A new trigger id for *user*, good once and for three seconds."""
        made = f"{len(self._triggers) + 1}.1.trigger"
        self._triggers[made] = (user, self.clock() + _TRIGGER_SECONDS)
        return made

    def exchange(self, trigger_id: str) -> str:
        """Who gave this trigger; raises `Refused` with Slack's three reasons."""
        if trigger_id not in self._triggers:
            raise Refused("invalid_trigger_id")
        user, ends = self._triggers[trigger_id]
        if trigger_id in self._used:
            raise Refused("exchanged_trigger_id")
        if self.clock() >= ends:
            raise Refused("expired_trigger_id")
        self._used.add(trigger_id)
        return user

    def url(self, channel: str, ts: str, user: str) -> str:
        """The key of a new response_url."""
        key = f"{len(self._urls) + 1}"
        self._urls[key] = ResponseUrl(channel, ts, user, self.clock() + _URL_SECONDS)
        return key

    def spend(self, key: str) -> ResponseUrl:
        """Use a response_url once; raises `Refused` when it is unknown, too old or used up."""
        found = self._urls.get(key)
        if found is None or self.clock() >= found.ends:
            raise Refused("expired_url")
        if found.left == 0:
            raise Refused("used_url")
        found.left -= 1
        return found

"""Who is on call, as the settings say where to look: checked when they are read, and made into rotas for the desk."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from sayso import clock as clocks
from sayso import errors
from sayso.desk.admission import rotas
from sayso_bots.settings import environment, schema

TOKEN = "PAGERDUTY_TOKEN"
_INSTALL = "in a clone of sayso: pip install '.[{extra}]'"
_PACKAGES = {"ical": ("recurring_ical_events", "calendars"), "pagerduty": ("pagerduty", "pagerduty")}


def check(group: str, given: schema.OnCall | None) -> None:
    """Refuse a rota that names no source or two, or an address that must not be called. Raises `InvalidSettings`."""
    if given is None:
        return
    key = f"groups.{group}.on_call"
    if (given.ical is None) == (given.pagerduty is None):
        hint = 'on_call = { ical = "https://…" } or { pagerduty = "P538IZH" }'
        raise errors.InvalidSettings(f"{key} names one source", field=key, hint=hint)
    if given.ical:
        _check_address(key, given.ical, given.private)


def require(given: environment.Environment, chosen: schema.Settings) -> None:
    """Refuse to start without what the rotas need. Raises `InvalidSettings`."""
    for group, rota in _named(chosen):
        kind = "ical" if rota.ical else "pagerduty"
        package, extra = _PACKAGES[kind]
        if importlib.util.find_spec(package) is None:
            said = f"groups.{group}.on_call: a package is missing: {package}"
            raise errors.InvalidSettings(said, field=f"groups.{group}.on_call", hint=_INSTALL.format(extra=extra))
        if rota.pagerduty and not given.pagerduty_token:
            hint = f"export {TOKEN}=…, a read-only key: Integrations > API Access Keys"
            raise errors.InvalidSettings(f"groups.{group}.on_call needs {TOKEN}", field=TOKEN, hint=hint)


def open_rotas(given: environment.Environment, chosen: schema.Settings) -> Mapping[str, rotas.Rota]:
    """A rota for each group that has one. What is missing here is told when somebody asks it."""
    return {group: _Late(given, f"groups.{group}.on_call", rota) for group, rota in _named(chosen)}


class _Late:
    """A rota that is opened when it is first asked: its libraries are slow to import, and most commands need none."""

    def __init__(self, given: environment.Environment, key: str, rota: schema.OnCall) -> None:
        self._open = functools.cache(lambda: _open(given, key, rota))

    async def on_call(self) -> rotas.Shift:
        """Who is on call. Raises `ChannelError`."""
        return await self._open().on_call()


def _open(given: environment.Environment, key: str, rota: schema.OnCall) -> rotas.Rota:
    clock = clocks.SystemClock()
    if rota.ical:
        from sayso_http import outbound
        from sayso_ical import CalendarRota

        allow = [urlsplit(rota.ical).netloc.rpartition("@")[2]] if rota.private else []
        return CalendarRota(functools.partial(outbound.Getter(allow).get, rota.ical, key), clock)
    if not given.pagerduty_token:
        raise errors.ChannelError(f"{TOKEN} is not set here")
    from sayso_pagerduty import ScheduleRota

    return ScheduleRota(rota.pagerduty or "", given.pagerduty_token, clock, given.pagerduty_url)


def _named(chosen: schema.Settings) -> Iterator[tuple[str, schema.OnCall]]:
    return ((name, group.on_call) for name, group in chosen.groups.items() if group.on_call)


def _check_address(key: str, url: str, private: bool) -> None:
    from sayso_http import callback_urls

    where = f"{key}.ical"
    if private:
        return
    if urlsplit(url).scheme != "https":
        hint = "an https address, or private = true beside it for your own network"
        raise errors.InvalidSettings(
            f"{where}: over http anybody on the way could put themselves on call", field=where, hint=hint
        )
    try:
        callback_urls.check_callback_url(url)
    except errors.InvalidRequest as error:
        said = error.message.partition(": ")[2]
        hint = "an https address of a public host, or private = true beside it for your own network"
        raise errors.InvalidSettings(f"{where}: {said}", field=where, hint=hint) from error

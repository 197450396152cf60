"""`sayso doctor`: looks at everything that could keep a request from being decided, and says what to do about it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping
from pathlib import Path

from sayso import clock, errors, machine, model
from sayso.content import wording
from sayso.desk import keys
from sayso.machine import people, staffing
from sayso.rules import lint
from sayso_bots.commands.doctor import claude_code, counting, first_day, lapsed, on_call, running, silent
from sayso_bots.commands.doctor.finding import Finding
from sayso_bots.service import checks
from sayso_bots.settings import environment, reach, schema, toml

# Seconds to try to reach the service: whoever runs this looks on.
_PATIENCE = 2.0
_REPORT = "run it again; if it stays so, report it with this line"


async def find_all(hitl_port: int | None) -> list[Finding]:
    """Look at everything; *hitl_port* is what `sayso serve` would get."""
    return [finding async for finding in _look(hitl_port)]


async def _look(hitl_port: int | None) -> AsyncGenerator[Finding]:
    try:
        given = environment.read()
        chosen = toml.load(given.config)
    except errors.InvalidSettings as error:
        # nothing that follows could be trusted
        yield _finding_of_error("settings", error)
        async for finding in running.look(None):
            yield finding
        return
    yield Finding("settings", True, _describe(given, chosen))
    async for finding in running.look(chosen):
        yield finding
    if given.url:
        yield await _run_check("service", _look_at_service(given.url, given.key))
    here: Mapping[str, checks.Check] = {} if given.url else checks.LOOKED_AT
    for name, check in here.items():
        yield await _run_check(name, check(given, chosen))
    for finding in () if given.url else first_day.look(given, chosen):
        yield finding
    for finding in _look_at_rules(chosen):
        yield finding
    if hitl_port is not None:
        yield await _run_check("hitl port", checks.check_hitl(hitl_port))
    async for finding in _look_at_chats(given, chosen):
        yield finding
    async for finding in on_call.look(given, chosen):
        yield finding
    async for finding in _look_at_people(given, chosen):
        yield finding
    async for told in claude_code.look():
        yield _finding_of("claude", told)


def _look_at_rules(chosen: schema.Settings) -> Iterator[Finding]:
    rules = toml.setup(chosen).rules.rules
    found = lint.lint(rules, clock.SystemClock().now())
    if rules and not found:
        told = wording.counted(len(rules), "is in force", "are in force")
        yield Finding("rules", True, f"{told}; sayso policy replay tries them on what was asked")
    yield from (Finding(f"rules.{one.rule}", False, one.said, one.hint) for one in found)


def _describe(given: environment.Environment, chosen: schema.Settings) -> str:
    path = given.config or Path("sayso.toml")
    policies = ", ".join(chosen.policies) or "default (anyone may answer)"
    where = str(path) if path.exists() else "no sayso.toml here, so everything has its default"
    return f"{where}; policies: {policies}"


async def _look_at_chats(given: environment.Environment, chosen: schema.Settings) -> AsyncGenerator[Finding]:
    """Each chat that is configured, and whether the people of all of them are enough for the quorums."""
    enrolled: dict[str, people.Enrolled] = {}
    directory, setup = toml.directory(chosen), toml.setup(chosen)
    for chat in checks.configured_chats(given, chosen):
        name = chat.name
        if given.url and chat.token not in given.chats:
            yield Finding(name, True, "not looked at: the service has its token, and this machine has not")
            continue
        try:
            async with running.open_records(given) as records:
                known = await keys.Keys(records).list() if records is not None else ()
                rooms = {at: key for at, key in reach.rooms(setup, known).items() if model.channel_of(at) == name}
                found = await chat.configure(chosen.chat(name), given.chats).check(directory, records, rooms)
        except ImportError:
            # a chat whose package is missing was told of above
            continue
        except errors.SaysoError as error:
            yield _finding_of_error(name, error)
            continue
        except Exception as error:
            # whatever a platform or a network does: the rest is looked at
            yield Finding(name, False, f"could not be looked at: {type(error).__name__}: {error}", _REPORT)
            continue
        for one in found:
            enrolled |= one.enrolled
            yield Finding(f"{name} {one.name}", one.ok, one.said, one.hint)
    for name, policy in setup.policies.items():
        if short := staffing.shortage(directory, policy, enrolled):
            said = f"{staffing.said(short)} (members of groups were counted)"
            yield Finding(f"policies.{name}.{short.key}", False, said, staffing.HINT)


async def _look_at_people(given: environment.Environment, chosen: schema.Settings) -> AsyncGenerator[Finding]:
    """Who may count twice, and whether the routes of keys reach somebody."""
    surfaces = [*(chat.name for chat in checks.configured_chats(given, chosen)), "the inbox"]
    setup = toml.setup(chosen, [*surfaces[:-1], machine.INBOX])
    known = list[keys.Key]()
    async with running.open_records(given) as records:
        if records is not None:
            known = await keys.Keys(records).list()
    try:
        reach.check(setup)
    except errors.InvalidSettings as error:
        yield _finding_of_error(error.field or "routes", error)
    now = clock.SystemClock().now()
    for finding in (*counting.look(setup, surfaces, known), *silent.look(setup, now), *lapsed.look(setup, now)):
        yield finding
    for key in known:
        try:
            reach.check_keys(setup, [key])
        except errors.InvalidSettings as error:
            yield _finding_of_error(f"key {key.name}", error)
        for name in reach.not_connected(setup, key.route):
            said = f"no chat {name!r} is connected, and its route names one: nothing that it asks is taken"
            yield Finding(f"key {key.name}", False, said, "set the chat up, or make the key anew with another --route")
        if key.policy and key.policy not in setup.policies:
            said = f"there is no policy {key.policy!r}, under which it asks: nothing that it asks is taken"
            yield Finding(f"key {key.name}", False, said, f"add [policies.{key.policy}], or revoke the key")


async def _look_at_service(url: str, key: str | None) -> str | checks.Fault:
    from sayso_http import client

    async with client.RemoteDesk(url, key, patience=_PATIENCE) as desk:
        await desk.list(limit=1)
    return f"{url} answers, and knows the key"


async def _run_check(name: str, checking: Awaitable[str | checks.Fault]) -> Finding:
    try:
        found = await checking
    except errors.SaysoError as error:
        return _finding_of_error(name, error)
    except Exception as error:
        return Finding(name, False, f"could not be looked at: {type(error).__name__}: {error}", _REPORT)
    return _finding_of(name, found)


def _finding_of(name: str, found: str | checks.Fault) -> Finding:
    return Finding(name, True, found) if isinstance(found, str) else Finding(name, False, found.said, found.hint)


def _finding_of_error(name: str, error: errors.SaysoError) -> Finding:
    where = f" ({error.field})" if error.field and error.field not in error.message else ""
    return Finding(name, False, f"{error.message}{where}", error.hint)

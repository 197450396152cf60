"""Every key of `sayso.toml` does something, and what is not a key stops the start."""

import ast
import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pydantic
import pytest

import sayso
from sayso import errors
from sayso.cards import draw, tokens
from sayso.desk import Caller, Desk
from sayso.machine import people
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso_bots.commands import init
from sayso_bots.service import listening, service
from sayso_bots.settings import schema, toml
from sayso_discord import plugin as discord
from sayso_http.server import connections
from sayso_slack import plugin as slack
from tests.tables import each

PEOPLE = """
[people.ann]
slack = "T1/U1"
[people.bob]
discord = "940"
[people.cid]
terminal = "cid"
"""
ANN = people.Actor("slack:T1/U1", member=True)
BOB = people.Actor("discord:940", member=True)
CID = people.Actor("terminal:cid", member=True)
EVE = people.Actor("slack:T1/U9", member=True)


def parse(text: str) -> schema.Settings:
    return toml.parse(tomllib.loads(text))


def desk_of(text: str, clock: ManualClock | None = None) -> Desk:
    return Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), toml.setup(parse(text)), clock or ManualClock())


async def outcome(front: Desk, *answers: tuple[people.Actor, str], caller: Caller | None = None) -> str:
    """What becomes of a deployment under the policy `p` after these verdicts."""
    ticket = await front.open(sayso.Permission(tool="deploy", policy="p"), caller)
    for actor, verdict in answers:
        ticket = await front.answer(ticket.id, sayso.Answer.model_validate({"verdict": verdict}), actor)
    return ticket.decision.outcome if ticket.decision else "pending"


@pytest.mark.parametrize(
    ("approver", "actor"), [("ann", ANN), ("bob", BOB), ("cid", CID)], ids=["slack", "discord", "terminal"]
)
async def test_an_account_of_a_person_makes_them_that_person(approver: str, actor: people.Actor) -> None:
    front = desk_of(f'{PEOPLE}[policies.p]\napprovers = ["{approver}"]')
    assert await outcome(front, (actor, "allow")) == "allowed"


async def test_approvers_are_the_only_ones_who_may_answer() -> None:
    front = desk_of(f'{PEOPLE}[policies.p]\napprovers = ["ann"]')
    with pytest.raises(errors.NotAllowed):
        await outcome(front, (EVE, "allow"))


@pytest.mark.parametrize(
    ("group", "actor"),
    [
        ('members = ["ann"]', ANN),
        ('slack_group = "S1"', people.Actor("slack:T1/U9", groups=frozenset({"slack:S1"}))),
        ('discord_role = "77"', people.Actor("discord:9", groups=frozenset({"discord:77"}))),
    ],
    ids=["members", "slack_group", "discord_role"],
)
async def test_each_way_into_a_group_lets_answer(group: str, actor: people.Actor) -> None:
    front = desk_of(f'{PEOPLE}[groups.release]\n{group}\n[policies.p]\napprovers = ["group:release"]')
    assert await outcome(front, (actor, "allow")) == "allowed"
    with pytest.raises(errors.NotAllowed):
        await outcome(front, (CID, "allow"))


async def test_a_quorum_waits_for_so_many_people() -> None:
    front = desk_of('[policies.p]\napprovers = ["anyone"]\nquorum = 2')
    assert await outcome(front, (ANN, "allow")) == "pending"
    assert await outcome(front, (ANN, "allow"), (EVE, "allow")) == "allowed"


async def test_a_veto_waits_for_so_many_people() -> None:
    front = desk_of('[policies.p]\napprovers = ["anyone"]\nveto = 2')
    assert await outcome(front, (ANN, "deny")) == "pending"
    assert await outcome(front, (ANN, "deny"), (EVE, "deny")) == "denied"


async def test_self_approval_is_off_until_it_is_set() -> None:
    policy, own = f'{PEOPLE}[policies.p]\napprovers = ["anyone"]\n', Caller("bot", requester="ann")
    with pytest.raises(errors.NotAllowed):
        await outcome(desk_of(policy), (ANN, "allow"), caller=own)
    assert await outcome(desk_of(f"{policy}self_approval = true"), (ANN, "allow"), caller=own) == "allowed"


@pytest.mark.parametrize(
    ("written", "seconds"), [('"15m"', 900), ('"2h"', 7200), ("90", 90), ('"1.5s"', 1.5), ('"1d"', 86_400)]
)
async def test_a_policy_says_when_a_request_expires(written: str, seconds: float) -> None:
    front = desk_of(f'[policies.p]\napprovers = ["anyone"]\nexpires_in = {written}')
    ticket = await front.open(sayso.Permission(tool="deploy", policy="p"))
    assert (ticket.expires_at - ticket.created_at).total_seconds() == seconds


@pytest.mark.parametrize(
    ("written", "mentioned"),
    [
        ("", ("ann",)),
        ('notify = "approvers"', ("ann",)),
        ('notify = ["bob", "approvers"]', ("bob", "ann")),
        ('notify = "group:release"', ("group:release",)),
        ("notify = []", ()),
    ],
)
async def test_notify_says_whom_the_card_mentions(written: str, mentioned: tuple[str, ...]) -> None:
    groups = '[groups.release]\nmembers = ["bob"]\n'
    front = desk_of(f'{PEOPLE}{groups}[policies.p]\napprovers = ["ann", "anyone"]\n{written}')
    ticket = await front.open(sayso.Permission(tool="deploy", policy="p"))
    assert draw.card_of(ticket, front.mint).notify == mentioned


@pytest.mark.parametrize(
    ("written", "told"),
    [("", ("slack:@ann",)), ("tell_requester = true", ("slack:@ann",)), ("tell_requester = false", ())],
)
async def test_tell_requester_says_whether_the_requester_is_told(written: str, told: tuple[str, ...]) -> None:
    setup = toml.setup(parse(f"{PEOPLE}[service]\n{written}"), ["web", "slack"])
    front = Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, ManualClock())
    for requester, place in (("ann", told), ("bob", ()), ("cid", ()), (None, ())):
        ticket = await front.open(sayso.Permission(tool="deploy"), Caller(requester=requester))
        assert ticket.tell == place, requester


@pytest.mark.parametrize(("written", "seconds"), [("", 900), ('valid_for = "2m"', 120), ("valid_for = 30", 30)])
async def test_a_policy_says_how_long_an_allow_is_good(written: str, seconds: float) -> None:
    clock = ManualClock()
    front = desk_of(f'[policies.p]\napprovers = ["anyone"]\n{written}', clock)
    early, late = [await front.open(sayso.Permission(tool="deploy", policy="p")) for _ in range(2)]
    for ticket in (early, late):
        await front.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)
    clock.advance(seconds - 1)
    await front.use(early.id)
    clock.advance(1)
    with pytest.raises(sayso.NotUsable):
        await front.use(late.id)


@pytest.mark.parametrize(
    ("written", "seconds"), [("", 10), ("[service]\ngrace = 0", 0), ('[service]\ngrace = "1m"', 60)]
)
def test_the_service_says_how_long_plain_words_can_be_taken_back(written: str, seconds: float) -> None:
    assert toml.setup(parse(written)).grace.total_seconds() == seconds


@pytest.mark.parametrize("written", ['"61s"', "-1", '"soon"', "true"])
def test_a_grace_that_keeps_an_agent_waiting_is_refused(written: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        parse(f"[service]\ngrace = {written}")
    assert refused.value.field == "service.grace"


def test_on_timeout_has_one_value_because_silence_is_never_consent() -> None:
    assert parse('[policies.p]\napprovers = []\non_timeout = "deny"').policies["p"].on_timeout == "deny"
    with pytest.raises(errors.InvalidSettings, match="on_timeout"):
        parse('[policies.p]\napprovers = []\non_timeout = "allow"')


async def test_the_service_names_the_policy_of_requests_that_name_none() -> None:
    front = desk_of('[service]\npolicy = "p"\n[policies.p]\napprovers = ["anyone"]\nquorum = 3')
    assert (await front.open(sayso.Question("Why?"))).policy.quorum == 3
    assert (await front.open(sayso.Question("Why?", policy="default"))).policy.quorum == 1


def test_the_address_of_the_service_is_where_a_review_links_to() -> None:
    assert desk_of('[service]\nurl = "https://sayso.example.com"').setup.address == "https://sayso.example.com"
    assert desk_of("").setup.address == ""


async def test_a_policy_called_default_is_for_requests_without_one() -> None:
    front = desk_of('[policies.default]\napprovers = ["anyone"]\nquorum = 3')
    assert (await front.open(sayso.Question("Hm?"))).policy.quorum == 3


async def test_the_slack_channel_is_where_a_request_without_a_route_goes() -> None:
    assert (await desk_of('[slack]\nchannel = "#ops"').open(sayso.Question("Hm?"))).route == ("slack:#ops",)
    assert (await desk_of("").open(sayso.Question("Hm?"))).route == ("web",)


def test_the_url_of_the_service_is_its_name_and_the_only_origin() -> None:
    named = listening.names_of("127.0.0.1", 8700, parse('[service]\nurl = "https://sayso.example.com"').service)
    assert named.url == "https://sayso.example.com"
    assert named.origins == {"https://sayso.example.com"}
    assert "sayso.example.com" in named.hosts


def test_further_hosts_are_answered_to() -> None:
    named = listening.names_of("0.0.0.0", 8700, parse('[service]\nhosts = ["sayso.internal"]').service)
    assert named.url == "http://sayso.internal:8700"
    assert named.hosts == {"sayso.internal", "127.0.0.1", "localhost", "[::1]"}


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("connections = 20", "total", 20),
        ("connections_per_address = 7", "per_address", 7),
        ('headers_within = "2s"', "head", 2.0),
        ('body_within = "3s"', "body", 3.0),
        ("idle_for = 4.5", "idle", 4.5),
    ],
)
def test_the_bounds_of_connections_are_those_that_were_set(written: str, name: str, value: float) -> None:
    bounds = service.limits_of(parse(f"[service]\n{written}").service)
    assert bounds == dataclasses.replace(connections.Limits(), **{name: value})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def test_a_key_may_have_so_many_requests_waiting() -> None:
    front = _limited("pending_per_key = 2")
    bot, other = sayso.Caller("bot"), sayso.Caller("other")
    for id in ("r1", "r2"):
        await front.open(sayso.Question("Hm?", id=id), bot)
    with pytest.raises(errors.TooMany, match="2 requests of this key wait"):
        await front.open(sayso.Question("Hm?"), bot)
    # finding one's own again is not asking, and others are not concerned
    assert (await front.open(sayso.Question("Hm?", id="r1"), bot)).id == "r1"
    await front.open(sayso.Question("Hm?"), other)
    await front.cancel("r2", bot)
    await front.open(sayso.Question("Hm?"), bot)


async def test_a_key_may_ask_so_often_in_a_minute_and_is_told_when_to_come_back() -> None:
    clock = ManualClock()
    front = _limited("asks_per_minute = 3", clock)
    for id in ("r1", "r2", "r3"):
        await front.open(sayso.Question("Hm?", id=id), sayso.Caller("bot"))
    with pytest.raises(errors.TooMany) as caught:
        await front.open(sayso.Question("Hm?"), sayso.Caller("bot"))
    assert caught.value.retry_after == 20
    await front.open(sayso.Question("Hm?", id="r1"), sayso.Caller("bot"))
    await front.open(sayso.Question("Hm?"), sayso.Caller("other"))
    clock.advance(20)
    await front.open(sayso.Question("Hm?"), sayso.Caller("bot"))
    with pytest.raises(errors.TooMany):
        await front.open(sayso.Question("Hm?"), sayso.Caller("bot"))


def _limited(text: str, clock: ManualClock | None = None) -> Desk:
    setup = toml.setup(parse(f"[service]\n{text}"), ["web"], callbacks=True)
    return Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup, clock or ManualClock())


def test_settings_that_are_not_there_are_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert toml.load(None).model_dump(exclude_unset=True) == {}
    (tmp_path / "sayso.toml").write_text('[slack]\nchannel = "#ops"')
    assert toml.load(None).chat("slack") == slack.SlackTable(channel="#ops")


NAMED = [
    ('[slak]\nchannel = "#ops"', "slak", "did you mean 'slack'?"),
    ('[slack]\nchanel = "#ops"', "slack.chanel", "did you mean 'channel'?"),
    ("[slack]", "slack.channel", 'channel = "#approvals"'),
    ("slack = 3", "slack", "write [slack]"),
    ('[slack]\nchannel = "two words"', "slack.channel", 'channel = "#approvals"'),
    ('[slack]\nchannel = "https://x.slack.com/archives/C1"', "slack.channel", "a link to the channel ends with"),
    ('[people.ann]\nslak = "T1/U1"', "people.ann.slak", "did you mean 'slack'?"),
    ('[people.ann]\nslack = "U1"', "people.ann.slack", "T0123/U0456"),
    ('[people.ann]\nslack = "T1/U1"\n[people.bob]\nslack = "T1/U1"', "people.bob.slack", None),
    ("[people.anyone]", "people.anyone", "choose another name"),
    ('[people."a:b"]', "people.a:b", "letters"),
    ('[groups.release]\nmembers = ["anna"]\n[people.ann]', "groups.release.members", "did you mean 'ann'?"),
    ('[groups.release]\nmembers = "ann"', "groups.release.members", 'members = ["ann", "bob"]'),
    ("[policies.p]", "policies.p.approvers", 'or ["anyone"]'),
    ('[policies.p]\napprovers = ["bob"]', "policies.p.approvers", "add [people.bob]"),
    ('[policies.p]\napprovers = ["group:x"]', "policies.p.approvers", "add [groups.x]"),
    (f"[policies.p]\napprovers = {['bob'] * 101}", "policies.p.approvers", "group:NAME"),
    (f"[policies.p]\nneeds = [{{ who = {['bob'] * 101} }}]", "policies.p.needs.0.who", "group:NAME"),
    ('[policies.p]\napprovers = ["anyone"]\nnotify = "bob"', "policies.p.notify", "add [people.bob]"),
    ('[policies.p]\napprovers = ["anyone"]\nnotify = "anyone"', "policies.p.notify", "or []"),
    ('[policies.p]\napprovers = []\nquorum = "2"', "policies.p.quorum", "quorum = 2"),
    ("[policies.p]\napprovers = []\nquorum = 0", "policies.p.quorum", "quorum = 2"),
    ("[policies.p]\napprovers = []\nveto = true", "policies.p.veto", "veto = 1"),
    ('[policies.p]\napprovers = []\nself_approval = "no"', "policies.p.self_approval", "true or false"),
    ('[policies.p]\napprovers = []\nexpires_in = "soon"', "policies.p.expires_in", '"15m"'),
    ('[policies.p]\napprovers = []\nexpires_in = "40d"', "policies.p.expires_in", "30 days"),
    ('[people.ann]\n[policies.p]\napprovers = ["ann"]\nquorum = 2', "policies.p.quorum", "add approvers"),
    ('[service]\nurl = "sayso.example.com"', "service.url", "https://"),
    ('[service]\nhosts = ["a b"]', "service.hosts.0", "hosts ="),
    ('[service]\ncallback_hosts = ["a/b"]', "service.callback_hosts.0", "callback_hosts ="),
    ('[service]\nowner = "ann"', "service.owner", "add [people.ann]"),
    ('[service]\npolicy = "p"', "service.policy", "add [policies.p]"),
]


def test_a_wrong_key_or_value_is_named_in_full_with_a_hint() -> None:
    for row in each(NAMED):
        with row as (text, key, hint):
            with pytest.raises(errors.InvalidSettings) as caught:
                parse(text)
            assert caught.value.field == key
            assert key in caught.value.message
            assert (hint or "") in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        '[slack]\nchannel = "#ops"\nbot_token = "anything"',
        '[slack]\nchannel = "xoxb-1-2"',
        '[service]\nhosts = ["xapp-1-2"]',
        'SAYSO_SECRET = "anything"\nsecret = "anything"',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(errors.InvalidSettings, match="looks like a secret") as caught:
        parse(text)
    assert "only by environment" in (caught.value.hint or "")
    assert "anything" not in str(caught.value)
    assert "-1-2" not in str(caught.value)


@pytest.mark.parametrize("key", ["audit.tell", "stats.tell", "suggestions.route"])
def test_a_webhook_where_a_place_is_expected_is_not_repeated(key: str) -> None:
    with pytest.raises(errors.InvalidSettings, match="no chat 'https'") as caught:
        parse(f'{key} = ["https://hooks.example.com/services/T1/B1/hidden"]')
    assert "hidden" not in f"{caught.value} {caught.value.hint}"


_NO_SETTINGS = [
    ("[slack", "is not TOML"),
    (None, "cannot be read"),
    ("a = " + "9" * 5_000, "a number is too long"),
    ("a = " + "[" * 3_000 + "]" * 3_000, "lists are too deep"),
]


@pytest.mark.parametrize(("content", "told"), _NO_SETTINGS, ids=range(4))
def test_a_file_that_is_none_is_said_to_be_none(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "other.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(errors.InvalidSettings, match=told):
        toml.load(path)


def test_a_link_that_leads_nowhere_does_not_count_as_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert toml.load(None).people == {}
    for target in ("nowhere", "sayso.toml"):
        (tmp_path / "sayso.toml").symlink_to(target)
        with pytest.raises(errors.InvalidSettings, match=r"sayso\.toml cannot be read") as refused:
            toml.load(None)
        assert "mend the link" in str(refused.value.hint)
        (tmp_path / "sayso.toml").unlink()


def test_the_written_example_names_every_key_and_is_right_with_all_of_them_on() -> None:
    commented = [line.removeprefix("# ") for line in init.template().splitlines()[3:]]
    written = parse("\n".join(line for line in commented if "=" in line or line.startswith("[")))
    assert parse(init.template()).policies.keys() == {"default"}
    shown = {key for key, value in _leaves(written) if value not in (None, [])}
    # a rota has one source, and a glass is shown by its own keys
    assert {key for key, _ in _leaves(written)} - shown == {
        "groups.*.on_call.pagerduty",
        "policies.*.break_glass",
    }
    assert {key for key in schema.Delegation.model_fields if not getattr(written.delegations[0], key)} == set()


def _leaves(table: pydantic.BaseModel | Mapping[str, object], above: str = "") -> list[tuple[str, object]]:
    named = table.items() if isinstance(table, Mapping) else list(table)
    found: list[tuple[str, object]] = []
    for name, value in named:
        if isinstance(value, pydantic.BaseModel | dict):
            # what one person or policy does not show, another one may
            found += _leaves(value, f"{above}{name if above.count('.') != 1 or name == 'default' else '*'}.")
        elif above != "policies.default.":
            found.append((f"{above}{name}", value))
    return found


def test_a_request_without_a_route_goes_to_every_chat() -> None:
    both = parse('[slack]\nchannel = "#ops"\n[discord]\nchannel = "910"\nthreads = "session"')
    assert toml.setup(both).route == ("slack:#ops", "discord:910")
    assert both.chat("discord") == discord.DiscordTable(channel="910", threads="session")


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ('[discord]\nchannel = "#ops"', "discord.channel", "the id of a channel"),
        ("[discord]", "discord.channel", "the id of a channel"),
        ('[discord]\nchannel = "910"\nthreads = "all"', "discord.threads", 'threads = "session"'),
        ('[people.ann]\ndiscord = "ann#1"', "people.ann.discord", '"940"'),
        ('[groups.g]\ndiscord_role = "@release"', "groups.g.discord_role", '"77"'),
    ],
)
def test_a_name_where_discord_needs_an_id_is_refused(text: str, key: str, hint: str) -> None:
    with pytest.raises(errors.InvalidSettings) as caught:
        parse(text)
    assert caught.value.field == key
    assert hint in (caught.value.hint or "")


async def test_the_settings_name_who_may_stop() -> None:
    setup = toml.setup(parse(f'{PEOPLE}[groups.sre]\nmembers = ["bob"]\n[service]\nstop = ["ann", "group:sre"]'))
    assert setup.stoppers == ("owner", "ann", "group:sre")
    assert toml.setup(parse(f'{PEOPLE}[service]\nowner = "ann"')).stoppers == ("ann",)
    assert toml.setup(parse("")).stoppers == ("owner",)
    for unknown in ("zoe", "group:zoe", "anyone"):
        with pytest.raises(errors.InvalidSettings, match=r"service\.stop") as wrong:
            parse(f'{PEOPLE}[service]\nstop = ["{unknown}"]')
        assert wrong.value.field == "service.stop"


WRONG: tuple[object, ...] = (
    0,
    -1,
    10**9,
    1.5,
    True,
    "",
    " ",
    "x" * 3_000,
    "\x00",
    [],
    ["x"] * 300,
    [{}],
    {},
    date(2026, 1, 1),
    time(9),
)
"""Fits nearly nowhere."""


def _fill(form: Any, value: object) -> Iterator[Any]:
    """Tables of this form with *value* in each of their places in turn, as deep as they go."""
    for kind in _kinds(form):
        if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
            for name, field in kind.model_fields.items():
                yield {name: value}
                yield from ({name: inner} for inner in _fill(field.annotation, value))
        elif get_origin(kind) is list:
            yield from ([inner] for inner in _fill(get_args(kind)[0], value))
        elif get_origin(kind) is dict:
            yield from ({"name": inner} for inner in _fill(get_args(kind)[1], value))


def _kinds(form: Any) -> list[Any]:
    plain = get_args(form)[0] if get_origin(form) is Annotated else form
    inner = get_args(plain) if get_origin(plain) in (Union, UnionType) else (plain,)
    return [one for each in inner for one in (_kinds(each) if get_origin(each) is Annotated else [each])]


def test_whatever_is_wrong_is_said_in_our_words_with_its_key_and_what_to_do() -> None:
    for row in each(WRONG):
        with row as value:
            seen = set[str]()
            for raw in _fill(schema.with_chats(), value):
                try:
                    schema.with_chats().model_validate(raw)
                except pydantic.ValidationError as error:
                    told = toml._complaint_of(error, raw)
                    assert not re.search(r"[Ii]nput|should|validat|Value error|characters long", told.message), (
                        told.message
                    )
                    assert told.field
                    assert told.message.startswith(told.field)
                    assert told.hint, told.message
                    seen.add(told.field)
            assert len(seen) > 60


def test_every_refusal_of_a_setting_says_what_to_do() -> None:
    root = Path(__file__).resolve().parents[2]
    for path in (one for part in ("core", "adapters", "bots") for one in sorted((root / part).rglob("*.py"))):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "InvalidSettings(" in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("InvalidSettings"):
                assert "hint" in {one.arg for one in node.keywords}, f"{path}:{node.lineno}"

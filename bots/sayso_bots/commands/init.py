"""`sayso init`: the files somebody starts from; what is printed can be used as it is."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from sayso.chat import plugin
from sayso_bots.commands import init_team
from sayso_bots.terminal import files

_TEMPLATE = """\
# sayso.toml: who may decide, and where requests go. Secrets come only by environment.
# An unknown key or a wrong value stops the start; try it with: sayso doctor

{chats}
# [people.ann]                        # one person, whatever they press on
{accounts}
# terminal = "ann"                    # the user name at this machine
# email = "ann@example.com"           # by which rotas, and chats that verified it, know this person
# quiet = "!office"                   # when they are not mentioned and not written to

# [people.bob]
# terminal = "bob"

# [groups.release]
# members = ["ann", "bob"]
# on_call = {{ ical = "https://calendar.example.com/release.ics" }}   # who is on call: an approver "oncall:release"
{groups}

[policies.default]
approvers = ["anyone"]                # people, "group:release", "requester", "anyone" (full members of the place)
expires_in = "1h"                     # silence is never consent: what expires is not allowed

# [policies.production]
# approvers = ["group:release"]
# quorum = 2                          # this many different people must allow it
# veto = 1                            # this many denials deny it
# self_approval = false
# expires_in = "15m"
# on_timeout = "deny"
# valid_for = "15m"                   # an allow that is not used in this time is void
# reason = "deny"                     # "allow", "deny" or "both": for what a reason must be given
# confirm = "10s"                     # time to read before an allow; or "tool", "input.NAME": what is typed to allow
# grants = "8h"                       # how long an allow may hold for the same call, or a tool of one session
# notify = "approvers"                # whom its card mentions: people, "group:release", or [] for nobody
# reveal = ["group:release"]           # who may see what masks over secrets cover; each time is on record
# route = ["approvers"]               # where it is asked, if its rule, its key and the request itself name no place
# fallback = ["approvers", "web"]     # where it is shown if its own places cannot be reached, one after the other
# quiet = "!office"                   # when nobody is mentioned or written to: a calendar, or one that is closed
# turns = "round_robin"               # to one of its people first, then to the next; or "least_recent"
# claim_in = "5m"                     # in this time somebody takes it on, or it goes to the next one
# clock = "office"                    # the times below and expires_in count only while this calendar is open
# remind = ["5m", "10m"]              # those who are missing are mentioned again below the card
# escalate = [{{ after = "12m", add = ["group:release"], route = ["approvers"] }}]

# [calendars.office]
# zone = "Europe/Berlin"
# days = ["mon", "tue", "wed", "thu", "fri"]
# hours = "09:00-18:00"
# holidays = "DE-BE"                  # a country or a part of one, dates, or a list of these
# dates = [{{ from = 2026-01-01, to = 2099-12-31 }}]

# [policies.release]
# digest = "30m"                      # so often its requests of low risk are shown together
# needs = [{{ who = ["ann"] }}, {{ who = ["group:release"], count = 2 }}]    # each place another person, in any order

# [policies.payout]
# stages = [{{ approvers = ["ann"] }}, {{ approvers = ["group:release"] }}]  # one after the other

# [policies.incident]
# approvers = ["ann"]
# break_glass = {{ who = ["bob"], tell = ["web"], review = ["ann"], review_in = "1d" }}   # alone, at once, and reviewed

# [[delegations]]
# of = "ann"                          # who is away
# to = ["bob"]                        # who acts for them
# until = {until}                  # the last day, at most 90 days from now
# policies = ["payout"]

# [[rules]]                           # decided without anybody; a deny wins, then the first match: docs/rules.md
# id = "no-secrets"
# match = {{ tool = ["Bash", "Read"], "input.*" = "*.env*" }}
# effect = "deny"
# reason = "Secrets are not read by agents."

# [[rules]]
# id = "reads"
# match = {{ tool = ["Read", "Grep", "Glob"] }}
# effect = "allow"
# limit = {{ count = 500, per = "1h", by = "agent" }}
# until = 2099-12-31

# [[rules]]
# id = "terraform"
# match = {{ tool = "Bash", program = "terraform" }}
# effect = "ask"                      # under this policy, and there
# policy = "production"
# route = ["web"]
# when = 'kind == "permission"'       # CEL; it counts only if it is true
# during = "office"                   # or "!office" while it is closed
# after = {{ match = {{ tool = "backups" }}, within = "1h", by = "all" }}
# mode = "observe"                    # decides nothing, and says what it would have done

# [stats]
# readers = ["ann", "group:release"]  # who may see the page of numbers in the inbox; the owner if nobody is named
# tell = ["slack:#agents"]            # what rules with mode = "observe" would have decided is told there
# tell_every = "7d"

# [suggestions]                       # what people allow again and again, nobody denied, is suggested as a rule
# ask = ["ann"]                       # who may accept one; whoever may stop agents if it is left out; [] for nobody
# route = ["approvers"]               # where: a direct message to each, or a place in a chat; the inbox in any case
# every = "1d"
# since = "30d"                       # how far it is looked back, and how often people must have allowed it
# least = 5
# lasts = "90d"                       # how long what is accepted holds
# costly = false                      # whether money, secrets and deletes may be suggested, too

# [service]
# owner = "ann"                       # whom the sign-in link of `sayso serve` signs in
# url = "https://sayso.example.com"   # where people and agents reach the service, if not on this machine
# policy = "production"               # of requests that name none, from keys that are bound to none
# hosts = ["sayso.internal"]          # further host names it answers to
# callback_hosts = ["hooks.example.com"]
# grace = "10s"                       # how long an answer by plain words can be taken back; at most a minute
# drain = "5s"                        # told to stop, it takes calls for so long while /readyz sends them elsewhere
# push = "ops@example.com"            # Web Push: a phone rings where no page is open; whom push services write to
# stop = ["group:release"]            # who may stop everything in chat and inbox; owner and operators always may
# tell_requester = true               # the person of the key that asked is told in a chat what became of it
# connections = 10000                 # open at the same time; those that ask nothing make room for new ones
# connections_per_address = 2000
# headers_within = "15s"              # how long the headers and the body of a request may take to come
# body_within = "30s"
# idle_for = "75s"                    # how long a connection may rest between two requests
# pending_per_key = 1000              # requests of one key that wait at the same time
# asks_per_minute = 600               # new requests of one key

# [audit]                             # the log is sealed; keep the seals where nobody of this machine can write
# file = "/mnt/elsewhere/seals.jsonl"
# webhook = "https://audit.example.com/seals"
# tell = ["slack:#audit"]             # places in a chat that are told the newest seal
# tell_every = "1d"
# seal_every = "1m"

# [receipts]                          # an allow carries a signed receipt
# issue = true
# audience = "sayso"                  # whom they are for

# [retention]
# content = "90d"                     # content of decided requests is erased after it; without it never
# traces = "365d"                     # where their cards stand is forgotten after it

# [secrets]
# show = "masked"                     # people see a mask in place of a secret; "plain" shows it
"""

_CLAUDE = """
Three steps:
  1. Put the text above into .claude/settings.json (or ~/.claude/settings.json for all projects), and look what it lets
     by: sayso doctor
  2. On the machine of the service: sayso keys add claude --role agent
  3. export SAYSO_KEY=… where Claude Code runs, and start it.
"""


_EXAMPLES = ("sayso init", *(chat.setup.example for chat in plugin.installed()), "sayso init claude-code")


def template() -> str:
    """The commented file, with what each chat that is installed says of itself."""
    chats = plugin.installed()
    return _TEMPLATE.format(
        until=datetime.now(UTC).date() + timedelta(days=14),
        chats="\n".join(chat.example for chat in chats),
        accounts="\n".join(f"# {chat.account.example}" for chat in chats),
        groups="\n".join(f"# {chat.group.example}" for chat in chats if chat.group),
    )


@click.group("init", invoke_without_command=True, epilog="\n  ".join(["\b\nExample:", *_EXAMPLES]))
@click.pass_context
def command(context: click.Context) -> None:
    """Write a commented sayso.toml, or print what another program needs."""
    if context.invoked_subcommand is not None:
        return
    named = os.environ.get("SAYSO_CONFIG")
    path = Path(named or "sayso.toml")
    files.write(path, template(), new=True)
    use = f" --config {path}" if named else ""
    click.echo(f"{path} written; next: sayso doctor{use}, then sayso serve{use}")


@command.command("claude-code", epilog="\b\nExample:\n  sayso init claude-code > .claude/settings.json")
@click.option("--url", default="http://127.0.0.1:8700", show_default=True, envvar="SAYSO_URL", help="Of the service.")
@click.option("--event", "events", multiple=True, help="When to ask; may be given more than once.")
@click.option("--matcher", default="*", show_default=True, help="Which tools; Claude Code's own pattern.")
@click.option("--if", "rule", metavar="RULE", help="Only tool calls that match this permission rule.")
@click.option(
    "--timeout",
    type=int,
    default=600,
    show_default=True,
    help="Seconds that Claude Code waits; people have at most 10 less.",
)
@click.option("--policy", help="The policy that decides, in place of the default one.")
@click.option("--http", is_flag=True, help="Let Claude Code call the service itself, without a process for each call.")
def claude_code(
    url: str,
    events: tuple[str, ...],
    matcher: str,
    rule: str | None,
    timeout: int,
    policy: str | None,
    http: bool,
) -> None:
    """Print the settings that make Claude Code ask here.

    PermissionRequest (the default) asks where Claude Code would ask; PreToolUse asks before every call. The other
    events: Elicitation, Notification, PermissionDenied, PreModelSwitch, Stop, SubagentStop, TaskCreated, TaskCompleted,
    TeammateIdle, UserPromptSubmit, UserPromptExpansion, PreCompact, ConfigChange. A gate that can match a shell comes
    with PreSkillShellCommand and UserPromptExpansion, for shell commands in skills.
    """
    from sayso_claude import settings

    made = settings.settings(
        url,
        events=settings.complete(events or ["PermissionRequest"], matcher, rule),
        matcher=matcher,
        rule=rule,
        timeout=timeout,
        kind="http" if http else "command",
        policy=policy,
    )
    click.echo(json.dumps(settings.asking(made), indent=2))
    click.echo(_CLAUDE, err=True)


def _command_of(chat: plugin.Chat[Any]) -> click.Command:
    """`sayso init NAME`: what a chat needs to be told, and the steps to follow."""

    def show(**words: str | None) -> None:
        made, steps = chat.setup.write(**words)
        click.echo(made)
        click.echo(steps, err=True)

    about, epilog = chat.setup.about, f"\b\nExample:\n  {chat.setup.example}"
    parameters = [_parameter(word) for word in chat.setup.words]
    return click.Command(chat.name, params=parameters, callback=show, help=about, epilog=epilog)


def _parameter(word: plugin.Word) -> click.Parameter:
    return click.Argument([word.name]) if word.required else click.Option([f"--{word.name}"], help=word.help)


for _chat in plugin.installed():
    command.add_command(_command_of(_chat))
command.add_command(init_team.command)

"""`sayso init`: the files somebody starts from; what is printed can be used as it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from sayso import errors
from sayso_bots.terminal import output

TEMPLATE = """\
# sayso.toml: who may decide, and where requests go. Secrets come only by environment.
# An unknown key or a wrong value stops the start; try it with: sayso doctor

# [slack]
# channel = "#approvals"              # where a request without a route goes; its id, as "C0123", never moves

# [discord]
# channel = "910"                     # the id of a channel; Discord shows ids in its developer mode
# threads = "session"                 # one thread per agent session; questions are answered there

# [people.ann]                        # one person, whatever they press on
# slack = "T0123/U0456"               # workspace and user
# discord = "940"                     # the user's id
# terminal = "ann"                    # the user name at this machine

# [groups.release]
# members = ["ann"]
# slack_group = "S0123"               # members of this user group count as well
# discord_role = "77"                 # and whoever has this role

[policies.default]
approvers = ["anyone"]                # people, "group:release", "requester", "anyone" (full members of the place)
expires_in = "1h"                     # silence is never consent: what expires is not allowed

# [policies.production]
# approvers = ["group:release"]
# quorum = 2                          # so many different people must allow it
# veto = 1                            # so many denials deny it
# self_approval = false
# expires_in = "15m"
# on_timeout = "deny"
# valid_for = "15m"                   # an allow that is not used in this time is void

# [service]
# owner = "ann"                       # whom the sign-in link of `sayso serve` signs in
# url = "https://sayso.example.com"   # where people and agents reach the service, if not on this machine
# policy = "production"               # of requests that name none, from keys that are bound to none
# hosts = ["sayso.internal"]          # further host names it answers to
# callback_hosts = ["hooks.example.com"]
# grace = "10s"                       # how long an answer by plain words can be taken back; at most a minute
# connections = 10000                 # open at the same time; those that ask nothing make room for new ones
# connections_per_address = 2000
# headers_within = "15s"              # how long the headers and the body of a request may take to come
# body_within = "30s"
# idle_for = "75s"                    # how long a connection may rest between two requests
# pending_per_key = 1000              # requests of one key that wait at the same time
# asks_per_minute = 600               # new requests of one key
"""

_SLACK = """
Three steps:
  1. Create the app: https://api.slack.com/apps > Create New App > From a manifest, and paste the text above.
  2. Install it to the workspace: export SLACK_BOT_TOKEN=xoxb-…. Under Basic Information make an app-level token
     with the scope connections:write: export SLACK_APP_TOKEN=xapp-… (over HTTP: SLACK_SIGNING_SECRET instead).
  3. Put [slack] channel = "C…" into sayso.toml (the id below About in the channel's details), invite the app there
     (/invite @sayso), and run:
     sayso doctor && sayso serve
"""

_DISCORD = """
Three steps:
  1. Create the application: https://discord.com/developers/applications > New Application. Under Bot, Reset Token:
     export DISCORD_BOT_TOKEN=… and, if any message in a thread shall be an answer, turn on Message Content Intent.
  2. Open the link above and choose your server; it asks for these permissions:
{permissions}
  3. Put [discord] channel = "…" into sayso.toml (user settings > Advanced > Developer Mode, then Copy Channel ID), and
     run: sayso doctor && sayso serve
     Clicks come over the gateway, without a public address. For HTTP in its place set DISCORD_PUBLIC_KEY, and
     https://YOUR-SERVICE/discord/interactions as Interactions Endpoint URL; messages are then
     read every 15 seconds.
"""

_CLAUDE = """
Three steps:
  1. Put the text above into .claude/settings.json (or ~/.claude/settings.json for all projects), and look what it lets
     by: sayso doctor
  2. On the machine of the service: sayso keys add claude --role agent
  3. export SAYSO_KEY=… where Claude Code runs, and start it.
"""


@click.group(
    "init",
    invoke_without_command=True,
    epilog="\b\nExample:\n  sayso init\n  sayso init slack > manifest.json\n  sayso init discord APPLICATION_ID\n"
    "  sayso init claude-code",
)
@click.pass_context
def command(context: click.Context) -> None:
    """Write a commented sayso.toml, or print what another program needs."""
    if context.invoked_subcommand is not None:
        return
    named = os.environ.get("SAYSO_CONFIG")
    path = Path(named or "sayso.toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError as error:
        raise click.ClickException(f"{path} is there already; nothing was changed") from error
    except OSError as error:
        hint = "choose another folder, or name a file with --config"
        raise errors.InvalidSettings(f"{path} cannot be written: {error.strerror}", hint=hint) from error
    use = f" --config {path}" if named else ""
    click.echo(f"{path} written; next: sayso doctor{use}, then sayso serve{use}")


@command.command(epilog="\b\nExample:\n  sayso init slack > manifest.json")
@click.option("--url", help="The service's public https address: HTTP in place of Socket Mode.")
def slack(url: str | None) -> None:
    """Print the manifest of the Slack app, and how to install it."""
    from sayso_slack import manifest

    output.as_json(manifest.manifest(socket_mode=url is None, url=url))
    click.echo(_SLACK, err=True)


@command.command(epilog="\b\nExample:\n  sayso init discord 123456789012345678")
@click.argument("application")
def discord(application: str) -> None:
    """Print the link that lets the bot into a server; APPLICATION is its Application ID in the Developer Portal."""
    from sayso_discord import manifest

    click.echo(manifest.invite(application))
    needed = "\n".join(f"     - {name}: {what}" for name, (_, what) in manifest.PERMISSIONS.items())
    click.echo(_DISCORD.replace("{permissions}", needed), err=True)


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

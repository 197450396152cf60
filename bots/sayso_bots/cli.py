"""The tree of commands, and what every one of them shares: errors in one line, exit codes, `--config`."""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TextIO

import click

from sayso import errors
from sayso_bots.terminal import rows

# Each in the module that has its `command`, and what it is for. Commands load when they are used: each brings its own
# imports, some of them slow, so their help as a whole stands here.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("demo", "An agent asks; answer it in the inbox."),
    "init": ("init", "Write a commented sayso.toml, or print what another program needs."),
    "doctor": ("doctor.command", "Check settings, database, service and chat; exits with 2 if something is wrong."),
    "serve": ("serve", "Run the service: inbox, HTTP API, Claude Code hooks, and the chat that is configured."),
    "reload": (
        "reload",
        "Let the service take up sayso.toml as it is now, without a restart; exits with 2 if it is refused.",
    ),
    "ask": ("ask", "Ask people; print the request's id, or with --wait the decision."),
    "list": ("list", "Requests, newest first."),
    "show": ("show", "One request, whole, with the ways to answer it."),
    "answer": ("answer", "Answer a request."),
    "review": ("review", "Answer many requests at once: what waits for you, like ones together, the most risky first."),
    "cancel": ("cancel", "Withdraw a request; one that is decided stays as it is."),
    "stop": ("stop", "Stop everything: nothing is allowed or used, and no time runs, until `sayso resume`."),
    "resume": ("resume", "Lift a stop."),
    "grants": ("grants", "What people allowed for a while: the same call again, or a tool of one session."),
    "people": ("people", "People and groups of the settings, as they are at this moment."),
    "stats": ("stats", "Numbers of the last days, of the requests that are decided."),
    "link": ("link", "Print a link that signs PERSON in to the inbox; it works once, within 15 minutes."),
    "keys": ("keys", "Keys to the service, in the database here."),
    "audit": ("audit", "The log of all that happened: check it, and hand it out."),
    "purge": ("purge", "Erase the content of old requests, as `[retention]` says, and remove what is over."),
    "policy": ("policy.command", "What the rules of sayso.toml are worth."),
    "backup": ("backup", "Write a copy of the database to FILE, also while the service runs."),
    "restore": (
        "restore",
        "Put a copy of the database back, with the service stopped; or say what becomes of what is held since.",
    ),
    "hook": (
        "hook.command",
        "Ask about the event on standard input, and print the decision: a command hook of Claude Code.",
    ),
    "mcp": ("mcp", "Ask people from any MCP client, on standard input and output."),
}

# These read no settings, so that naming some would change nothing; neither does any command that prints what another
# program needs.
_WITHOUT_SETTINGS = frozenset((
    "sayso demo", "sayso reload", "sayso keys list", "sayso keys revoke", "sayso keys rotate", "sayso keys callback",
    "sayso keys secret", "sayso keys signing", "sayso audit verify", "sayso policy versions", "sayso policy show",
    "sayso policy diff", "sayso backup", "sayso restore",
))  # fmt: skip
_PRINTS = "sayso init"

# What a shell reports of a program that wrote into a closed pipe.
_READER_GONE = 128 + signal.SIGPIPE
# The number of standard error.
_LAST_STREAM = 2
# What a disk says that takes nothing more.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)

# Packages that only an extra brings; those of a chat are named by the chat.
_EXTRAS: Mapping[str, str] = {
    **{"asyncpg": "postgres", "mcp": "mcp", "mcp_types": "mcp"},
    **{"cryptography": "receipts", "jwt": "receipts"},
}


class _ReaderGone(Exception):
    """Whoever read the output is gone."""


@contextlib.contextmanager
def _reading() -> Generator[None]:
    try:
        yield
    except BrokenPipeError as error:
        # click would exit with 1, which says that somebody denied
        raise _ReaderGone from error


class _Tree(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"sayso_bots.commands.{_COMMANDS[cmd_name][0]}").command
        _add_config(found, f"sayso {cmd_name}")
        if not gc.isenabled():
            # what was imported stays, and is not looked through again
            gc.freeze()
            gc.enable()
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS:
            # hardly ever needed
            from sayso_bots.settings import spelling

            # the library looks for what was meant among commands that are imported already
            meant = spelling.suggest(args[0], _COMMANDS)
            if meant:
                ctx.fail(f"No such command {args[0]!r}. {meant.capitalize()}")
        return super().resolve_command(ctx, args)

    def make_context(self, *given: Any, **named: Any) -> click.Context:
        with _reading():
            # the help of all of it is printed here
            return super().make_context(*given, **named)

    def invoke(self, ctx: click.Context) -> Any:
        with _reading():
            done = super().invoke(ctx)
            # a program may start it without one; what was done is done
            if sys.stdout:
                sys.stdout.flush()
        return done


def _use_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value:
        os.environ["SAYSO_CONFIG"] = value
        ctx.meta[_use_config.__name__] = value


def _refuse_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Refuse it where it would change nothing, also where it stood before the command. Raises `InvalidSettings`."""
    if value or _use_config.__name__ in ctx.meta:
        raise errors.InvalidSettings(f"{ctx.command_path} reads no settings", field="--config", hint="leave it out")


def _config_option(*, refused: bool = False) -> click.Option:
    path, said = click.Path(dir_okay=False), "Settings, in place of ./sayso.toml."
    callback = _refuse_config if refused else _use_config
    return click.Option(["--config"], type=path, help=said, expose_value=False, callback=callback, hidden=refused)


def _add_config(command: click.Command, path: str) -> None:
    """Let `--config` stand behind the command as well, where most people write it."""
    for name, inner in command.commands.items() if isinstance(command, click.Group) else ():
        _add_config(inner, f"{path} {name}")
    hands_words_on = command.context_settings.get("ignore_unknown_options")
    if not hands_words_on and not any("--config" in one.opts for one in command.params):
        refused = path in _WITHOUT_SETTINGS or path.startswith(f"{_PRINTS} ")
        command.params.append(_config_option(refused=refused))


@click.group(
    cls=_Tree,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  sayso demo\n\nExit codes: 0 allowed, answered or done; 1 denied; 2 usage; 3 no decision.",
)
@click.version_option(package_name="sayso", prog_name="sayso")
def tree() -> None:
    """On your say-so: AI agents ask, people answer, the agent goes on, or does not."""


tree.params.append(_config_option())


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code; nothing that fails is ever taken for an *allow*."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _replace_closed_streams()
    try:
        code = tree.main(arguments, prog_name="sayso", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.ctx.get_help() if shown.ctx else "", err=True)
        code = 2
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        fail(error.format_message().rstrip("."), hint=f"see: {context.command_path} --help" if context else None)
        code = 2
    except errors.SaysoError as error:
        fail(error.message, error.field, error.hint)
        code = 2
    except _ReaderGone:
        _write_no_more(sys.stdout)
        code = _READER_GONE
    except (click.Abort, KeyboardInterrupt):
        fail("stopped")
        code = 3
    except Exception as error:
        # Python's own exit code for this would be 1, which says that somebody denied
        missing = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            _write_no_more(sys.stdout)
            where = f" to {error.filename}" if error.filename else ""
            # a command that is run again because it was not told would do it twice
            done = f"it was done all the same: {'; '.join(error.__notes__)}" if hasattr(error, "__notes__") else ""
            said = f"nothing more can be written{where}: {error.strerror}"
            fail(said, hint=done or "make room, or write elsewhere")
        elif hint := _hint_at_extra(missing):
            fail(f"a package is missing: {error}", hint=hint)
        else:
            traceback.print_exc()
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _replace_closed_streams() -> None:
    """Whoever closed one wants nothing of it, and the next file that is opened must not take its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _LAST_STREAM:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_LAST_STREAM, "w", closefd=False)


def _write_no_more(stream: TextIO) -> None:
    """Let nothing more be written that stands ready, not even at the interpreter's end: it would fail there as well."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _hint_at_extra(package: str) -> str | None:
    """What brings a package that only some need."""
    if extra := _EXTRAS.get(package):
        return f"in a clone of sayso: pip install '.[{extra}]'"
    # slow to import, and said of few failures
    from sayso.chat import plugin

    return next((chat.install for chat in plugin.installed() if package in chat.packages), None)


def fail(message: str, field: str | None = None, hint: str | None = None) -> None:
    """One line on standard error: what is wrong, where, and what to do."""
    where = f" ({field})" if field and field not in message else ""
    line = f"sayso: {message}{where}" + (f" — {hint}" if hint else "")
    plain = "".join(sign if sign.isprintable() else " " for sign in line)
    try:
        # a message may repeat what others wrote, and a long line goes on at the left edge
        click.echo("\n".join(rows.hang(plain, rows.columns())) if sys.stderr.isatty() else plain, err=True)
    except OSError:
        # nobody can be told; the exit code says it
        _write_no_more(sys.stderr)

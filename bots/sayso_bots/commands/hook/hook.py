"""`sayso hook claude-code`: hands a hook call to the service and its answer back, or says no.

It starts once for every tool call, so until something fails it imports only what Python has loaded or compiled in. It
outlives a restart of the service: a call that was cut off is sent again, under the same key, and finds its ticket.
Whatever goes wrong, it says no in the form of the event, because Claude Code takes silence for "no decision".
"""

from __future__ import annotations

import _thread
import os
import select

from sayso_bots.commands.hook import relay

# Seconds; Claude Code kills a hook after 600, and then nothing denies.
TIMEOUT = 590.0
LONGEST = 86_400
URL = "http://127.0.0.1:8700"


class _Misused(Exception):
    """The command line is wrong."""


def main(argv: list[str]) -> int:
    """Run the hook; 0 with a decision on standard output, 2 (which blocks a tool) if even the event is unknown."""
    raw = b""
    try:
        raw = _read_stdin()
        _thread.start_new_thread(_leave_with_the_reader, ())
        timeout, url, policy = _read_options(argv)
        key = os.environ.get("SAYSO_KEY", "")
        if not key:
            raise relay.Failed("SAYSO_KEY is not set: make a key with `sayso keys add NAME --role agent`")
        if not raw.strip():
            raise _Misused("nothing came on standard input: Claude Code writes the event there")
        body = relay.Relay(url, key, timeout, policy).ask(raw)
    except (relay.Failed, _Misused) as failure:
        return _refuse(raw, str(failure))
    except BaseException as error:
        # also a SIGINT: a hook that ends in any other way is "no decision"
        return _refuse(raw, f"the hook itself failed: {type(error).__name__}: {error}")
    return _hand_on(raw, body)


def _read_stdin() -> bytes:
    chunks: list[bytes] = []
    while chunk := os.read(0, 1 << 16):
        chunks.append(chunk)
    return b"".join(chunks)


def _leave_with_the_reader() -> None:
    """End as soon as nobody reads our output: a killed agent leaves its hooks running, and their cards open."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(1, 0)
        poller.poll()
        os._exit(2)


def _read_options(argv: list[str]) -> tuple[float, str, str]:
    if argv[:1] != ["claude-code"]:
        raise _Misused(f"there is no hook {' '.join(argv[:1])!r}; say: sayso hook claude-code")
    given = {"--timeout": str(TIMEOUT), "--url": os.environ.get("SAYSO_URL") or URL, "--policy": ""}
    words = [part for word in argv[1:] for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if len(words) % 2 or not set(words[::2]) <= set(given):
        raise _Misused(f"cannot read {' '.join(argv[1:])!r}; see: sayso hook --help")
    given.update(zip(words[::2], words[1::2], strict=True))
    try:
        timeout = float(given["--timeout"])
    except ValueError:
        timeout = 0.0
    if not 1 <= timeout <= LONGEST:
        raise _Misused(f"--timeout {given['--timeout']!r} is not a time in seconds, 1 to {LONGEST}")
    return timeout, given["--url"], given["--policy"]


def _hand_on(raw: bytes, body: bytes) -> int:
    """The service's answer, if it is one that Claude Code will obey."""
    if b'"hookSpecificOutput"' in body and (b'"permissionDecision"' in body or b'"behavior"' in body):
        return _write(body)
    from sayso_claude import forms

    event = _event_of(raw)
    if event in forms.HARMLESS or event == forms.NOTIFICATION:
        return _write(body)
    spelt_out = any(word in body for word in (b'"continue"', b'"block"', b'"action"', b'"retry"'))
    # before compacting silence lets it happen, and whatever is said becomes an instruction
    if event in forms.GATES - forms.TOOLS and (spelt_out or (event == "PreCompact" and not body)):
        return _write(body)
    return _refuse(raw, "the answer is no decision: is the address that of sayso serve?")


def _refuse(raw: bytes, reason: str) -> int:
    """Say no, in the form of this very event."""
    import json

    from sayso_claude import forms

    told = f"sayso hook: {reason}. Nobody has allowed this; do not work around it."
    event = _event_of(raw)
    if event in forms.GATES - forms.ENDS:
        return _write(json.dumps(forms.no_decision(event, told)).encode())
    os.write(2, told.encode("utf-8", "backslashreplace") + b"\n")
    if event in forms.HARMLESS | forms.ENDS:
        return 1
    if event == forms.NOTIFICATION:
        return 0
    # not even the event is known: both ways of saying no that work before a tool
    _write(json.dumps(forms.deny("PreToolUse", told)).encode())
    return 2


def _event_of(raw: bytes) -> str:
    import json

    try:
        return str(json.loads(raw)["hook_event_name"])
    except (ValueError, RecursionError, TypeError, LookupError):
        return ""


def _write(body: bytes) -> int:
    left = memoryview(body)
    while left:
        left = left[os.write(1, left) :]
    return 0

"""Programs that run something else than their name says: what an allow must spell out, and where a deny must look.

The rule: a table may be too long, never too short: whoever stands here is asked about, and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Mapping

from sayso.content import programs

SHELLS = programs.SHELLS | {"eval", "source", "."}
INTERPRETERS: Mapping[str, str] = {
    **dict.fromkeys(["python", "python2", "python3", "pypy", "pypy3"], "-c"),
    **dict.fromkeys(["perl", "ruby"], "-e -E"),
    **dict.fromkeys(["node", "nodejs", "bun", "deno"], "-e -p --eval --print eval"),
    **dict.fromkeys(["php", "lua", "rscript", "osascript", "tclsh"], "-r -e"),
}
"""Interpreters, and the options that are followed by code."""
_EDITORS = ("vim", "vi", "nvim", "view", "ex", "ed", "emacs", "nano", "less", "more", "man")
_FILTERS = ("awk", "gawk", "mawk", "nawk", "sed", "gsed")
CODE_IN_ARGUMENTS = frozenset([*_EDITORS, *_FILTERS])
"""Programs with a language of their own in which they run others."""
REMOTE = frozenset(
    ["ssh", "docker", "podman", "nerdctl", "kubectl", "oc", "vagrant", "chroot", "nsenter", "su", "runuser"]
)
_TASKS = (
    "make", "gmake", "cmake", "ninja", "just", "task", "rake", "tox", "nox", "gradle", "mvn", "ant", "invoke",
    "npm", "npx", "yarn", "pnpm", "pnpx", "bunx", "corepack", "pip", "pip3", "pipx", "uv", "uvx", "poetry", "hatch",
    "cargo", "go", "dotnet", "bundle", "composer", "terraform", "ansible", "ansible-playbook",
)  # fmt: skip
_HOLDERS = (
    "parallel", "script", "screen", "tmux", "at", "batch", "crontab", "systemd-run", "gdb", "strace", "ltrace", "perf",
    "unshare", "setarch", "taskset", "chrt", "coproc", "trap", "alias", "hash", "enable", "entr", "expect", "rlwrap",
    "ssh-agent", "dbus-run-session", "firejail", "bwrap", "proot", "fakeroot", "run-parts", "start-stop-daemon",
)  # fmt: skip
_ELSEWHERE = frozenset([*_TASKS, *_HOLDERS])

SPELLED_OUT = SHELLS | programs.WRAPPERS.keys() | INTERPRETERS.keys() | CODE_IN_ARGUMENTS | REMOTE | _ELSEWHERE
"""An allow of these has no glob in its `args`: what they run is said by their arguments."""


def _words(written: str) -> frozenset[str]:
    return frozenset(written.split())


SPECIAL: Mapping[str, frozenset[str]] = {
    "git": _words(
        "-c -C -O -x --config-env --exec-path --git-dir --work-tree --namespace --exec --upload-pack "
        "--receive-pack --open-files-in-pager --ext-diff --textconv --output --extcmd --tool --template "
        "--config config bisect submodule filter-branch difftool mergetool"
    ),
    "find": _words("-exec -execdir -ok -okdir -delete -fprint -fprint0 -fprintf -fls -files0-from"),
    "fd": _words("-x -X --exec --exec-batch"),
    "rg": _words("--pre --hostname-bin --search-zip -z"),
}
"""Words with which a program runs others, writes, or acts elsewhere; no glob of an allow stands for one of these."""

LITERAL = frozenset(
    ["curl", "wget", "tar", "rsync", "scp", "zip", "unzip", "sort", "psql", "mysql", "sqlite3", "dd", "cp", "mv"]
)
"""Programs of which no glob of an allow stands for any option: too many of these write, send or run something."""

COMMANDS_OF_ITS_OWN = frozenset(["git", "svn", "hg", "gh", "brew", "apt", "systemctl"])
"""Programs whose first argument says what they do, and may be somebody's own: an allow names it."""

SAME: Mapping[str, Mapping[str, str]] = {
    "curl": {"-X": "--request", "-d": "--data", "-F": "--form", "-T": "--upload-file", "-o": "--output",
             "-O": "--remote-name", "-H": "--header", "-K": "--config"},
    "wget": {"-O": "--output-document", "-i": "--input-file", "-e": "--execute", "-P": "--directory-prefix"},
    "rm": {"-r": "--recursive", "-R": "--recursive", "-f": "--force"},
    "git": {"-f": "--force", "-d": "--delete", "-D": "--delete", "-m": "--message"},
    "chmod": {"-R": "--recursive"},
    "chown": {"-R": "--recursive"},
    "psql": {"-c": "--command", "-f": "--file"},
    "mysql": {"-e": "--execute"},
    "kubectl": {"-n": "--namespace", "-f": "--filename"},
    "docker": {"-v": "--volume", "-e": "--env"},
    "terraform": {},
}  # fmt: skip
"""Short options and the long ones that mean the same."""

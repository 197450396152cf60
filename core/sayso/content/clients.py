"""Where programs take secrets: behind an option, at a place among their words, from a pipe. One table; pure.

The rule: a secret counts only in a command of a program that takes it there, and a number or a path is none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sayso.content import acting, labelled, outside, programs, secret_names

Span = tuple[int, int]

# What begins with a dash is the next option.
_SECRET = rf"((?!-){labelled.SAFE}{{4,400}}+)"
_AFTER = rf"""\ {{0,3}}["']?{_SECRET}"""
_GIVEN = rf"""[\ =]["']?{_SECRET}"""
_JOINED = rf"""["']?{_SECRET}"""
_QUOTED = rf"""["']{_SECRET}["']"""
_ACCOUNT = rf"""[ =]?["']?[^\s:"'$]{{1,80}}+:{_SECRET}"""
_WORD = r"""["']?[^\s"';|&<>()`-][^\s"';|&<>()`]{0,200}+["']?\ """
# without a slash, so that it is the whole name of a program
_BARE = r"""[^\s"'`$;|&<>(){}\[\]\\,•/@]{4,400}+"""
_SAID = rf"""["']?(?=\S{{0,40}}[0-9])({labelled.SAFE}{{5,400}}+)"""


class Row(NamedTuple):
    """One place in which programs take a secret."""

    written: str
    """What is sought: the option, or the words before the place."""
    programs: tuple[str, ...]
    """One of these stands before it in the same command; none of them need if the words say enough."""
    follows: re.Pattern[str]
    """What follows, with the secret as its only group."""


def _rows(written: Sequence[str], programs: Sequence[str], follows: str) -> list[Row]:
    return [Row(one, tuple(programs), re.compile(follows)) for one in written]


_LOGINS = (
    *("sshpass", "docker login", "podman login", "buildah login", "skopeo login", "nerdctl login", "oras login"),
    *("helm registry login", "crane auth login", "az login", "oc login", "cf login", "ibmcloud login", "twine upload"),
    *("mongo", "mongosh", "mongodump", "mongorestore", "mongoimport", "mongoexport", "cqlsh", "beeline", "hdbsql"),
    *("rabbitmqadmin", "rdesktop", "usermod", "useradd"),
)
_MYSQL = tuple(
    f"{product}{tool}"
    for product in ("mysql", "mariadb")
    for tool in ("", "dump", "-dump", "admin", "-admin", "import", "-import", "show", "check", "pump")
)
_DIRECTORIES = ("ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami")
_SAMBA = ("smbclient", "rpcclient", "smbmap", "winexe", "smbget")
_PUTTY = ("plink", "pscp", "psftp")
_SNMP = ("snmpget", "snmpset", "snmpwalk", "snmpbulkwalk", "snmpbulkget")
_KEYTOOLS = ("keytool", "jarsigner", "apksigner")
_STDIN = ("gh auth login", "glab auth login", "docker login", "podman login", "gh secret set", "wrangler secret put")

TABLE: tuple[Row, ...] = (
    *_rows((" -u", " --user", " -U", " --proxy-user"), ("curl",), _ACCOUNT),
    *_rows((" -E", " --cert"), ("curl",), rf"""[ =]["']?[\w./~-]{{1,200}}+:{_SECRET}"""),
    *_rows((" -a ", " --auth ", " --auth="), ("http", "https", "xh"), _ACCOUNT),
    *_rows((" -u",), ("lftp",), rf"""\ ?["']?[^\s,"'$]{{1,80}}+,{_SECRET}"""),
    *_rows((" -U", " --user"), _SAMBA, rf"""[ =]?["']?[^\s%"'$]{{1,80}}+%{_SECRET}"""),
    *_rows((" -p",), _MYSQL, _JOINED),
    *_rows((" -p",), ("7z", "7za", "7zz", "rar", "unrar"), _JOINED),
    *_rows((" -hp",), ("rar", "unrar"), _JOINED),
    *_rows((" -p",), (*_LOGINS, "htpasswd"), _AFTER),
    *_rows((" -P",), ("zip", "unzip", "sqlcmd", "bcp", "tsql", "ipmitool", "mosquitto_pub", "mosquitto_sub"), _AFTER),
    *_rows((" -P ", " -N "), ("ssh-keygen",), _AFTER),
    *_rows((" -a ", " --pass "), ("redis-cli", "valkey-cli"), _AFTER),
    *_rows((" AUTH ", " auth "), ("redis-cli", "valkey-cli"), rf"""(?:[\w.-]{{1,80}}\ )?{_JOINED}"""),
    *_rows((" -k ",), ("openssl",), _AFTER),
    *_rows(("pass:",), ("openssl", "-pass"), _JOINED),
    *_rows((" -w ",), _DIRECTORIES, _AFTER),
    *_rows((" -pw ",), (*_PUTTY, "nodetool"), _AFTER),
    *_rows((" -c",), _SNMP, _AFTER),
    *_rows((" -storepass", " -keypass", " -srcstorepass", " -deststorepass"), _KEYTOOLS, _GIVEN),
    *_rows((" --passphrase",), ("gpg", "gpg2"), _GIVEN),
    *_rows((" -t", " --token"), ("doctl auth init", "glab auth login", "vercel"), _GIVEN),
    *_rows((" -b", " --body"), ("gh secret set",), rf"""[\ =]?["']?{_SECRET}"""),
    *_rows((" --secret-string",), ("secretsmanager",), _GIVEN),
    *_rows((" --value",), ("securestring",), _GIVEN),
    *_rows(("--from-literal",), ("create secret",), rf"""[ =]["']?[\w.-]{{1,80}}+={_JOINED}"""),
    *_rows(("=",), ("vault kv put", "vault kv patch"), rf"(?<!-mount=){_SAID}"),
    *_rows((" <<<",), (*_STDIN, "vault login"), _AFTER),
    *_rows((" <<<",), ("chpasswd",), rf"""\ ?["']?[\w.-]{{1,80}}+:{_SECRET}"""),
    *_rows((" IDENTIFIED BY ", " identified by "), ("user", "role"), _QUOTED),
    *_rows((" PASSWORD = N", " password = N"), ("login", "user"), _QUOTED),
    *_rows((" password ",), ("login ", "nmcli"), _JOINED),
    *_rows((" is ",), ("password", "passwd", "passphrase", "token", "api key", "secret"), _SAID),
    # at a place among the words of a program
    *_rows(("htpasswd ",), (), rf"-[a-mo-z]{{0,6}}b[a-mo-z]{{0,6}}\ {_WORD}{_WORD}{_JOINED}"),
    *_rows(("htpasswd ",), (), rf"-(?=[a-z]{{0,6}}n)[a-z]{{0,6}}b[a-z]{{0,6}}\ {_WORD}{_JOINED}"),
    *_rows(("rabbitmqctl add_user ", "rabbitmqctl change_password ", "cf auth "), (), f"{_WORD}{_JOINED}"),
    *_rows(("net user ",), (), f"{_WORD}(?!/){_JOINED}"),
    *_rows(("mc alias set ",), (), f"{_WORD}{_WORD}{_WORD}{_JOINED}"),
    *_rows(("wpa_passphrase ", "bw login "), (), f"{_WORD}{_JOINED}"),
    *_rows(("poetry config pypi-token.",), (), f"{_WORD}{_JOINED}"),
    *_rows(("poetry config http-basic.",), (), f"{_WORD}{_WORD}{_JOINED}"),
    *_rows(("cargo login ", "vault login ", "bw unlock ", "snyk auth ", "ngrok config add-authtoken "), (), _JOINED),
    *_rows(("ansible-vault encrypt_string ",), (), _QUOTED),
    *_rows(
        ("sqlplus ", "sqlldr ", "expdp ", "impdp ", "jdbc:oracle:thin:"),
        (),
        rf"(?:-[A-Za-z]{{1,2}}\ )?\w{{1,80}}+/({_BARE})",
    ),
    *_rows(("requirepass ", "masterauth "), (), rf"""{_JOINED}["']?[ \t]{{0,9}}(?=\n|\Z)"""),
    *_rows(("ConvertTo-SecureString ",), (), rf"(?:-String\ |-s\ )?{_QUOTED}"),
    *_rows(("cmdkey ",), (), rf"(?:/[\w:.@\\-]{{1,200}}+\ ){{0,4}}/pass:{_JOINED}"),
)

# Most texts have none of these, and need no look at the rows that hold one.
_STEMS = (" -", "<<<", "pass", "auth", "login", "user")


def _by_stem() -> Mapping[str, Sequence[Row]]:
    """The rows by what all that is sought for them holds."""
    made: dict[str, list[Row]] = {}
    for row in TABLE:
        made.setdefault(next((stem for stem in _STEMS if stem in row.written.lower()), ""), []).append(row)
    return made


_BY_STEM = _by_stem()

# What one program prints goes to another one that takes it for a secret.
_PRINTED = re.compile(
    rf"""(?:(?<![^\s;|&(/`"'])|(?<=\\n))
    (?:echo|printf)(?:\ -[neE]{{1,3}})?(?:\ ["']?%s(?:\\n)?["']?)?\ ["']?(?P<user>[\w.-]{{1,80}}:)?
    (?P<secret>(?!-){_BARE})(?:\\n)?["']?\s{{0,3}}\|\s{{0,3}}(?:sudo\ (?!-))?
    (?:(?P<accounts>chpasswd\b) | passwd\ --stdin | (?P<root>sudo\ (?:-[a-zA-Z]\ )?-S\b)
    | wrangler\ secret\ put\b | gh\ secret\ set\b
    | (?:(?:docker|podman|buildah|nerdctl|skopeo|oras)|(?:helm|regctl)\ registry|(?:crane|gh|glab)\ auth)\ login\b
      [^\n|;&]{{0,200}}?\ --(?:password-stdin|with-token)\b)""",
    re.VERBOSE,
)
# Behind these it is no program: `exec -a echo reboot`.
_ONLY_NAMED = re.compile(r"(?<!\S)(?:-\S{0,40}|flock|chroot)[\s\\]{1,9}\Z|[<>][\s\\]{0,9}\Z")
_PIPED_TEXT = re.compile(rf"""["']({labelled.SAFE}{{4,400}}+)["']\s{{0,3}}\|\s{{0,3}}ConvertTo-SecureString\b""")
# A line of .pgpass: host, port, database, user and password.
_PGPASS = re.compile(
    r"""(?:(?<=^)|(?<=[\s"'+-]))[\w*./-]{1,120}:(?:543[0-9]|6432|\*):[\w*.-]{1,80}:[\w*.-]{1,80}
    :((?![0-9]{1,6}\b)[^\s"'`$;|&<>(){}\[\]\\,•:/]{4,200}+)(?=["'\s]|\Z)""",
    re.VERBOSE | re.MULTILINE,
)
_PORTS = (":543", ":6432:", ":*:")
# A signature or a key by which an address works for whoever has it.
_IN_ADDRESS = re.compile(
    r"[?&](?:(?P<signature>(?:x-[a-z]{2,5}-)?signature|sig)|key|code)=(?P<value>[\w%.~+/=-]{12,2048}+)", re.IGNORECASE
)
# Cookies that a program is given; in a file there is no sign of equality.
_COOKIES = re.compile(rf"""[ =]?(?:"([^"\n]{{1,4096}})"|'([^'\n]{{1,4096}})'|({labelled.SAFE}{{1,4096}}+))""")
# Behind these a word is a file or a process, whatever else it looks like: `rm -rf -- redis-cli -a data1`.
_FILES = "|".join((*sorted(outside.WRITERS), "kill", "pkill", "killall"))
_TAKES_FILES = re.compile(rf"""(?<![^\s/(`"'])(?:{_FILES})(?:\s|\Z)""")
# And these run one, or have options of their own, behind what only has the name of a program: `docker exec mongo
# command -p reboot`.
_RUNNERS = "|".join(sorted({*programs.WRAPPERS, *programs.SHELLS, "eval", "tar", "perl", "scp"} - {"sudo", "doas"}))
_RUNS = re.compile(rf"""(?<![^\s/(`"'])(?:{_RUNNERS})(?!\S)(?!\s-[a-z]{{0,3}}c\s["'])""")
# What one command prints for another one.
_SUBSTITUTES = re.compile(r"[$<>]\(|`")
_SUBSTITUTED = re.compile(r"[$<>]\([^()\n]*\)|`[^`\n]*`")
_ENDS = re.compile(r"[\n;&]")
_CONTINUED = re.compile(r"(?<!\\)\\\r?\n")
# How far before an option its program is sought.
_FAR = 200
_COMMAND_ENDS = re.compile(r"[\n|;&`]|[$<>]\(")


def find(raw: str, lower: str, variables: acting.Variables) -> Iterator[Span]:
    """Where they stand; *lower* is the same text in small letters."""
    for stem, rows in _BY_STEM.items():
        for row in rows if stem in lower else ():
            if row.written in raw and (not row.programs or any(one in lower for one in row.programs)):
                yield from _find_row(raw, lower, row)
    if "|" in raw and ("echo" in raw or "printf" in raw):
        yield from (found.span("secret") for found in _PRINTED.finditer(raw) if _is_taken(found))
    if "ConvertTo-SecureString" in raw:
        yield from (found.span(1) for found in _PIPED_TEXT.finditer(raw))
    if ":" in raw and any(port in raw for port in _PORTS):
        yield from (found.span(1) for found in _PGPASS.finditer(raw) if _is_secret(found[1]))
    if "?" in raw:
        yield from (found.span("value") for found in _IN_ADDRESS.finditer(raw) if _opens(found, variables))


def _is_taken(printed: re.Match[str]) -> bool:
    """Whether a password is printed, behind its account if the program wants that; `sudo` may hand on what is none."""
    rest = printed.string[printed.end("secret") : printed.end() + _FAR]
    named = _ONLY_NAMED.search(printed.string, max(0, printed.start() - _FAR), printed.start())
    # a substitution reads what was printed before the program does
    read = printed["root"] or named or _SUBSTITUTES.search(_ENDS.split(rest)[0])
    if read and acting.may_be_a_word(printed["secret"]):
        return False
    return bool(printed["user"]) == bool(printed["accounts"]) and _is_secret(printed["secret"])


def _opens(found: re.Match[str], variables: acting.Variables) -> bool:
    """Whether an address works by this; behind `&` a shell may set a variable."""
    value = found["value"]
    if not found["signature"]:
        return secret_names.is_random(value.partition("%")[0])
    return any(map(str.isdigit, value)) and not variables.act(found["signature"])


def _find_row(raw: str, lower: str, row: Row) -> Iterator[Span]:
    for found in behind(raw, row.written, raw, row.follows):
        begin = found.start() - len(row.written)
        command = _command_before(lower, begin)
        acts = acting.may_be_a_word(found[1]) and _may_act(row, command)
        if not acts and _is_said(row, command) and _is_secret(found[1]):
            yield found.span(1)


def _is_said(row: Row, command: str) -> bool:
    """Whether one of its programs stands in the command; if it needs none, whether a word begins with the row."""
    if not row.programs:
        return not command[-1:].isalnum()
    near = row.written != " is " or command.endswith(row.programs)
    return near and bool(_as_programs(row.programs).search(command))


def _may_act(row: Row, command: str) -> bool:
    """Whether a word behind this command may be run or written, and not taken by the program of the row."""
    program = _as_programs(row.programs).search(command) if row.programs else None
    begin = program.end() if program and row.written != " <<<" else 0
    return bool(_TAKES_FILES.search(command) or (program and _RUNS.search(command, begin)))


def cookies(raw: str, lower: str) -> Iterator[Span]:
    """Where all the cookies of a command stand."""
    if "curl" in lower:
        for option in (" -b", " --cookie"):
            for found in behind(raw, option, raw, _COOKIES):
                if _CURL.search(_command_before(lower, found.start() - len(option))):
                    yield found.span(found.lastindex or 0)


def _command_before(lower: str, at: int) -> str:
    before = _CONTINUED.sub(" ", lower[max(0, at - _FAR) : at])
    return _COMMAND_ENDS.split(_SUBSTITUTED.sub(" ", before) if _SUBSTITUTES.search(before) else before)[-1]


def _is_secret(value: str) -> bool:
    return not value.isdigit() and secret_names.is_secret(value, "password")


@functools.cache
def _as_programs(names: tuple[str, ...]) -> re.Pattern[str]:
    # in `A=sshpass time -p reboot` it is none, and in `sudo -u mysql` a person
    named = "|".join(re.escape(one.rstrip()) for one in names)
    return re.compile(rf"""(?<![^\s/(`"'])(?<!\s-u\s)(?<!--user[\s=])(?<!--name[\s=])(?:{named})(?![^\s"'])""")


_CURL = _as_programs(("curl",))


def behind(seen: str, sought: str, raw: str, follows: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """What follows behind every one of these words; nothing is read twice."""
    at = seen.find(sought)
    while at >= 0:
        at += len(sought)
        if found := follows.match(raw, at):
            yield found
            at = found.end()
        at = seen.find(sought, at)

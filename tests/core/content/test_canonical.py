"""Canonical JSON is that of RFC 8785: its own examples, and the numbers of its appendix, to the byte."""

import hashlib
import json
import shutil
import struct
import subprocess
from typing import Any

import pytest

from sayso import errors
from sayso.content import digest
from tests.conftest import require
from tests.tables import each

# RFC 8785, appendix B: the bits of a double, and how it is written.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]
# Section 3.2.2, as text to be parsed and as it must come out.
EXAMPLE = r"""{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "€$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}"""
EXPECTED = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)
# Section 3.2.3: keys in the order of UTF-16.
KEYS = {"€": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "😀": "Emoji: Grinning Face", "\x80": "Control", "ö": "Latin Small Letter O With Diaeresis"}  # fmt: skip
ORDER = ["Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign",
         "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh"]  # fmt: skip


def test_a_number_is_written_as_the_appendix_has_it() -> None:
    for row in each(NUMBERS):
        with row as (bits, written):
            value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
            assert digest.canonical({"n": value}) == f'{{"n":{written}}}'.encode()


def test_the_example_of_the_text_comes_out_as_the_text_has_it() -> None:
    assert digest.canonical(json.loads(EXAMPLE)) == EXPECTED.encode()


def test_keys_stand_in_the_order_of_the_text() -> None:
    assert list(json.loads(digest.canonical(KEYS)).values()) == ORDER


def test_the_digest_of_a_call_is_what_any_library_gives() -> None:
    call = b'{"input":{"command":"make deploy"},"tool":"Bash"}'
    assert digest.of_call("Bash", {"command": "make deploy"}) == "sha256:" + hashlib.sha256(call).hexdigest()


def test_what_is_no_json_has_no_canonical_form() -> None:
    rows: list[Any] = [{"n": float("nan")}, {"n": float("inf")}, {"s": "\ud800"}, {1: "x"}, {"b": b"x"}]
    for row in each(rows):
        with row as value, pytest.raises(errors.InvalidRequest):
            digest.canonical(value)


def test_an_integer_beyond_a_double_never_passes_for_its_digits() -> None:
    big, text = {"id": 2**53}, {"id": str(2**53)}
    assert digest.canonical(big) == b'[{"id":"9007199254740992"},["/id"]]'
    assert digest.canonical(text) == b'{"id":"9007199254740992"}'
    assert digest.canonical({"id": 2**53 - 1}) == b'{"id":9007199254740991}'


def test_javascript_writes_the_same() -> None:
    require(shutil.which("node"), "node")
    values = [{"n": struct.unpack(">d", bytes.fromhex(bits))[0]} for bits, _ in NUMBERS]
    program = (
        "const v=JSON.parse(require('fs').readFileSync(0));console.log(JSON.stringify(v.map(x=>JSON.stringify(x))))"
    )
    ran = subprocess.run(
        ["node", "-e", program], input=json.dumps(values), capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(ran.stdout) == [digest.canonical(value).decode() for value in values]

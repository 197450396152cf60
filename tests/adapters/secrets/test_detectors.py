"""The detectors of the library: what they add, what they leave, and how long they take."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sayso_secrets
from sayso import testing
from sayso.content import masks
from tests.counting import MOST, grows
from tests.secrets_made import HARMLESS, planted
from tests.tables import each


def test_a_form_that_the_library_knows_is_masked() -> None:
    rows: list[tuple[str, str]] = [
        ("artifactory AKCp5budTFpbypBqQbGJPz3pGCi28pPivfWczqjfYb9drAmd9LbRZbj6UpKFxJXA8ksWGc9fM", "budTFpbyp"),
        ("DefaultEndpointsProtocol=https;AccountKey=" + "a1B2" * 21 + "abc=", "a1B2a1B2"),
        ("softlayer_api_key='" + "a1b2" * 16 + "'", "a1b2a1b2"),
        ("cloudant_apikey = '" + "a1b2c3d4" * 8 + "'", "a1b2c3d4"),
        ("hooks.slack.com: https://hooks.slack.com/services/TAAAAAAA1/BAAAAAAA1/abcdefgh12345678", "abcdefgh12345678"),
    ]
    for row in each(rows):
        with row as (raw, secret):
            assert any(secret in raw[begin:end] for begin, end in sayso_secrets.find(raw))
            assert secret not in testing.redact({"command": raw})["command"]


def test_nothing_is_found_in_an_ordinary_text() -> None:
    assert list(sayso_secrets.find("make deploy TARGET=prod")) == []
    assert list(sayso_secrets.find("back to the task of the gh page, aws and all")) == []


def test_what_only_looks_like_a_secret_stays() -> None:
    for row in each(HARMLESS):
        with row as given:
            assert testing.redact({"command": given}) == {"command": given}


def test_a_part_of_an_image_or_a_word_alone_is_none() -> None:
    assert list(sayso_secrets.find("xAKIAABCDEFGHIJKLMNOPx")) == []
    assert list(sayso_secrets.find("AKIAABCDEFGHIJKLMNOP")) == []


def test_one_at_the_seam_of_two_pieces_is_found() -> None:
    for before in range(3_500, 4_200, 25):
        raw = "a " * (before // 2) + "AccountKey=" + "a1B2" * 21 + "abc="
        assert "a1B2a1B2" not in masks.Masks(b"k" * 32, sayso_secrets.find).text(raw)


def test_nearly_no_secret_stays_in_sight_with_them() -> None:
    cases = list(planted(seed=7, times=3))
    missed = [value for secret, value in cases if secret in repr(testing.redact(value))]
    assert len(missed) <= len(cases) * 0.005, missed[:5]


@pytest.mark.once
def test_hostile_text_is_read_in_linear_work() -> None:
    rows: list[str] = ["ghp_", "aws ", "xoxb-1-", "softlayer=", "akc", "https://hooks.slack.com/services/T"]
    for row in each(rows):
        with row as sign:
            assert grows(lambda n: sign * (n // len(sign)), lambda raw: list(sayso_secrets.find(raw))) < MOST


def test_importing_them_reaches_no_network_and_loads_no_client_of_http() -> None:
    code = (
        "import sys, socket\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "import sayso_secrets\n"
        "assert list(sayso_secrets.find('AccountKey=' + 'a1B2' * 21 + 'abc='))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30).returncode == 0

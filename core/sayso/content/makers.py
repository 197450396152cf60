"""Keys that their makers gave a form of their own: how each begins, what follows, and an example. One table; pure.

The rule: a row is sought by a literal, and what follows it has a bound, so that no text makes a search start over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

Span = tuple[int, int]
"""Where it stands: from, and up to."""

_LONGEST = 4_096


class Maker(NamedTuple):
    """One form of key. What people know it by stays in sight, what follows is secret."""

    begins: str
    follows: str
    """A pattern of what is secret, up to its end."""


def _rows(follows: str, *begins: str) -> list[Maker]:
    return [Maker(one, follows) for one in begins]


_WORD = r"[\w-]{16,512}+"
_HEX = r"[0-9a-f]{32,128}+(?![\w-])"
TABLE: tuple[Maker, ...] = (
    *_rows(r"[0-9A-Z]{16}(?![\w-])", "AKIA", "ASIA", "ABIA", "ACCA"),
    *_rows(r"[A-Za-z0-9]{16,255}+", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_", "hf_", "gsk_", "r8_", "rubygems_"),
    *_rows(_WORD, "github_pat_", "pypi-", "sk-ant-", "sk-proj-", "sk-svcacct-", "sk-or-", "GOCSPX-", "whsec_"),
    *_rows(_WORD, "glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "glcbt-", "glimt-", "glptt-", "glagent-", "gloas-"),
    *_rows(_WORD, "xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxe.", "xoxp-", "xoxr-", "xoxs-", "xapp-"),
    *_rows(_WORD, "dckr_pat_", "dckr_oat_", "lin_api_", "lin_oauth_", "figd_", "PMAK-", "sntrys_", "sntryu_", "glsa_"),
    *_rows(_WORD, "hvs.", "hvb.", "hvr.", "xkeysib-", "xsmtpsib-", "lsv2_pt_", "lsv2_sk_", "pplx-", "xai-", "tskey-"),
    *_rows(_WORD, "sbp_", "sb_secret_", "pscale_tkn_", "pscale_pw_", "pscale_oauth_", "ATATT3x", "ATCTT3x", "CFPAT-"),
    *_rows(_WORD, "sq0atp-", "sq0csp-", "dapi-", "pat-na1-", "pat-eu1-", "NRAK-", "ops_eyJ", "fm2_", "shippo_live_"),
    *_rows(_WORD, "AGE-SECRET-KEY-1", "dop_v1_", "doo_v1_", "dor_v1_", "nvapi-", "vcp_", "glc_", "rnd_", "ntn_"),
    *_rows(r"[A-Za-z0-9]{16,255}+", "sk_live_", "rk_live_", "sk_test_", "rk_test_", "ATBB", "shpat_", "shpca_"),
    *_rows(r"[A-Za-z0-9]{16,255}+", "shppa_", "shpss_", "duffel_live_", "tfp_", "cio"),
    *_rows(_WORD, "dp.pt.", "dp.st.", "dp.ct.", "nfp_", "CLOJARS_"),
    Maker("sk-", r"[A-Za-z0-9]{32,128}+(?![\w-])"),
    Maker("AIza", r"[\w-]{30,40}+(?![\w-])"),
    Maker("ya29.", _WORD),
    Maker("SG.", r"[\w-]{16,64}+(?:\.[\w-]{16,128}+)?"),
    Maker("key-", _HEX),
    Maker("pul-", _HEX),
    Maker("dapi", _HEX),
    Maker("SK", _HEX),
    Maker("AC", _HEX),
    Maker("secret_", r"[A-Za-z0-9]{40,50}+(?![\w-])"),
    Maker("sl.", r"[\w-]{100,1024}+"),
    Maker("dt0c01.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    Maker("LTAI", r"[A-Za-z0-9]{12,26}+(?![\w-])"),
    Maker("AKID", r"[A-Za-z0-9]{32}(?![\w-])"),
    Maker("oy2", r"[a-z0-9]{43}(?![\w-])"),
    Maker("EAA", r"[A-Za-z0-9]{60,512}+(?![\w-])"),
    Maker("AKCp", r"[A-Za-z0-9]{60,80}+(?![\w-])"),
    Maker("cmVmdGtu", r"[A-Za-z0-9]{50,70}+(?![\w-])"),
    # a signed token of three parts, and one that is encrypted, of five
    Maker("eyJ", rf"[\w-]{{8,{_LONGEST}}}+(?:\.[\w-]{{0,{_LONGEST}}}+){{2,4}}"),
)

# Known by their form alone. Each begins with signs that are rare, so that it is soon passed over where they are not.
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (".", re.compile(r"([MNO](?<![\w-].)[\w-]{23,27}+\.[\w-]{6}\.[\w-]{27,40}+)")),
    # beside its address, too, where it follows a word
    (":", re.compile(r"([0-9](?:(?<![\w:.-].)|(?<=/bot.))[0-9]{7,9}+:[\w-]{35})(?![\w-])")),
    ("-us", re.compile(r"([0-9a-f](?<!\w.)[0-9a-f]{31}-us[0-9]{1,2})(?!\w)")),
    # addresses to which whoever knows them can post
    ("/api/webhooks/", re.compile(r"(?<=/api/webhooks/)([0-9]{10,24}+/[\w-]{30,128}+)")),
    ("/services/T", re.compile(r"(?<=/services/)(T[A-Z0-9]{6,20}+/B[A-Z0-9]{6,20}+/\w{16,64}+)")),
    ("/triggers/", re.compile(r"(?<=/triggers/)([A-Z][A-Z0-9]{6,20}+/[0-9]{6,20}+/\w{16,64}+)")),
    (".webhook.office.com", re.compile(r"(?<=\.webhook\.office\.com/webhookb2/)([\w@/-]{32,400}+)")),
    (".atlasv1.", re.compile(r"([0-9A-Za-z](?<!\w.)\w{13}\.atlasv1\.[\w-]{60,80}+)")),
)
_FOLLOWS = {one.begins: re.compile(f"({one.follows})") for one in TABLE}


def _any_beginning() -> str:
    """All beginnings by their first letter, which is much faster than one after the other; the longest first."""
    by_letter: dict[str, list[str]] = {}
    for begins in sorted(_FOLLOWS, key=len, reverse=True):
        by_letter.setdefault(begins[0], []).append(re.escape(begins[1:]))
    joined = "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
    return f"(?:{joined})"


_ANY = _any_beginning()
_BEGINNING = re.compile(rf"(?<![A-Za-z0-9_]){_ANY}")
# A blank, a line break or a quote as an address or a text in a text has it ends in a letter or a digit.
_ESCAPED_BEGINNING = re.compile(
    rf"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{{2}})|(?<=\\u00[0-9A-Fa-f]{{2}})){_ANY}"
)
_BLOCK = "PRIVATE KEY"
_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_MOST_BLOCK = 16_384
# Line breaks as they are, or as JSON writes them, and the sign of a row of a diff: what stands between is the key.
_IN_BLOCK = re.compile(r"(?:\\[nr]|\r?\n[ \t]*[+-]?)|([A-Za-z0-9+/=]{4,})")


def find(raw: str) -> Iterator[Span]:
    """Where such keys stand."""
    done = 0
    for found in (_ESCAPED_BEGINNING if "\\" in raw or "%" in raw else _BEGINNING).finditer(raw):
        if found.start() >= done and (secret := _match(raw, found)):
            done = secret[1]
            yield secret
    for sign, form in _FORMS:
        if sign in raw:
            yield from (found.span(1) for found in form.finditer(raw))
    if _BLOCK in raw:
        yield from _find_blocks(raw)


def _match(raw: str, found: re.Match[str]) -> Span | None:
    """What follows the longest beginning that fits here."""
    word = found[0]
    for end in range(len(word), 1, -1):
        follows = _FOLLOWS.get(word[:end])
        if follows and (secret := follows.match(raw, found.start() + end)):
            return secret.span(1)
    return None


def _find_blocks(raw: str) -> Iterator[Span]:
    """The rows of keys in blocks, each by itself, so that rows stay rows."""
    done = 0
    for block in _BEGINS.finditer(raw):
        if block.end() < done:
            continue
        limit = block.end() + _MOST_BLOCK
        done = raw.find("-----END", block.end(), limit)
        done = min(limit, len(raw)) if done < 0 else done
        yield from (row.span(1) for row in _IN_BLOCK.finditer(raw, block.end(), done) if row[1])

"""What the library knows, held to what a mask may cover and to bounded work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from detect_secrets.plugins import (
    artifactory,
    aws,
    azure_storage_key,
    cloudant,
    github_token,
    gitlab_token,
    ibm_cloud_iam,
    ibm_cos_hmac,
    mailchimp,
    pypi_token,
    sendgrid,
    slack,
    softlayer,
    square_oauth,
    stripe,
)
from detect_secrets.plugins.base import RegexBasedDetector

Span = tuple[int, int]

# Some patterns of the library look at the rest of a text from each place on, so they get pieces; a key is shorter than
# the part that two neighbours share.
_PIECE, _SHARED = 4_096, 512


class _Detector(NamedTuple):
    signs: tuple[str, ...]
    """Without one of these, in small letters, its patterns find nothing."""
    patterns: tuple[re.Pattern[str], ...]


def _detector(kind: type[RegexBasedDetector], *signs: str) -> _Detector:
    return _Detector(signs, tuple(kind().denylist))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


_GITLAB = (
    *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "glcbt-", "glimt-", "glptt-", "glagent-", "gloas-"),
    "gr1348941",
)
# Not here, since the core finds them: JWTs, keys of npm and OpenAI, whose patterns here take the square of a text's
# length; private keys, of which only the first row is found; accounts in addresses; and forms with no word of their own
# (Discord, Telegram, Twilio), which would be sought in every text.
_DETECTORS = (
    _detector(artifactory.ArtifactoryDetector, "akc"),
    _detector(aws.AWSKeyDetector, "akia", "asia", "abia", "acca", "a3t", "aws"),
    _detector(azure_storage_key.AzureStorageKeyDetector, "accountkey"),
    _detector(cloudant.CloudantDetector, "cloudant"),
    _detector(github_token.GitHubTokenDetector, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _detector(gitlab_token.GitLabTokenDetector, *_GITLAB),
    _detector(ibm_cloud_iam.IbmCloudIamDetector, "ibm"),
    _detector(ibm_cos_hmac.IbmCosHmacDetector, "cos_", "cos-", "ibm"),
    _detector(mailchimp.MailchimpDetector, "-us"),
    _detector(pypi_token.PypiTokenDetector, "pypi-"),
    _detector(sendgrid.SendGridDetector, "sg."),
    _detector(slack.SlackDetector, "xox", "hooks.slack.com"),
    _detector(softlayer.SoftlayerDetector, "softlayer"),
    _detector(square_oauth.SquareOAuthDetector, "sq0csp-"),
    _detector(stripe.StripeDetector, "k_live_"),
)


# One look for all signs: an ordinary text has none of them.
_ANY = re.compile("|".join(re.escape(sign) for one in _DETECTORS for sign in one.signs))
_SHORTEST = 16


def find(raw: str) -> Iterable[Span]:
    """Where the library finds secrets in a text."""
    lower = raw.lower()
    if len(raw) < _SHORTEST or not _ANY.search(lower):
        return ()
    wanted = [one for one in _DETECTORS if any(sign in lower for sign in one.signs)]
    return list(_find_with(wanted, raw)) if wanted else ()


def _find_with(wanted: list[_Detector], raw: str) -> Iterator[Span]:
    for begin in range(0, max(1, len(raw) - _SHARED), _PIECE - _SHARED):
        piece = raw[begin : begin + _PIECE]
        lower = piece.lower()
        for one in wanted:
            if any(sign in lower for sign in one.signs):
                yield from _in_piece(one, piece, begin)


def _in_piece(detector: _Detector, piece: str, begin: int) -> Iterator[Span]:
    for pattern in detector.patterns:
        for found in pattern.finditer(piece):
            group = next((number for number in range(1, pattern.groups + 1) if found[number]), 0)
            start, end = found.span(group if _is_long(found[group]) else 0)
            secret = piece[start:end]
            if _is_whole_word(piece, start, end) and _is_mixed(secret):
                yield begin + start, begin + end


def _is_long(secret: str) -> bool:
    """Whether a group is the secret, and not its prefix."""
    return len(secret) >= 12


def _is_mixed(secret: str) -> bool:
    return any(sign.isdigit() for sign in secret) and any(sign.isalpha() for sign in secret)


def _is_whole_word(piece: str, start: int, end: int) -> bool:
    """Whether it is no part of something longer, such as of an image in base64."""
    before, after = piece[start - 1 : start], piece[end : end + 1]
    inside = (before.isalnum() and piece[start].isalnum()) or (after.isalnum() and piece[end - 1].isalnum())
    return not inside

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

from sayso_secrets import signs

Span = tuple[int, int]

# Some patterns of the library look at the rest of a text from each place on, so they get pieces; a key is shorter than
# the part that two neighbours share.
_PIECE, _SHARED = 4_096, 512


class _Detector(NamedTuple):
    signs: tuple[str, ...]
    """Without one of these, in small letters, its patterns find nothing."""
    patterns: tuple[re.Pattern[str], ...]


def _detector(kind: type[RegexBasedDetector]) -> _Detector:
    return _Detector(signs.OF[kind.__name__], tuple(kind().denylist))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


# Not here, since the core finds them: JWTs, keys of npm and OpenAI, whose patterns here take the square of a text's
# length; private keys, of which only the first row is found; accounts in addresses; and forms with no word of their own
# (Discord, Telegram, Twilio), which would be sought in every text.
_DETECTORS = tuple(
    map(
        _detector,
        (
            artifactory.ArtifactoryDetector,
            aws.AWSKeyDetector,
            azure_storage_key.AzureStorageKeyDetector,
            cloudant.CloudantDetector,
            github_token.GitHubTokenDetector,
            gitlab_token.GitLabTokenDetector,
            ibm_cloud_iam.IbmCloudIamDetector,
            ibm_cos_hmac.IbmCosHmacDetector,
            mailchimp.MailchimpDetector,
            pypi_token.PypiTokenDetector,
            sendgrid.SendGridDetector,
            slack.SlackDetector,
            softlayer.SoftlayerDetector,
            square_oauth.SquareOAuthDetector,
            stripe.StripeDetector,
        ),
    )
)


def find(raw: str) -> Iterable[Span]:
    """Where the library finds secrets in a text."""
    lower = raw.lower()
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

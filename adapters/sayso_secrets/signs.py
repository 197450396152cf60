"""The signs without which no detector finds anything, so that the library is imported only if a text has one.

It takes a quarter of a second to import, and hardly any text has a sign.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_GITLAB = (
    *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "glcbt-", "glimt-", "glptt-", "glagent-", "gloas-"),
    "gr1348941",
)
OF: Mapping[str, tuple[str, ...]] = {
    "ArtifactoryDetector": ("akc",),
    "AWSKeyDetector": ("akia", "asia", "abia", "acca", "a3t", "aws"),
    "AzureStorageKeyDetector": ("accountkey",),
    "CloudantDetector": ("cloudant",),
    "GitHubTokenDetector": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "GitLabTokenDetector": _GITLAB,
    "IbmCloudIamDetector": ("ibm",),
    "IbmCosHmacDetector": ("cos_", "cos-", "ibm"),
    "MailchimpDetector": ("-us",),
    "PypiTokenDetector": ("pypi-",),
    "SendGridDetector": ("sg.",),
    "SlackDetector": ("xox", "hooks.slack.com"),
    "SoftlayerDetector": ("softlayer",),
    "SquareOAuthDetector": ("sq0csp-",),
    "StripeDetector": ("k_live_",),
}
"""For each detector, in small letters."""

_ANY = re.compile("|".join(re.escape(sign) for some in OF.values() for sign in some))
_SHORTEST = 16


def stand_in(raw: str) -> bool:
    """Whether a text has one of them."""
    return len(raw) >= _SHORTEST and _ANY.search(raw.lower()) is not None

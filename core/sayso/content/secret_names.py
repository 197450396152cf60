"""Names under which secrets stand, and values that only stand for one. Pure.

The rule: a name counts by its last words, so that `max_tokens`, `token_type` and `secret_name` are none.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import Literal

Strength = Literal["password", "key"]
"""A password may be any word. Anything else that is secret was made by a machine, and looks so."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LONGEST_NAME = 80
# What a value is shows in its beginning.
_LOOKED_AT = 200
_PASSWORDS = ("password", "passwd", "passphrase", "passcode", "passwort", "kennwort")
_SHORT_PASSWORDS = frozenset(("pwd", "pass", "psw", "pw", "psk", "bindpw", "rootpw", "userpw", "adminpw"))
_WHOSE_PHRASE = frozenset(("pass", "seed", "recovery", "secret", "mnemonic"))
_KEYS = ("secret", "token", "apikey", "authkey", "secretkey", "accesskey", "privatekey")
_EXACTLY = frozenset(
    ("credential", "credentials", "authorization", "auth", "jwt", "bearer", "sas", "sig", "phpsessid", "jsessionid")
)
# Whose keys are secret; a primary, public or cache key is not.
_WHOSE = _words(
    """api access private secret signing encryption account auth master license shared storage service deploy admin
    client app application consumer recovery subscription integration ingest write webhook hmac aes host pepper stripe
    openai anthropic sendgrid datadog session root server ssh gpg cipher function"""
)
_NOT_OF = _words(
    """next page pagination continuation start pad eos bos unk sep cls mask max min num total count special stop
    cancellation cancel syntax sync resume cursor delta per design"""
)
# What may stand behind: `DB_PASSWORD_OLD`, `API_KEY_2`, `SECRET_KEY_BASE`.
_BEHIND = _words("old new prod production dev stage staging test live value raw plain base base64 b64 current")
_WORDS_ONLY = _words(
    """true false null none nil undefined yes no on off required optional string str int integer number bool boolean
    text password passwd pwd passphrase secret token key bearer basic digest default empty unset missing invalid valid
    expired rotated revoked hidden encrypted hashed plaintext any all auto disabled enabled strict json jwt oauth oauth2
    bcrypt argon2 sha256 md5 prompt ask stdin file env input masked redacted changeme change-me change_me example sample
    dummy placeholder todo tbd n/a na unknown user username admin name value id type bytes object array list dict self
    this function return const let var async await import from class def static public private protected and or not
    hunter was has have is are the for with must may can should will new old wrong correct forgotten lost reset field
    psk phrase identity
    manager policy rotation expiry length hash salt api login account leak leaked store vault generator strength
    """
)
_ROOTS = (
    "os process settings config self this secrets var vars local args data params kwargs conf app env ctx request req "
    "options opts module input values each credentials creds user import github inputs steps"
)
_REFERS = re.compile(
    rf"""(?ix) \$\{{?[a-z_]\w{{0,80}}\}}?\Z | \$[{{(] | <[^>]{{0,200}}>?\Z
    | \{{\{{ | %\w{{1,80}}%\Z | \[[^\]]{{0,80}}\]?\Z
    | (?: env|vault|ssm|arn|sm|file|keyring|ref\+?|secretref|projects )[:/]
    | op:// | \.{{1,2}}/ | ~/ | (?-i:(?:/[A-Za-z.][a-z0-9_.-]{{0,23}}){{1,12}}/?\Z) | @[\w./-]{{1,200}}\Z | [a-z][a-z0-9+.-]{{1,15}}://
    | [*x.•\-_\#?0]+ \Z
    | (?:your|my|the|some|an?|new|old|our)[-_ ][a-z_\ -]{{0,40}}
      (?:key|token|password|passwd|secret|here|credential|value)s? \Z
    | (?:{"|".join(_ROOTS.split())}) (?: \.[a-z_]\w{{0,60}} | \[ ) | [a-z_.]{{1,80}} \( """
)
# Signs of a secret that means nothing to whoever reads a command, and one that cannot mean anything.
_RANDOM, _HEX = re.compile(r"[A-Za-z0-9_+/=-]{20,}"), re.compile(r"[0-9a-f]{32,}")
_OF_ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9]{0,40}(?:_[A-Z0-9]{1,40}){1,8}\Z")
_REFERENCE = re.compile(r"[a-z]{1,30}(?:[-_.][a-z]{1,30}){0,8}(?:[-_.]v?[0-9]{1,3})?\Z")
_PLAIN_NUMBER = re.compile(r"v?[0-9]{1,11}(?:[.:-][0-9]{1,9}){0,6}[a-zA-Z%]{0,2}\Z")


def strength_of(name: str) -> Strength | None:
    """What stands under this name: a password, another secret, or nothing that is one."""
    return None if len(name) > _LONGEST_NAME else _strength_of(name)


# of short names only: whoever asks writes them, and they are kept
@functools.lru_cache(2_048)
def _strength_of(name: str) -> Strength | None:
    words = [word.lower() for word in _WORDS.findall(name)]
    while len(words) > 1 and (words[-1] in _BEHIND or words[-1].isdigit()):
        words.pop()
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if (
        last.endswith((*_PASSWORDS, "pwd"))
        or last in _SHORT_PASSWORDS
        or (last == "phrase" and before in _WHOSE_PHRASE)
    ):
        return "password"
    if before in _NOT_OF:
        return None
    # personal access tokens; in small letters it is a pattern
    if last == "pat" and before and name.isupper():
        return "key"
    if last.endswith(_KEYS) or last in _EXACTLY or (last == "key" and before in _WHOSE):
        return "key"
    return None


def is_secret(value: str, strength: Strength, *, bare: bool = False) -> bool:
    """Whether this value of such a name is a secret, and does not only stand for one.

    *bare* is for what stands without quotes, where names of variables and words of a sentence stand as well.
    """
    value = value[:_LOOKED_AT]
    if len(value) < (3 if strength == "password" else 6) or value.lower() in _WORDS_ONLY:
        return False
    if _REFERS.match(value) or _OF_ENVIRONMENT.match(value):
        return False
    if strength == "password":
        return not bare or len(value) > 3
    if _REFERENCE.match(value) or _PLAIN_NUMBER.match(value):
        return len(value) >= 20 and not any(sign in value for sign in "-_.")
    if any(sign.isdigit() or sign in "!*#^~+=" for sign in value):
        return True
    return len(value) >= 12 and not (bare and value.isidentifier() and not _changes_its_case(value))


def is_random(value: str) -> bool:
    """Whether a machine made it, so that nobody would write it for another reason."""
    mixed = not value.islower() and not value.isupper() and sum(map(str.isdigit, value)) >= 3
    return bool(_RANDOM.fullmatch(value)) and (mixed or bool(_HEX.fullmatch(value)))


def _changes_its_case(value: str) -> bool:
    """Whether its letters change their case as no name does."""
    turns = sum(1 for one, other in itertools.pairwise(value) if one.islower() and other.isupper())
    return len(value) >= 20 and turns * 6 >= len(value)

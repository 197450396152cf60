"""Keys sign what they should, any JWT library reads a receipt, and what was altered is refused."""

import base64
import importlib.metadata
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

import sayso
import sayso_signing
from sayso import errors
from sayso.content import digest
from tests.tables import each

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY, OLD = ("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE", "b" * 43)
CALL: dict[str, Any] = {"tool": "deploy", "input": {"version": "1.4.2"}}


@pytest.fixture
def keyring() -> sayso_signing.Keyring:
    return sayso_signing.Keyring.from_text(KEY)


def claims(**more: Any) -> dict[str, Any]:
    start = int(AT.timestamp())
    return {
        "iss": "sayso", "aud": "sayso", "sub": "r1", "jti": "rcp_1", "iat": start, "exp": start + 900, "tool": "deploy",
        "digest": "sha256:90cd2dfa8ac20fb78a6d9afb3fd3a6ca8e0cb6d3ad9a6f12ec0b58dd1ba3ef0c", "request": "sha256:1",
        "people": [{"person": "ann", "name": "Ann", "via": "chat:T/ann", "at": AT.isoformat()}],
        "policy": {"name": "production", "digest": "sha256:2"}, "rule": None, "agent": "bot", **more,
    }  # fmt: skip


def receipt(keyring: sayso_signing.Keyring, **more: Any) -> str:
    return keyring.issue(claims(digest=digest.of_call(CALL["tool"], CALL["input"])) | more)


def verify(token: str, keyring: sayso_signing.Keyring, **more: Any) -> sayso.Receipt:
    given: dict[str, Any] = {**CALL, "at": AT, **more}
    return sayso.verify_receipt(token, keyring.jwks, **given)


def test_a_signature_is_that_of_rfc_8032() -> None:
    # the second test vector: one byte
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    keys = sayso_signing.Keyring([seed])
    [public], [signature] = keys.public.values(), keys.sign(b"\x72").values()
    assert raw(public).hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert raw(signature).hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert sayso_signing.check(public, b"\x72", signature)
    for wrong in ((public, b"\x73", signature), (public, b"\x72", "x"), ("é", b"\x72", signature)):
        assert not sayso_signing.check(*wrong)


def test_a_key_has_the_thumbprint_of_rfc_7638_as_its_id() -> None:
    # RFC 8037, appendix A.3
    seed = raw("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    assert [*sayso_signing.Keyring([seed]).public] == ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]


def test_what_is_no_list_of_keys_is_refused_and_not_shown() -> None:
    rows: list[str] = ["", "short", ",", f"{KEY},{KEY[:-2]}", "ä" * 43, ",".join([KEY] * 9)]
    for row in each(rows):
        with row as text:
            with pytest.raises(errors.InvalidSettings) as refused:
                sayso_signing.Keyring.from_text(text)
            assert refused.value.field == "SAYSO_SIGNING_KEY"
            assert not text or text not in str(refused.value)


def test_a_new_key_is_one(keyring: sayso_signing.Keyring) -> None:
    made = {sayso_signing.new_key() for _ in range(2)}
    assert len(made) == 2
    assert all(sayso_signing.Keyring.from_text(one) for one in made)


def test_a_receipt_says_who_allowed_what(keyring: sayso_signing.Keyring) -> None:
    read = verify(receipt(keyring), keyring)
    assert (read.id, read.request, read.tool, read.policy, read.rule, read.agent) == (
        *("rcp_1", "r1", "deploy", "production"), None, "bot",
    )  # fmt: skip
    assert [person.name for person in read.people] == ["Ann"]
    assert (read.allowed_at, read.expires_at) == (AT, AT + timedelta(minutes=15))


def test_any_jwt_library_reads_a_receipt(keyring: sayso_signing.Keyring) -> None:
    token = receipt(keyring, exp=4_000_000_000)
    found = jwt.PyJWKSet.from_dict(json.loads(json.dumps(keyring.jwks)))[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, found, algorithms=["EdDSA"], audience="sayso")["sub"] == "r1"
    assert len(token) < 1_500


def test_another_call_is_refused(keyring: sayso_signing.Keyring) -> None:
    rows: list[dict[str, Any]] = [
        {"tool": "Deploy"},
        {"input": {"version": "1.4.3"}},
        {"input": {}},
        {"input": {"version": "1.4.2", "force": True}},
    ]
    for row in each(rows):
        with row as call, pytest.raises(errors.DigestMismatch):
            verify(receipt(keyring), keyring, **call)


def test_time_and_audience_are_held(keyring: sayso_signing.Keyring) -> None:
    token = receipt(keyring)
    for more in (
        {"at": AT + timedelta(seconds=900)},
        {"at": AT - timedelta(seconds=6)},
        {"audience": "payments.example.com"},
    ):
        with pytest.raises(errors.InvalidToken):
            verify(token, keyring, **more)
    assert verify(token, keyring, at=AT + timedelta(seconds=899))
    assert verify(token, keyring, at=AT - timedelta(seconds=4))
    assert verify(receipt(keyring, aud="payments.example.com"), keyring, audience="payments.example.com")


def test_every_changed_sign_is_found(keyring: sayso_signing.Keyring) -> None:
    token = receipt(keyring)
    for at, sign in enumerate(token):
        other = "A" if sign != "A" else "B"
        changed = token[:at] + other + token[at + 1 :]
        # the last sign of base64 may say the same in other words
        if sign == "." or raw_parts(changed) != raw_parts(token):
            with pytest.raises((errors.InvalidToken, errors.DigestMismatch)):
                verify(changed, keyring)


def test_the_packages_that_are_installed_are_looked_through_once(
    keyring: sayso_signing.Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = receipt(keyring)
    first = verify(token, keyring)
    monkeypatch.delattr(importlib.metadata, "entry_points")
    assert verify(token, keyring) == first


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def raw_parts(token: str) -> list[bytes]:
    return [raw(part) for part in token.split(".")]


def test_a_receipt_that_names_its_own_way_of_signing_is_refused(keyring: sayso_signing.Keyring) -> None:
    rows: list[Any] = [{"alg": "none"}, {"alg": "HS256"}, {"alg": "EdDSA", "kid": "other"}, {"alg": "EdDSA"}, []]
    for row in each(rows):
        with row as header:
            _, payload, signature = receipt(keyring).split(".")
            if isinstance(header, dict) and header["alg"] in ("none", "HS256"):
                header["kid"] = next(iter(keyring.public))
            head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
            for end in (signature, ""):
                with pytest.raises(errors.InvalidToken):
                    verify(f"{head}.{payload}.{end}", keyring)


def test_what_is_no_receipt_is_refused(keyring: sayso_signing.Keyring) -> None:
    rows: list[str] = ["", "a.b.c", "é", "." * 20_000, "x" * 20_000, "\ud800"]
    for row in each(rows):
        with row as token, pytest.raises(errors.InvalidToken):
            verify(token, keyring)


def test_keys_that_are_none_trust_nothing(keyring: sayso_signing.Keyring) -> None:
    rows: list[Any] = [{}, {"keys": []}, {"keys": [{"kty": "oct", "k": "eA", "kid": "x"}]}, {"keys": "x"}]
    for row in each(rows):
        with row as keys, pytest.raises(errors.InvalidToken):
            sayso.verify_receipt(receipt(keyring), keys, **CALL, at=AT)


def test_a_receipt_that_says_too_little_is_refused(keyring: sayso_signing.Keyring) -> None:
    rows: list[str] = ["exp", "iat", "jti", "sub", "aud", "people", "policy", "agent", "rule", "iss"]
    for row in each(rows):
        with row as left_out:
            said = jwt.decode(receipt(keyring), options={"verify_signature": False})
            del said[left_out]
            with pytest.raises(errors.InvalidToken):
                verify(keyring.issue(said), keyring)


def test_receipts_of_an_old_key_are_good_while_it_is_shown(keyring: sayso_signing.Keyring) -> None:
    before, during = sayso_signing.Keyring.from_text(OLD), sayso_signing.Keyring.from_text(f"{KEY},{OLD}")
    old, new = receipt(before), receipt(during)
    assert verify(old, during).id == verify(new, during).id
    assert verify(new, keyring)
    for token, keys in ((old, keyring), (new, before)):
        with pytest.raises(errors.InvalidToken):
            verify(token, keys)
    assert set(during.sign(b"x")) == {*keyring.public, *before.public}

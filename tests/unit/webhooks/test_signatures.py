"""Signatures and tokens: what proves a webhook, and all that does not."""

import base64
import hashlib
import hmac
import json

import pytest

from shared.webhooks.signatures import (
    Verifier,
    basic_proves,
    parse_signature,
    sign,
    token_hash,
    token_proves,
)

SECRET = "It's a Secret to Everybody"
BODY = b"Hello World!"
DIGEST = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"


def proves(body: bytes, header: str, *secrets: str) -> bool:
    """The way of a request: header first, then the body in pieces."""
    digest = parse_signature(header)
    if digest is None:
        return False
    verifier = Verifier(secrets)
    for start in range(0, len(body), 5):
        verifier.update(body[start : start + 5])
    return verifier.proves(digest)


def test_atlassians_own_example_is_proven() -> None:
    assert sign(BODY, secret=SECRET) == f"sha256={DIGEST}"
    assert proves(BODY, f"sha256={DIGEST}", SECRET)


@pytest.mark.parametrize(
    "header", [f"sha256={DIGEST.upper()}", f"SHA256={DIGEST}", f" \tSha256={DIGEST} "]
)
def test_method_and_digest_may_be_in_capitals_and_between_white_space(header: str) -> None:
    assert proves(BODY, header, SECRET)


@pytest.mark.parametrize(
    "header",
    [
        f"sha256={DIGEST[:-1]}",
        f"sha256={DIGEST[:-2]}",
        f"sha256={DIGEST}0",
        f"sha256={DIGEST}\n",
        f"sha256 ={DIGEST}",
        f"\u017fha256={DIGEST}",
        f"sha1={'0' * 40},sha256={DIGEST}",
        f"sha256:{DIGEST}",
        f"sha1={hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()}",
        f"sha512={hmac.new(SECRET.encode(), BODY, hashlib.sha512).hexdigest()}",
        f"md5={hmac.new(SECRET.encode(), BODY, hashlib.md5).hexdigest()}",
        f"none={DIGEST}",
        f"sha256={DIGEST},sha256={DIGEST}",
        f"sha256={'é' * 64}",
        f"sha256={'٣' * 64}",
        "sha256=",
        DIGEST,
        "",
        None,
    ],
)
def test_anything_but_one_whole_sha256_signature_is_malformed(header: str | None) -> None:
    assert parse_signature(header) is None


def test_a_forged_body_is_not_proven() -> None:
    assert not proves(b"Hello World?", f"sha256={DIGEST}", SECRET)


def test_a_signature_over_re_encoded_json_is_not_proven() -> None:
    body = b'{"issue": {"key": "PI-42"}}'
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert proves(again, sign(again, secret=SECRET), SECRET)
    assert not proves(body, sign(again, secret=SECRET), SECRET)


def test_another_secret_is_not_proven() -> None:
    assert not proves(BODY, sign(BODY, secret="other"), SECRET)


def test_both_secrets_prove_while_one_replaces_the_other() -> None:
    for secret in ("new", "old"):
        assert proves(BODY, sign(BODY, secret=secret), "new", "old")
    assert not proves(BODY, sign(BODY, secret="oldest"), "new", "old")


@pytest.mark.parametrize("secrets", [(), ("",), ("", "")])
def test_an_empty_secret_never_proves_anything(secrets: tuple[str, ...]) -> None:
    assert not proves(BODY, sign(BODY, secret=""), *secrets)


@pytest.mark.parametrize("secret", [" with spaces ", "x" * 5000, "schlüssel-鍵", "\t", "0"])
def test_a_secret_is_taken_verbatim_at_any_length(secret: str) -> None:
    assert proves(BODY, sign(BODY, secret=secret), secret)
    assert not proves(BODY, sign(BODY, secret=secret + " "), secret)


def test_a_token_is_known_by_its_hash_alone() -> None:
    expected = hashlib.sha256(b"t0ken").hexdigest()
    assert token_hash("t0ken") == expected
    assert token_proves("t0ken", expected_hash=expected)
    assert token_proves("t0ken", expected_hash=expected.upper())


@pytest.mark.parametrize("token", [None, "", "t0ken ", "T0ken", "\udc80", "x" * 100_000])
def test_any_other_token_proves_nothing(token: str | None) -> None:
    assert not token_proves(token, expected_hash=token_hash("t0ken"))


def test_without_a_hash_in_the_settings_no_token_proves_anything() -> None:
    assert not token_proves("", expected_hash="")
    assert not token_proves("t0ken", expected_hash="")


def basic(pair: bytes, scheme: str = "Basic") -> str:
    """An ``Authorization`` header."""
    return f"{scheme} {base64.b64encode(pair).decode()}"


LOGIN = {"user": "jira", "password": "pä:ss:"}
RIGHT = "jira:pä:ss:".encode()


@pytest.mark.parametrize(
    "header",
    [
        basic(RIGHT),
        basic("jira:pä:ss:".encode("latin-1")),
        basic(RIGHT, "BASIC"),
        basic(RIGHT, "basic ") + " ",
    ],
)
def test_user_and_password_prove_the_sender_in_either_encoding(header: str) -> None:
    assert basic_proves(header, **LOGIN)


@pytest.mark.parametrize(
    "header",
    [
        basic(b"jira:p?:ss:"),
        basic(RIGHT[:-1]),
        basic(RIGHT.title()),
        basic(b""),
        basic(RIGHT, "Bearer"),
        basic(RIGHT)[:-1],
        f"{basic(RIGHT)}, {basic(RIGHT)}",
        f"Basic {RIGHT.decode()}",
        "Basic \udc80",
        "Basic",
        "",
    ],
)
def test_any_other_authorization_proves_nothing(header: str) -> None:
    assert not basic_proves(header, **LOGIN)


def test_a_password_outside_latin_1_has_one_encoding() -> None:
    assert basic_proves(basic("jira:鍵".encode()), user="jira", password="鍵")
    assert not basic_proves(basic(b"jira:?"), user="jira", password="鍵")

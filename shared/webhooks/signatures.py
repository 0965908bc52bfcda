"""Proof of a webhook's origin: HMAC over the raw body, a shared token, or user and password."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

_HEADER = re.compile(r"[ \t]*sha256=([0-9a-f]{64})[ \t]*", re.ASCII | re.IGNORECASE)


def parse_signature(header: str | None) -> bytes | None:
    """The digest of an ``X-Hub-Signature`` header, ``sha256=<64 hex digits>`` in any case.

    None for anything else: another method (sha1 included), a cut digest, several headers joined.
    """
    match = _HEADER.fullmatch(header) if header is not None else None
    return bytes.fromhex(match.group(1)) if match else None


class Verifier:
    """Computes the HMAC of one body while it is read, with each secret that may have signed it."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Secrets are used verbatim; empty ones are left out, since they prove nothing."""
        self._macs = [
            hmac.new(secret.encode(), digestmod=hashlib.sha256) for secret in secrets if secret
        ]

    def update(self, chunk: bytes) -> None:
        """Add the next bytes of the body, exactly as received."""
        for mac in self._macs:
            mac.update(chunk)

    def proves(self, digest: bytes) -> bool:
        """Whether one of the secrets gives this digest; compares in constant time."""
        matches = [hmac.compare_digest(mac.digest(), digest) for mac in self._macs]
        return any(matches)


def sign(body: bytes, *, secret: str) -> str:
    """The ``X-Hub-Signature`` that Jira sends with this body (JIRA.md, section 6)."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def token_hash(token: str) -> str:
    """What the settings hold of a token: its SHA-256 in hex, as ``sha256sum`` prints it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def token_proves(token: str | None, *, expected_hash: str) -> bool:
    """Whether the hash is this token's; False if either is empty."""
    if not token or not expected_hash:
        return False
    return hmac.compare_digest(token_hash(token), expected_hash.lower())


def is_basic(authorization: str) -> bool:
    """Whether an ``Authorization`` header has the scheme Basic."""
    return authorization.partition(" ")[0].lower() == "basic"


def basic_proves(authorization: str, *, user: str, password: str) -> bool:
    """Whether an ``Authorization`` header has this user and password (RFC 7617).

    Senders encode them in UTF-8 or ISO 8859-1. The comparison takes constant time.
    """
    try:
        sent = base64.b64decode(authorization.partition(" ")[2].strip(), validate=True)
    except ValueError:
        return False
    expected = _encodings(f"{user}:{password}")
    matches = [hmac.compare_digest(_sha256(sent), _sha256(one)) for one in expected]
    return is_basic(authorization) and any(matches)


def _encodings(pair: str) -> list[bytes]:
    try:
        return [pair.encode(), pair.encode("latin-1")]
    except UnicodeEncodeError:
        return [pair.encode()]


def _sha256(content: bytes) -> bytes:
    """Of one length, so that comparing takes the same time whatever was sent."""
    return hashlib.sha256(content).digest()

"""Idempotency keys: the first answer to a key is kept in the creating transaction (spec/API.md)."""

from dataclasses import asdict, dataclass

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import AppError

KEPT_HOURS = 24
"""How long the first answer is given again."""
MAX_KEY = 255
"""Longest key, in visible ASCII characters."""


class KeyReusedError(AppError):
    """The key was used before with another body."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a key: whose, where, and a hash of the body it came with."""

    credential: str
    method: str
    path: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes


# A second request that comes while the first runs waits here for the first one's commit.
_CLAIM = text(f"""
INSERT INTO idempotency_keys AS k (credential, method, path, key, fingerprint)
VALUES (:credential, :method, :path, :key, :fingerprint)
ON CONFLICT (credential, method, path, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, status = NULL, headers = NULL, body = NULL,
    created_at = now()
WHERE k.created_at < now() - interval '{KEPT_HOURS} hours'
RETURNING key
""")  # noqa: S608  a constant of ours
_READ = text("""
SELECT fingerprint, status, headers, body FROM idempotency_keys
WHERE credential = :credential AND method = :method AND path = :path AND key = :key
""")
_KEEP = text("""
UPDATE idempotency_keys SET status = :status, headers = CAST(:headers AS jsonb), body = :body
WHERE credential = :credential AND method = :method AND path = :path AND key = :key
""")
_PRUNE = text(f"""
DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys
    WHERE created_at < now() - interval '{KEPT_HOURS} hours' LIMIT :limit
    FOR UPDATE SKIP LOCKED))
RETURNING key
""")  # noqa: S608  a constant of ours


def claim(session: Session, use: Use) -> KeptAnswer | None:
    """Take the key for this transaction, or give the answer it got before.

    None: the key is ours, and ``keep`` must be called before the commit. A rollback frees it.
    Raises KeyReusedError where it came with another body.
    """
    values = asdict(use)
    while session.execute(_CLAIM, values).one_or_none() is None:
        found = session.execute(_READ, values).one_or_none()
        if found is None:
            continue  # pruned in between: it is free again
        if found.fingerprint != use.fingerprint:
            raise KeyReusedError("Idempotency-Key was used before with another body")
        return KeptAnswer(found.status, found.headers, found.body)
    return None


def keep(session: Session, use: Use, answer: KeptAnswer) -> None:
    """Store the answer of the key that ``claim`` took, in the same transaction."""
    values = {
        "status": answer.status,
        "headers": orjson.dumps(answer.headers).decode(),
        "body": answer.body,
    }
    session.execute(_KEEP, {**asdict(use), **values})


def prune(session: Session, *, limit: int = 10_000) -> int:
    """Forget up to ``limit`` keys that are over; returns how many went."""
    return len(session.execute(_PRUNE, {"limit": limit}).all())

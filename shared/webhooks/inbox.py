"""The inbox of webhook deliveries: every statement that changes one (docs/webhooks.md)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import ConflictError, Kind, NotFoundError
from shared.ids import Prefix, new_id
from shared.states import DeliveryOutcome

CLAIM_LIMIT = 100
"""Most deliveries of one claim."""
CLAIM_BYTES = 4 * 1024 * 1024
"""Most bytes of bodies in one claim; a larger body is claimed alone."""
MAX_TRIES = 5
"""A delivery fails with its fifth failed try (docs/architecture.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDelivery:
    """A request that proved its origin, before it is stored. ``body`` is as received.

    Those with the same ``identifier`` and the same ``signed`` are copies of one delivery;
    ``jira_identifier`` is Jira's own. ``variable`` was in the address and not replaced.
    """

    identifier: str
    jira_identifier: str | None = None
    signed: bool
    body: bytes
    ticket_key: str | None = None
    issue_id: str | None = None
    variable: str | None = None
    retry: int | None = None
    flow: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The id of a delivery's row; ``fresh``: this request created it."""

    delivery_id: str
    fresh: bool


# One statement, so that two copies of a delivery that arrive at once create one row.
_STORE = text("""
INSERT INTO webhook_deliveries AS d (id, identifier, jira_identifier, signed, ticket_key, issue_id,
    variable, retry, flow, body, body_size, request_id)
VALUES (:id, :identifier, :jira_identifier, :signed, :ticket_key, :issue_id,
    :variable, :retry, :flow, :body, :body_size, :request_id)
ON CONFLICT (identifier, signed) DO UPDATE SET duplicates = d.duplicates + 1
RETURNING id, xmax = 0 AS fresh
""")


def store(session: Session, received: ReceivedDelivery) -> Receipt:
    """Store a delivery, or count it as a duplicate on the row of its first copy."""
    values = {"id": new_id(Prefix.HOOK), "body_size": len(received.body)}
    row = session.execute(_STORE, {**asdict(received), **values}).one()
    return Receipt(row.id, row.fresh)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until its lease ends.

    ``lease_token`` is the fence: a worker that lost its lease cannot settle or postpone.
    """

    delivery_id: str
    lease_token: int
    tries: int
    signed: bool
    ticket_key: str | None
    issue_id: str | None
    variable: str | None
    received_at: datetime
    body: bytes
    request_id: str | None


# A claim sets the due time to the end of its lease: if the worker dies, the delivery is claimed
# again. A delivery that was claimed before and has no outcome may have killed its worker, so it
# is claimed alone.
_CLAIM = text("""
WITH due AS (
    SELECT id, body_size FROM webhook_deliveries
    WHERE outcome IS NULL AND due_at <= now() AND tries BETWEEN :least_tries AND :most_tries
    ORDER BY id LIMIT :limit
    FOR UPDATE SKIP LOCKED
), taken AS (
    SELECT id, sum(body_size) OVER (ORDER BY id) - body_size AS before FROM due
), claimed AS (
    UPDATE webhook_deliveries d SET
        tries = d.tries + 1, lease_token = d.lease_token + 1,
        due_at = now() + make_interval(secs => :lease)
    FROM taken WHERE d.id = taken.id AND taken.before < :bytes
    RETURNING d.id, d.lease_token, d.tries, d.signed, d.ticket_key, d.issue_id, d.variable,
        d.received_at, COALESCE(d.body, ''::bytea) AS body, d.request_id
)
SELECT * FROM claimed ORDER BY id
""")


def claim(session: Session, *, lease_seconds: float, limit: int = CLAIM_LIMIT) -> list[Claimed]:
    """Claim deliveries that were never tried, in order of receipt, for ``lease_seconds``."""
    return _claim(session, lease_seconds=lease_seconds, limit=limit, tries=(0, 0))


def claim_quarantined(session: Session, *, lease_seconds: float) -> list[Claimed]:
    """Claim one delivery that was tried before, alone."""
    return _claim(session, lease_seconds=lease_seconds, limit=1, tries=(1, MAX_TRIES - 1))


def _claim(
    session: Session, *, lease_seconds: float, limit: int, tries: tuple[int, int]
) -> list[Claimed]:
    values = {"limit": limit, "bytes": CLAIM_BYTES, "lease": lease_seconds}
    least, most = tries
    rows = session.execute(_CLAIM, {**values, "least_tries": least, "most_tries": most})
    return [Claimed(*row) for row in rows]


_ANY_DUE = text("""
SELECT EXISTS (SELECT FROM webhook_deliveries WHERE outcome IS NULL AND due_at <= now())
""")


def any_due(session: Session) -> bool:
    """Whether any delivery is due."""
    return bool(session.scalar(_ANY_DUE))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """The outcome of a claimed delivery, its reason, and what the body was about.

    Without ``keep_body`` the body is deleted: it is about a ticket that is none of our business.
    """

    claimed: Claimed
    outcome: DeliveryOutcome
    reason: str
    event: str | None = None
    ticket_key: str | None = None
    issue_id: str | None = None
    keep_body: bool = True


_SETTLE = text("""
UPDATE webhook_deliveries d SET
    outcome = v.outcome, reason = v.reason, applied_at = now(),
    event = COALESCE(v.event, d.event), ticket_key = COALESCE(v.ticket_key, d.ticket_key),
    issue_id = COALESCE(v.issue_id, d.issue_id), body = CASE WHEN v.keep_body THEN d.body END
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id text, token bigint, outcome text, reason text,
    event text, ticket_key text, issue_id text, keep_body boolean)
WHERE d.id = v.id AND d.lease_token = v.token AND d.outcome IS NULL
RETURNING d.id
""")


def settle(session: Session, results: Sequence[DeliveryResult]) -> int:
    """Store the results of claimed deliveries. Returns how many leases still held."""
    rows = [
        {
            "id": result.claimed.delivery_id,
            "token": result.claimed.lease_token,
            "outcome": result.outcome.value,
            "reason": result.reason,
            "event": result.event,
            "ticket_key": result.ticket_key,
            "issue_id": result.issue_id,
            "keep_body": result.keep_body,
        }
        for result in results
    ]
    return len(session.execute(_SETTLE, {"rows": orjson.dumps(rows).decode()}).all())


_NEXT_TRY = text("""
UPDATE webhook_deliveries d SET
    tries = :tries, lease_token = d.lease_token + 1, reason = :reason,
    due_at = now() + make_interval(secs => :delay)
WHERE d.id = :id AND d.lease_token = :token AND d.outcome IS NULL
""")


def postpone(
    session: Session, claimed: Claimed, *, reason: str, delay: float, tries: int = 0
) -> None:
    """Try again in ``delay`` seconds. ``tries`` count so far: none if something of ours is missing.

    After a try that failed they are those of the claim.
    """
    values = {"id": claimed.delivery_id, "token": claimed.lease_token, "tries": tries}
    session.execute(_NEXT_TRY, {**values, "reason": reason, "delay": delay})


_DEAD_LETTER = text("""
UPDATE webhook_deliveries SET outcome = 'failed', applied_at = now(),
    reason = COALESCE(reason, 'Applying it stopped the worker five times; it is set aside.')
WHERE outcome IS NULL AND due_at <= now() AND tries >= :most
RETURNING id
""")


def dead_letter(session: Session) -> list[str]:
    """Fail deliveries whose fifth try never ended. Returns their ids."""
    return list(session.scalars(_DEAD_LETTER, {"most": MAX_TRIES}))


_REPLAY = text("""
UPDATE webhook_deliveries SET outcome = NULL, applied_at = NULL, reason = NULL, tries = 0,
    lease_token = lease_token + 1, due_at = now()
WHERE id = ANY(:ids) AND outcome IS NOT NULL AND (body IS NOT NULL)
RETURNING id
""")
_LOCK = text("""
SELECT outcome IS NULL AS waiting, body IS NULL AS body_deleted
FROM webhook_deliveries WHERE id = :id FOR UPDATE
""")


def replay(session: Session, delivery_id: str) -> None:
    """Make a delivery due again. Raises NotFoundError, or ConflictError with the reason."""
    row = session.execute(_LOCK, {"id": delivery_id}).one_or_none()
    if row is None:
        raise NotFoundError(Kind.DELIVERY, delivery_id)
    if row.waiting:
        raise ConflictError("The delivery is still waiting to be applied for the first time")
    if row.body_deleted:
        raise ConflictError("The body of this delivery is no longer kept, so nothing can be read")
    session.execute(_REPLAY, {"ids": [delivery_id]})


def replay_these(session: Session, delivery_ids: Sequence[str]) -> int:
    """Make those of these deliveries due again that can be replayed. Returns how many."""
    return len(session.execute(_REPLAY, {"ids": list(delivery_ids)}).all())


_LINKED = text("""
SELECT DISTINCT k.key FROM unnest(CAST(:keys AS text[])) AS k(key)
WHERE EXISTS (SELECT FROM jobs j WHERE j.jira_ticket_key = k.key)
""")


def linked_keys(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of the keys that jobs name."""
    return set(session.scalars(_LINKED, {"keys": list(keys)}))

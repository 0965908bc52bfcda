"""Webhook deliveries: every statement that changes one (docs/webhooks.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import ConflictError, NotFoundError
from shared.ids import Prefix, new_id
from shared.states import DeliveryOutcome

KIND = "Delivery"
CLAIM_LIMIT = 100
"""Deliveries a claim takes at most."""
CLAIM_BYTES = 4 * 1024 * 1024
"""Bytes of bodies after which a claim takes no more; a larger one comes alone."""
MOST_TRIES = 5
"""The fifth try that fails ends a delivery (docs/architecture.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDelivery:
    """A request that proved its origin, before it is stored. ``body`` is as it came."""

    identifier: str
    signed: bool
    body: bytes
    ticket_key: str | None = None
    issue_id: str | None = None
    retry: int | None = None
    flow: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The row of a delivery; ``fresh`` where this request made it."""

    delivery_id: str
    fresh: bool


# One statement, so that two copies of one delivery that arrive at once make one row.
_STORE = text("""
INSERT INTO webhook_deliveries AS d (id, identifier, signed, ticket_key, issue_id, retry, flow,
    body, body_size, request_id)
VALUES (:id, :identifier, :signed, :ticket_key, :issue_id, :retry, :flow,
    :body, :body_size, :request_id)
ON CONFLICT (identifier, signed) DO UPDATE SET duplicates = d.duplicates + 1
RETURNING id, xmax = 0 AS fresh
""")


def store(session: Session, arrival: ReceivedDelivery) -> Receipt:
    """Keep a delivery, or count it on the row that its first copy made."""
    row = session.execute(
        _STORE,
        {
            "id": new_id(Prefix.HOOK),
            "identifier": arrival.identifier,
            "signed": arrival.signed,
            "ticket_key": arrival.ticket_key,
            "issue_id": arrival.issue_id,
            "retry": arrival.retry,
            "flow": arrival.flow,
            "body": arrival.body,
            "body_size": len(arrival.body),
            "request_id": arrival.request_id,
        },
    ).one()
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
    received_at: datetime
    body: bytes
    request_id: str | None


# A claim sets the due time to the end of its lease: if the worker dies, the delivery is claimed
# again. A delivery that was claimed before and has no outcome may have killed its worker, so it
# is claimed alone.
_CLAIM = """
WITH due AS (
    SELECT id, body_size FROM webhook_deliveries
    WHERE outcome IS NULL AND due_at <= now() AND tries {tries}
    ORDER BY id LIMIT :limit
    FOR UPDATE SKIP LOCKED
), taken AS (
    SELECT id, sum(body_size) OVER (ORDER BY id) - body_size AS before FROM due
), claimed AS (
    UPDATE webhook_deliveries d SET
        tries = d.tries + 1, lease_token = d.lease_token + 1,
        due_at = now() + make_interval(secs => :lease)
    FROM taken WHERE d.id = taken.id AND taken.before < :bytes
    RETURNING d.id, d.lease_token, d.tries, d.signed, d.ticket_key, d.issue_id, d.received_at,
        COALESCE(d.body, ''::bytea) AS body, d.request_id
)
SELECT * FROM claimed ORDER BY id
"""
_CLAIM_NEW = text(_CLAIM.format(tries="= 0"))
_CLAIM_QUARANTINED = text(_CLAIM.format(tries=f"BETWEEN 1 AND {MOST_TRIES - 1}"))


def claim(session: Session, *, lease_seconds: float, limit: int = CLAIM_LIMIT) -> list[Claimed]:
    """Take deliveries nobody has tried yet, in order of receipt, for ``lease_seconds``."""
    values = {"limit": limit, "bytes": CLAIM_BYTES, "lease": lease_seconds}
    return [Claimed(*row) for row in session.execute(_CLAIM_NEW, values)]


def claim_quarantined(session: Session, *, lease_seconds: float) -> list[Claimed]:
    """Take one delivery that was tried before, alone."""
    values = {"limit": 1, "bytes": CLAIM_BYTES, "lease": lease_seconds}
    return [Claimed(*row) for row in session.execute(_CLAIM_QUARANTINED, values)]


def due(session: Session) -> bool:
    """Whether any delivery waits to be applied now."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM webhook_deliveries "
                "WHERE outcome IS NULL AND due_at <= now())"
            )
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What became of a claimed delivery, what its body said it was about, and why."""

    claimed: Claimed
    outcome: DeliveryOutcome
    reason: str
    event: str | None = None
    ticket_key: str | None = None
    issue_id: str | None = None


_SETTLE = text("""
UPDATE webhook_deliveries d SET
    outcome = v.outcome, reason = v.reason, applied_at = now(),
    event = COALESCE(v.event, d.event), ticket_key = COALESCE(v.ticket_key, d.ticket_key),
    issue_id = COALESCE(v.issue_id, d.issue_id)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id text, token bigint, outcome text, reason text,
    event text, ticket_key text, issue_id text)
WHERE d.id = v.id AND d.lease_token = v.token AND d.outcome IS NULL
RETURNING d.id
""")


def settle(session: Session, verdicts: Sequence[DeliveryResult]) -> int:
    """Write how deliveries ended. Returns how many still were ours."""
    rows = [
        {
            "id": verdict.claimed.delivery_id,
            "token": verdict.claimed.lease_token,
            "outcome": verdict.outcome.value,
            "reason": verdict.reason,
            "event": verdict.event,
            "ticket_key": verdict.ticket_key,
            "issue_id": verdict.issue_id,
        }
        for verdict in verdicts
    ]
    return len(session.execute(_SETTLE, {"rows": orjson.dumps(rows).decode()}).all())


_POSTPONE = text("""
UPDATE webhook_deliveries d SET
    tries = :tries, lease_token = d.lease_token + 1, reason = :reason,
    due_at = now() + make_interval(secs => :delay)
WHERE d.id = :id AND d.lease_token = :token AND d.outcome IS NULL
""")


def wait(session: Session, claimed: Claimed, *, reason: str, delay: float) -> None:
    """Put a delivery off that lacks something of ours; counted against nobody."""
    _postpone(session, claimed, tries=0, reason=reason, delay=delay)


def try_again(session: Session, claimed: Claimed, *, reason: str, delay: float) -> None:
    """A try failed; the next comes in ``delay`` seconds."""
    _postpone(session, claimed, tries=claimed.tries, reason=reason, delay=delay)


def _postpone(session: Session, claimed: Claimed, *, tries: int, reason: str, delay: float) -> None:
    values = {"id": claimed.delivery_id, "token": claimed.lease_token, "tries": tries}
    session.execute(_POSTPONE, {**values, "reason": reason, "delay": delay})


_BURY = text("""
UPDATE webhook_deliveries SET outcome = 'failed', applied_at = now(),
    reason = COALESCE(reason, 'Applying it stopped the worker five times; it is set aside.')
WHERE outcome IS NULL AND due_at <= now() AND tries >= :most
RETURNING id
""")


def dead_letter(session: Session) -> list[str]:
    """End deliveries whose fifth try never came to an end."""
    return list(session.scalars(_BURY, {"most": MOST_TRIES}))


_REPLAY = text("""
UPDATE webhook_deliveries SET outcome = NULL, applied_at = NULL, reason = NULL, tries = 0,
    lease_token = lease_token + 1, due_at = now()
WHERE id = ANY(:ids) AND outcome IS NOT NULL AND (body IS NOT NULL)
RETURNING id
""")
_STANDING = text("""
SELECT outcome IS NULL AS waiting, body IS NULL AS bodiless
FROM webhook_deliveries WHERE id = :id FOR UPDATE
""")


def replay(session: Session, delivery_id: str) -> None:
    """Have a delivery applied once more. Raises NotFoundError, or ConflictError with the reason."""
    row = session.execute(_STANDING, {"id": delivery_id}).one_or_none()
    if row is None:
        raise NotFoundError(KIND, delivery_id)
    if row.waiting:
        raise ConflictError("The delivery is still waiting to be applied for the first time")
    if row.bodiless:
        raise ConflictError("The body of this delivery is no longer kept, so nothing can be read")
    session.execute(_REPLAY, {"ids": [delivery_id]})


def replay_these(session: Session, delivery_ids: Sequence[str]) -> int:
    """Have those of these deliveries applied once more that can be. Returns how many."""
    return len(session.execute(_REPLAY, {"ids": list(delivery_ids)}).all())


_LINKED = text("""
SELECT DISTINCT k.key FROM unnest(CAST(:keys AS text[])) AS k(key)
WHERE EXISTS (SELECT FROM jobs j WHERE j.jira_ticket_key = k.key)
""")


def linked(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of the keys that jobs of ours name."""
    return set(session.scalars(_LINKED, {"keys": list(keys)}))

"""Settling claimed tasks: filled, failed, waiting or handed back. Only the lease's holder may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Insert, Text, Update, any_, bindparam, case, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.states import AttemptOutcome, FailureCode, Source, failure_message
from shared.sync.leases import Claim
from shared.sync.moves import FAIL, FILL, IDS, TASKS, WAIT, parameter, with_attempt

_CLAIMS = (
    func.unnest(
        IDS,
        bindparam("tokens", type_=ARRAY(BigInteger)),
        bindparam("messages", type_=ARRAY(Text)),
    )
    .table_valued("id", "token", "message", name="claims")
    .render_derived()
)


def _of_holder(move: Update) -> Update:
    """Only tasks whose lease token is still the claim's."""
    return move.where(TASKS.c.id == _CLAIMS.c.id, TASKS.c.lease_token == _CLAIMS.c.token)


def _with_attempt(move: Update, outcome: AttemptOutcome) -> Insert:
    return with_attempt(
        _of_holder(move),
        started_at=TASKS.c.claimed_at,
        source=Source.API,
        outcome=outcome,
        code=parameter("code"),
        message=_CLAIMS.c.message,
        worker=parameter("worker"),
    )


_FAIL = _with_attempt(
    FAIL.update(
        failures=TASKS.c.failures + 1,
        error_code=parameter("code"),
        error_message=_CLAIMS.c.message,
    ),
    AttemptOutcome.FAILED,
)
_WAIT = _with_attempt(WAIT.update(due_at=func.now()), AttemptOutcome.WAITING)
_HAND_BACK = _of_holder(WAIT.update(due_at=func.now())).returning(TASKS.c.id)


def fail(
    session: Session, claims: Sequence[Claim], *, code: FailureCode, detail: str = "", worker: str
) -> int:
    """Jira's answer about these tickets ends their tasks. Returns how many leases still held."""
    messages = [failure_message(code, key=c.ticket_key, detail=detail) for c in claims]
    return _settle(session, _FAIL, claims, messages=messages, code=code.value, worker=worker)


def wait(session: Session, claims: Sequence[Claim], *, code: str, message: str, worker: str) -> int:
    """The call failed as a whole: the tasks are due again and count no failure.

    Returns how many leases still held.
    """
    messages = [message] * len(claims)
    return _settle(session, _WAIT, claims, messages=messages, code=code, worker=worker)


def hand_back(session: Session, claims: Sequence[Claim]) -> int:
    """The tickets were not reached in time: the tasks are due again, without an attempt.

    Returns how many leases still held.
    """
    return _settle(session, _HAND_BACK, claims, messages=[""] * len(claims))


def _settle(
    session: Session, statement: Insert | Update, claims: Sequence[Claim], **values: Any
) -> int:
    if not claims:
        return 0
    return len(session.execute(statement, {**_arrays(claims), **values}).all())


def _arrays(claims: Sequence[Claim]) -> dict[str, Any]:
    return {"ids": [c.task_id for c in claims], "tokens": [c.lease_token for c in claims]}


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task whose job waits for a ticket that was read."""

    task_id: str
    job_id: str
    issue_id: str
    running: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """A stored ticket that may fill tasks of this key: Jira had its values at ``proven_at``."""

    key: str
    issue_id: str
    proven_at: datetime


# A bulk read may fill running tasks that it claimed itself. A webhook or poll may fill every
# running task, also one that a slow drain holds.
_CLAIMED = """(t.id, t.lease_token) IN (
        SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:tokens AS bigint[])))"""
_MAY_FILL = f"""(t.status IN ('pending', 'failed') OR (t.status = 'running' AND (:any_running
    OR {_CLAIMED})))"""
# A task that was made after the offer was proven is left out, except where the read was made for
# it: then the read began after the task. If another ticket has the key now, the offer by a former
# key does not count.
_WAITING = text(f"""
SELECT DISTINCT ON (t.id) t.id, t.job_id, o.issue_id, t.status = 'running' AS running
FROM unnest(CAST(:keys AS text[]), CAST(:issue_ids AS text[]), CAST(:moments AS timestamptz[]))
    AS o(key, issue_id, proven_at)
JOIN sync_tasks t ON t.ticket_key = o.key
WHERE {_MAY_FILL} AND (t.created_at <= o.proven_at OR {_CLAIMED})
    AND NOT EXISTS (
        SELECT FROM tickets c WHERE c.site_id = :site AND c.key = o.key
            AND c.issue_id <> o.issue_id AND c.key_lost_at IS NULL)
ORDER BY t.id, o.proven_at DESC
""")  # noqa: S608  constants alone
_LOCK_WAITING = text(f"""
SELECT t.id FROM sync_tasks t WHERE t.id = ANY(:task_ids) AND {_MAY_FILL}
ORDER BY t.id FOR UPDATE
""")  # noqa: S608  constants alone


def waiting_for(
    session: Session,
    offers: Sequence[Offer],
    *,
    site_id: int,
    source: Source,
    claims: Sequence[Claim],
) -> list[WaitingTask]:
    """The tasks that these tickets can fill, not locked yet (see ``lock_waiting``).

    A bulk read whose lease has expired fills nothing: what it read may be out of date.
    """
    values = {
        "site": site_id,
        "keys": [offer.key for offer in offers],
        "issue_ids": [offer.issue_id for offer in offers],
        "moments": [offer.proven_at for offer in offers],
    }
    rows = session.execute(_WAITING, {**values, **_may_fill(source, claims)})
    found = [WaitingTask(*row) for row in rows]
    if source is not Source.API:
        return found
    held = {task.issue_id for task in found if task.running}
    return [task for task in found if task.issue_id in held]


def lock_waiting(
    session: Session, task_ids: Sequence[str], *, source: Source, claims: Sequence[Claim]
) -> set[str]:
    """Lock those of the tasks that still wait; lock their jobs before (one order of locks)."""
    values = {"task_ids": list(task_ids), **_may_fill(source, claims)}
    return set(session.scalars(_LOCK_WAITING, values))


def _may_fill(source: Source, claims: Sequence[Claim]) -> dict[str, Any]:
    return {"any_running": source in (Source.WEBHOOK, Source.POLL), **_arrays(claims)}


_FILLED = with_attempt(
    FILL.update_locked(
        source=parameter("source"),
        filled_at=func.now(),
        error_code=None,
        error_message=None,
    ).where(TASKS.c.id == any_(IDS)),
    started_at=func.coalesce(
        case((parameter("source") == Source.API.value, TASKS.c.claimed_at)),
        func.now(),
    ),
    source=parameter("source"),
    outcome=AttemptOutcome.FILLED,
    worker=parameter("worker"),
)


def settle_filled(
    session: Session, task_ids: Sequence[str], *, source: Source, worker: str
) -> None:
    """Settle tasks locked by ``lock_waiting`` whose jobs were filled in this transaction."""
    values = {"ids": list(task_ids), "source": source.value, "worker": worker}
    session.execute(_FILLED, values)

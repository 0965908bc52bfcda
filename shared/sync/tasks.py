"""Sync tasks: every statement that changes one (state table in docs/architecture.md)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, insert, text
from sqlalchemy.orm import Session

from shared.ids import Prefix, new_id
from shared.models import SyncTask, table_of
from shared.states import AttemptOutcome, FailureCode, Source, TaskStatus, failure_message

CLAIM_LIMIT = 100
"""Tasks a claim takes at most: Jira's bulk read takes as many (JIRA.md, section 1)."""
QUARANTINE_CRASHES = 2
"""From so many lost leases on a task is claimed alone."""
DEAD_LETTER_CRASHES = QUARANTINE_CRASHES + 3
"""The third lease lost alone ends it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A task in our hands until its lease ends; the token fences off who lost it."""

    task_id: str
    job_id: str
    ticket_key: str
    lease_token: int
    request_id: str | None


def open_task(
    session: Session, *, job_id: str, ticket_key: str, request_id: str | None
) -> SyncTask:
    """Write the task of a job that was created or linked just now: pending, due at once."""
    task = SyncTask(
        id=new_id(Prefix.SYNC),
        job_id=job_id,
        ticket_key=ticket_key,
        status=TaskStatus.PENDING,
        attempts=0,
        request_id=request_id,
    )
    table = table_of(SyncTask)
    values = {k: getattr(task, k) for k in ("id", "job_id", "ticket_key", "request_id")}
    returned = session.execute(
        insert(table).values(**values).returning(table.c.due_at, table.c.created_at)
    ).one()
    task.due_at, task.created_at = returned
    return task


_CLAIM = """
WITH due AS (
    SELECT id FROM sync_tasks
    WHERE status = 'pending' AND due_at <= now() AND crashes {crashes}
    ORDER BY due_at, id LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE sync_tasks t SET
    status = 'running', lease_token = t.lease_token + 1, claimed_at = now(), updated_at = now(),
    lease_until = now() + make_interval(secs => :lease)
FROM due WHERE t.id = due.id
RETURNING t.id, t.job_id, t.ticket_key, t.lease_token, t.request_id
"""
_CLAIM_BATCH = text(_CLAIM.format(crashes=f"< {QUARANTINE_CRASHES}"))
_CLAIM_QUARANTINED = text(_CLAIM.format(crashes=f">= {QUARANTINE_CRASHES}"))


def claim(session: Session, *, lease_seconds: float, limit: int = CLAIM_LIMIT) -> list[Claim]:
    """Take up to ``limit`` due tasks nobody else holds, for ``lease_seconds``."""
    rows = session.execute(_CLAIM_BATCH, {"limit": limit, "lease": lease_seconds})
    # By id: what settles them takes the rows one after another, in the one order of locks.
    return sorted((Claim(*row) for row in rows), key=lambda claim: claim.task_id)


def claim_quarantined(session: Session, *, lease_seconds: float) -> list[Claim]:
    """Take one task that was running when a worker died, alone: it may be what killed it."""
    rows = session.execute(_CLAIM_QUARANTINED, {"limit": 1, "lease": lease_seconds})
    return [Claim(*row) for row in rows]


def due(session: Session, *, limit: int = CLAIM_LIMIT) -> int:
    """How many tasks are due, counted no further than ``limit``."""
    return (
        session.scalar(
            text(
                "SELECT count(*) FROM (SELECT 1 FROM sync_tasks "
                "WHERE status = 'pending' AND due_at <= now() LIMIT :limit) AS d"
            ),
            {"limit": limit},
        )
        or 0
    )


# What every end of a run has in common: only who holds the lease may end it, and each end that
# counts leaves one row in sync_attempts.
_SETTLE = """
WITH moved AS (
    UPDATE sync_tasks t SET
        lease_until = NULL, updated_at = now(), attempts = t.attempts + 1, {change}
    FROM unnest(CAST(:ids AS text[]), CAST(:tokens AS bigint[]), CAST(:messages AS text[]))
        AS c(id, token, message)
    WHERE t.id = c.id AND t.lease_token = c.token AND t.status = 'running'
    RETURNING t.id, t.claimed_at, c.message
)
INSERT INTO sync_attempts (task_id, started_at, source, outcome, code, message, worker)
SELECT id, claimed_at, 'api', :outcome, :code, message, :worker FROM moved
RETURNING task_id
"""
_FAIL = text(
    _SETTLE.format(
        change="status = 'failed', failures = t.failures + 1, "
        "error_code = :code, error_message = c.message"
    )
)
_WAIT = text(
    _SETTLE.format(change="status = 'pending', due_at = now() + make_interval(secs => :delay)")
)
_HAND_BACK = text("""
UPDATE sync_tasks t SET status = 'pending', lease_until = NULL, due_at = now(), updated_at = now()
FROM unnest(CAST(:ids AS text[]), CAST(:tokens AS bigint[])) AS c(id, token)
WHERE t.id = c.id AND t.lease_token = c.token AND t.status = 'running'
RETURNING t.id
""")


def fail(
    session: Session,
    claims: Sequence[Claim],
    *,
    code: FailureCode,
    detail: str = "",
    worker: str,
) -> int:
    """Jira answered about these tickets, and the answer is no. Returns how many still were ours."""
    messages = [failure_message(code, key=c.ticket_key, detail=detail) for c in claims]
    values = {"outcome": AttemptOutcome.FAILED, "code": code, "worker": worker}
    return _settled(session, _FAIL, claims, {**values, "messages": messages})


def wait(
    session: Session,
    claims: Sequence[Claim],
    *,
    code: str,
    message: str,
    delay: float,
    worker: str,
) -> int:
    """The call failed as a whole: back to pending, due in ``delay`` seconds, counted against none.

    Returns how many still were ours.
    """
    values = {"outcome": AttemptOutcome.WAITING, "code": code, "worker": worker, "delay": delay}
    return _settled(session, _WAIT, claims, {**values, "messages": [message] * len(claims)})


def hand_back(session: Session, claims: Sequence[Claim]) -> int:
    """Not reached in time: back to pending, due at once, uncounted. Returns how many were ours."""
    return _settled(session, _HAND_BACK, claims, {})


def _settled(
    session: Session, statement: TextClause, claims: Sequence[Claim], values: dict[str, object]
) -> int:
    if not claims:
        return 0
    pairs = {"ids": [c.task_id for c in claims], "tokens": [c.lease_token for c in claims]}
    return len(session.execute(statement, {**pairs, **values}).all())


# Which tasks wait for these tickets. A bulk read speaks for the tasks it was made for and for
# those that nobody holds; a webhook or poll speaks for every one of them, also over a slow drain.
_WAITING = text("""
SELECT t.id, t.job_id, w.issue_id, t.status = 'running' AS running
FROM unnest(CAST(:keys AS text[]), CAST(:issue_ids AS text[])) AS w(key, issue_id)
JOIN sync_tasks t ON t.ticket_key = w.key
WHERE t.status IN ('pending', 'failed')
   OR (t.status = 'running' AND (:over OR t.id || '/' || t.lease_token = ANY(:held)))
""")
_LOCK_OPEN = text("""
SELECT t.id, t.job_id FROM sync_tasks t
WHERE t.id = ANY(:ids) AND (t.status IN ('pending', 'failed')
   OR (t.status = 'running' AND (:over OR t.id || '/' || t.lease_token = ANY(:held))))
ORDER BY t.id FOR UPDATE
""")
_FILLED = text("""
WITH moved AS (
    UPDATE sync_tasks t SET
        status = 'filled', source = :source, filled_at = now(), updated_at = now(),
        lease_token = t.lease_token + 1, lease_until = NULL, attempts = t.attempts + 1,
        error_code = NULL, error_message = NULL
    WHERE t.id = ANY(:ids)
    RETURNING t.id, CASE WHEN :source = 'api' THEN t.claimed_at END AS started_at
)
INSERT INTO sync_attempts (task_id, started_at, source, outcome, worker)
SELECT id, COALESCE(started_at, now()), :source, 'filled', :worker FROM moved
""")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task whose job waits for a ticket that has come."""

    task_id: str
    job_id: str
    issue_id: str
    running: bool


def waiting_for(
    session: Session, issue_by_key: dict[str, str], *, source: Source, held: Sequence[Claim]
) -> list[Waiting]:
    """The tasks these tickets can fill, unlocked; see ``lock_open`` for the lock.

    A bulk read whose lease is lost speaks for nobody: what it read may be long out of date.
    """
    values = {"keys": list(issue_by_key), "issue_ids": list(issue_by_key.values())}
    found = [Waiting(*row) for row in session.execute(_WAITING, {**values, **_who(source, held)})]
    if source is not Source.API:
        return found
    ours = {w.issue_id for w in found if w.running}
    return [w for w in found if w.issue_id in ours]


def lock_open(
    session: Session, task_ids: list[str], *, source: Source, held: Sequence[Claim]
) -> set[str]:
    """Lock those of the tasks that still wait. Their jobs are locked before (one lock order)."""
    rows = session.execute(_LOCK_OPEN, {"ids": task_ids, **_who(source, held)})
    return {row.id for row in rows}


def settle_filled(session: Session, task_ids: list[str], *, source: Source, worker: str) -> None:
    """End tasks that ``lock_open`` locked, their jobs being filled; the lease token moves on."""
    session.execute(_FILLED, {"ids": task_ids, "source": source.value, "worker": worker})


def _who(source: Source, held: Sequence[Claim]) -> dict[str, object]:
    return {
        "over": source in (Source.WEBHOOK, Source.POLL),
        "held": [f"{c.task_id}/{c.lease_token}" for c in held],
    }


_TAKE_BACK = text("""
WITH lost AS (
    SELECT id FROM sync_tasks WHERE status = 'running' AND lease_until < now()
    ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE sync_tasks t SET
        crashes = t.crashes + 1, attempts = t.attempts + 1, lease_until = NULL,
        due_at = now(), updated_at = now(),
        status = CASE WHEN t.crashes + 1 >= :burial THEN 'failed' ELSE 'pending' END,
        error_code = CASE WHEN t.crashes + 1 >= :burial THEN 'crashed' END,
        error_message = CASE WHEN t.crashes + 1 >= :burial
            THEN replace(:words, '{key}', t.ticket_key) END
    FROM lost WHERE t.id = lost.id
    RETURNING t.id, t.claimed_at
)
INSERT INTO sync_attempts (task_id, started_at, source, outcome, code, message)
SELECT id, claimed_at, 'api', 'crashed', 'crashed',
    'The worker that read this ticket stopped or hung; its lease ran out.' FROM moved
RETURNING task_id
""")


def take_back_lost_leases(session: Session) -> int:
    """Return tasks whose worker is gone to pending, or bury the ones that keep killing it."""
    words = failure_message(FailureCode.CRASHED, key="{key}")
    rows = session.execute(_TAKE_BACK, {"burial": DEAD_LETTER_CRASHES, "words": words})
    return len(rows.all())


_RETRY = text("""
UPDATE sync_tasks t SET
    status = 'pending', due_at = now(), updated_at = now(), crashes = 0,
    lease_token = t.lease_token + 1, error_code = NULL, error_message = NULL
FROM jobs j
WHERE t.id = ANY(:ids) AND j.id = t.job_id AND t.status IN ('failed', 'cancelled')
RETURNING t.id
""")
_CANCEL = text(
    """
UPDATE sync_tasks t SET
    status = 'cancelled', lease_token = t.lease_token + 1, lease_until = NULL, updated_at = now(),
    error_code = :code, error_message = :message
WHERE t.{column} = ANY(:ids) AND t.status IN ('pending', 'running', 'failed')
RETURNING t.id
""".replace("{column}", "id")
)
_CANCEL_OF_JOBS = text(_CANCEL.text.replace("t.id = ANY", "t.job_id = ANY"))


def retry(session: Session, task_ids: list[str]) -> int:
    """Make failed and cancelled tasks due now, where their job exists. Returns how many."""
    return len(session.execute(_RETRY, {"ids": task_ids}).all())


def cancel(session: Session, task_ids: list[str], *, message: str | None = None) -> int:
    """End tasks by an operator's wish, which ``message`` tells; a drain under way settles nothing.

    Returns how many.
    """
    return len(session.execute(_CANCEL, {"ids": task_ids, "code": None, "message": message}).all())


def cancel_of_deleted_jobs(session: Session, job_ids: list[str]) -> int:
    """End the tasks of jobs that are deleted in this transaction. Returns how many."""
    code = FailureCode.JOB_DELETED
    values = {"ids": job_ids, "code": code.value, "message": failure_message(code, key="")}
    return len(session.execute(_CANCEL_OF_JOBS, values).all())


def deleted_in_jira(session: Session, task_ids: list[str], *, worker: str) -> int:
    """End pending tasks whose ticket Jira announced as deleted and whose body we never had."""
    rows = session.execute(
        _DELETED,
        {
            "ids": task_ids,
            "code": FailureCode.TICKET_DELETED.value,
            "words": failure_message(FailureCode.TICKET_DELETED, key="{key}"),
            "worker": worker,
        },
    )
    return len(rows.all())


_DELETED = text("""
WITH moved AS (
    UPDATE sync_tasks t SET status = 'failed', failures = t.failures + 1,
        attempts = t.attempts + 1, updated_at = now(), lease_token = t.lease_token + 1,
        error_code = :code, error_message = replace(:words, '{key}', t.ticket_key)
    WHERE t.id = ANY(:ids) AND t.status = 'pending'
    RETURNING t.id, t.error_message
)
INSERT INTO sync_attempts (task_id, started_at, source, outcome, code, message, worker)
SELECT id, now(), 'webhook', 'failed', :code, error_message, :worker FROM moved
RETURNING task_id
""")


# Answers that the ticket's own change may have made obsolete; what killed workers is not asked for
# again by just anybody who holds the webhook's token, and a deleted ticket stays deleted.
_REVIVED = (
    FailureCode.TICKET_NOT_FOUND,
    FailureCode.NO_PERMISSION,
    FailureCode.UNUSABLE_TICKET,
)
_DUE_NOW = text("""
UPDATE sync_tasks t SET
    status = 'pending', due_at = LEAST(t.due_at, now()), updated_at = now(),
    lease_token = t.lease_token + 1, error_code = NULL, error_message = NULL
FROM (
    SELECT id FROM sync_tasks
    WHERE ticket_key = ANY(:keys) AND (status = 'pending'
        OR (status = 'failed' AND error_code = ANY(:revived)))
    ORDER BY id FOR UPDATE
) AS w
WHERE t.id = w.id
RETURNING t.ticket_key
""")
_NAMING = text("""
SELECT id FROM sync_tasks WHERE ticket_key = ANY(:keys) AND status = :status ORDER BY id
""")


def hint(session: Session, keys: Sequence[str]) -> Counter[str]:
    """Somebody says that these tickets changed: what waits for them is due now.

    A task that failed because the ticket was not to be had is tried again. Returns how many, by
    ticket key.
    """
    values = {"keys": list(keys), "revived": [code.value for code in _REVIVED]}
    return Counter(session.scalars(_DUE_NOW, values))


def naming(session: Session, keys: Sequence[str], *, status: TaskStatus) -> list[str]:
    """The tasks in this state that name one of these keys."""
    return list(session.scalars(_NAMING, {"keys": list(keys), "status": status.value}))


def of_job(session: Session, job_id: str) -> SyncTask | None:
    """The task of a job, if it ever had one."""
    return session.query(SyncTask).filter(SyncTask.job_id == job_id).one_or_none()

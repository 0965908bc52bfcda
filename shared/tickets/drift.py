"""Drift: how a job's Jira fields differ from the stored ticket. Read-only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.models import JIRA_FIELDS
from shared.tickets.queries import ALLOWED, AS_OF

Value = str | list[str] | None


class DriftState(StrEnum):
    """How a job and its ticket compare."""

    IN_SYNC = "in_sync"
    DRIFTED = "drifted"
    MOVED = "moved"
    DELETED = "deleted"
    UNKNOWN = "unknown"
    UNFILLED = "unfilled"
    UNLINKED = "unlinked"


DRIFT_WORDS: dict[DriftState, str] = {
    DriftState.IN_SYNC: "The job says what the ticket says.",
    DriftState.DRIFTED: "The ticket was changed after the job was filled.",
    DriftState.MOVED: "The ticket was moved and has another key now.",
    DriftState.DELETED: "The ticket was deleted, or our account may no longer see it.",
    DriftState.UNKNOWN: "We have no copy of the ticket yet.",
    DriftState.UNFILLED: "The job still waits for its ticket.",
    DriftState.UNLINKED: "The job has no ticket.",
}


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field, by its name in the job's JSON: the job's value, Jira's, and if they are equal."""

    field: str
    job: Value
    jira: Value
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A job compared with its ticket, whose present key is ``jira_key``.

    ``as_of`` is the time of Jira's values. Of several states the first applies: deleted, moved,
    drifted.
    """

    job_id: str
    job_name: str
    ticket_key: str | None
    state: DriftState
    jira_key: str | None = None
    as_of: datetime | None = None
    deleted_at: datetime | None = None
    fields: tuple[FieldDrift, ...] = ()


_OURS = ", ".join(f"j.{field.column}" for field in JIRA_FIELDS)
_JIRAS = ", ".join(f"t.{field.ticket_column}" for field in JIRA_FIELDS)
# By issue id where the ticket of this site filled the job; otherwise by the key it has or had.
_BY_ID = "j.jira_site_id = :site AND j.jira_issue_id IS NOT NULL"
_SELECT = f"""
SELECT j.id, j.name, {_OURS}, j.jira_filled_at, t.issue_id, {_JIRAS}, t.deleted_at, {AS_OF} AS as_of
FROM jobs j LEFT JOIN LATERAL (
    SELECT * FROM tickets WHERE site_id = :site AND {_BY_ID} AND issue_id = j.jira_issue_id
    UNION ALL
    SELECT * FROM tickets
    WHERE site_id = :site AND ({_BY_ID}) IS NOT TRUE AND key = j.jira_ticket_key
        AND key_lost_at IS NULL
    UNION ALL
    SELECT * FROM tickets
    WHERE site_id = :site AND ({_BY_ID}) IS NOT TRUE AND key <> j.jira_ticket_key
        AND former_keys @> ARRAY[j.jira_ticket_key]
    LIMIT 1
) t ON j.jira_ticket_key IS NOT NULL AND {ALLOWED}
"""  # noqa: S608  constants alone
_ONE = text(f"{_SELECT} WHERE j.id = :id")
_PAGE = text(
    f"{_SELECT} WHERE j.jira_ticket_key IS NOT NULL AND j.jira_filled_at IS NOT NULL "
    "AND j.id > :after ORDER BY j.id LIMIT :limit"
)
_NAME = (
    "CASE WHEN jira_site_id = :site THEN COALESCE(jira_issue_id, jira_ticket_key) "
    'ELSE jira_ticket_key END COLLATE "C"'
)
_TICKET_NAMES = text(f"""
SELECT DISTINCT {_NAME} AS name FROM jobs
WHERE jira_ticket_key IS NOT NULL AND {_NAME} > :after
ORDER BY 1 LIMIT :limit
""")  # noqa: S608  constants alone


def of_job(
    session: Session, job_id: str, *, site_id: int | None, allowed: Sequence[str] = ()
) -> Drift | None:
    """The drift of one job from its ticket on this site; None if there is no such job.

    ``allowed`` are the only projects whose copies are used; empty: all.
    """
    values = {"site": site_id, "id": job_id, "allowed": list(allowed)}
    row = session.execute(_ONE, values).one_or_none()
    return _drift(row) if row else None


def ticket_names(session: Session, *, site_id: int | None, after: str, limit: int) -> list[str]:
    """The next tickets that jobs name, each once: by issue id if a fill stored it, else by key.

    The issue id counts only on the site that filled the job.
    """
    values = {"site": site_id, "after": after, "limit": limit}
    return list(session.scalars(_TICKET_NAMES, values))


def page(
    session: Session,
    *,
    site_id: int | None,
    allowed: Sequence[str] = (),
    after: str = "",
    limit: int = 500,
) -> list[Drift]:
    """The drift of filled jobs with an id past ``after``, in order of id."""
    values = {"site": site_id, "allowed": list(allowed), "after": after, "limit": limit}
    return [_drift(row) for row in session.execute(_PAGE, values)]


def _drift(row: Row[Any]) -> Drift:
    job = {"job_id": row.id, "job_name": row.name, "ticket_key": row.jira_ticket_key}
    if row.issue_id is None:
        return Drift(**job, state=_without_copy(row))
    fields = tuple(_compared(row))
    return Drift(
        **job,
        state=_state(row, fields),
        jira_key=row.key,
        as_of=row.as_of,
        deleted_at=row.deleted_at,
        fields=fields,
    )


def _without_copy(row: Row[Any]) -> DriftState:
    if row.jira_ticket_key is None:
        return DriftState.UNLINKED
    return DriftState.UNFILLED if row.jira_filled_at is None else DriftState.UNKNOWN


def _state(row: Row[Any], fields: Sequence[FieldDrift]) -> DriftState:
    if row.deleted_at is not None:
        return DriftState.DELETED
    if row.jira_filled_at is None:
        return DriftState.UNFILLED
    if row.key != row.jira_ticket_key:
        return DriftState.MOVED
    return DriftState.IN_SYNC if all(one.same for one in fields) else DriftState.DRIFTED


def _compared(row: Row[Any]) -> Iterator[FieldDrift]:
    for field in JIRA_FIELDS:
        job, jira = getattr(row, field.column), getattr(row, field.ticket_column) or None
        yield FieldDrift(field.name, job, jira, _same(job, jira))


def _same(job: Value, jira: Value) -> bool:
    """Labels are a set in Jira; an empty set equals an absent field."""
    if isinstance(job, list) or isinstance(jira, list):
        return set(job or ()) == set(jira or ())
    return job == jira

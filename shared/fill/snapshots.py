"""The Jira part of jobs, filled from our copies of tickets: once, and never changed afterwards."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.models import FIELDS_OF_TICKET

_LOCK = text("SELECT id FROM jobs WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

_VALUES = ",\n    ".join(
    f"{field.column} = COALESCE(j.{field.column}, {field.value_in('t')})"
    for field in FIELDS_OF_TICKET
)
_FILL = text(f"""
UPDATE jobs j SET
    {_VALUES},
    jira_issue_id = t.issue_id,
    jira_site_id = t.site_id,
    jira_filled_at = now(),
    name = CASE WHEN j.name_from_ticket THEN COALESCE(t.summary, j.name) ELSE j.name END,
    goal_quantity = CASE WHEN j.quantity_from_ticket
        THEN COALESCE(t.quantity, j.goal_quantity) ELSE j.goal_quantity END,
    quantity_unread = CASE WHEN j.quantity_from_ticket AND t.quantity IS NULL
        THEN t.quantity_unread END,
    fill_notes = (SELECT jsonb_agg(note) FROM jsonb_array_elements(t.notes) AS note
        WHERE to_jsonb(j) -> (note ->> 'field') = CAST('null' AS jsonb)),
    name_from_ticket = false,
    quantity_from_ticket = false,
    version = j.version + 1,
    updated_at = GREATEST(now(), j.updated_at + interval '1 millisecond')
FROM unnest(CAST(:job_ids AS text[]), CAST(:issue_ids AS text[])) AS w(job_id, issue_id)
JOIN tickets t ON t.site_id = :site AND t.issue_id = w.issue_id
WHERE j.id = w.job_id AND j.jira_filled_at IS NULL
""")  # noqa: S608  constants alone


def lock_jobs(session: Session, job_ids: list[str]) -> set[str]:
    """Lock these jobs in order of id, as every transaction does; returns those that exist."""
    return set(session.scalars(_LOCK, {"ids": job_ids}))


def fill_jobs(session: Session, issue_by_job: dict[str, str], *, site_id: int) -> None:
    """Fill what is empty in these jobs from our copies of their tickets on this site.

    Write-once (spec/create-job.txt, notes): what the client sent stays, what Jira does not have
    stays absent, a job that is filled already does not change. A quantity that is not certain is
    left unknown; notes are taken for the fields that the client left out.
    """
    values = {"job_ids": list(issue_by_job), "issue_ids": list(issue_by_job.values())}
    session.execute(_FILL, {**values, "site": site_id})

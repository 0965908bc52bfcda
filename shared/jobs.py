"""Jobs: every statement that changes one."""

from dataclasses import dataclass

from sqlalchemy import func, insert, text
from sqlalchemy.orm import Session

from shared import sync_tasks
from shared.ids import Prefix, new_id
from shared.models import Job, SyncTask, table_of


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDraft:
    """A job as asked for: checked and normalised. None is absent; empty labels are a value."""

    name: str
    goal_quantity: int
    jira_ticket_key: str | None = None
    jira_ticket_summary: str | None = None
    jira_part_number: str | None = None
    jira_priority: str | None = None
    jira_epic_link: str | None = None
    jira_labels: tuple[str, ...] | None = None
    name_from_ticket: bool = False
    quantity_from_ticket: bool = False

    def fields_to_fill(self) -> bool:
        """Whether a ticket is named and any of the five other Jira fields is left to it."""
        five = (
            self.jira_ticket_summary,
            self.jira_part_number,
            self.jira_priority,
            self.jira_epic_link,
            self.jira_labels,
        )
        return self.jira_ticket_key is not None and None in five


def create(
    session: Session, draft: JobDraft, *, request_id: str | None = None
) -> tuple[Job, SyncTask | None]:
    """Store a job and, where something is left to fill, its sync task.

    A job whose six Jira fields are all given is filled from birth: they never change.
    """
    job = Job(
        id=new_id(Prefix.JOB),
        name=draft.name,
        goal_quantity=draft.goal_quantity,
        jira_ticket_key=draft.jira_ticket_key,
        jira_ticket_summary=draft.jira_ticket_summary,
        jira_part_number=draft.jira_part_number,
        jira_priority=draft.jira_priority,
        jira_epic_link=draft.jira_epic_link,
        jira_labels=None if draft.jira_labels is None else list(draft.jira_labels),
        name_from_ticket=draft.name_from_ticket,
        quantity_from_ticket=draft.quantity_from_ticket,
        version=1,
    )
    _insert(session, job, complete=draft.jira_ticket_key is not None and not draft.fields_to_fill())
    if not draft.fields_to_fill() or draft.jira_ticket_key is None:
        return job, None
    return job, sync_tasks.open_task(
        session, job_id=job.id, ticket_key=draft.jira_ticket_key, request_id=request_id
    )


def _insert(session: Session, job: Job, *, complete: bool) -> None:
    table = table_of(Job)
    values = {c.key: v for c in table.columns if (v := job.__dict__.get(c.key)) is not None}
    if complete:
        values["jira_filled_at"] = func.now()
    returned = session.execute(
        insert(table)
        .values(**values)
        .returning(table.c.created_at, table.c.updated_at, table.c.jira_filled_at)
    ).one()
    job.created_at, job.updated_at, job.jira_filled_at = returned


_LOCK = text("SELECT id FROM jobs WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

_FILL = text("""
UPDATE jobs j SET
    jira_ticket_summary = COALESCE(j.jira_ticket_summary, t.summary),
    jira_part_number = COALESCE(j.jira_part_number, t.part_number),
    jira_priority = COALESCE(j.jira_priority, t.priority),
    jira_epic_link = COALESCE(j.jira_epic_link, t.epic_link),
    jira_labels = COALESCE(j.jira_labels, NULLIF(t.labels, '{}')),
    jira_issue_id = t.issue_id,
    jira_filled_at = now(),
    name = CASE WHEN j.name_from_ticket THEN COALESCE(t.summary, j.name) ELSE j.name END,
    goal_quantity = CASE WHEN j.quantity_from_ticket
        THEN COALESCE(t.quantity, j.goal_quantity) ELSE j.goal_quantity END,
    name_from_ticket = false,
    quantity_from_ticket = false,
    version = j.version + 1,
    updated_at = GREATEST(now(), j.updated_at + interval '1 millisecond')
FROM unnest(CAST(:job_ids AS text[]), CAST(:issue_ids AS text[])) AS w(job_id, issue_id)
JOIN tickets t ON t.issue_id = w.issue_id
WHERE j.id = w.job_id AND j.jira_filled_at IS NULL
""")


def lock(session: Session, job_ids: list[str]) -> set[str]:
    """Lock these jobs in the one order everybody uses; returns those that exist."""
    return set(session.scalars(_LOCK, {"ids": job_ids}))


def fill(session: Session, issue_by_job: dict[str, str]) -> None:
    """Fill what is empty in these jobs from our copy of their tickets, once and for ever.

    Write-once (spec/create-job.txt, notes): what the client sent stays, what Jira does not have
    stays absent, a job already filled is not touched.
    """
    session.execute(
        _FILL, {"job_ids": list(issue_by_job), "issue_ids": list(issue_by_job.values())}
    )

"""A job as values: what a caller asks for, and what lists, pages and answers show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from shared.states import TaskStatus
from shared.sync.pauses import Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDraft:
    """A job to create: checked and normalised. None is absent; empty labels are a value.

    The last two say that name or quantity is a placeholder, which the fill replaces.
    """

    name: str
    goal_quantity: int
    jira_ticket_key: str | None = None
    jira_ticket_summary: str | None = None
    jira_part_number: str | None = None
    jira_priority: str | None = None
    jira_epic_link: str | None = None
    jira_labels: Sequence[str] | None = None
    name_from_ticket: bool = False
    quantity_from_ticket: bool = False


class JobRow(NamedTuple):
    """The columns of a job that are shown, in the order of the query.

    With ``quantity_unread`` the quantity is unknown, and ``goal_quantity`` is not shown.
    """

    id: str
    name: str
    goal_quantity: int
    jira_ticket_key: str | None
    jira_ticket_summary: str | None
    jira_part_number: str | None
    jira_priority: str | None
    jira_epic_link: str | None
    jira_labels: Sequence[str] | None
    quantity_unread: str | None
    fill_notes: Sequence[Mapping[str, str]] | None
    version: int
    created_at: datetime
    updated_at: datetime


class TaskRow(NamedTuple):
    """The columns of a sync task that are shown beside its job, in the order of the query."""

    id: str
    status: str
    attempts: int
    due_at: datetime
    source: str | None
    filled_at: datetime | None
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job beside its sync task, if it ever had one, and the pause in force, if there is one."""

    job: JobRow
    task: TaskRow | None
    pause: Pause | None = None

    @property
    def due(self) -> bool:
        """Whether the job waits for Jira."""
        return self.task is not None and self.task.status == TaskStatus.PENDING

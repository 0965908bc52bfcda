"""Jobs: requests, their fields in the order of the checks, and answers."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, JsonValue

from api.schemas.answers import Answer, Error, Examples, Timestamp
from api.schemas.fields import (
    NEXT_PAGE,
    Body,
    FillingKey,
    Flag,
    Headers,
    IssueKey,
    Labels,
    Limit,
    Moment,
    Name,
    PathVariables,
    Quantity,
    Query,
    RequiredName,
    Text,
    Words,
    cursor_of,
    identifier,
    one_of,
)
from api.schemas.jira_sync import JiraSync, notes_of
from api.schemas.paths import PathOut
from shared.ids import Prefix
from shared.jobs.job import JobDraft, JobView
from shared.jobs.queries import JobFilter
from shared.jobs.store import JobChange
from shared.production import progress as progress_store
from shared.states import TaskStatus
from shared.tickets.ticket import quantity_unknown

MAX_BULK = 1000
"""Most jobs of one bulk create."""

FULL: dict[str, JsonValue] = {
    "name": "JOB-2024-001",
    "goalQuantity": 50,
    "jiraTicketKey": "PI-42",
    "jiraTicketSummary": "Build 50 aluminum housings",
    "jiraPartNumber": "ALU-HOUSING-7075",
    "jiraPriority": "High",
    "jiraEpicLink": "PI-10",
    "jiraLabels": ["Q1-2024", "rush"],
}
MINIMAL: dict[str, JsonValue] = {"name": "JOB-2024-002", "goalQuantity": 200}
"""The two requests of spec/create-job.txt."""


class JobCreate(Body):
    """A job to create (spec/create-job.txt)."""

    name: RequiredName = Field(description="A human-readable name, e.g. a work order number.")
    goal_quantity: Quantity = Field(description="How many units to make.")
    jira_ticket_key: FillingKey | None = Field(
        None,
        description="The Jira ticket to link to: a key of this site (`JIRA_KEY_PATTERN`), in one "
        "of the projects in `JIRA_PROJECT` where it is set, or the code is `project_not_allowed`.",
    )
    jira_ticket_summary: Text = Field(None, description="Its summary.")
    jira_part_number: Text = Field(None, description="The part number.")
    jira_priority: Text = Field(None, description="Its priority.")
    jira_epic_link: Text = Field(None, description="The key of its epic.")
    jira_labels: Labels | None = Field(None, description="Its labels; repeats are dropped.")

    examples: ClassVar[Examples] = {"full": FULL, "minimal": MINIMAL}

    def draft(self) -> JobDraft:
        """What ``create_jobs`` stores; the fields have the same names."""
        return JobDraft(**dict(self))


class JobUpdate(Body):
    """What may be changed in a job; its Jira fields never can."""

    examples: ClassVar[Examples] = {"quantity": {"goalQuantity": 60}}

    name: Name | None = Field(None, description="The new name.")
    goal_quantity: Quantity | None = Field(None, description="The new quantity.")

    def change(self) -> JobChange:
        """The same for shared.jobs.store."""
        return JobChange(**dict(self))


class BulkCreate(Body):
    """Many jobs to create; each is checked by itself."""

    examples: ClassVar[Examples] = {"two": {"jobs": [FULL, MINIMAL]}}

    entries = "jobs"

    jobs: list[Any] = Field(
        max_length=MAX_BULK,
        description=f"Up to {MAX_BULK} jobs, each as in `POST /api/jobs`.",
    )


class JobQuery(Query):
    """Which jobs, and how many."""

    q: Words | None = Field(None, description="Any part of name, ticket key or part number.")
    jira_ticket_key: IssueKey | None = Field(None, description="Linked to this ticket.")
    jira_priority: Words | None = Field(None, description="With this priority.")
    jira_label: Words | None = Field(None, description="With this label.")
    jira_sync: Annotated[TaskStatus, one_of(TaskStatus)] | None = Field(
        None, description="Whose fill has this status."
    )
    updated_since: Moment | None = Field(None, description="Changed at this instant or later.")
    quantity_unknown: Flag | None = Field(
        None, description="`true`: jobs that wait for someone to set their quantity."
    )
    limit: Limit | None = Field(None, description="Page size; without it, all of them, streamed.")
    cursor: Annotated[str, cursor_of(identifier(Prefix.JOB))] | None = NEXT_PAGE

    def filters(self) -> JobFilter:
        """The same for shared.jobs.queries."""
        return JobFilter(
            words=self.q,
            ticket_key=self.jira_ticket_key,
            priority=self.jira_priority,
            label=self.jira_label,
            status=self.jira_sync,
            updated_since=self.updated_since,
            quantity_unknown=self.quantity_unknown,
        )


class JobDeletion(Query):
    """What a deletion includes."""

    cascade: Flag = Field(default=False, description="Delete paths and serial numbers with it.")


class UpdateHeaders(Headers):
    """Headers of calls that change one thing."""

    if_match: str | None = Field(
        None, alias="If-Match", description="Change it only if its `ETag` is still this one."
    )


FULL_OUT: dict[str, JsonValue] = {
    "id": "job_abc123",
    **FULL,
    "createdAt": "2024-01-15T10:30:00.000Z",
    "updatedAt": "2024-01-15T10:30:00.000Z",
}
MINIMAL_OUT: dict[str, JsonValue] = {
    "id": "job_def456",
    **MINIMAL,
    "createdAt": "2024-01-16T14:00:00.000Z",
    "updatedAt": "2024-01-16T14:00:00.000Z",
}
"""The two answers of spec/create-job.txt."""


class QuantityUnknown(Answer):
    """Jira's quantity is not certain; `PUT` or `PATCH` with `goalQuantity` settles it."""

    jira_says: str = Field(examples=["1,000"])
    message: str = Field(examples=["quantity unknown: Jira says '1,000'"])

    @classmethod
    def of(cls, unread: str | None) -> Self | None:
        """What Jira says instead of a quantity; None if the quantity is known."""
        if unread is None:
            return None
        return cls(jira_says=unread, message=quantity_unknown(unread))


class JobOut(Answer):
    """A job. What is absent is left out."""

    examples: ClassVar[Examples] = {"full": FULL_OUT, "minimal": MINIMAL_OUT}

    id: str = Field(examples=["job_01h455vb4pex5vsknk084sn02q"])
    name: str
    goal_quantity: int | None = Field(
        None,
        description="Left out only with `quantityUnknown`. Of a job made from a ticket without a "
        "quantity it is 1 until the fill.",
    )
    quantity_unknown: QuantityUnknown | None = Field(
        None,
        description="The job was made by `POST /api/jira/link` without a quantity, and what its "
        "ticket says is no whole number for certain. It is filled otherwise, and can have paths "
        "and serial numbers.",
    )
    jira_ticket_key: str | None = None
    jira_ticket_summary: str | None = None
    jira_part_number: str | None = None
    jira_priority: str | None = None
    jira_epic_link: str | None = None
    jira_labels: list[str] | None = None
    created_at: Timestamp = Field(examples=["2024-01-15T10:30:00.000Z"])
    updated_at: Timestamp = Field(examples=["2024-01-15T10:30:00.000Z"])
    jira_sync: JiraSync | None = Field(None, description="Where a ticket fills the job.")

    @classmethod
    def of(cls, view: JobView, **more: Any) -> Self:
        """A job beside its sync task; ``more`` are the members of a fuller answer."""
        job, task = view.job, view.task
        sync = None if task is None else JiraSync.of(task, view.pause, notes=notes_of(job))
        unknown = QuantityUnknown.of(job.quantity_unread)
        goal = None if unknown else job.goal_quantity
        return cls.from_row(
            job, goal_quantity=goal, quantity_unknown=unknown, jira_sync=sync, **more
        )


class PathProgress(Answer):
    """The progress of one path towards its own goal."""

    path_id: str
    path_name: str
    goal: int
    completed: int
    percent_complete: float


class Progress(Answer):
    """The progress of a job towards its own goal; it may exceed 100 percent."""

    total_goal: int | None = Field(
        None, description="The job's `goalQuantity`; left out while that is unknown."
    )
    total_completed: int
    percent_complete: float = Field(description="0 while the goal is unknown.")
    path_progress: list[PathProgress]

    @classmethod
    def of(cls, progress: progress_store.Progress) -> Self:
        """The progress of a job and of each of its paths."""
        paths = [PathProgress.from_row(path) for path in progress.paths]
        return cls.from_row(progress, path_progress=paths)


EMPTY_PROGRESS: dict[str, JsonValue] = {
    "totalGoal": 200,
    "totalCompleted": 0,
    "percentComplete": 0,
    "pathProgress": [],
}


class JobDetail(JobOut):
    """A job with its paths and progress."""

    examples: ClassVar[Examples] = {"new": {**MINIMAL_OUT, "paths": [], "progress": EMPTY_PROGRESS}}

    paths: list[PathOut]
    progress: Progress


class JobCreated(Answer):
    """The result of one entry: the job, or the error."""

    status: int = Field(examples=[201])
    job: JobOut | None = None
    error: Error | None = None


class JobsCreated(Answer):
    """The results, in the order of the entries."""

    results: list[JobCreated]
    created: int
    failed: int


class JobPath(PathVariables):
    """The job in the path of the URL."""

    id: str = Field(description="The job's id.", examples=["job_01h455vb4pex5vsknk084sn02q"])


class LinkRequest(Body):
    """An existing job to link, or none: then one is made from the ticket."""

    examples: ClassVar[Examples] = {
        "existing": {"ticketKey": "PI-42", "jobId": "job_01h455vb4pex5vsknk084sn02q"},
        "new": {"ticketKey": "PI-42"},
    }

    ticket_key: FillingKey = Field(
        description="The Jira ticket, under the same rules as `jiraTicketKey` of a new job."
    )
    job_id: Text = Field(None, description="The job to link; it has no ticket yet.")
    goal_quantity: Quantity | None = Field(
        None,
        description="New job: how many. Left out: what the ticket says, or 1 if it says "
        "nothing. If what it says is not certain, such as `1,000`, the filled job has "
        "`quantityUnknown` instead of `goalQuantity`.",
    )
    name: Name | None = Field(None, description="New job: its name. Left out: the ticket's.")

    def draft(self) -> JobDraft:
        """A job made from the ticket: the fill gives what the caller left out."""
        return JobDraft(
            name=self.name or self.ticket_key,
            goal_quantity=self.goal_quantity or 1,
            jira_ticket_key=self.ticket_key,
            name_from_ticket=self.name is None,
            quantity_from_ticket=self.goal_quantity is None,
        )


class LinkOut(Answer):
    """The job that is linked now."""

    job: JobOut

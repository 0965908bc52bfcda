"""Our rows as the JSON of spec/API.md: absent values left out, moments in milliseconds."""

from collections.abc import Sequence
from typing import Any

from shared.clock import iso_millis
from shared.jobs.queries import JobRow, JobView, TaskRow
from shared.models import Job, SyncTask
from shared.production.paths import PathView
from shared.production.progress import Progress
from shared.production.steps import Step
from shared.states import TaskStatus
from shared.sync.pauses import Pause


def job_json(view: JobView) -> dict[str, Any]:
    """A job as spec/create-job.txt shows it, and ``jiraSync`` where it has a task."""
    job = view.job
    found = {
        "id": job.id,
        "name": job.name,
        "goalQuantity": job.goal_quantity,
        **jira_json(job),
        "createdAt": iso_millis(job.created_at),
        "updatedAt": iso_millis(job.updated_at),
    }
    if view.task is not None:
        found["jiraSync"] = sync_json(view.task, view.pause)
    return found


def jira_json(job: Job | JobRow) -> dict[str, Any]:
    """The Jira fields that a job has."""
    return present(
        jiraTicketKey=job.jira_ticket_key,
        jiraTicketSummary=job.jira_ticket_summary,
        jiraPartNumber=job.jira_part_number,
        jiraPriority=job.jira_priority,
        jiraEpicLink=job.jira_epic_link,
        jiraLabels=job.jira_labels,
    )


def present(**members: Any) -> dict[str, Any]:
    """Members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def sync_json(task: SyncTask | TaskRow, pause: Pause | None) -> dict[str, Any]:
    """The member ``jiraSync``."""
    found = {"status": task.status, "taskId": task.id, "attempts": task.attempts}
    if task.status == TaskStatus.PENDING:
        return found | _waiting(task, pause)
    if task.status == TaskStatus.FILLED and task.filled_at is not None:
        return found | present(filledAt=iso_millis(task.filled_at), source=task.source)
    if task.status == TaskStatus.FAILED:
        return found | {"error": {"code": task.error_code, "message": task.error_message}}
    return found


def _waiting(task: SyncTask | TaskRow, pause: Pause | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    endless = pause is not None and pause.until is None
    if task.attempts and not endless:
        due = max(task.due_at, pause.until) if pause and pause.until else task.due_at
        found["nextAttemptAt"] = iso_millis(due)
    if pause is not None:
        found["waitingFor"] = {"code": pause.code, "message": pause.message}
    return found


def job_detail_json(
    view: JobView, *, paths: Sequence[PathView], progress: Progress
) -> dict[str, Any]:
    """A job with its paths and progress."""
    shown = {"paths": [path_json(path) for path in paths], "progress": progress_json(progress)}
    return job_json(view) | shown


def progress_json(progress: Progress) -> dict[str, Any]:
    """The member ``progress``."""
    return {
        "totalGoal": progress.total_goal,
        "totalCompleted": progress.total_completed,
        "percentComplete": progress.percent_complete,
        "pathProgress": [
            {
                "pathId": path.path_id,
                "pathName": path.path_name,
                "goal": path.goal,
                "completed": path.completed,
                "percentComplete": path.percent_complete,
            }
            for path in progress.paths
        ],
    }


def path_json(path: PathView) -> dict[str, Any]:
    """A path with its steps in order."""
    return {
        "id": path.id,
        "jobId": path.job_id,
        "name": path.name,
        "goalQuantity": path.goal_quantity,
        "advancementMode": path.route.mode,
        "steps": [step_json(step, order) for order, step in enumerate(path.route.steps)],
        "createdAt": iso_millis(path.created_at),
        "updatedAt": iso_millis(path.updated_at),
    }


def step_json(step: Step, order: int) -> dict[str, Any]:
    """One stop of a path; ``order`` from 0."""
    return {
        "id": step.id,
        "name": step.name,
        "order": order,
        **present(location=step.location),
        "optional": step.optional,
        "dependencyType": step.dependency_type,
    }

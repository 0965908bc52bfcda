"""Labels of states, sources and causes, shared by all pages."""

from typing import NamedTuple

from shared.states import REJECTION_WORDS, AttemptOutcome, FailureCode, Source, TaskStatus
from shared.sync.summary import JiraState

STATUS: dict[str, str] = {
    TaskStatus.PENDING: "Waiting",
    TaskStatus.RUNNING: "Running",
    TaskStatus.FILLED: "Filled",
    TaskStatus.FAILED: "Failed",
    TaskStatus.CANCELLED: "Cancelled",
}
SOURCE: dict[str, str] = {
    Source.API: "Read from Jira",
    Source.WEBHOOK: "Webhook",
    Source.POLL: "Poll",
    Source.MIRROR: "Our copy",
}
ATTEMPT: dict[str, str] = {
    AttemptOutcome.FILLED: "Filled",
    AttemptOutcome.FAILED: "Failed",
    AttemptOutcome.WAITING: "Postponed",
    AttemptOutcome.CRASHED: "Interrupted",
}
TONE: dict[str, str] = {
    TaskStatus.PENDING: "wait",
    TaskStatus.RUNNING: "busy",
    TaskStatus.FILLED: "good",
    TaskStatus.FAILED: "bad",
    TaskStatus.CANCELLED: "off",
    AttemptOutcome.WAITING: "wait",
    AttemptOutcome.CRASHED: "bad",
}
"""The tone of the badge of a task or an attempt: good, bad, wait, busy or off."""


class Cause(NamedTuple):
    """A cause of failures, and what an operator can do about it."""

    title: str
    remedy: str


CAUSE: dict[str, Cause] = {
    FailureCode.TICKET_NOT_FOUND: Cause(
        "Ticket not found",
        "Jira has no such ticket, or our account may not see it. Check the keys, or give the "
        "account access to the project, then retry.",
    ),
    FailureCode.PROJECT_NOT_ALLOWED: Cause(
        "Project not allowed",
        "The tickets are in none of the projects in JIRA_PROJECT, or were moved out of them. Add "
        "the project to JIRA_PROJECT, then retry, or cancel these tasks.",
    ),
    FailureCode.NO_PERMISSION: Cause(
        "No permission",
        "Our Jira account may not read these tickets. Give it the Browse Projects permission, "
        "then retry.",
    ),
    FailureCode.UNUSABLE_TICKET: Cause(
        "Unusable ticket",
        "Jira answered in a form that we cannot read. Compare the field mapping with the ticket, "
        "then retry.",
    ),
    FailureCode.TICKET_DELETED: Cause(
        "Ticket deleted",
        "The ticket was deleted in Jira before it could be read. Restore it there and retry, "
        "or cancel these tasks.",
    ),
    FailureCode.CRASHED: Cause(
        "Stopped the worker",
        "A worker stopped three times while it read these tickets, so they are quarantined. Read "
        "the worker's log before you retry.",
    ),
    FailureCode.JOB_DELETED: Cause("Job deleted", "The job was deleted: there is nothing to fill."),
}
SKIPPED: dict[str, str] = {
    "already_filled": "already filled",
    "already_waiting": "already waiting",
    "already_cancelled": "already cancelled",
    "running": "running right now",
    "job_deleted": "their job was deleted",
    "waiting": "not applied yet",
    "body_gone": "the body is no longer kept",
}
REJECTION: dict[str, Cause] = {reason: Cause(*words) for reason, words in REJECTION_WORDS.items()}
"""Why webhooks were rejected, and the remedy."""


class StateLabel(NamedTuple):
    """A state in words and the tone of its badge."""

    title: str
    tone: str


JIRA: dict[str, StateLabel] = {
    JiraState.OK: StateLabel("Answers", "good"),
    JiraState.UNKNOWN: StateLabel("Not called yet", "off"),
    JiraState.LIMITED: StateLabel("Limited", "wait"),
    JiraState.DOWN: StateLabel("Down", "bad"),
    JiraState.CREDENTIALS_REFUSED: StateLabel("Credentials refused", "bad"),
    JiraState.CAPTCHA: StateLabel("Locked", "bad"),
}

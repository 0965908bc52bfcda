"""Enumerations of states, sources and reasons, with their texts for people."""

from enum import StrEnum


class TaskStatus(StrEnum):
    """The states of a sync task; ``shared.sync.moves`` has the moves between them."""

    PENDING = "pending"
    RUNNING = "running"
    FILLED = "filled"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATUSES = (TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.FAILED)
"""Statuses in which a ticket can still fill the job."""


class Source(StrEnum):
    """What brought a ticket to us."""

    API = "api"
    WEBHOOK = "webhook"
    POLL = "poll"
    MIRROR = "mirror"


class FailureCode(StrEnum):
    """Why a sync task ended without a fill (spec/API.md, ``jiraSync.error``)."""

    TICKET_NOT_FOUND = "ticket_not_found"
    PROJECT_NOT_ALLOWED = "project_not_allowed"
    NO_PERMISSION = "no_permission"
    UNUSABLE_TICKET = "unusable_ticket"
    TICKET_DELETED = "ticket_deleted"
    CRASHED = "crashed"
    JOB_DELETED = "job_deleted"


class WaitCode(StrEnum):
    """Why no call to Jira is made (spec/API.md, ``jiraSync.waitingFor``)."""

    JIRA_DOWN = "jira_down"
    RATE_LIMITED = "rate_limited"
    CREDENTIALS_REFUSED = "credentials_refused"
    CAPTCHA_LOCK = "captcha_lock"


class Operation(StrEnum):
    """What operators do: retry or cancel sync tasks, replay deliveries."""

    RETRY = "retry"
    CANCEL = "cancel"
    REPLAY = "replay"


class BulkStatus(StrEnum):
    """Where a bulk action stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """Given up: every process that took it ended before it had finished one batch."""


class ProjectState(StrEnum):
    """Where a project of the poll stands; ``shared.tickets.projects`` has the moves."""

    POLLED = "polled"
    LOST = "lost"
    BACK = "back"
    CATCHING_UP = "catching_up"


class AttemptOutcome(StrEnum):
    """How one attempt to fill a task ended."""

    FILLED = "filled"
    FAILED = "failed"
    WAITING = "waiting"
    CRASHED = "crashed"


WAIT_WORDS: dict[WaitCode, str] = {
    WaitCode.JIRA_DOWN: "Jira cannot be reached or answers with errors; we try again by ourselves.",
    WaitCode.RATE_LIMITED: "Jira asked us to slow down; we go on when its limit allows.",
    WaitCode.CREDENTIALS_REFUSED: (
        "Jira refuses our credentials (wrong, expired or withdrawn); set new ones and work goes on."
    ),
    WaitCode.CAPTCHA_LOCK: (
        "Jira has locked the account behind a CAPTCHA: log in once with a browser, "
        "then run `routecard resume`."
    ),
}

FAILURE_WORDS: dict[FailureCode, str] = {
    FailureCode.TICKET_NOT_FOUND: (
        "Jira has no ticket {key}, or our account may not see it. "
        "Check the key, or give the account access to its project, then retry."
    ),
    FailureCode.PROJECT_NOT_ALLOWED: (
        "Ticket {key} is in none of the projects in JIRA_PROJECT, so it may not fill the job. "
        "Add its project to JIRA_PROJECT, then retry."
    ),
    FailureCode.NO_PERMISSION: (
        "Our Jira account may not read ticket {key}. Give it access to the project, then retry."
    ),
    FailureCode.UNUSABLE_TICKET: "Ticket {key} came back in a form we cannot use: {detail}",
    FailureCode.TICKET_DELETED: "Ticket {key} was deleted in Jira before it could be read.",
    FailureCode.CRASHED: (
        "Reading ticket {key} stopped the worker three times; it is set aside so that "
        "other jobs go on."
    ),
    FailureCode.JOB_DELETED: "The job was deleted.",
}


def failure_message(code: FailureCode, *, key: str, detail: str = "") -> str:
    """The message beside the job, with its ticket's key."""
    return FAILURE_WORDS[code].format(key=key, detail=detail)


class DeliveryOutcome(StrEnum):
    """The outcome of a webhook delivery (spec/API.md, "Outcomes of a delivery")."""

    FILLED = "filled"
    NOTED = "noted"
    UNLINKED = "unlinked"
    STALE = "stale"
    IGNORED = "ignored"
    FAILED = "failed"


class RejectionReason(StrEnum):
    """Why a request to the webhook was rejected; nothing of it is stored."""

    NO_PROOF = "no_proof"
    MALFORMED_SIGNATURE = "malformed_signature"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_TOKEN = "wrong_token"  # noqa: S105  a reason's name, no token
    WRONG_CREDENTIALS = "wrong_credentials"
    EMPTY_BODY = "empty_body"
    NOT_CONFIGURED = "not_configured"
    TOO_LARGE = "too_large"
    BUSY = "busy"


REJECTION_WORDS: dict[RejectionReason, tuple[str, str]] = {
    RejectionReason.NO_PROOF: (
        "No proof of origin",
        "Enter the secret in Jira's webhook form, or find out what else calls this address.",
    ),
    RejectionReason.MALFORMED_SIGNATURE: (
        "Signature in an unknown form",
        "Let the sender sign with sha256, and no proxy change the header X-Hub-Signature.",
    ),
    RejectionReason.WRONG_SIGNATURE: (
        "Wrong signature",
        "Set JIRA_WEBHOOK_SECRET to the secret of Jira's form; let no proxy change the body.",
    ),
    RejectionReason.WRONG_TOKEN: (
        "Wrong token",
        "Set JIRA_WEBHOOK_TOKEN_HASH to the SHA-256 of the token that the sender has.",
    ),
    RejectionReason.WRONG_CREDENTIALS: (
        "Wrong user or password",
        "Set JIRA_WEBHOOK_USER and JIRA_WEBHOOK_PASSWORD to those of Jira's webhook form.",
    ),
    RejectionReason.EMPTY_BODY: ("Empty body", "In Jira's webhook form, do not exclude the body."),
    RejectionReason.NOT_CONFIGURED: (
        "Not set up in Routecard",
        "Set JIRA_WEBHOOK_SECRET to the secret of Jira's webhook form.",
    ),
    RejectionReason.TOO_LARGE: ("Larger than 25 MiB", "Find the ticket that grew so large."),
    RejectionReason.BUSY: (
        "Too many at once",
        "Jira sends them again by itself; more API processes accept more at once.",
    ),
}
"""What each reason means, and the remedy."""


class AdvancementMode(StrEnum):
    """Which moves of units along a path's steps are allowed (spec/API.md, paths)."""

    STRICT = "strict"
    FLEXIBLE = "flexible"
    PER_STEP = "per_step"


class DependencyType(StrEnum):
    """How a step restricts the later ones; used by ``per_step`` paths only."""

    PHYSICAL = "physical"
    PREFERRED = "preferred"
    COMPLETION_GATE = "completion_gate"


class SerialStatus(StrEnum):
    """The states of a unit."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    SCRAPPED = "scrapped"


class ScrapReason(StrEnum):
    """Why a unit was scrapped; ``other`` needs an explanation."""

    OUT_OF_TOLERANCE = "out_of_tolerance"
    PROCESS_DEFECT = "process_defect"
    DAMAGED = "damaged"
    OPERATOR_ERROR = "operator_error"
    OTHER = "other"


class SerialAction(StrEnum):
    """The entries of a unit's history."""

    CREATED = "created"
    ADVANCED = "advanced"
    COMPLETED = "completed"
    SCRAPPED = "scrapped"


class Scope(StrEnum):
    """What a credential can be allowed to do."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    OPS_READ = "ops:read"
    OPS_WRITE = "ops:write"


class Role(StrEnum):
    """What an operator may do on the dashboard."""

    READ_ONLY = "read-only"
    FULL = "full"


class ActorKind(StrEnum):
    """How the author of an action was authenticated."""

    TOKEN = "token"  # noqa: S105  a kind, no secret
    OPERATOR = "operator"
    COMMAND = "command"
    OPEN = "open"

"""The Celery tasks by name, and the queue that each of them uses."""

from enum import StrEnum


class Queue(StrEnum):
    """``JIRA``: tasks that may wait for Jira. ``INTERNAL``: tasks that need only our servers."""

    JIRA = "jira"
    INTERNAL = "internal"


class TaskName(StrEnum):
    """Celery tasks by name."""

    DRAIN = "routecard.drain"
    SWEEP = "routecard.sweep"
    DELIVER = "routecard.deliver"
    MAP_FIELDS = "routecard.map_fields"
    PRUNE = "routecard.prune"
    FILLED_COUNT = "routecard.filled_count"
    POLL = "routecard.poll"
    DELETED_TICKETS = "routecard.deleted_tickets"
    EXAMINE = "routecard.examine"
    BULK_ACTIONS = "routecard.bulk_actions"


ROUTES = {
    TaskName.DRAIN: Queue.JIRA,
    TaskName.SWEEP: Queue.INTERNAL,
    TaskName.DELIVER: Queue.INTERNAL,
    TaskName.MAP_FIELDS: Queue.JIRA,
    TaskName.PRUNE: Queue.INTERNAL,
    TaskName.FILLED_COUNT: Queue.INTERNAL,
    TaskName.POLL: Queue.JIRA,
    TaskName.DELETED_TICKETS: Queue.JIRA,
    TaskName.EXAMINE: Queue.JIRA,
    TaskName.BULK_ACTIONS: Queue.INTERNAL,
}

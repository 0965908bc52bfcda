"""The Celery tasks by name, and the queue that each of them uses."""

from enum import StrEnum
from typing import Self


class Queue(StrEnum):
    """``JIRA``: tasks that may wait for Jira. ``INTERNAL``: tasks that need only our servers."""

    JIRA = "jira"
    INTERNAL = "internal"


class TaskName(StrEnum):
    """Celery tasks by name, each with its queue."""

    queue: Queue

    def __new__(cls, name: str, queue: Queue) -> Self:
        task = str.__new__(cls, name)
        task._value_, task.queue = name, queue
        return task

    DRAIN = "routecard.drain", Queue.JIRA
    SWEEP = "routecard.sweep", Queue.INTERNAL
    DELIVER = "routecard.deliver", Queue.INTERNAL
    MAP_FIELDS = "routecard.map_fields", Queue.JIRA
    PRUNE = "routecard.prune", Queue.INTERNAL
    FILLED_COUNT = "routecard.filled_count", Queue.INTERNAL
    POLL = "routecard.poll", Queue.JIRA
    DELETED_TICKETS = "routecard.deleted_tickets", Queue.JIRA
    EXAMINE = "routecard.examine", Queue.JIRA
    BULK_ACTIONS = "routecard.bulk_actions", Queue.INTERNAL

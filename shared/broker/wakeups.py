"""Wake-ups: a flag in Redis that limits the message "something is due" to one a second."""

from enum import Enum

from shared.broker.redis_client import KEY_PREFIX, Redis
from shared.broker.task_names import TaskName
from shared.states import Operation

WAKEUP_MILLIS = 1000
"""How long a flag suppresses further messages, unless the worker clears it first."""


class Wakeup(Enum):
    """What can be due, each with its flag in Redis and the task that handles it."""

    TASKS = ("tasks", TaskName.DRAIN)
    DELIVERIES = ("deliveries", TaskName.DELIVER)
    DOCTOR = ("doctor", TaskName.EXAMINE)
    BULK_ACTIONS = ("bulk_actions", TaskName.BULK_ACTIONS)

    def __init__(self, name: str, message: TaskName) -> None:
        self.key = f"{KEY_PREFIX}wakeup:{name}"
        self.message = message

    @classmethod
    def after(cls, operation: Operation) -> "Wakeup":
        """The wake-up for what an operator's action has made due."""
        return cls.DELIVERIES if operation is Operation.REPLAY else cls.TASKS


def set_flag(client: Redis, wakeup: Wakeup) -> bool:
    """Set the flag; returns whether it was clear, so that the caller sends the message."""
    return bool(client.set(wakeup.key, 1, nx=True, px=WAKEUP_MILLIS))


def clear_flag(client: Redis, wakeup: Wakeup) -> None:
    """Clear the flag; the next wake-up sends a message again."""
    client.delete(wakeup.key)

"""Messages to our own queues, best effort: what is lost is sent again by sweep or beat."""

from typing import Any

from celery import Celery

from shared.broker import wakeups
from shared.broker.celery_app import send
from shared.broker.task_names import TaskName
from shared.broker.wakeups import Wakeup
from shared.logs import get_logger

log = get_logger(__name__)


class Messages:
    """Sends Celery messages and wake-ups. No method raises: the database holds what is due."""

    def __init__(self, celery: Celery, redis: Any) -> None:
        self._celery = celery
        self._redis = redis

    def send(self, message: TaskName, *, expires: float = 30.0) -> None:
        """Send one message, which is worthless after ``expires`` seconds."""
        try:
            send(self._celery, message, expires=expires)
        except Exception as error:  # noqa: BLE001  kombu lets errors of every layer through
            log.warning("message_not_sent", message=message.value, error=type(error).__name__)

    def notify(self, wakeup: Wakeup) -> None:
        """Send the wake-up's message, unless one was sent within the last second."""
        try:
            first = wakeups.set_flag(self._redis, wakeup)
        except Exception as error:  # noqa: BLE001  every layer of the client has its own errors
            log.warning("wakeup_not_set", wakeup=wakeup.name, error=type(error).__name__)
        else:
            if first:
                self.send(wakeup.message)

    def clear(self, wakeup: Wakeup) -> None:
        """Forget the wake-up. Call it before the claim, so that later rows send a new message."""
        try:
            wakeups.clear_flag(self._redis, wakeup)
        except Exception as error:  # noqa: BLE001  every layer of the client has its own errors
            log.warning("wakeup_not_cleared", wakeup=wakeup.name, error=type(error).__name__)

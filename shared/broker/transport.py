"""What we change in kombu's Redis transport and in Celery's connection (docs/adr/0005)."""

from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import redis as redis_transport

from shared.broker.task_names import Queue

MAX_QUEUE_LENGTH = 200
"""Messages a queue holds: what is due is in the database, so more of them say nothing new."""


class LossyChannel(redis_transport.Channel):
    """A channel that may lose messages, because what they announce is in the database.

    It does not restore unacknowledged messages when its connection is lost: kombu tries that over
    the lost connection, and the AttributeError ends the worker. It drops messages for a full
    queue: without a worker, beat's messages would fill the broker, and the next worker would have
    to read them all first.
    """

    do_restore = False

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        if queue not in tuple(Queue) or self._size(queue) < MAX_QUEUE_LENGTH:
            super()._put(queue, message, **kwargs)


class LossyTransport(redis_transport.Transport):
    """kombu's Redis transport with our channel."""

    Channel = LossyChannel


class FastReconnectConnection(Connection):
    """A broker connection that retries every two seconds at most, however long the outage.

    Celery's backoff grows to 32 s and has no setting, but work must be done within 30 s after the
    broker is back (docs/architecture.md, time limits).
    """

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, with as many attempts as needed; the worker's consumer calls this."""
        steps = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2.0}
        return super().ensure_connection(*args, **{**kwargs, **steps})


class FastReconnectAMQP(AMQP):
    """Celery's AMQP façade with our connection."""

    Connection = FastReconnectConnection

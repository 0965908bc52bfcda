"""Celery's factory, the names of its tasks, and the doorbell that says work is waiting."""

import threading
from enum import Enum, StrEnum
from typing import Any

import redis
from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Queue
from kombu.transport import redis as redis_transport
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.clock import Clock, SystemClock
from shared.logs import get_logger
from shared.settings import Settings

log = get_logger(__name__)

QUEUE_JIRA = "jira"
QUEUE_INNER = "inner"
TASKS_WAKEUP_KEY = "routecard:doorbell"
INBOX_WAKEUP_KEY = "routecard:doorbell:inbox"
DOCTOR_WAKEUP_KEY = "routecard:doorbell:doctor"
WAKEUP_MILLIS = 1000
MOST_WAITING = 200
"""Messages a queue holds: more would say nothing new."""
TASK_SECONDS = 120.0
"""Celery's time limit for work inside: above the runs of prune and deliver with their last step."""
LONGEST_SECONDS = 180.0
"""No Celery task of any kind is given more."""
SILENCE_SECONDS = (1.0, 5.0)
"""How long a bell that could not be rung is left alone: at first, and at most."""


class TaskName(StrEnum):
    """Celery tasks by name; a contract test holds them against the worker's registry."""

    DRAIN = "routecard.drain"
    SWEEP = "routecard.sweep"
    DELIVER = "routecard.deliver"
    MAP_FIELDS = "routecard.map_fields"
    PRUNE = "routecard.prune"
    TALLY = "routecard.tally"
    POLL = "routecard.poll"
    DELETED_TICKETS = "routecard.existence"
    EXAMINE = "routecard.examine"


ROUTES = {
    TaskName.DRAIN: QUEUE_JIRA,
    TaskName.SWEEP: QUEUE_INNER,
    TaskName.DELIVER: QUEUE_INNER,
    TaskName.MAP_FIELDS: QUEUE_JIRA,
    TaskName.PRUNE: QUEUE_INNER,
    TaskName.TALLY: QUEUE_INNER,
    TaskName.POLL: QUEUE_JIRA,
    TaskName.DELETED_TICKETS: QUEUE_JIRA,
    TaskName.EXAMINE: QUEUE_JIRA,
}


class Wakeup(Enum):
    """What can be due, each with its flag in Redis and the message that sees to it."""

    TASKS = (TASKS_WAKEUP_KEY, TaskName.DRAIN)
    INBOX = (INBOX_WAKEUP_KEY, TaskName.DELIVER)
    DOCTOR = (DOCTOR_WAKEUP_KEY, TaskName.EXAMINE)

    def __init__(self, key: str, message: TaskName) -> None:
        self.key = key
        self.message = message


class ForgetfulChannel(redis_transport.Channel):
    """A channel for messages that are worth nothing: what is to be done is in the database.

    It does not give unacknowledged messages back when its connection is gone: kombu tries that
    over the lost connection and ends the worker with an AttributeError. And it adds none to a
    queue that is full of them: while no worker is there, beat's would else fill the broker, and
    the worker that comes back would first have to read them all.
    """

    do_restore = False

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        if queue not in (QUEUE_JIRA, QUEUE_INNER) or self._size(queue) < MOST_WAITING:
            super()._put(queue, message, **kwargs)


class ForgetfulTransport(redis_transport.Transport):
    """kombu's Redis transport with our channel."""

    Channel = ForgetfulChannel


class PromptConnection(Connection):
    """A broker connection that is tried again within two seconds, however long it was away.

    Celery's own backoff grows to 32 s and cannot be set: work must be done 30 s after the broker
    is back (docs/architecture.md, time limits).
    """

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, however often it takes; what the worker's consumer calls when it lost it."""
        steps = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2.0}
        return super().ensure_connection(*args, **{**kwargs, **steps})


class PromptAMQP(AMQP):
    """Celery's AMQP façade over our connection."""

    Connection = PromptConnection


def make_celery(settings: Settings) -> Celery:
    """Celery on the broker of these settings; opens no connection."""
    app = Celery("routecard", set_as_current=False, amqp=PromptAMQP)
    app.conf.update(
        broker_url=settings.redis_dsn(),
        # By name: pooled connections, which producers send on, are none of our class.
        broker_transport=f"{__name__}:{ForgetfulTransport.__name__}",
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            # Order of limits: HTTP timeout < task limit < lease < visibility timeout.
            "visibility_timeout": int(2 * max(settings.lease_seconds, LONGEST_SECONDS)),
            "socket_connect_timeout": 0.5,
            "socket_timeout": 5.0,
            "max_retries": 3,
            "interval_start": 0.2,
            "interval_max": 1.0,
            "global_keyprefix": "routecard:",
        },
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        # In kB: a pool process that grew, as over large webhooks, is replaced between two tasks.
        worker_max_memory_per_child=500_000,
        worker_hijack_root_logger=False,
        # An executing drain is worth finishing: its lease, not its message, decides what counts.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_queues=[Queue(QUEUE_JIRA), Queue(QUEUE_INNER)],
        task_default_queue=QUEUE_INNER,
        task_routes={name.value: {"queue": queue} for name, queue in ROUTES.items()},
        task_time_limit=TASK_SECONDS,
        enable_utc=True,
        timezone="UTC",
    )
    return app


def make_redis(settings: Settings, *, timeout: float = 0.3) -> "redis.Redis":
    """A Redis client that gives up after ``timeout`` seconds and never retries by itself."""
    return redis.Redis.from_url(
        settings.redis_dsn(),
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def send(celery: Celery, message: TaskName, *, expires: float = 30.0) -> None:
    """Send one message; it is worthless after ``expires`` seconds."""
    celery.send_task(message, expires=expires, retry=False)


class Notifier:
    """Tells the workers that something is due, at no cost to whoever rings.

    ``ring`` sets a flag and returns; a thread of its own talks to the broker, one message a
    second at most. A broker that is down or silent costs a request nothing and loses nothing:
    the sweep finds the rows (docs/adr/0003).
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._rung = threading.Event()
        self._bells: set[Wakeup] = set()
        self._closed = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._silence = 0.0

    def notify(self, bell: Wakeup = Wakeup.TASKS) -> None:
        """Say that something is due. Never blocks, never raises."""
        self._bells.add(bell)
        self._rung.set()
        if self._thread is None or not self._thread.is_alive():
            self._launch()

    def close(self) -> None:
        """Stop the thread; a bell rung before is still answered."""
        self._closed.set()
        self._rung.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _launch(self) -> None:
        """Start the thread, also in a process forked from one where it ran, or after it fell."""
        with self._start:
            alive = self._thread is not None and self._thread.is_alive()
            if not alive and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        client = make_redis(self._settings)
        celery = make_celery(self._settings)
        celery.conf.broker_transport_options |= {"socket_timeout": 0.5, "max_retries": 0}
        while not self._closed.is_set():
            self._rung.wait()
            self._rung.clear()
            while self._bells:
                self._answer(client, celery, self._bells.pop())
        client.close()
        celery.close()

    def _answer(self, client: Any, celery: Celery, bell: Wakeup) -> None:
        try:
            if client.set(bell.key, 1, nx=True, px=WAKEUP_MILLIS):
                send(celery, bell.message)
            self._silence = 0.0
        except Exception as error:  # noqa: BLE001  kombu lets errors of every layer through
            shortest, longest = SILENCE_SECONDS
            self._silence = min(longest, max(shortest, self._silence * 2))
            log.warning("doorbell_failed", error=type(error).__name__, silence=self._silence)
            self._closed.wait(self._silence)

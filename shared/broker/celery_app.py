"""The Celery application: its configuration, and how a message is sent."""

import kombu
from celery import Celery

from shared.broker.redis_client import KEY_PREFIX
from shared.broker.task_names import Queue, TaskName
from shared.broker.transport import FastReconnectAMQP, LossyTransport
from shared.settings import Settings

DEFAULT_TIME_LIMIT = 120.0
"""Celery's time limit, in seconds, for tasks that do not wait for Jira."""
MAX_TIME_LIMIT = 180.0
"""Seconds; no Celery task has a longer time limit."""


def make_celery(settings: Settings) -> Celery:
    """Celery on the broker of these settings; opens no connection."""
    app = Celery("routecard", set_as_current=False, amqp=FastReconnectAMQP)
    app.conf.update(
        broker_url=settings.redis_dsn(),
        # By name: pooled connections, which producers send on, are not of the app's class.
        broker_transport=f"{LossyTransport.__module__}:{LossyTransport.__name__}",
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            # Order of limits: HTTP timeout < task limit < lease < visibility timeout.
            "visibility_timeout": int(2 * max(settings.lease_seconds, MAX_TIME_LIMIT)),
            "socket_connect_timeout": 0.5,
            "socket_timeout": 5.0,
            "max_retries": 3,
            "interval_start": 0.2,
            "interval_max": 1.0,
            "global_keyprefix": KEY_PREFIX,
        },
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        # In kB: a pool process that has grown, for example by large webhooks, is replaced between
        # two tasks.
        worker_max_memory_per_child=500_000,
        worker_hijack_root_logger=False,
        # A running drain is worth finishing: its lease, not its message, decides what counts.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_queues=[kombu.Queue(queue.value) for queue in Queue],
        task_default_queue=Queue.INTERNAL.value,
        task_routes={name.value: {"queue": name.queue.value} for name in TaskName},
        task_time_limit=DEFAULT_TIME_LIMIT,
        enable_utc=True,
        timezone="UTC",
    )
    return app


def send(celery: Celery, message: TaskName, *, expires: float = 30.0) -> None:
    """Send one message; it is worthless after ``expires`` seconds."""
    celery.send_task(message, expires=expires, retry=False)

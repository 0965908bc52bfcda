"""Queues stay short, keys have our prefix, and the notifier works in a forked process too."""

import subprocess
import sys
from pathlib import Path

import pytest
import redis

from shared.broker import wakeups
from shared.broker.celery_app import make_celery, send
from shared.broker.redis_client import KEY_PREFIX, make_redis
from shared.broker.task_names import Queue, TaskName
from shared.broker.transport import MAX_QUEUE_LENGTH
from shared.broker.wakeups import Wakeup
from shared.clock import SystemClock
from shared.settings import Settings
from worker.jira.rate_limit import make_budget
from worker.sync.pacing import Pacing

FORKED = """
import os, sys, time
from shared.broker.notifier import Notifier
from shared.broker.redis_client import make_redis
from shared.broker.wakeups import Wakeup
from shared.settings import Settings

settings = Settings(REDIS_URL=sys.argv[1])
client = make_redis(settings, timeout=5)

def sent(times):
    deadline = time.monotonic() + 10
    while client.llen("routecard:jira") < times:
        assert time.monotonic() < deadline, client.llen("routecard:jira")
        time.sleep(0.02)
    client.delete(Wakeup.TASKS.key)

notifier = Notifier(settings)
notifier.notify()
sent(1)
child = os.fork()
if child == 0:
    notifier.notify()
    sent(2)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_messages_that_no_worker_fetches_do_not_pile_up(settings: Settings) -> None:
    celery = make_celery(settings)
    for _ in range(MAX_QUEUE_LENGTH + 100):
        send(celery, TaskName.SWEEP)
    celery.close()
    client = redis.Redis.from_url(settings.redis_dsn())
    assert client.llen(f"routecard:{Queue.INTERNAL}") == MAX_QUEUE_LENGTH
    client.close()


def test_every_key_begins_with_our_prefix(settings: Settings) -> None:
    client = make_redis(settings, timeout=5)
    celery = make_celery(settings)
    send(celery, TaskName.SWEEP)
    send(celery, TaskName.DRAIN)
    wakeups.set_flag(client, Wakeup.TASKS)
    Pacing(client).full_batch_started()
    clock = SystemClock()
    budget = make_budget(settings, client=client, clock=clock)
    budget.slow_down()
    budget.acquire(deadline=clock.monotonic() + 5)
    with celery.connection_for_read() as connection:
        received = connection.SimpleQueue(Queue.JIRA.value).get(timeout=5)
        keys = client.keys()
        received.ack()
    assert {"routecard:internal", "routecard:unacked", Wakeup.TASKS.key} <= set(keys)
    assert any("limits" in key for key in keys)
    assert [key for key in keys if not key.startswith(KEY_PREFIX)] == []
    celery.close()
    client.close()


def test_a_process_forked_after_the_first_notification_notifies_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-W", "ignore", "-c", FORKED, settings.redis_dsn()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr

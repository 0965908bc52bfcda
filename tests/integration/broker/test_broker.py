"""The broker's queues stay short, and a doorbell rings in whatever process it finds itself."""

import subprocess
import sys
from pathlib import Path

import pytest
import redis

from shared.broker.celery_app import MOST_WAITING, QUEUE_INNER, TaskName, make_celery, send
from shared.settings import Settings

FORKED = """
import os, sys, time
from shared.broker.celery_app import TASKS_WAKEUP_KEY, Notifier, make_redis
from shared.settings import Settings

settings = Settings(REDIS_URL=sys.argv[1])
client = make_redis(settings, timeout=5)

def sent(times):
    deadline = time.monotonic() + 10
    while client.llen("routecard:jira") < times:
        assert time.monotonic() < deadline, client.llen("routecard:jira")
        time.sleep(0.02)
    client.delete(TASKS_WAKEUP_KEY)

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


def test_messages_that_nobody_fetches_do_not_pile_up(settings: Settings) -> None:
    celery = make_celery(settings)
    for _ in range(MOST_WAITING + 100):
        send(celery, TaskName.SWEEP)
    celery.close()
    client = redis.Redis.from_url(settings.redis_dsn())
    assert client.llen(f"routecard:{QUEUE_INNER}") == MOST_WAITING
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

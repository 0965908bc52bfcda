"""Bulk actions whose processes are killed: each ends once, with counts that are right."""

import threading
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, text

from shared.accounts.audit import AuditContext
from shared.accounts.credentials import Actor
from shared.actions import bulk
from shared.actions.bulk import Lease
from shared.database.engine import begin, in_transaction
from shared.models import AuditEvent, BulkAction
from shared.states import ActorKind, Operation
from shared.sync.queries import EVERYTHING
from tests.dsl import make_failed_tasks
from tests.support.data.bulk import read, start
from tests.support.jira.simulated import SimulatedJira
from tests.support.servers.processes import Parts, parts
from tests.support.waiting import eventually
from worker.dev.valkey import free_port

TASKS = 20_000
CONTEXT = AuditContext(actor=Actor(ActorKind.TOKEN, "on-call"), reason="rights given")


@pytest.fixture(autouse=True)
def _jira_is_down(jira: SimulatedJira) -> None:
    """Tasks that are retried wait, so that each of them can be counted."""
    jira.fault("503")


def released_retry(engine: Engine) -> Lease:
    """A retry of all tasks that its request has left to the workers."""
    make_failed_tasks(engine, TASKS)
    lease = start(engine, Operation.RETRY, EVERYTHING, context=CONTEXT)
    in_transaction(engine, lambda session: bulk.release(session, lease))
    return lease


def in_the_middle(engine: Engine, lease: Lease) -> bool:
    """Whether some batches are done, and not all."""
    return 0 < read(engine, lease).changed < TASKS


def statuses(engine: Engine) -> dict[str, int]:
    with begin(engine) as session:
        rows = session.execute(text("SELECT status, count(*) FROM sync_tasks GROUP BY status"))
        return {row.status: row.count for row in rows}


def ended_once(engine: Engine) -> bool:
    """The action and its audit event have ended together, and every task was changed once."""
    with begin(engine) as session:
        action, event = session.query(BulkAction).one(), session.query(AuditEvent).one()
    assert action.status == "done"
    assert (action.changed, action.cursor) == (TASKS, action.upto)
    assert event.ended_at == action.ended_at
    assert event.counts == {"matched": TASKS, "changed": TASKS, "skipped": {}}
    assert "failed" not in statuses(engine)
    return True


def test_workers_killed_in_the_middle_of_a_retry_of_all_end_it_once(
    engine: Engine, routecard: Parts
) -> None:
    lease = released_retry(engine)
    routecard.start("beat")
    done = 0
    for _ in range(2):
        routecard.start("worker")
        eventually(lambda done=done: read(engine, lease).changed > done, within=60, every=0.01)
        routecard.kill("worker")
        done = read(engine, lease).changed
        assert in_the_middle(engine, lease)
        assert statuses(engine)["failed"] == TASKS - done
    routecard.start("worker")
    eventually(lambda: ended_once(engine), within=90)


def test_two_workers_share_a_retry_of_all_and_double_nothing(
    engine: Engine, routecard: Parts, environment: dict[str, str], tmp_path: Path
) -> None:
    released_retry(engine)
    other = tmp_path / "other"
    other.mkdir()
    with parts(environment, other) as second:
        routecard.start("worker")
        second.start("worker")
        routecard.start("beat")
        eventually(lambda: ended_once(engine), within=90)


def test_an_action_whose_request_was_killed_is_finished_by_a_worker(
    engine: Engine, environment: dict[str, str], tmp_path: Path
) -> None:
    make_failed_tasks(engine, TASKS)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with parts({**environment, "ROUTECARD_PORT": str(port)}, tmp_path) as running:
        running.start("api")
        eventually(lambda: _answers(address), within=60)
        lost = threading.Thread(target=_retry_all, args=(address,))
        lost.start()
        eventually(lambda: _has_begun(engine), within=30, every=0.01)
        running.kill("api")
        lost.join(30)
        with begin(engine) as session:
            assert session.query(BulkAction).one().ended_at is None
            assert session.query(AuditEvent).one().ended_at is None
        running.start("worker")
        running.start("beat")
        eventually(lambda: ended_once(engine), within=90)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def _retry_all(address: str) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{address}/api/sync/tasks/retry", json={"filter": {}}, timeout=30)


def _has_begun(engine: Engine) -> bool:
    with begin(engine) as session:
        return session.query(BulkAction).count() == 1

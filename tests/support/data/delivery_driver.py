"""Short calls for tests of deliveries: store one, apply it, read the result."""

from typing import Any

from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.models import Delivery, Job, SyncTask, TicketCopy
from shared.states import FailureCode
from shared.sync import leases
from shared.sync import settle as sync_settle
from shared.sync import tasks as sync_tasks
from tests.dsl import make_job, site_id
from tests.support.jira.hooks import Inbox
from worker.runtime import Runtime
from worker.webhooks.deliver import deliver


class DeliveryDriver:
    """Short calls for these tests, each in its own transaction."""

    def __init__(self, engine: Engine, runtime: Runtime) -> None:
        self.engine = engine
        self.inbox = Inbox(engine)
        self.runtime = runtime

    def job(self, key: str = "PI-42", **changes: Any) -> str:
        return make_job(self.engine, key, **changes)

    def receive(self, body: Any = None, **arrival: Any) -> Delivery:
        """Put a delivery in and apply it."""
        delivery_id = self.inbox.put(body, **arrival)
        deliver(self.runtime)
        return self.inbox.row(delivery_id)

    def read(self, job_id: str) -> Job:
        with begin(self.engine) as session:
            return session.get_one(Job, job_id)

    def task(self, job_id: str) -> SyncTask:
        with begin(self.engine) as session:
            found = sync_tasks.of_job(session, job_id)
        assert found is not None
        return found

    def copy(self, issue_id: str = "10042") -> TicketCopy | None:
        with begin(self.engine) as session:
            return session.get(TicketCopy, (site_id(session), issue_id))

    def copied(self, issue_id: str = "10042") -> TicketCopy:
        found = self.copy(issue_id)
        assert found is not None
        return found

    def fail(self, code: FailureCode) -> None:
        with begin(self.engine) as session:
            claims = leases.claim(session, lease_seconds=60)
            sync_settle.fail(session, claims, code=code, worker="w")

    def execute(self, statement: str, **values: Any) -> None:
        with begin(self.engine) as session:
            session.execute(text(statement), values)

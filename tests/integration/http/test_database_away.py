"""The database goes away in the middle of a request: 503 only where nothing was written yet."""

import psycopg
from sqlalchemy import Engine, event, make_url

from shared.settings import Settings
from tests.dsl import api_client, make_failed_tasks
from tests.support.servers import postgres

WRITTEN = "SELECT id FROM sync_tasks WHERE status = 'pending'"
RETRY = {"filter": {"status": "failed"}}


def test_a_bulk_operation_that_is_cut_short_never_says_that_nothing_was_written(
    settings: Settings, engine: Engine, postgres_uri: str, dsn: str
) -> None:
    make_failed_tasks(engine, 3)
    address = make_url(dsn).set(drivername="postgresql").render_as_string()
    server = psycopg.connect(address, autocommit=True)

    def shut_once_written(*_: object) -> None:
        if server.closed or not server.execute(WRITTEN).fetchall():
            return
        server.close()
        postgres.shut(postgres_uri, dsn)

    event.listen(engine, "checkin", shut_once_written)
    with api_client(settings, engine) as api:
        answer = api.post("/api/sync/tasks/retry", RETRY)
        assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")
        assert "Retry-After" not in answer.headers
        again = api.post("/api/sync/tasks/retry", RETRY)
        assert (again.status_code, again.get_json()["code"]) == (503, "database_unavailable")
        assert again.headers["Retry-After"]

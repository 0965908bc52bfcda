"""The threads of an application end with it, after they have written their data."""

import threading

from sqlalchemy import Engine

from shared.database.engine import begin
from shared.settings import Settings
from shared.states import RejectionReason
from shared.webhooks import health as webhook_health
from tests.dsl import api_client, site_id


def rejections(engine: Engine) -> dict[RejectionReason, int]:
    """The rejected webhooks that are counted in the database."""
    with begin(engine) as session:
        found = webhook_health.webhook_health(session, site_id=site_id(session))
    return {one.reason: one.count for one in found.rejected}


def test_the_threads_of_an_application_end_with_it(settings: Settings, engine: Engine) -> None:
    before = set(threading.enumerate())
    with api_client(settings, engine) as api:
        waiting = {"Prefer": "wait=1"}
        job = {"name": "JOB-1", "goalQuantity": 5, "jiraTicketKey": "PI-42"}
        assert api.post("/api/jobs", job, headers=waiting).status_code == 201
        assert api.get("/readyz").status_code == 200
        assert api.raw("POST", "/api/webhooks/jira", b"").status_code == 401
        started = set(threading.enumerate()) - before
        assert {"rejections", "notifier"} <= {thread.name for thread in started}
    assert [thread.name for thread in started if thread.is_alive()] == []
    assert rejections(engine) == {RejectionReason.NOT_CONFIGURED: 1}

"""The metrics for Prometheus."""

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.states import RejectionReason, WaitCode
from shared.sync import pauses
from shared.webhooks import health as webhook_health
from tests.dsl import ApiClient, make_task_in_each_state

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(api: ApiClient) -> Samples:
    answer = api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_show_tasks_by_status_and_cause_with_the_age_of_the_oldest(
    api: ApiClient, engine: Engine
) -> None:
    tasks = make_task_in_each_state(engine)
    with begin(engine) as session:
        session.execute(
            text("UPDATE sync_tasks SET created_at = now() - interval '90 s' WHERE id = :id"),
            {"id": tasks["running"]},
        )
    found = scrape(api)
    by_status = {
        labels[0][1]: value for (name, labels), value in found.items() if name.endswith("tasks")
    }
    assert by_status == {"pending": 1, "running": 1, "filled": 1, "failed": 1, "cancelled": 2}
    assert found["routecard_sync_tasks_failed", (("code", "ticket_not_found"),)] == 1
    assert 89 < found["routecard_sync_oldest_waiting_seconds", ()] < 120


def test_metrics_show_jiras_state_and_heartbeats(api: ApiClient, engine: Engine) -> None:
    with begin(engine) as session:
        pauses.begin(session, credentials="c", code=WaitCode.JIRA_DOWN, message="m", delay=60)
        session.execute(text("INSERT INTO heartbeats VALUES ('worker', now())"))
    found = scrape(api)
    states = {
        labels[0][1] for (name, labels), on in found.items() if name.endswith("jira_state") and on
    }
    assert states == {"down"}
    assert found["routecard_part_alive", (("part", "worker"),)] == 1
    assert found["routecard_part_alive", (("part", "beat"),)] == 0


def test_metrics_show_webhooks_and_rejections(api: ApiClient, engine: Engine) -> None:
    with begin(engine) as session:
        reason = next(iter(RejectionReason))
        webhook_health.count_rejections(session, {reason: 3})
    found = scrape(api)
    assert found["routecard_webhook_rejected_total", (("reason", reason.value),)] == 3
    assert found["routecard_webhook_deliveries_waiting", ()] == 0


def test_metrics_show_requests_by_route_and_status_and_clients_cannot_add_labels(
    api: ApiClient,
) -> None:
    api.get("/api/jobs/job_1")
    api.get("/api/jobs/job_2")
    api.get("/nowhere/17")
    api.client.open("/nowhere/18", method="BREW")
    found = scrape(api)
    requests = {
        (labels["method"], labels["route"], labels["status"]): value
        for (name, pairs), value in found.items()
        if name == "routecard_http_requests_total" and (labels := dict(pairs))
    }
    assert requests == {
        ("GET", "/api/jobs/<id>", "404"): 2,
        ("(none)", "(none)", "404"): 2,
    }
    timed = (
        "routecard_http_request_seconds_count",
        (("method", "GET"), ("route", "/api/jobs/<id>")),
    )
    assert found[timed] == 2

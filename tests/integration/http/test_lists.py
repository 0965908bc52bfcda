"""GET /api/jobs: filters, pages, the whole list, and queries that use an index."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from api.http import pagination
from shared.database.engine import begin
from shared.jobs import queries
from shared.jobs.queries import JobFilter
from shared.states import FailureCode, Source, TaskStatus
from shared.sync import leases
from shared.sync import settle as sync_settle
from tests.dsl import ApiClient, ingest, ticket

MANY = 30_000
_MANY_JOBS = text("""
INSERT INTO jobs (id, name, goal_quantity, jira_ticket_key, jira_part_number, jira_priority,
    jira_labels, updated_at)
SELECT 'job_' || lpad(n::text, 26, '0'), 'Order ' || md5(n::text), 5, 'PI-' || n,
    'PART-' || md5((n * 7)::text), CASE WHEN n % 500 = 0 THEN 'Highest' ELSE 'Medium' END,
    CASE WHEN n % 500 = 0 THEN ARRAY['rush', 'q1'] ELSE ARRAY['q1'] END,
    now() - make_interval(secs => n)
FROM generate_series(1, :many) AS n
""")
_MANY_TASKS = text("""
INSERT INTO sync_tasks (id, job_id, ticket_key, status, filled_at, error_code, error_message)
SELECT 'sync_' || right(id, 26), id, jira_ticket_key,
    CASE WHEN n % 500 = 0 THEN 'failed' ELSE 'filled' END,
    CASE WHEN n % 500 <> 0 THEN now() END,
    CASE WHEN n % 500 = 0 THEN 'ticket_not_found' END,
    CASE WHEN n % 500 = 0 THEN 'gone' END
FROM (SELECT id, jira_ticket_key, right(id, 26)::bigint AS n FROM jobs) AS j
""")


def names(api: ApiClient, query: str = "") -> list[str]:
    """Names of the jobs a list shows, in its order."""
    answer = api.get(f"/api/jobs{query}")
    assert answer.status_code == 200, answer.text
    return [job["name"] for job in answer.get_json()]


def next_page(link: str) -> str:
    """The address in a ``Link`` header with rel next."""
    address, _, relation = link.partition(">")
    assert relation == '; rel="next"'
    return address.removeprefix("<")


def test_jobs_come_newest_first_and_look_as_when_created(api: ApiClient) -> None:
    made = [api.job(name=f"J{n}", jiraTicketKey="PI-42") for n in range(3)]
    assert api.get("/api/jobs").get_json() == made[::-1]
    assert api.get("/api/jobs").headers["Content-Type"] == "application/json"


def test_no_jobs_is_an_empty_array(api: ApiClient) -> None:
    assert api.get("/api/jobs").data == b"[]"
    assert api.get("/api/jobs?limit=5").data == b"[]"


def test_pages_lead_through_all_jobs_once_also_while_new_ones_come(api: ApiClient) -> None:
    for n in range(7):
        api.job(name=f"J{n}", jiraPriority="a&b c")
    address, seen = f"/api/jobs?limit=3&jiraPriority={quote('a&b c')}", []
    while address:
        answer = api.get(address)
        seen += [job["name"] for job in answer.get_json()]
        address = next_page(answer.headers["Link"]) if "Link" in answer.headers else ""
        api.job(name="late", jiraPriority="a&b c")
    assert seen == [f"J{n}" for n in reversed(range(7))]


def test_a_page_that_ends_the_list_has_no_next(api: ApiClient) -> None:
    for n in range(3):
        api.job(name=f"J{n}")
    assert "Link" not in api.get("/api/jobs?limit=3").headers
    assert "Link" in api.get("/api/jobs?limit=2").headers


def test_a_cursor_of_a_job_deleted_since_still_leads_on(api: ApiClient) -> None:
    made = [api.job(name=f"J{n}") for n in range(3)]
    following = next_page(api.get("/api/jobs?limit=1").headers["Link"])
    api.delete(f"/api/jobs/{made[2]['id']}")
    assert [job["name"] for job in api.get(following).get_json()] == ["J1"]


def test_the_whole_list_is_read_by_internal_pages(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "PAGE", 2)
    for count in range(5):
        assert names(api) == [f"J{n}" for n in reversed(range(count))]
        api.job(name=f"J{count}")


def test_each_filter_shows_what_it_names_and_all_together_what_they_share(
    api: ApiClient, engine: Engine
) -> None:
    api.job(name="plain")
    api.job(name="Gear 100%", jiraTicketKey="PI-1", jiraPriority="High", jiraLabels=["a", "b"])
    api.job(name="shaft", jiraTicketKey="PI-2", jiraPartNumber="GEAR_7", jiraLabels=["b"])
    fails = api.job(name="lost", jiraTicketKey="PI-3")
    with begin(engine) as session:
        claims = [c for c in leases.claim(session, lease_seconds=60) if c.job_id == fails["id"]]
        sync_settle.fail(session, claims, code=FailureCode.TICKET_NOT_FOUND, worker="w")
        ingest(session, [("PI-2", ticket("PI-2"))], source=Source.WEBHOOK, worker="w")
    assert names(api, "?q=gear") == ["shaft", "Gear 100%"]
    assert names(api, "?q=EAR") == ["shaft", "Gear 100%"]
    assert names(api, "?q=pi-2") == ["shaft"]
    assert names(api, "?q=100%25") == ["Gear 100%"]
    assert names(api, "?q=R_7") == ["shaft"]
    assert names(api, "?q=r%255") == []
    assert names(api, "?q=%5C") == []
    assert names(api, "?q=") == ["lost", "shaft", "Gear 100%", "plain"]
    assert names(api, "?jiraTicketKey=pi-1") == ["Gear 100%"]
    assert names(api, "?jiraPriority=High") == ["shaft", "Gear 100%"]
    assert names(api, "?jiraPriority=high") == []
    assert names(api, "?jiraLabel=b") == ["shaft", "Gear 100%"]
    assert names(api, "?jiraLabel=a&jiraPriority=High&q=gear") == ["Gear 100%"]
    assert names(api, "?jiraSync=failed") == ["lost"]
    assert names(api, "?jiraSync=filled") == ["shaft"]
    assert names(api, "?jiraSync=running") == ["Gear 100%"]
    assert names(api, "?jiraSync=failed&q=gear") == []


def test_updated_since_shows_what_changed_from_that_instant_on(api: ApiClient) -> None:
    first, second = api.job(name="first"), api.job(name="second")
    changed = api.patch(f"/api/jobs/{first['id']}", {}).get_json()["updatedAt"]
    assert names(api, f"?updatedSince={changed}") == ["first"]
    assert names(api, f"?updatedSince={second['updatedAt']}") == ["second", "first"]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # noqa: TID251  a real moment
    assert names(api, f"?updatedSince={quote(later)}") == []


def test_a_query_that_would_be_misread_is_refused(api: ApiClient) -> None:
    for query, message in {
        "?limit=0": "limit must be a whole number from 1 to 1000",
        "?limit=1&limit=2": "limit must be given once",
        "?q=%00": "A parameter must not contain NUL characters",
        "?jiraStatus=failed": "jiraStatus is not a known parameter",
        "?cursor=x": "cursor must be one that this list gave",
    }.items():
        answer = api.get(f"/api/jobs{query}")
        assert answer.status_code == 400
        assert answer.get_json()["message"] == message


def plan(session: Session, only: JobFilter) -> str:
    """How PostgreSQL would find the first page of this list."""
    statement = queries.jobs_statement(limit=51, before=None, filters=only)
    compiled = statement.compile(dialect=session.get_bind().dialect)
    explained = f"EXPLAIN {compiled.string}"
    lines = session.connection().exec_driver_sql(explained, dict(compiled.params))
    return "\n".join(row[0] for row in lines)


PLANS: dict[str, tuple[JobFilter, str]] = {
    "all": (JobFilter(), "pk_jobs"),
    "words": (JobFilter(words="c4ca4238"), "ix_jobs_search"),
    "words of a part number": (JobFilter(words="a87ff679"), "ix_jobs_search"),
    "ticket": (JobFilter(ticket_key="PI-77"), "ix_jobs_jira_ticket_key"),
    "priority": (JobFilter(priority="Highest"), "ix_jobs_jira_priority"),
    "label": (JobFilter(label="rush"), "ix_jobs_jira_labels"),
    "unknown quantity": (JobFilter(quantity_unknown=True), "ix_jobs_quantity_unread"),
    "status": (JobFilter(status=TaskStatus.FAILED), "ix_sync_tasks_unfilled"),
}


def test_every_filter_rides_on_an_index(engine: Engine) -> None:
    with begin(engine) as session:
        session.execute(_MANY_JOBS, {"many": MANY})
        session.execute(_MANY_TASKS)
    with begin(engine) as session:
        for index in ("ix_jobs_search", "ix_jobs_jira_labels"):
            session.execute(text(f"SELECT gin_clean_pending_list('{index}')"))
        session.execute(text("ANALYZE jobs, sync_tasks"))
        plans: dict[str, Any] = {name: plan(session, only) for name, (only, _) in PLANS.items()}
    for name, (_, index) in PLANS.items():
        assert index in plans[name], plans[name]
        assert "Seq Scan" not in plans[name], plans[name]

"""The pages of jobs, deliveries, Jira and audit read little of a long history."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from api.dashboard.deliveries import views as deliveries
from shared.database.engine import begin, make_engine
from shared.settings import Settings
from tests.dsl import application, site_id
from tests.support.data.history import seed
from tests.support.plans import recorded_queries, rows_read, scans_of_growing_tables
from tests.support.servers import postgres

ROWS = 20_000
MOST_COUNTED = 500
"""How far a list counts what matches: as little beside this history as 10 000 beside a long one."""
MOST_READ = 2_000
"""Rows of all tables together that one page may touch, a tenth of the history."""
_MORE = (
    """
    UPDATE webhook_deliveries SET body = '{}', signed = hashtext(id) % 2000 <> 0,
        event = CASE WHEN hashtext(id) % 2000 = 1 THEN 'rare' ELSE 'jira:issue_updated' END,
        outcome = CASE WHEN hashtext(id) % 2000 = 2 THEN 'failed' ELSE 'noted' END
    """,
    """
    INSERT INTO audit_events (actor_kind, actor, action, at)
    SELECT 'token', 'erp', 'retry', now() - interval '1 minute' * (20000 - i)
    FROM generate_series(1, 20000) AS i
    """,
    """
    INSERT INTO tickets (site_id, issue_id, key, summary, jira_updated_at, source)
    SELECT :site, (10000 + i)::text, 'PI-' || i, 'Build ' || i, now(), 'poll'
    FROM generate_series(1, 20000) AS i
    """,
)


@pytest.fixture(scope="module")
def history(postgres_uri: str) -> Iterator[Engine]:
    """A long history of everything."""
    with postgres.database(postgres_uri) as dsn:
        engine = make_engine(dsn)
        seed(engine, ROWS)
        with begin(engine) as session:
            for statement in _MORE:
                session.execute(text(statement), {"site": site_id(session)})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        yield engine
        engine.dispose()


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST_COUNTED", MOST_COUNTED)


def _whole(scan: dict[str, Any]) -> bool:
    """Whether a table was read as it lies, and not just until a page or a count was full."""
    return scan["Node Type"] == "Seq Scan" and rows_read(scan) > MOST_COUNTED + 1


@pytest.mark.parametrize(
    "address",
    [
        "/jobs",
        "/jobs?q=PI-12345",
        "/jobs?q=nothing-like-it",
        "/jobs?q=g",
        "/jobs?jiraSync=running",
        "/jobs?jiraPriority=Highest",
        "/jobs?jiraLabel=rush",
        "/jobs?within=1h",
        "/jobs/job_00000000000000000000012345",
        "/jobs/new?find=nothing-like-it",
        "/jobs/new?ticket=PI-12345",
        "/deliveries",
        "/deliveries?outcome=failed",
        "/deliveries?outcome=waiting",
        "/deliveries?event=rare",
        "/deliveries?signed=false",
        "/deliveries?q=PI-12345",
        "/deliveries?q=nothing-like-it",
        "/deliveries/hook_00000000000000000000012345",
        "/jira",
        "/audit",
        "/audit?action=replay",
        "/audit?actor=nobody",
        "/audit?within=1h",
    ],
)
def test_a_page_reads_little_and_by_index(
    history: Engine, settings: Settings, address: str
) -> None:
    with (
        application(settings, history) as app,
        recorded_queries(history) as queries,
    ):
        assert app.test_client().get(address).status_code == 200
    scans = scans_of_growing_tables(history, queries)
    whole = [scan["Relation Name"] for scan in scans if _whole(scan)]
    assert whole == []
    assert sum(rows_read(scan) for scan in scans) < MOST_READ

"""The cheap signs of change: seen when they must be, read from the ends of indexes."""

from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from shared.database import freshness
from shared.database.engine import begin
from shared.database.freshness import Topic
from tests.support import seed

_CHANGES = {
    Topic.TASKS: "UPDATE sync_tasks SET updated_at = now() WHERE ticket_key = 'PI-5'",
    Topic.JOBS: "UPDATE jobs SET updated_at = now() WHERE jira_ticket_key = 'PI-5'",
    Topic.DELIVERIES: (
        "INSERT INTO webhook_deliveries (id, identifier, signed, body_size) "
        "VALUES ('hook_1', 'one', true, 0)"
    ),
    Topic.JIRA: "UPDATE jira_pauses SET code = 'jira_down', since = now(), until = now()",
    Topic.AUDIT: (
        "INSERT INTO audit_events (actor_kind, actor, action) VALUES ('open', 'x', 'resume')"
    ),
    Topic.FLOOR: (
        "INSERT INTO paths (id, job_id, name, goal_quantity, advancement_mode) "
        "SELECT 'path_1', max(id), 'Main line', 1, 'strict' FROM jobs"
    ),
    Topic.TICKETS: (
        "INSERT INTO tickets (issue_id, key, jira_updated_at, source) "
        "VALUES ('1', 'PI-1', now(), 'poll')"
    ),
    Topic.POLL: "INSERT INTO jira_polls (scope, projects) VALUES ('x', ARRAY['PI'])",
    Topic.EXAMINATIONS: "INSERT INTO examinations DEFAULT VALUES",
    Topic.LIFE: "UPDATE heartbeats SET seen_at = now() - interval '1 minute'",
}


def _sign(engine: Engine, *topics: Topic) -> freshness.Sign:
    with begin(engine) as session:
        return freshness.sign(session, topics or tuple(Topic))


def _mine(sign: freshness.Sign) -> str:
    """Without the half minute, which may just end."""
    return sign.text.rpartition("|")[0]


def test_an_empty_database_has_a_settled_sign(engine: Engine) -> None:
    assert _sign(engine, *(set(Topic) - {Topic.MINUTE})).settled


@pytest.mark.parametrize("topic", list(_CHANGES))
def test_a_change_moves_the_sign_of_its_topic(engine: Engine, topic: Topic) -> None:
    seed.shop(engine, jobs=20)
    before = _sign(engine, topic)
    with begin(engine) as session:
        session.execute(text(_CHANGES[topic]))
    assert _mine(_sign(engine, topic)) != _mine(before)


def test_what_changed_just_now_is_not_settled_as_more_of_the_same_moment_may_follow(
    engine: Engine,
) -> None:
    seed.shop(engine, jobs=20)
    with begin(engine) as session:
        session.execute(text("UPDATE sync_tasks SET updated_at = now() - interval '1 hour'"))
    assert _sign(engine, Topic.TASKS).settled
    with begin(engine) as session:
        session.execute(text(_CHANGES[Topic.TASKS]))
    assert not _sign(engine, Topic.TASKS).settled


def _scans(plan: Any) -> list[tuple[str, str]]:
    found = [(plan["Node Type"], plan["Relation Name"])] if "Relation Name" in plan else []
    return found + [scan for part in plan.get("Plans", []) for scan in _scans(part)]


def test_large_tables_are_read_from_the_ends_of_indexes_alone(engine: Engine) -> None:
    seed.shop(engine, jobs=3000)
    seen: list[tuple[str, Any]] = []
    listen = ("before_cursor_execute", lambda *a: seen.append((a[2], a[3])))
    event.listen(engine, *listen)
    _sign(engine)
    event.remove(engine, *listen)
    statement, values = next(pair for pair in seen if "looks" in pair[0])
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
        scans = _scans(explained.scalar_one()[0]["Plan"])
    large = [kind for kind, table in scans if table in ("jobs", "sync_tasks")]
    assert large
    assert all(kind.startswith("Index") for kind in large), scans

"""`routecard tasks`: the same lists and operations as the API's, at the command line."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from shared.actions import bulk
from shared.database.engine import begin
from shared.models import AuditEvent
from tests.dsl import make_failed_tasks, make_task, make_task_in_each_state, task_status
from worker.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", dsn.replace("+psycopg", ""))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["tasks", *arguments])

    return run


def found(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_tasks_are_listed_by_filter_for_people_and_for_scripts(run: Run, engine: Engine) -> None:
    tasks = make_task_in_each_state(engine)
    (line,) = run("list", "--status", "failed").stdout.splitlines()
    assert line.startswith(f"{tasks['failed']}\tfailed\tPI-2\tJOB-1\tJira has no ticket PI-2")
    listed = found(run("list", "--json", "--status", "failed", "--status", "filled"))
    assert {t["id"] for t in listed} == {tasks["failed"], tasks["filled"]}
    for filters, state in (
        (["-q", "no ticket"], "failed"),
        (["--ticket", "pi-1"], "filled"),
        (["--source", "webhook"], "filled"),
        (["--error", "job_deleted"], "orphan"),
    ):
        assert [t["id"] for t in found(run("list", "--json", *filters))] == [tasks[state]]
    assert found(run("list", "--json", "--since", "2100-01-01")) == []
    assert len(found(run("list", "--json", "--until", "2100-01-01T00:00:00+0100"))) == 6


def test_a_name_cannot_steer_the_terminal(run: Run, engine: Engine) -> None:
    task_id = make_task(engine, "failed")
    with begin(engine) as session:
        session.execute(text("UPDATE jobs SET name = E'A\\x1b[2J\\tB\\nsync_9\\u202E'"))

    (line,) = run("list").stdout.splitlines()

    assert line.split("\t")[:2] == [task_id, "failed"]
    assert line.split("\t")[3] == "A\\u001b[2J\\u0009B\\u000async_9\\u202e"
    assert found(run("show", task_id, "--json"))["jobName"] == "A\x1b[2J\tB\nsync_9\u202e"
    missing = run("show", "sync_\x1b[2J")
    assert "SyncTask not found: sync_\\u001b[2J" in missing.stderr


def test_a_task_is_shown_with_its_attempts(run: Run, engine: Engine) -> None:
    task_id = make_task(engine, "failed")
    shown = found(run("show", task_id, "--json"))
    assert (shown["id"], shown["history"][0]["code"]) == (task_id, "ticket_not_found")
    assert "ticket_not_found" in run("show", task_id).stdout
    missing = run("show", "sync_x")
    assert (missing.exit_code, "SyncTask not found: sync_x" in missing.stderr) == (1, True)


def test_named_tasks_are_retried_and_cancelled(run: Run, engine: Engine) -> None:
    task_id = make_task(engine, "failed")
    assert run("retry", task_id, "--reason", "access given").exit_code == 0
    assert task_status(engine, task_id) == "pending"
    again = run("retry", task_id)
    assert again.exit_code == 1
    assert "waiting for its next try" in again.stderr
    assert run("cancel", task_id).exit_code == 0
    assert task_status(engine, task_id) == "cancelled"
    with begin(engine) as session:
        first = session.query(AuditEvent).order_by(AuditEvent.id).first()
    assert first is not None
    assert (first.actor_kind, first.action, first.reason) == ("command", "retry", "access given")


def test_all_that_match_are_counted_first_and_then_retried(run: Run, engine: Engine) -> None:
    task_id = make_task(engine, "failed")
    make_task(engine, "filled", key="PI-7")
    counts = {"matched": 2, "changed": 1, "skipped": {"already_filled": 1}}
    assert found(run("retry", "--all", "--dry-run", "--json")) == counts | {"dryRun": True}
    assert task_status(engine, task_id) == "failed"
    assert "1 matched, 1 would be retried" in run("retry", "--status", "failed", "--dry-run").stdout
    assert found(run("retry", "--all", "--json")) == counts | {"dryRun": False}
    assert task_status(engine, task_id) == "pending"


@pytest.mark.parametrize("verb", ["retry", "cancel"])
@pytest.mark.parametrize(
    "arguments", [[], ["sync_x", "--all"], ["--all", "-q", "x"], ["sync_x", "--dry-run"]]
)
def test_what_is_meant_has_to_be_said_and_said_once(
    run: Run, engine: Engine, verb: str, arguments: list[str]
) -> None:
    task_id = make_task(engine, "failed")
    assert run(verb, *arguments).exit_code == 2
    assert task_status(engine, task_id) == "failed"


def test_a_long_retry_says_how_far_it_is_and_ends(
    run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_failed_tasks(engine, 20)
    monkeypatch.setattr("shared.actions.bulk.BATCH_SIZE", 1)
    monkeypatch.setattr("shared.actions.bulk.PROGRESS_SECONDS", 0.001)
    result = run("retry", "--all", "--json")
    counts = {"matched": 20, "changed": 20, "skipped": {}}
    assert found(result) == counts | {"dryRun": False}
    assert re.match(r"\d+ of 20 retried so far\n", result.stderr)


def test_a_retry_that_is_interrupted_says_who_continues_it(
    run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_failed_tasks(engine, 6)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shared.actions.bulk.work_through", interrupt)
    result = run("retry", "--all")
    assert result.exit_code == 1
    assert "a worker continues with bulk_" in result.stderr
    with begin(engine) as session:
        assert bulk.is_due(session)

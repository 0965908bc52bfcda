"""Seed data of a system in use: jobs, tasks and attempts in every state."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from shared.database.engine import begin
from shared.ids import Prefix, new_id
from shared.models import Job, SyncAttempt, SyncTask, table_of
from shared.states import FailureCode, failure_message

_PARTS = (
    "ALU-HOUSING-7075",
    "STL-BRACKET-304",
    "BRS-BUSHING-C360",
    "PLT-COVER-ABS",
    "158041-001-01",
)
_NAMES = ("housing", "bracket set", "spindle bushing", "cover plate, anodised", "gear carrier")
_PRIORITIES = ("Highest", "High", "Medium", "Low")
_CAUSES = (
    FailureCode.TICKET_NOT_FOUND,
    FailureCode.TICKET_NOT_FOUND,
    FailureCode.TICKET_NOT_FOUND,
    FailureCode.NO_PERMISSION,
    FailureCode.UNUSABLE_TICKET,
    FailureCode.CRASHED,
)
_SHARES = (
    ("filled",) * 70 + ("failed",) * 16 + ("pending",) * 8 + ("running",) * 2 + ("cancelled",) * 4
)
LONG_NAME = "Fixture plate for the five-axis cell, revision C with additional dowel holes " * 3
HOSTILE_NAME = "<script>alert(1)</script>\"'&"


def shop(engine: Engine, *, jobs: int = 400, seed: int = 7) -> list[str]:
    """Fill an empty database; the ids of the tasks, the oldest first."""
    chance = random.Random(seed)
    with begin(engine) as session:
        now: datetime = session.execute(text("SELECT now()")).scalar_one()
        made = [_one(chance, number, now=now, jobs=jobs) for number in range(jobs)]
        session.execute(insert(table_of(Job)), [job for job, _, _ in made])
        session.execute(insert(table_of(SyncTask)), [task for _, task, _ in made])
        session.execute(
            insert(table_of(SyncAttempt)), [attempt for _, _, many in made for attempt in many]
        )
        alive(session)
    return [task["id"] for _, task, _ in made]


def alive(session: Session) -> None:
    """Heartbeats of worker and beat for the next hour, and a Jira that answered."""
    session.execute(
        text("""
        INSERT INTO heartbeats (name, seen_at)
        SELECT name, now() + interval '1 hour' FROM unnest(ARRAY['worker', 'beat']) AS name
        ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at
    """)
    )
    session.execute(
        text("""
        INSERT INTO jira_pauses (credentials_hash, last_ok_at) VALUES ('seed', now())
        ON CONFLICT DO NOTHING
    """)
    )


def pause(session: Session, code: str, message: str, *, until: datetime | None = None) -> None:
    """A pause that began a quarter of an hour ago."""
    session.execute(
        text("""
        UPDATE jira_pauses SET code = :code, message = :message, until = :until, failures = 9,
            since = now() - interval '15 minutes', updated_at = now()
    """),
        {"code": code, "message": message, "until": until},
    )


Rows = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]


def _one(chance: random.Random, number: int, *, now: datetime, jobs: int) -> Rows:
    status = chance.choice(_SHARES) if number < jobs - 3 else "failed"
    # Most of it in the last hour, the rest over some days before.
    minutes = 3 + (jobs - number) * 55 / jobs if number > jobs / 4 else 90 + (jobs - number) * 9
    created = now - timedelta(minutes=minutes, seconds=chance.random() * 60)
    if status in ("pending", "running"):
        created = now - timedelta(seconds=5 + chance.random() * 400)
    key = f"PI-{number + 1}"
    filled = (
        created + timedelta(seconds=chance.lognormvariate(-0.6, 0.8))
        if status == "filled"
        else None
    )
    job = _job(chance, number, key=key, created=created, filled=filled, jobs=jobs)
    task = _task(chance, job, key=key, status=status, created=created, filled=filled)
    return job, task, list(_attempts(chance, task))


def _job(
    chance: random.Random,
    number: int,
    *,
    key: str,
    created: datetime,
    filled: datetime | None,
    jobs: int,
) -> dict[str, Any]:
    at = chance.randrange(len(_PARTS))
    name = {jobs - 1: HOSTILE_NAME, jobs - 2: LONG_NAME[:255].strip()}.get(
        number, f"WO-2024-{number + 1:04d} {_NAMES[at]}"
    )
    return {
        "id": new_id(Prefix.JOB),
        "name": name,
        "goal_quantity": chance.choice((5, 12, 50, 200, 1500)),
        "jira_ticket_key": key,
        "jira_ticket_summary": f"Build {_NAMES[at]}" if filled else None,
        "jira_part_number": _PARTS[at] if filled or number % 9 == 0 else None,
        "jira_priority": chance.choice(_PRIORITIES) if filled else None,
        "jira_epic_link": "PI-10" if filled else None,
        "jira_labels": ["Q1-2024", "rush"] if filled and number % 3 == 0 else None,
        "jira_filled_at": filled,
        "client_fields": ["jira_ticket_key", *(["jira_part_number"] if number % 9 == 0 else [])],
        "created_at": created,
        "updated_at": filled or created,
    }


def _task(
    chance: random.Random,
    job: dict[str, Any],
    *,
    key: str,
    status: str,
    created: datetime,
    filled: datetime | None,
) -> dict[str, Any]:
    cause = chance.choice(_CAUSES) if status == "failed" else None
    detail = "the part number is an object, not text (customfield_10908)"
    return {
        "id": new_id(Prefix.SYNC),
        "job_id": job["id"],
        "ticket_key": key,
        "status": status,
        "source": chance.choice(("api", "api", "api", "webhook", "poll")) if filled else None,
        "due_at": created,
        "lease_until": created + timedelta(minutes=30) if status == "running" else None,
        "claimed_at": created if status != "pending" else None,
        "failures": 1 if cause else 0,
        "crashes": 5 if cause is FailureCode.CRASHED else 0,
        "attempts": 5 if cause is FailureCode.CRASHED else 2 if cause else 1 if filled else 0,
        "error_code": cause.value if cause else None,
        "error_message": failure_message(cause, key=key, detail=detail)
        if cause
        else ("Cancelled by ada: ordered twice" if status == "cancelled" else None),
        "request_id": f"erp-{key.lower()}",
        "filled_at": filled,
        "created_at": created,
        "updated_at": filled or created + timedelta(seconds=2),
    }


def _attempts(chance: random.Random, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = task["created_at"]
    for left in reversed(range(task["attempts"])):
        outcome = "waiting" if left else task["status"]
        if task["error_code"] == "crashed":
            outcome = "crashed"
        ended = at + timedelta(seconds=0.1 + chance.random())
        message = {
            "waiting": "Jira answered 503 Service Unavailable",
            "crashed": "The worker that read this ticket stopped or hung; its lease ran out.",
            "failed": task["error_message"],
        }.get(outcome)
        yield {
            "task_id": task["id"],
            "started_at": at,
            "ended_at": ended,
            "source": task["source"] or "api",
            "outcome": outcome,
            "code": {"waiting": "jira_down", "failed": task["error_code"]}.get(outcome),
            "message": message,
            "worker": "worker-1@host",
        }
        at = ended + timedelta(seconds=2)

"""Run the doctor's checks in a worker and store the findings for the dashboard."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from shared.clock import iso_millis
from shared.database.engine import begin, in_transaction
from shared.health import examinations
from shared.health.examinations import Claimed
from shared.logs import get_logger
from shared.settings import Settings
from shared.states import failure_message
from shared.sync import pauses
from shared.sync.pauses import Pause
from shared.tickets import sites
from shared.tickets.ticket import Ticket
from worker.doctor.findings import Finding, Status
from worker.doctor.run import examine_from_worker, worst
from worker.jira.errors import JiraError, MappingError
from worker.jira.fields.mapping import FieldMapping, MappedField
from worker.jira.port import ReadResult
from worker.jira.rate_limit import make_budget
from worker.runtime import Runtime

log = get_logger(__name__)

TIME_LIMIT = 90.0
"""Seconds: the doctor's half minute, and one read of a ticket from a slow Jira."""
_READ_SECONDS = 10.0


def examine(runtime: Runtime) -> bool:
    """Claim and run the examination that is due; returns whether there was one."""
    claimed = in_transaction(runtime.engine, examinations.claim)
    if claimed is None:
        return False
    pause = _active_pause(runtime)
    findings = examine_from_worker(
        runtime.settings,
        clock=runtime.clock,
        budget=make_budget(runtime.settings, client=runtime.redis, clock=runtime.clock),
        pause=pause,
        ticket=claimed.ticket_key if claimed.requested else None,
    )
    preview = None if pause or _refused(findings) else _preview(runtime, claimed)
    in_transaction(
        runtime.engine,
        lambda session: examinations.finish(
            session, claimed, findings=[one.as_json() for one in findings], preview=preview
        ),
    )
    log.info("examined", worst=worst(findings).value, requested=claimed.requested)
    return True


def _active_pause(runtime: Runtime) -> Pause | None:
    with begin(runtime.engine) as session:
        return pauses.in_force(session, credentials=runtime.credentials)


def _refused(findings: list[Finding]) -> bool:
    """Whether Jira does not answer, so that another call is useless."""
    needed = [one.status for one in findings if one.name in ("jira", "credentials")]
    return Status.FAIL in needed


def _preview(runtime: Runtime, claimed: Claimed) -> dict[str, Any] | None:
    """What the mapping reads from a ticket, field by field, or the problem."""
    key = claimed.ticket_key or in_transaction(runtime.engine, partial(_newest, runtime.settings))
    if key is None:
        return None
    try:
        mapping = runtime.jira.mapping()
        deadline = runtime.clock.monotonic() + _READ_SECONDS
        found = runtime.jira.read([key], deadline=deadline)
    except (JiraError, MappingError) as error:
        return {"key": key, "problem": error.message}
    if key not in found.found:
        return {"key": key, "problem": _not_read(found, key)}
    return {"key": key, **_mapped(mapping, found.found[key])}


def _newest(settings: Settings, session: Session) -> str | None:
    site_id = sites.current_id(session, settings)
    return examinations.sample_key(session, site_id=site_id, allowed=settings.allowed_projects)


def _not_read(found: ReadResult, key: str) -> str:
    if problem := found.refused.get(key):
        return failure_message(problem.code, key=key, detail=problem.detail)
    return found.interrupted.message if found.interrupted else "Jira was too slow."


def _mapped(mapping: FieldMapping, ticket: Ticket) -> dict[str, Any]:
    part_number = _fields(mapping.part_number) or (
        "summary, by pattern" if mapping.part_number_pattern else None
    )
    sources = {
        "summary": "summary",
        "part_number": part_number,
        "priority": "priority",
        "epic_link": _fields(mapping.epic_link) or "parent",
        "labels": "labels",
        "quantity": _fields(mapping.quantity),
    }
    values = {name: getattr(ticket, name) for name in sources}
    return {
        "shown_as": ticket.key,
        "updated_at": iso_millis(ticket.updated_at),
        "sources": sources,
        "values": {**values, "labels": list(ticket.labels)},
        "notes": list(ticket.problems()),
    }


def _fields(mapped: Sequence[MappedField]) -> str:
    return ", ".join(map(str, mapped))

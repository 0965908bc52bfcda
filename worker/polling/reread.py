"""Reading stored tickets again in bulk: found ones are ingested, missing ones recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from shared.database.engine import database_time, in_transaction
from shared.fill.ingest import ingest
from shared.states import FailureCode, Source
from shared.tickets import store as tickets
from shared.tickets import unusable
from shared.tickets.readings import read_directly
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import JiraError
from worker.jira.port import ReadResult
from worker.jira.rate_limit import BudgetExhausted
from worker.runtime import Runtime

_DENIALS = frozenset(
    {
        FailureCode.TICKET_NOT_FOUND,
        FailureCode.NO_PERMISSION,
        FailureCode.PROJECT_NOT_ALLOWED,
    }
)
"""Answers that say a ticket is deleted, hidden or moved out of the projects of JIRA_PROJECT."""


_OTHER_SITE = "Another Jira answers at the address since just now."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """How many tickets were found, denied (``_DENIALS``), unusable and not reached.

    ``stopped`` says why the read ended early.
    """

    found: int = 0
    denied: int = 0
    unusable: int = 0
    unread: int = 0
    stopped: str | None = None

    def plus(self, batch: "Reread") -> "Reread":
        """The totals with one more batch."""
        return Reread(
            found=self.found + batch.found,
            denied=self.denied + batch.denied,
            unusable=self.unusable + batch.unusable,
            unread=self.unread + batch.unread,
            stopped=batch.stopped,
        )


def read_again(
    runtime: Runtime, names: Sequence[str], *, site_id: int, deadline: float, state: CircuitState
) -> Reread:
    """Read tickets of this site by issue id or key; store found ones, record missing ones.

    A denial counts as missing because the port proves the credentials after it. A ticket that came
    back in an unusable form exists, so it never counts as missing. ``deadline`` is in seconds of
    the clock's ``monotonic``; ``state`` is what ``circuit.check`` returned. A call that fails as a
    whole opens the circuit.
    """
    requested_at = in_transaction(runtime.engine, database_time)
    try:
        if runtime.site.checked(deadline=deadline).site_id != site_id:
            return Reread(unread=len(names), stopped=_OTHER_SITE)
        result = runtime.jira.read(names, deadline=deadline)
    except JiraError as error:
        result = ReadResult(unread=set(names), interrupted=error)
    in_transaction(runtime.engine, lambda s: _store(s, runtime, result, site_id, requested_at))
    _report_to_circuit(runtime, result.interrupted, state)
    denied = _denied(result)
    return Reread(
        found=len(result.found),
        denied=len(denied),
        unusable=len(result.refused) - len(denied),
        unread=len(result.unread),
        stopped=result.interrupted.message if result.interrupted else None,
    )


def _store(
    session: Session, runtime: Runtime, result: ReadResult, site_id: int, requested_at: datetime
) -> None:
    readings = [
        read_directly(_requested_key(name, ticket.key), ticket, asked_at=requested_at)
        for name, ticket in sorted(result.found.items())
    ]
    ingest(session, readings, site_id=site_id, source=Source.POLL, worker=runtime.worker)
    found = [ticket.issue_id for ticket in result.found.values()]
    denied = _denied(result)
    tickets.record_found(session, found, site_id=site_id, requested_at=requested_at)
    tickets.record_missing(session, denied, site_id=site_id, requested_at=requested_at)
    unusable_ones = {n: p.detail for n, p in result.refused.items() if n not in denied}
    tickets.record_unusable(session, list(unusable_ones), site_id=site_id)
    unusable.renew(session, unusable_ones)
    unusable.clear(session, [*result.found, *found, *denied])


def _denied(result: ReadResult) -> list[str]:
    return [name for name, problem in result.refused.items() if problem.code in _DENIALS]


def _requested_key(name: str, key: str) -> str:
    """The key a ticket was requested by; the present one where it was requested by id."""
    return key if name.isdecimal() else name


def _report_to_circuit(runtime: Runtime, error: JiraError | None, state: CircuitState) -> None:
    if error is None:
        circuit.reset(runtime, state=state)
    elif not isinstance(error, BudgetExhausted):
        circuit.trip(runtime, error, state=state)

"""Reading our copies again, in bulk: what is there is taken in, what is not is noted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from shared.database.engine import database_time, in_transaction
from shared.fill.ingest import ingest
from shared.states import Source
from shared.tickets import store as tickets
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.port import JiraError, ReadResult
from worker.jira.rate_limit import BudgetExhausted
from worker.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """How many of the names were found, denied, and not reached; ``stopped``: why no further."""

    found: int = 0
    denied: int = 0
    unread: int = 0
    stopped: JiraError | None = None


def read_again(
    runtime: Runtime, names: Sequence[str], *, deadline: float, look: CircuitState
) -> Reread:
    """Read tickets by issue id or key, store what comes, and note what Jira denies.

    A denial counts only because the port proves the credentials after it. ``deadline`` is in
    seconds of the clock's ``monotonic``; ``look`` is what the gate said to the caller. A call that
    fails as a whole shuts it for all.
    """
    asked_at = in_transaction(runtime.engine, database_time)
    try:
        result = runtime.jira.read(names, deadline=deadline)
    except JiraError as error:
        result = ReadResult(unread=set(names), interrupted=error)
    in_transaction(runtime.engine, lambda s: _store(s, runtime, result, asked_at))
    _tell_the_gate(runtime, result.interrupted, probe=look is CircuitState.HALF_OPEN)
    return Reread(
        found=len(result.found),
        denied=len(result.refused),
        unread=len(result.unread),
        stopped=result.interrupted,
    )


def _store(session: Session, runtime: Runtime, result: ReadResult, asked_at: datetime) -> None:
    readings = [(_asked(name, t.key), t) for name, t in sorted(result.found.items())]
    ingest(session, readings, source=Source.POLL, worker=runtime.worker)
    tickets.seen(session, [t.issue_id for t in result.found.values()], asked_at=asked_at)
    tickets.missed(session, list(result.refused), asked_at=asked_at)


def _asked(name: str, key: str) -> str:
    """An id is no former key."""
    return key if name.isdecimal() else name


def _tell_the_gate(runtime: Runtime, error: JiraError | None, *, probe: bool) -> None:
    if error is None:
        circuit.reset(runtime, probe=probe)
    elif not isinstance(error, BudgetExhausted):
        circuit.trip(runtime, error, probe=probe)

"""Reconciliation: the tickets of all jobs are read again, and each job is compared with its own."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from sqlalchemy import Engine

from shared.database.engine import in_transaction
from shared.sync import pauses
from shared.tickets import drift
from shared.tickets.drift import Drift
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.errors import JiraError
from worker.jira.port import BATCH
from worker.polling.reread import Reread, read_again
from worker.runtime import Runtime

_PAGE = 500


def refresh(runtime: Runtime, *, report_progress: Callable[[Reread], None]) -> Reread:
    """Read the tickets of all jobs in bulk, under the shared budget and circuit breaker.

    Each batch is stored before the next is read. It ends early where a call fails as a whole;
    what was read until then is kept. No job is changed.
    """
    total = Reread()
    state = circuit.check(runtime)
    if state is CircuitState.OPEN:
        return Reread(stopped=_pause_message(runtime))
    try:
        site_id = runtime.site.checked().site_id
    except JiraError as error:
        circuit.trip(runtime, error, state=state)
        return Reread(stopped=error.message)
    for names in _batches(runtime, site_id):
        deadline = runtime.clock.monotonic() + runtime.settings.lease_seconds
        read = read_again(runtime, names, site_id=site_id, deadline=deadline, state=state)
        total = total.plus(read)
        state = CircuitState.CLOSED
        report_progress(total)
        if total.stopped:
            break
    return total


def _pause_message(runtime: Runtime) -> str:
    in_force = partial(pauses.in_force, credentials=runtime.credentials)
    pause = in_transaction(runtime.engine, in_force)
    return pause.message if pause else "Another worker is trying whether Jira is back."


def _batches(runtime: Runtime, site_id: int) -> Iterator[list[str]]:
    after = ""
    while names := in_transaction(
        runtime.engine, partial(drift.ticket_names, site_id=site_id, after=after, limit=BATCH)
    ):
        yield names
        after = names[-1]


def all_drift(engine: Engine, *, site_id: int | None, allowed: Sequence[str]) -> Iterator[Drift]:
    """The drift of every filled job, from our copy, in the order in which jobs were created.

    ``allowed`` are the only projects whose copies are used; empty: all.
    """
    after = ""
    read = partial(drift.page, site_id=site_id, allowed=allowed, limit=_PAGE)
    while page := in_transaction(engine, partial(read, after=after)):
        yield from page
        after = page[-1].job_id

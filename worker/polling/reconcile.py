"""Reconcile: read the tickets of all jobs again, so that drift is told as of now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from shared.database.engine import in_transaction
from shared.sync import pauses
from shared.tickets import drift
from shared.tickets.drift import Drift
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.port import BATCH
from worker.polling.reread import Reread, read_again
from worker.runtime import Runtime

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """How many tickets were found, denied and unusable; ``stopped`` says why it ended early."""

    found: int = 0
    denied: int = 0
    unusable: int = 0
    stopped: str | None = None

    def plus(self, batch: Reread) -> "Refreshed":
        """With one more batch."""
        return Refreshed(
            found=self.found + batch.found,
            denied=self.denied + batch.denied,
            unusable=self.unusable + batch.unusable,
            stopped=batch.stopped.message if batch.stopped else None,
        )


def refresh(runtime: Runtime, *, tell: Callable[[Refreshed], None]) -> Refreshed:
    """Read the tickets of all jobs in bulk, under the shared budget and pause.

    Each batch is stored at once, and ``tell`` hears of it. It ends early where Jira asks for a
    pause; what was read until then stands. No snapshot is touched.
    """
    total = Refreshed()
    look = circuit.check(runtime)
    if look is CircuitState.OPEN:
        return Refreshed(stopped=_pause(runtime))
    for names in _batches(runtime):
        deadline = runtime.clock.monotonic() + runtime.settings.lease_seconds
        total = total.plus(read_again(runtime, names, deadline=deadline, look=look))
        look = CircuitState.CLOSED
        tell(total)
        if total.stopped:
            break
    return total


def _pause(runtime: Runtime) -> str:
    credentials = runtime.credentials
    held = in_transaction(runtime.engine, partial(pauses.mine, credentials=credentials))
    return held.message if held else "Jira is not to be asked just now."


def _batches(runtime: Runtime) -> Iterator[list[str]]:
    after = ""
    while True:
        names = in_transaction(
            runtime.engine, partial(drift.ticket_names, after=after, limit=BATCH)
        )
        if not names:
            return
        yield names
        after = names[-1]


def report(engine: Engine) -> Iterator[Drift]:
    """The drift of every filled job, from our copy, in order of the jobs' making."""
    after = ""
    while True:
        page = in_transaction(engine, partial(drift.page, after=after, limit=_PAGE))
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].job_id

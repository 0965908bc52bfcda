"""The circuit breaker over all calls to Jira. Its state is the pause that all workers share."""

from enum import StrEnum

from sqlalchemy.orm import Session

from shared.database.engine import in_transaction
from shared.logs import get_logger
from shared.sync import pauses
from worker.breaker.backoff import PauseDecision, pause_after
from worker.jira.errors import JiraError
from worker.runtime import Runtime

log = get_logger(__name__)


class CircuitState(StrEnum):
    """Whether a worker may call Jira."""

    CLOSED = "closed"
    """Calls may be made."""
    OPEN = "open"
    """The pause is in force: no call may be made."""
    HALF_OPEN = "half_open"
    """The pause has run out and this worker holds the probe: its next call closes or reopens."""


def check(runtime: Runtime) -> CircuitState:
    """The state for this worker. Where the pause has run out, one worker gets the probe.

    The probe first proves the credentials. HALF_OPEN is returned only if Jira accepted them; the
    caller then makes its own call and passes the state on to ``reset`` or ``trip``.
    """
    state = in_transaction(runtime.engine, lambda s: _stored_state(s, runtime.credentials))
    return _probe(runtime) if state is CircuitState.HALF_OPEN else state


def _stored_state(session: Session, credentials: str) -> CircuitState:
    """Taking the probe extends the pause, so that all other workers find the circuit open."""
    if pauses.take_probe(session, credentials=credentials):
        return CircuitState.HALF_OPEN
    paused = pauses.in_force(session, credentials=credentials) is not None
    return CircuitState.OPEN if paused else CircuitState.CLOSED


def _probe(runtime: Runtime) -> CircuitState:
    try:
        runtime.jira.verify()
    except JiraError as error:
        trip(runtime, error, state=CircuitState.HALF_OPEN)
        return CircuitState.OPEN
    runtime.site.check_next_time()
    return CircuitState.HALF_OPEN


def trip(
    runtime: Runtime, error: JiraError, *, state: CircuitState = CircuitState.CLOSED
) -> PauseDecision:
    """Open the circuit after a call that failed as a whole, for as long as its error asks for.

    ``state`` is what ``check`` returned before the call. HALF_OPEN: this is one more failure in a
    row, and not the same failure seen by a second worker.
    """
    decision = in_transaction(runtime.engine, lambda s: _begin_pause(s, runtime, error, state))
    log.warning(
        "jira_paused",
        code=decision.code.value,
        delay=decision.delay,
        status=error.status,
        reason=error.message,
    )
    return decision


def _begin_pause(
    session: Session, runtime: Runtime, error: JiraError, state: CircuitState
) -> PauseDecision:
    credentials = runtime.credentials
    before = pauses.failures(session, credentials=credentials, code=error.wait_code)
    decision = pause_after(error, failures=before)
    pauses.begin(
        session,
        credentials=credentials,
        code=decision.code,
        message=decision.message,
        delay=decision.delay,
        probe=state is CircuitState.HALF_OPEN,
    )
    return decision


def reset(runtime: Runtime, *, state: CircuitState) -> None:
    """Close the circuit after a call that succeeded; ``state`` is what ``check`` returned.

    Ends a pause that has run out, or the one that this worker probed.
    """
    probe = state is CircuitState.HALF_OPEN
    in_transaction(
        runtime.engine, lambda s: pauses.end(s, credentials=runtime.credentials, probe=probe)
    )

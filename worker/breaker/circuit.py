"""Whether Jira may be asked now: the shared pause, and the single probe that ends it."""

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
    """What the shared pause says to a worker that wants to call Jira."""

    CLOSED = "closed"
    """Calls may be made."""
    OPEN = "open"
    """The pause holds: no call may be made."""
    HALF_OPEN = "half_open"
    """A probe succeeded: the caller's own call decides whether the circuit closes."""


def check(runtime: Runtime) -> CircuitState:
    """Ask the pause. Where it has run out, one worker proves the credentials for all of them.

    PROBED: Jira answered; the caller's own call decides whether the pause is over.
    """
    seen = in_transaction(runtime.engine, lambda s: _check(s, runtime.credentials))
    return _probe(runtime) if seen is CircuitState.HALF_OPEN else seen


def _check(session: Session, credentials: str) -> CircuitState:
    """The probe first: whoever loses it to another worker finds the pause in force again."""
    if pauses.take_probe(session, credentials=credentials):
        return CircuitState.HALF_OPEN
    return (
        CircuitState.CLOSED
        if pauses.mine(session, credentials=credentials) is None
        else CircuitState.OPEN
    )


def _probe(runtime: Runtime) -> CircuitState:
    try:
        runtime.jira.verify()
    except JiraError as error:
        trip(runtime, error, probe=True)
        return CircuitState.OPEN
    return CircuitState.HALF_OPEN


def trip(runtime: Runtime, error: JiraError, *, probe: bool = False) -> PauseDecision:
    """A call failed as a whole: everybody stops for as long as the failure asks for.

    ``probe``: the caller held the probe, so this is one more failure in a row, not the same one
    seen by a second worker.
    """
    decision = in_transaction(
        runtime.engine,
        lambda s: _begin(s, runtime, error, probe=probe),
    )
    log.warning(
        "jira_paused",
        code=decision.code.value,
        delay=decision.delay,
        status=error.status,
        reason=error.message,
    )
    return decision


def _begin(session: Session, runtime: Runtime, error: JiraError, *, probe: bool) -> PauseDecision:
    credentials = runtime.credentials
    before = pauses.failures(session, credentials=credentials, code=error.wait_code)
    decision = pause_after(error, failures=before)
    pauses.begin(
        session,
        credentials=credentials,
        code=decision.code,
        message=decision.message,
        delay=decision.delay,
        probe=probe,
    )
    return decision


def reset(runtime: Runtime, *, probe: bool = True) -> None:
    """Jira answered as it should: a pause that has run out, or that we probe, is over."""
    in_transaction(
        runtime.engine, lambda s: pauses.end(s, credentials=runtime.credentials, probe=probe)
    )

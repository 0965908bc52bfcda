"""The deleted-ticket check: copies that were not verified for a day are looked up in Jira."""

from functools import partial

from sqlalchemy.orm import Session

from shared.database.advisory_lock import LockName, advisory_lock
from shared.database.engine import in_transaction
from shared.logs import get_logger
from shared.settings.issue_keys import is_safe_key
from shared.tickets import store as tickets
from shared.tickets import unusable
from worker.breaker import circuit
from worker.breaker.circuit import CircuitState
from worker.jira.port import BATCH
from worker.polling.reread import read_again
from worker.runtime import Runtime

log = get_logger(__name__)


def _due(session: Session, *, site_id: int) -> list[str]:
    """Copies to look up, and tickets that could not be used and may be by now."""
    known = unusable.due(session, site_id=site_id)
    odd = [name for name in known if is_safe_key(name) or name.isdecimal()]
    copies = tickets.unverified(session, site_id=site_id, limit=BATCH)
    return list(dict.fromkeys([*odd[: BATCH // 2], *copies]))[:BATCH]


def check_deleted_tickets(runtime: Runtime) -> int:
    """Look up one batch of copies, and of unusable tickets. Returns how many were looked up.

    No search for changes ever shows a deletion, and deleting a project sends no webhook (JIRA.md,
    pain 16). A ticket that is denied twice counts as deleted or hidden; our copy keeps its values.
    """
    with advisory_lock(runtime.engine, LockName.DELETED_TICKETS) as acquired:
        if not acquired:
            return 0
        site_id = runtime.site.known().site_id
        due = in_transaction(runtime.engine, partial(_due, site_id=site_id))
        state = circuit.check(runtime) if due else CircuitState.OPEN
        if state is CircuitState.OPEN:
            return 0
        deadline = runtime.clock.monotonic() + runtime.settings.lease_seconds / 4
        result = read_again(runtime, due, site_id=site_id, deadline=deadline, state=state)
    log.info(
        "deleted_tickets_checked",
        found=result.found,
        denied=result.denied,
        unusable=result.unusable,
        unread=result.unread,
    )
    return len(due) - result.unread

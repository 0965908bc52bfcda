"""Counts webhooks that were turned away, at the cost of one small write a second at most."""

from collections import Counter
from collections.abc import Callable
from threading import Lock, Timer

from sqlalchemy import Engine

from shared.database.engine import in_transaction
from shared.logs import get_logger
from shared.states import RejectionReason
from shared.webhooks import health as webhook_health

log = get_logger(__name__)

FLUSH_SECONDS = 1.0


class Rejections:
    """A tally in memory, written to the database a second after its first entry.

    Whoever floods us with forgeries costs the database one statement a second, no more.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._lock = Lock()
        self._tally: Counter[RejectionReason] = Counter()
        self._pending = False

    def count(self, reason: RejectionReason) -> None:
        """One more. Never blocks, never raises."""
        with self._lock:
            self._tally[reason] += 1
            if self._pending:
                return
            self._pending = True
        timer = Timer(FLUSH_SECONDS, self.flush)
        timer.daemon = True
        timer.start()

    def flush(self) -> None:
        """Write the tally down; what the database does not take is kept for the next time."""
        with self._lock:
            tally, self._tally = self._tally, Counter()
            self._pending = False
        if not tally:
            return
        try:
            in_transaction(
                self._engine(), lambda session: webhook_health.count_rejections(session, tally)
            )
        except Exception as error:  # noqa: BLE001  counting must not fail what it counts
            log.warning("rejections_not_written", error=type(error).__name__)
            with self._lock:
                self._tally += tally

"""Counts rejected webhooks, at the cost of one small write a second at most."""

from collections import Counter
from threading import Lock, Timer

from api.runtime import Runtime
from shared.database.engine import in_transaction
from shared.logs import get_logger
from shared.states import RejectionReason
from shared.webhooks import health as webhook_health

log = get_logger(__name__)

FLUSH_SECONDS = 1.0


class Rejections:
    """Counts in memory; writes them to the database a second after the first one.

    A flood of forged webhooks costs the database one statement a second.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._engine = runtime.engine
        self._lock = Lock()
        self._counts: Counter[RejectionReason] = Counter()
        self._timer: Timer | None = None
        runtime.on_close(self.close)

    def count(self, reason: RejectionReason) -> None:
        """Count one more. Never blocks, never raises."""
        with self._lock:
            self._counts[reason] += 1
            if self._timer is None:
                self._timer = Timer(FLUSH_SECONDS, self.flush)
                self._timer.name = "rejections"
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write the counts now. If the database does not take them, they are kept for later."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._timer = None
        if not counts:
            return
        try:
            in_transaction(
                self._engine,
                lambda session: webhook_health.count_rejections(session, counts),
            )
        except Exception as error:  # noqa: BLE001  counting must not fail what it counts
            log.warning("rejections_not_written", error=type(error).__name__)
            with self._lock:
                self._counts += counts

    def close(self) -> None:
        """End the thread that waits to write, and write what is left."""
        with self._lock:
            timer = self._timer
        if timer is not None:
            timer.cancel()
            timer.join()
        self.flush()

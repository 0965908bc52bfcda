"""Pool slots for work on Jira: some of a worker's processes, never all of them."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT_FREE = 2
"""Processes that Jira can never occupy: sweep, deliveries and canary go on while it hangs."""


class ConcurrencyLimit:
    """At most ``count`` processes of this worker at work for Jira; a lock dies with its holder.

    Made before the pool forks: the folder is what the processes share (docs/adr/0004).
    """

    def __init__(self, *, processes: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="routecard-slots-"))
        self.count = max(1, processes - KEPT_FREE)

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Whether a slot was free; it is held until the block ends or the process dies."""
        # After weeks a cleaner of temporary files may have taken the folder away.
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for number in range(self.count):
            handle = os.open(self._folder / str(number), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            try:
                yield True
            finally:
                os.close(handle)
            return
        yield False

    def remove(self) -> None:
        """Take the folder away once the pool has ended."""
        shutil.rmtree(self._folder, ignore_errors=True)

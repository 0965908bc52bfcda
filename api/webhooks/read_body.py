"""Reads a webhook's body and checks its signature, before anything is parsed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestTimeout

from api.http.refusals import BodyTooLargeError, MalformedBodyError, NotReadyError
from api.runtime import Runtime
from shared.clock import Clock
from shared.webhooks.signatures import Verifier

BODY_BYTES = 25 * 1024 * 1024
"""Largest body: Jira drops larger ones itself (JIRA.md, section 6)."""
LARGE_BYTES = 1024 * 1024
"""A body beyond this goes to disk while it is read, and few such are read at once."""
LARGE_BODIES = 2
WAIT_SECONDS = 2.0
"""How long a request waits for a free slot; then the answer is 503, and Jira sends it again."""
READ_SECONDS = 30.0
"""How long a sender may take over its body."""
_CHUNK = 64 * 1024


class ConcurrencyLimit:
    """Limits how many bodies are read at once: by most request threads; few large ones."""

    def __init__(self, *, threads: int) -> None:
        self._all = BoundedSemaphore(max(2, threads * 3 // 4))
        self._large = BoundedSemaphore(LARGE_BODIES)

    @contextmanager
    def acquired(self, length: int | None) -> Iterator[None]:
        """A place for a body of ``length`` bytes; None: the sender did not say.

        Raises NotReadyError if no place gets free in time.
        """
        with _acquired(self._all):
            if length is not None and length <= LARGE_BYTES:
                yield
                return
            with _acquired(self._large):
                yield


@contextmanager
def _acquired(semaphore: BoundedSemaphore) -> Iterator[None]:
    if not semaphore.acquire(timeout=WAIT_SECONDS):
        raise NotReadyError("Too many webhooks are being received at once")
    try:
        yield
    finally:
        semaphore.release()


def intake_limit(runtime: Runtime) -> ConcurrencyLimit:
    """The limit of one process: ``runtime.singleton(intake_limit)``."""
    return ConcurrencyLimit(threads=runtime.settings.api_threads)


@dataclass(frozen=True, slots=True)
class Body:
    """The raw body of a webhook, and whether a signature proves it."""

    content: bytes
    signed: bool


def read_body(verifier: Verifier, digest: bytes | None, *, clock: Clock) -> Body:
    """The request's raw body, checked against ``digest`` while it is read.

    A body that does not match its signature is not even read back into memory.
    Raises BodyTooLargeError, MalformedBodyError or RequestTimeout.
    """
    with SpooledTemporaryFile(max_size=LARGE_BYTES) as spool:
        for chunk in _chunks(clock):
            verifier.update(chunk)
            spool.write(chunk)
        signed = digest is not None and verifier.proves(digest)
        if digest is not None and not signed:
            return Body(b"", signed=False)
        spool.seek(0)
        return Body(spool.read(), signed=signed)


def _chunks(clock: Clock) -> Iterator[bytes]:
    # One more than allowed: Werkzeug refuses a body that only just reaches its limit.
    request.max_content_length = BODY_BYTES + 1
    until = clock.monotonic() + READ_SECONDS
    total = 0
    try:
        while chunk := request.stream.read(_CHUNK):
            total += len(chunk)
            if total > BODY_BYTES:
                raise BodyTooLargeError(BODY_BYTES)
            if clock.monotonic() > until:
                raise RequestTimeout
            yield chunk
    except RequestEntityTooLarge:
        raise BodyTooLargeError(BODY_BYTES) from None
    except (ClientDisconnected, OSError):
        raise MalformedBodyError("Request body ended before it was complete") from None

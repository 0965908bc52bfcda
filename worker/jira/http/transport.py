"""HTTP to Jira with a limit on the total time and the size of every answer.

A socket's timeout limits each read, not the sum: an answer that arrives one byte at a time would
block a worker for ever. So each exchange has a timer that shuts the socket down, whatever is
being read: status line, headers or body.
"""

import socket
import threading
from contextlib import suppress
from io import BytesIO
from typing import Any, Self

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as BrokenConnectionError
from requests.exceptions import ReadTimeout
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes after decompression; 100 issues with the few fields we request need under 1 MB."""

_CHUNK = 64 * 1024


class AnswerTooLargeError(BrokenConnectionError):
    """The answer is larger than any valid answer to our calls."""


class BoundedAdapter(HTTPAdapter):
    """An adapter for requests that reads answers completely, within limits, before it returns.

    ``total`` is in seconds, from sending the request to the last byte of the body; connecting
    has its own limit. Raises requests' ReadTimeout and ConnectionError.
    """

    def __init__(self, *, total: float, largest: int = LARGEST_ANSWER) -> None:
        self._total = total
        self._largest = largest
        super().__init__(pool_connections=2, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        _watch_pools(manager)
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        watch = _Watch(self._total)
        try:
            with watch:
                response = super().send(request, *args, **kwargs)
                body = self._whole(response)
        finally:
            # A connection that was shut down looks broken, or even like the end of the answer.
            if watch.fired:
                raise ReadTimeout("the answer took too long", request=request)
        response.raw = BytesIO(body)
        return response

    def _whole(self, response: Response) -> bytes:
        body = bytearray()
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                body += chunk
                if len(body) > self._largest:
                    raise AnswerTooLargeError("the answer is too large")
        except ReadTimeoutError as error:
            raise ReadTimeout("timeout in the middle of an answer") from error
        except HTTPError as error:
            raise BrokenConnectionError(
                "the connection was lost in the middle of an answer"
            ) from error
        finally:
            # A complete answer has already returned the connection to the pool. Otherwise the
            # connection still holds bytes of this answer and must not be used again.
            response.raw.close()
        return bytes(body)


class _Watch:
    """Shuts down the socket of the current exchange when its time is over."""

    def __init__(self, total: float) -> None:
        self.fired = False
        self._lock = threading.Lock()
        self._over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(total, self._fire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _running.watch = self
        self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            self._socket = None
        _running.watch = None

    def guard(self, connected: socket.socket | None) -> None:
        """Set the socket that the answer is read from."""
        with self._lock:
            self._socket = connected
            if self.fired:
                self._cut()

    def _fire(self) -> None:
        with self._lock:
            # If the exchange ends at this moment, its socket already serves another one.
            if self._over:
                return
            self.fired = True
            self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _Running(threading.local):
    watch: _Watch | None = None


_running = _Running()


def _guard(connected: socket.socket | None) -> None:
    if _running.watch is not None:
        _running.watch.guard(connected)


class _WatchedConnection(HTTPConnection):
    def getresponse(self) -> Any:
        _guard(self.sock)
        return super().getresponse()


class _WatchedTLSConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        _guard(self.sock)
        return super().getresponse()


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLSConnection


def _watch_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTLSPool}

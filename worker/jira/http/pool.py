"""Pooled connections to Jira: kept alive, closed when idle, cut off in time, known when stale.

A socket's timeout limits each read, not the sum: an answer that arrives one byte at a time would
block a worker for ever. So each exchange has a timer that shuts the socket down, whatever is
being read: a proxy's answer, TLS handshake, status line, headers or body.

A firewall may drop an idle connection without a word (urllib3#3184, psf/requests#6064). A request
on such a stale connection is lost, and nothing answers. So idle connections are closed before a
firewall forgets them, and an exchange notes that it failed on a connection used before.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import Any, Self

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import wait_for_read

IDLE_SECONDS = 30.0
"""A connection idle for longer is not used again; firewalls forget idle ones after a minute."""

_KEEPALIVE = {
    "TCP_KEEPIDLE": 10,  # seconds
    "TCP_KEEPALIVE": 10,  # the same on macOS
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 6000,  # Linux, milliseconds: sent data that is not acknowledged fails
}


def socket_options() -> list[tuple[int, int, int]]:
    """TCP keepalive as far as this system has it, for urllib3."""
    known = {name: getattr(socket, name, None) for name in _KEEPALIVE}
    return [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, o, _KEEPALIVE[name]) for name, o in known.items() if o is not None),
    ]


def use_pooled_connections(manager: PoolManager) -> None:
    """Make this manager's pools open the connections of this module."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


class Exchange:
    """The time limit of one request and its answer; a context manager for the current thread.

    ``total`` is in seconds. ``patience``, in seconds, limits the wait for the first byte on a
    connection used before; None: only ``total`` does. ``fired`` says that the time was over, and
    ``stale`` that a connection used before broke, or stayed silent, before it answered.
    """

    def __init__(self, total: float, *, patience: float | None) -> None:
        self.fired = False
        self.stale = False
        self.patience = patience
        self._lock = threading.Lock()
        self._over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(total, self._fire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _current.exchange = self
        self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            self._watch(None)
        _current.exchange = None

    def guard(self, connected: Any) -> None:
        """Set the socket that is shut down when the time is over."""
        with self._lock:
            self._watch(connected)
            if self.fired:
                self._cut()

    def _watch(self, connected: Any) -> None:
        """Keep a duplicate: TLS takes the original descriptor away from its socket."""
        if self._socket is not None:
            self._socket.close()
        self._socket = connected and socket.socket(fileno=os.dup(connected.fileno()))

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


class _Current(threading.local):
    exchange: Exchange | None = None


_current = _Current()


class _Pooled(HTTPConnection):
    """What connections with and without TLS have in common."""

    _answered_at: float | None = None
    """When it last answered, in seconds of the monotonic clock; None: not yet since it opened."""

    @property
    def is_connected(self) -> bool:
        """Whether it can be used; urllib3 closes and reopens it otherwise."""
        idle = time.monotonic() - self._answered_at if self._answered_at is not None else 0.0
        return idle <= IDLE_SECONDS and super().is_connected

    def connect(self) -> None:
        self._answered_at = None
        super().connect()

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        if _current.exchange is not None:
            _current.exchange.guard(connected)
        return connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        with self._staleness_noted():
            super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        exchange = _current.exchange
        with self._staleness_noted():
            if exchange is not None and self._answered_at is not None:
                exchange.guard(self.sock)
                if exchange.patience and not wait_for_read(self.sock, exchange.patience):
                    raise TimeoutError
            response = super().getresponse()
        self._answered_at = time.monotonic()
        return response

    @contextmanager
    def _staleness_noted(self) -> Iterator[None]:
        try:
            yield
        except (OSError, HTTPException):
            if _current.exchange is not None and self._answered_at is not None:
                _current.exchange.stale = True
            raise


class _TLS(_Pooled, HTTPSConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        # A server that closes early may have said why, which is read with the answer; urllib3
        # does the same for connections without TLS.
        with suppress(ssl.SSLEOFError):
            super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Pooled


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLS

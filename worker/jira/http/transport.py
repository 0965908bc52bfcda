"""HTTP to Jira with a limit on the total time and the size of every answer."""

import ssl
import time
from collections import deque
from io import BytesIO
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as BrokenConnectionError
from requests.exceptions import ReadTimeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

from worker.jira.http.pool import Exchange, socket_options, use_pooled_connections

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes after decompression; 100 issues with the few fields we request need under 1 MB."""

PATIENCE = 3.0
"""Seconds without a first byte after which a connection used before counts as stale."""

_CHUNK = 64 * 1024
_REMEMBERED = 20


class AnswerTooLargeError(BrokenConnectionError):
    """The answer is larger than any valid answer to our calls."""


class BoundedAdapter(HTTPAdapter):
    """An adapter for requests that reads answers completely, within limits, before it returns.

    ``total`` is in seconds, from sending the request to the last byte of the body; connecting
    has its own limit. ``tls`` is used for Jira and for a proxy with TLS. Raises requests'
    ReadTimeout and ConnectionError.

    A request that fails on a stale connection is sent again at once, on a new connection and
    within the same time. Every request must therefore be a read, whatever its method.
    """

    def __init__(self, *, total: float, tls: ssl.SSLContext, largest: int = LARGEST_ANSWER) -> None:
        self._total = total
        self._tls = tls
        self._largest = largest
        self._took: deque[float] = deque(maxlen=_REMEMBERED)
        super().__init__(pool_connections=2, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(
            *args, socket_options=socket_options(), ssl_context=self._tls, **kwargs
        )
        use_pooled_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(
            proxy,
            socket_options=socket_options(),
            ssl_context=self._tls,
            proxy_ssl_context=self._tls,
            **kwargs,
        )
        use_pooled_connections(manager)
        return manager

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: ``tls`` verifies, and requests would add the public authorities to it."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        exchange = Exchange(self._total, patience=self._patience())
        try:
            with exchange:
                try:
                    return self._fetch(exchange, request, *args, **kwargs)
                except RequestException:
                    if exchange.fired or not exchange.stale:
                        raise
                    self.close()  # other pooled connections are as old
                    return self._fetch(exchange, request, *args, **kwargs)
        finally:
            # A connection that was shut down looks broken, or even like the end of the answer.
            if exchange.fired:
                raise ReadTimeout("the answer took too long", request=request)

    def _patience(self) -> float | None:
        """Seconds to wait for the first byte on a connection used before; None: no such limit.

        While Jira itself is slow, its silence says nothing about a connection: asking again would
        double its load, and leave the second request too little time.
        """
        half = self._total / 2
        patience = max(min(PATIENCE, half), 2 * max(self._took, default=0.0))
        return patience if patience <= half else None

    def _fetch(
        self, exchange: Exchange, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> Response:
        exchange.stale = False
        started = time.monotonic()
        try:
            response = super().send(request, *args, **kwargs)
            response.raw = BytesIO(self._whole(response))
        finally:
            if not exchange.stale:
                self._took.append(time.monotonic() - started)
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

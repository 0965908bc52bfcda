"""A small threaded HTTP/1.1 server for one WSGI app, which can also break a connection on demand.

Werkzeug's own server closes the connection after every answer. That costs a client about 10 ms
a call, and hides how a client behaves when a connection that was kept open breaks.
"""

import socket
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import TCPServer, ThreadingMixIn
from threading import Lock
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from werkzeug.wrappers import Response

log = structlog.get_logger()

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

EXCHANGE: Final = "simulator.exchange"
_MAX_BODY: Final = 32 * 1024 * 1024
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Ending(Enum):
    """How an exchange ends; the app sets ``environ[EXCHANGE].ending``."""

    NORMAL = "normal"
    RESET = "reset"
    """No answer and a TCP reset."""
    CLOSE = "close"
    """No answer, and an orderly close of the connection."""
    CUT = "cut"
    """Half of the body that Content-Length announces, then the connection is closed."""


class HttpHandler(WSGIRequestHandler):
    """One connection, kept open for several requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "HttpServer"
    handle = BaseHTTPRequestHandler.handle  # that of the base ends after one request

    def version_string(self) -> str:
        """The name that the proxy of Jira Cloud sends."""
        return "AtlassianEdge"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  named so by the base
        """Do nothing: hundreds of lines a second would hide the other logs."""

    def serve(self) -> None:
        """Answer the request that was just parsed."""
        body = self._body()
        if body is None:
            return
        self.ending = Ending.NORMAL
        request = {"wsgi.url_scheme": "http", "wsgi.input": BytesIO(body), EXCHANGE: self}
        environ = self.get_environ() | request
        response = Response.from_app(self.server.app, environ, buffered=True)
        content = response.get_data()
        if self.ending is Ending.NORMAL:
            self.wfile.write(self._head(response, len(content)) + content)
            return
        self.close_connection = True
        if self.ending is Ending.CUT:
            self.wfile.write(self._head(response, len(content)))
            self.wfile.write(content[: len(content) // 2])
        elif self.ending is Ending.RESET:
            self.server.reset(self.connection)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = serve  # noqa: N815  named so by the base

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self.send_error(411)
            return None
        return self.rfile.read(int(length))

    def _head(self, response: Response, length: int) -> bytes:
        lines = [f"HTTP/1.1 {response.status}", f"Server: {self.version_string()}"]
        lines += [f"{n}: {value}" for n, value in response.headers if n != "Content-Length"]
        if response.status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            lines.append(f"Content-Length: {length}")
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class HttpServer(ThreadingMixIn, WSGIServer):
    """One thread for each connection; ``accepted`` counts all connections so far."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], app: WsgiApp) -> None:
        self.app = app
        self.accepted = 0
        self._open: set[socket.socket] = set()
        self._to_reset: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, HttpHandler)

    def server_bind(self) -> None:
        """As in the base, without asking DNS for the host's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def reset(self, connection: socket.socket) -> None:
        """End the connection with a TCP reset once its handler has finished."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._to_reset.add(connection)

    def close_connections(self) -> None:
        """Close every open connection, as a server does that is stopped."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):  # the client may have closed it in the meantime
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
            self.accepted += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """As in the base, except that a connection to reset is closed without a shutdown."""
        with self._lock:
            self._open.discard(request)
        if request in self._to_reset:
            self._to_reset.discard(request)
            request.close()
            return
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the base's
        """Ignore a client that disconnected; anything else is a bug in the simulator."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("simulator_request_crashed", client=client_address, exc_info=error)

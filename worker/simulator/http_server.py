"""A small threaded HTTP/1.1 server for one WSGI app, which can also break a connection on demand.

Werkzeug's own server closes the connection after every answer. That costs a client about 10 ms
a call, and hides how a client behaves when a connection that was kept open breaks.
"""

import socket
import struct
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import TCPServer, ThreadingMixIn
from threading import Lock
from typing import Any, Final, cast
from urllib.parse import unquote

import structlog

log = structlog.get_logger()

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

ENDING: Final = "simulator.ending"
_MAX_BODY: Final = 32 * 1024 * 1024
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Ending(Enum):
    """How an exchange ends; the app puts it into the WSGI environment under ``ENDING``."""

    NORMAL = "normal"
    RESET = "reset"
    """No answer and a TCP reset."""
    CLOSE = "close"
    """No answer, and an orderly close of the connection."""
    CUT = "cut"
    """Half of the body that Content-Length announces, then the connection is closed."""


class HttpHandler(BaseHTTPRequestHandler):
    """One connection, kept open for several requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "HttpServer"

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
        environ = self._environ(body)
        status, headers, content = _call(self.server.app, environ)
        ending = environ.get(ENDING, Ending.NORMAL)
        if ending is Ending.NORMAL:
            self.wfile.write(self._head(status, headers, len(content)) + content)
            return
        self.close_connection = True
        if ending is Ending.CUT:
            self.wfile.write(self._head(status, headers, len(content)))
            self.wfile.write(content[: len(content) // 2])
        elif ending is Ending.RESET:
            self.server.reset(self.connection)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = serve  # noqa: N815  named so by the base

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self.send_error(411)
            return None
        return self.rfile.read(int(length))

    def _environ(self, body: bytes) -> Environ:
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: Environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ

    def _head(self, status: str, headers: list[tuple[str, str]], length: int) -> bytes:
        lines = [f"HTTP/1.1 {status}", f"Server: {self.version_string()}"]
        lines += [f"{name}: {value}" for name, value in headers if name != "Content-Length"]
        if not status.startswith(("204", "304")):
            lines.append(f"Content-Length: {length}")
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _call(app: WsgiApp, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda _data: None

    chunks = app(environ, start_response)
    content = b"".join(chunks)
    closing = getattr(chunks, "close", None)
    if closing is not None:
        closing()
    status, headers = started[-1] if started else ("500 Internal Server Error", [])
    return status, headers, content if environ["REQUEST_METHOD"] != "HEAD" else b""


class HttpServer(ThreadingMixIn, TCPServer):
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
        super().__init__(address, cast("Any", HttpHandler))

    def reset(self, connection: socket.socket) -> None:
        """End the connection with a TCP reset once its handler has finished."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._to_reset.add(connection)

    def close_connections(self) -> None:
        """Close every open connection, as a server does that is stopped."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _shutdown(connection)

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


def _shutdown(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client has closed it in the meantime

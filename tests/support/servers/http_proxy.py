"""An HTTP proxy as companies have them: it forwards, tunnels, asks for a login, or refuses."""

import base64
import socket
import threading
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 65536


class HttpProxy(ThreadingTCPServer):
    """``login`` is ``user:password``, if it asks for one; ``refusal`` the status of every answer.

    ``seen`` has the request line of every request that it served. It tunnels every connection to
    ``target``, a port of this machine, whatever host was asked for; without one, to that host.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self, *, login: str | None = None, refusal: int | None = None, target: int | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.login = login
        self.refusal = refusal
        self.target = target
        self.seen: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self._thread.join(5)
        self.server_close()


class _Handler(StreamRequestHandler):
    server: HttpProxy
    timeout = 10

    def handle(self) -> None:
        head = self._head()
        if not head:
            return
        line, *fields = head
        given = {n.lower(): v.strip() for n, _, v in (field.partition(":") for field in fields)}
        wanted = self.server.login and base64.b64encode(self.server.login.encode()).decode()
        if wanted and given.get("proxy-authorization") != f"Basic {wanted}":
            self._answer(407, "Proxy-Authenticate: Basic realm=proxy\r\n")
        elif self.server.refusal:
            self._answer(self.server.refusal)
        else:
            self.server.seen.append(line)
            self._serve(line, given)

    def _serve(self, line: str, given: dict[str, str]) -> None:
        method, address, _ = line.split(" ")
        with suppress(OSError):
            if method == "CONNECT":
                self._tunnel(address)
            else:
                self._forward(method, address, given)

    def _head(self) -> list[str]:
        lines = []
        with suppress(OSError):
            while (line := self.rfile.readline(_CHUNK)) not in (b"\r\n", b""):
                lines.append(line.decode("latin-1").rstrip("\r\n"))
        return lines

    def _answer(self, status: int, fields: str = "") -> None:
        page = b"<html><title>The proxy</title></html>"
        head = f"HTTP/1.1 {status} No\r\n{fields}Content-Type: text/html\r\n"
        end = f"Content-Length: {len(page)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(f"{head}{end}".encode() + page)

    def _connect(self, host: str, port: int) -> socket.socket:
        if self.server.target is not None:
            host, port = "127.0.0.1", self.server.target
        return socket.create_connection((host, port), timeout=5)

    def _tunnel(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        with self._connect(host, int(port)) as peer:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            up = threading.Thread(target=_pump, args=(self.connection, peer), daemon=True)
            up.start()
            _pump(peer, self.connection)
            up.join(5)

    def _forward(self, method: str, address: str, fields: dict[str, str]) -> None:
        parts = urlsplit(address)
        with self._connect(parts.hostname or "", parts.port or 80) as peer:
            kept = {
                n: v for n, v in fields.items() if n not in ("proxy-authorization", "connection")
            }
            head = [f"{method} {parts.path} HTTP/1.1", *(f"{n}: {v}" for n, v in kept.items())]
            peer.sendall("\r\n".join([*head, "connection: close", "", ""]).encode("latin-1"))
            peer.sendall(self.rfile.read(int(fields.get("content-length", 0))))
            _pump(peer, self.connection)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until one side ends, and then end the other."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        source.shutdown(socket.SHUT_RDWR)

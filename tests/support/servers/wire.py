"""A server that answers with bytes of the test's choosing, as slowly as the test likes."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

Piece = bytes | float
"""Bytes to send, or seconds to be silent."""


def json_answer(body: bytes) -> bytes:
    """A whole answer with this JSON."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


@contextmanager
def wire_server(
    script: Callable[[], Iterator[Piece]], *, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve ``script`` to every request on every connection; yields the address.

    With ``tls``, a certificate for localhost is needed.
    """
    stopped = Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[Thread] = []

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = Thread(target=_serve, args=(connection, tls, script, stopped), daemon=True)
            threads.append(thread)
            thread.start()

    accepting = Thread(target=accept, daemon=True)
    accepting.start()
    try:
        port = listener.getsockname()[1]
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [accepting, *threads]:
            thread.join(5)


def _serve(
    accepted: socket.socket,
    tls: ssl.SSLContext | None,
    script: Callable[[], Iterator[Piece]],
    stopped: Event,
) -> None:
    with accepted, suppress(OSError), _secured(accepted, tls) as connection:
        connection.settimeout(0.2)
        while not stopped.is_set():
            if not _request(connection, stopped):
                return
            for piece in script():
                if isinstance(piece, bytes):
                    connection.sendall(piece)
                elif stopped.wait(piece):
                    return


def _secured(accepted: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    if tls is None:
        return accepted
    accepted.settimeout(5)
    return tls.wrap_socket(accepted, server_side=True)


def _request(connection: socket.socket, stopped: Event) -> bool:
    """Read one request without a body; False if the connection was closed."""
    received = b""
    while b"\r\n\r\n" not in received:
        try:
            data = connection.recv(65536)
        except TimeoutError:
            if stopped.is_set():
                return False
            continue
        if not data:
            return False
        received += data
    return True

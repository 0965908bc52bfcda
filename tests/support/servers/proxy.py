"""A TCP proxy that can become silent: it accepts connections and bytes, and sends nothing."""

import selectors
import socket
from contextlib import suppress
from threading import Event, Thread
from typing import Self

from tests.support.waiting import eventually

_CHUNK = 65536


class SilentProxy:
    """Forwards to one port of this machine, until it is silenced.

    A connection that lived through a silence stays mute for ever, as behind a firewall that
    forgot it: neither side learns that it is dead.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self._listener.getsockname()[1])
        self._silent = Event()
        self._over = Event()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._mute: list[socket.socket] = []
        self._thread = Thread(target=self._serve, name="silent-proxy", daemon=True)

    def silence(self) -> None:
        """From now on bytes are taken and dropped, on old and new connections."""
        self._silent.set()

    def speak(self) -> None:
        """Serve new connections again; those that were open stay silent."""
        self._silent.clear()

    def forget(self) -> None:
        """Drop the open connections without a word, and serve new ones."""
        self._silent.set()
        assert eventually(lambda: not self._peers)
        self._silent.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        for open_one in (self._listener, *self._peers, *self._mute):
            open_one.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            while not self._over.is_set():
                if self._silent.is_set():
                    self._forget(ready)
                for key, _ in ready.select(0.05):
                    if key.fileobj is self._listener:
                        self._accept(ready)
                    else:
                        self._pass_on(ready, key.fileobj)

    def _accept(self, ready: selectors.BaseSelector) -> None:
        client, _ = self._listener.accept()
        if self._silent.is_set():
            self._mute.append(client)
            return
        server = socket.create_connection(("127.0.0.1", self._target))
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            ready.register(one, selectors.EVENT_READ)

    def _pass_on(self, ready: selectors.BaseSelector, one: object) -> None:
        assert isinstance(one, socket.socket)
        if self._silent.is_set() or one not in self._peers:
            return
        with suppress(OSError):
            if piece := one.recv(_CHUNK):
                self._peers[one].sendall(piece)
                return
        for end in (one, self._peers[one]):
            ready.unregister(end)
            del self._peers[end]
            end.close()

    def _forget(self, ready: selectors.BaseSelector) -> None:
        """Whatever is open stays open, and is never read again."""
        for one in self._peers:
            ready.unregister(one)
            self._mute.append(one)
        self._peers.clear()

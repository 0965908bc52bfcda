"""The simulator as a server: started in the background by tests, in the foreground by the CLI."""

import signal
from threading import Thread
from typing import Final, Self

import structlog

from worker.simulator.app import create_app
from worker.simulator.config import Deployment, SimulatorConfig
from worker.simulator.http_server import HttpServer
from worker.simulator.site.store import Store
from worker.simulator.state import SimulatorState

__all__ = ["Deployment", "Simulator", "SimulatorConfig", "make_simulator"]

log = structlog.get_logger()
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_JOIN_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02


class Simulator:
    """A Jira on a port. ``stop`` and ``start`` again is an outage: port and tickets stay.

    The port is taken by the constructor, so that ``url`` is known from the beginning; raises
    ``OSError`` if it is not free.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self._server: HttpServer | None = HttpServer((config.host, config.port), _not_ready)
        self.port = int(self._server.server_address[1])
        self.state = SimulatorState.build(config, base_url=config.public_url or self.url)
        self._app = create_app(self.state)
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Its address on this machine."""
        host = "127.0.0.1" if self.config.host == "0.0.0.0" else self.config.host  # noqa: S104  read, not bound
        return f"http://{host}:{self.port}"

    @property
    def store(self) -> Store:
        """The tickets, for tests in the same process."""
        return self.state.store

    @property
    def connections_accepted(self) -> int:
        """How many connections clients have opened since the last start."""
        return self._server.accepted if self._server is not None else 0

    def start(self) -> Self:
        """Serve in a background thread; after ``stop`` again on the same port."""
        if self._thread is not None:
            return self
        if self._server is None:
            self._server = HttpServer((self.config.host, self.port), self._app)
        self._server.app = self._app
        self.state.stopping.clear()
        self.state.sender.resume()
        self._thread = Thread(
            target=self._server.serve_forever,
            args=(_POLL_SECONDS,),
            name="jira-simulator",
            daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse new connections and close the open ones, also those of requests that hang."""
        self.state.stopping.set()
        self.state.sender.stop()
        server, self._server = self._server, None
        thread, self._thread = self._thread, None
        if server is None:
            return
        if thread is not None:
            server.shutdown()
            thread.join(_JOIN_SECONDS)
        server.server_close()
        server.close_connections()

    def serve_forever(self) -> None:
        """Serve until SIGTERM or SIGINT; call it in the main thread."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # its threads inherit this
        with self:
            log.info("simulator_started", url=self.url, tickets=len(self.store))
            signal.sigwait(_SIGNALS)
        log.info("simulator_stopped")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def make_simulator(config: SimulatorConfig | None = None) -> Simulator:
    """A simulator with tickets and a port that does not answer yet."""
    return Simulator(config or SimulatorConfig())


def _not_ready(_environ: object, _start_response: object) -> list[bytes]:
    return []

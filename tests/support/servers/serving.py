"""The application behind a real socket on this machine, for a browser to visit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from werkzeug.serving import WSGIRequestHandler, make_server

from shared.settings import Settings
from tests.dsl import application, configured
from worker.dev.valkey import free_port


class _Quiet(WSGIRequestHandler):
    """No line for each request among the test's output."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def served(settings: Settings, engine: Engine) -> Iterator[str]:
    """Serve the application on a free loopback port; its address."""
    port = free_port()
    with application(configured(settings, port=port), engine) as app:
        server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

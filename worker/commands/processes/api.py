"""`routecard api`: the HTTP server."""

import os
import tempfile
from typing import Final

import click

from shared.accounts.exposure import check_exposure
from shared.settings import METRICS_FOLDER, Settings, load_settings
from worker.commands.processes.program import become, check_servers

# Open connections of a process, idle ones included; more wait in the kernel's queue. Requests wait
# inside for a free thread, so this is far above the number of threads.
_CONNECTIONS: Final = 1024
_HEADER_MILLISECONDS: Final = 10_000
_STOP_SECONDS: Final = 10


@click.command()
def command() -> None:
    """Serve the REST API and the dashboard."""
    settings = load_settings()
    check_exposure(settings)
    check_servers(settings)
    if settings.api_workers > 1:
        os.putenv(METRICS_FOLDER, tempfile.mkdtemp(prefix="routecard-metrics-"))
    become("granian", *arguments(settings))


def arguments(settings: Settings) -> tuple[str, ...]:
    """Granian's command line: blocking threads over WSGI, HTTP/1.1, no access log, no reload."""
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    return (
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", host, "--port", str(settings.port)),
        *("--workers", str(settings.api_workers)),
        *("--blocking-threads", str(settings.api_threads)),
        *("--backlog", str(_CONNECTIONS), "--backpressure", str(_CONNECTIONS)),
        *("--http1-header-read-timeout", str(_HEADER_MILLISECONDS)),
        *("--respawn-failed-workers", "--respawn-interval", "0.5"),
        *("--workers-kill-timeout", str(_STOP_SECONDS)),
        *("--no-access-log", "--log-level", "error", "--no-reload"),
        "api.wsgi:app",
    )

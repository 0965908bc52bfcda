"""`routecard worker`: the Celery worker."""

from typing import Final

import click

from shared.settings import Settings, load_settings
from worker.commands.processes.program import become, check_servers

# Work for Jira and work inside have queues of their own: a hanging Jira must not starve the sweep.
_QUEUES: Final = "jira,inner"


@click.command()
def command() -> None:
    """Run the worker that talks to Jira."""
    settings = load_settings()
    check_servers(settings)
    become("celery", *arguments(settings))


def arguments(settings: Settings) -> tuple[str, ...]:
    """Celery's command line: one task in hand a process, given to whichever is free."""
    return (
        *("--quiet", "-A", "worker.app", "worker", "--loglevel", settings.log_level),
        *("--concurrency", str(settings.worker_processes)),
        *("--queues", _QUEUES, "--prefetch-multiplier", "1", "-O", "fair"),
        *("--without-gossip", "--without-mingle"),
    )

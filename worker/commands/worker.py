"""`routecard worker`: the Celery worker."""

from typing import Final

import click

from shared.settings import Settings, load_settings
from worker.commands.program import become

# Work for Jira and work inside have queues of their own: a hanging Jira must not starve the sweep.
_QUEUES: Final = "jira,inner"


@click.command()
def command() -> None:
    """Run the worker that talks to Jira."""
    become("celery", *arguments(load_settings()))


def arguments(settings: Settings) -> tuple[str, ...]:
    """Celery's command line: one task in hand a process, given to whichever is free."""
    return (
        *("-A", "worker.app", "worker", "--loglevel", settings.log_level),
        *("--concurrency", str(settings.worker_processes)),
        *("--queues", _QUEUES, "--prefetch-multiplier", "1", "-O", "fair"),
        *("--without-gossip", "--without-mingle"),
    )

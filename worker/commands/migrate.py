"""`routecard migrate`: bring the database's schema up to date."""

import logging

import click

from shared.logs import setup_logs
from shared.migrations.runner import migrate
from shared.settings import load_settings


@click.command()
def command() -> None:
    """Apply all database migrations; it is safe to run this again, or several times at once."""
    settings = load_settings()
    setup_logs(fmt=settings.log_format, level=settings.log_level)
    logging.getLogger("alembic.runtime.migration").setLevel(settings.log_level)
    migrate(settings.database_dsn())
    click.echo("The database is up to date.")

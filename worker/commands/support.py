"""What commands share: a database session, the audit context, and help for groups."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

import click
import orjson
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from shared.accounts.audit import AuditContext
from shared.accounts.credentials import Actor
from shared.database.engine import begin, make_engine
from shared.errors import SettingsError
from shared.logs import setup_logs
from shared.printable import printable
from shared.settings import load_settings
from shared.states import ActorKind
from shared.tickets import sites

_UNDEFINED = ("42P01", "42703")  # table, column


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine for the database of the environment.

    Raises SettingsError if the tables are missing, DatabaseUnavailableError if it is away.
    """
    settings = load_settings()
    setup_logs(fmt=settings.log_format, level=settings.log_level)
    made = make_engine(settings.database_dsn(), pool_size=1)
    try:
        yield made
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) not in _UNDEFINED:
            raise
        raise SettingsError("The database is not up to date: run `routecard migrate`.") from error
    finally:
        made.dispose()


@contextmanager
def session() -> Iterator[Session]:
    """A session with one transaction, committed at the end of the block."""
    with engine() as made, begin(made) as opened:
        yield opened


def current_site(session: Session) -> int | None:
    """The id of the site at the configured address."""
    return sites.current_id(session, load_settings())


def help_without_subcommand(context: click.Context) -> None:
    """Print the help of a group that is called without a subcommand. Raises SettingsError."""
    load_settings()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def print_line(*fields: str, err: bool = False) -> None:
    """Print one line of fields with tabs between them; no field can steer the terminal."""
    click.echo("\t".join(printable(field) for field in fields), err=err)


def print_json(document: object) -> None:
    """Print one JSON document."""
    print_line(orjson.dumps(document).decode())


def audit_context(reason: str | None = None) -> AuditContext:
    """The audit context of the command line; the actor is the account of this machine."""
    return AuditContext(actor=Actor(ActorKind.COMMAND, _account()), reason=reason)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in /etc/passwd
        return "unknown"

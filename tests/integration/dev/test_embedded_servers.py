"""The embedded servers: they start, stop, survive a kill, and refuse other users."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tests.support.waiting import eventually
from worker.dev import parent_watch, places
from worker.dev.account import Account
from worker.dev.home import Home
from worker.dev.postgres import Postgres, installed_programs
from worker.dev.valkey import Valkey, is_free


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need."""
    folder = Path(tempfile.mkdtemp(prefix="rc-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(folder: Path) -> Postgres:
    """A cluster that does not exist yet."""
    folder.chmod(0o755)  # PostgreSQL's own account has to enter it
    account = Account.for_postgres()
    return Postgres(
        data=folder / "data",
        socket_dir=folder / "socket",
        account=account,
        programs=places.programs_for(account, installed_programs()),
    )


@contextmanager
def running(command: list[str], account: str = "-") -> Iterator[subprocess.Popen[bytes]]:
    """A server in the foreground, tied to this process as `routecard dev` ties it."""
    tied = [sys.executable, "-S", parent_watch.__file__, str(int(signal.SIGINT)), account, *command]
    process = subprocess.Popen(tied, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  our own
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@contextmanager
def serving(postgres: Postgres) -> Iterator[subprocess.Popen[bytes]]:
    """A prepared database server that answers."""
    postgres.prepare()
    account = postgres.account
    name = "-" if account.name is None else f"{account.uid}:{account.gid}"
    with running(postgres.command(shared_buffers="16MB"), name) as process:
        eventually(lambda: _made(postgres), within=30)
        yield process


def _made(postgres: Postgres) -> bool:
    try:
        postgres.make_database()
    except psycopg.OperationalError as error:
        raise AssertionError(str(error)) from error
    return True


def test_the_database_is_made_once_and_keeps_its_data(postgres: Postgres) -> None:
    with serving(postgres), psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (name text)")

    with serving(postgres), psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_only_the_owner_passes_the_door_that_needs_no_password(postgres: Postgres) -> None:
    with serving(postgres):
        for path in (postgres.socket_dir, postgres.data, postgres.socket_dir / ".s.PGSQL.5432"):
            found = path.stat()
            assert stat.S_IMODE(found.st_mode) & 0o077 == 0, path
            assert found.st_uid == postgres.account.uid


def test_a_killed_server_starts_again_over_what_it_left_behind(postgres: Postgres) -> None:
    with serving(postgres) as process:
        process.kill()
        process.wait()
    assert (postgres.data / "postmaster.pid").exists()

    with serving(postgres):
        pass


def test_a_pid_file_that_names_an_innocent_process_is_dropped(postgres: Postgres) -> None:
    with serving(postgres) as process:
        process.kill()
        process.wait()
    pid_file = postgres.data / "postmaster.pid"
    rest = pid_file.read_text().split("\n", 1)[1]
    pid_file.write_text(f"{os.getpid()}\n{rest}")

    with serving(postgres):
        pass


def test_a_server_that_outlived_its_starter_is_stopped_first(postgres: Postgres) -> None:
    with serving(postgres) as former, serving(postgres) as now:
        assert former.wait(10) == 0
        assert now.poll() is None


def test_the_servers_database_is_reached_where_the_home_has_a_long_name(folder: Path) -> None:
    home = Home(folder / ("long" * 30))
    home.path.mkdir()
    home.make_folders()
    try:
        with serving(home.postgres()):
            assert not home.run.is_relative_to(home.path)
            assert stat.S_IMODE(home.run.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(home.run)


def test_a_program_ends_with_its_parent_however_the_parent_ends(folder: Path) -> None:
    pid_file = folder / "pid"
    child = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    starter = [
        sys.executable,
        "-c",
        "import subprocess, sys; subprocess.run(sys.argv[1:], check=False)",
        *(sys.executable, "-S", parent_watch.__file__, str(int(signal.SIGTERM)), "-"),
        *(sys.executable, "-c", child),
    ]
    with subprocess.Popen(starter) as parent:  # noqa: S603  our own interpreter
        tied = psutil.Process(eventually(lambda: _number(pid_file)))
        parent.kill()

    eventually(lambda: not tied.is_running() or tied.status() == psutil.STATUS_ZOMBIE)


def _number(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def test_the_broker_asks_for_its_password_and_survives_a_restart(folder: Path) -> None:
    valkey = Valkey.new(folder / "valkey")
    valkey.prepare()
    with running(valkey.command()), redis.Redis.from_url(valkey.url()) as client:
        eventually(lambda: _answers(client))
        client.set("kept", "1")
        with redis.Redis(port=valkey.port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()

    with running(valkey.command()), redis.Redis.from_url(valkey.url()) as client:
        eventually(lambda: _answers(client))
        assert client.get("kept") == b"1"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError as error:
        raise AssertionError(str(error)) from error


def test_a_home_keeps_its_brokers_port_and_password_while_they_serve(folder: Path) -> None:
    home = Home(folder)
    first = home.valkey()
    home.write_embedded({"REDIS_URL": first.url()})

    assert home.valkey() == first

    first.prepare()
    with running(first.command()):
        eventually(lambda: not is_free(first.port))
        assert home.valkey().port != first.port

"""SQL is written in ``shared`` alone: api and worker get engines and sessions, and pass them on."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import api
import worker

ALLOWED = {
    "sqlalchemy": {"Engine", "Connection"},
    "sqlalchemy.exc": None,
    "sqlalchemy.orm": {"Session"},
}
"""What may be imported from SQLAlchemy: types and, with None, everything, such as exceptions."""
DRIVER = {"worker/dev/postgres.py", "worker/dev/ready.py"}
"""They start the embedded server and create its database, before there is a schema."""
METHODS = {"scalar", "scalars", "exec_driver_sql"}
"""Of a session or connection; ``execute`` and ``get`` have other meanings too."""


def sources() -> list[Path]:
    folders = [Path(package.__file__).parent for package in (api, worker) if package.__file__]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(Path(str(api.__file__)).parents[1]).as_posix()


def forbidden(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (n.name for n in names if n.name.startswith(("sqlalchemy", "psycopg")))
            case ast.ImportFrom(module=str(module)) if module.startswith(("sqlalchemy", "psycopg")):
                allowed = ALLOWED.get(module, set())
                if allowed is not None:
                    yield from (n.name for n in node.names if n.name not in allowed)
            case ast.Call(func=ast.Attribute(attr=method)) if method in METHODS:
                yield method


def test_api_and_worker_write_no_sql() -> None:
    paths = [path for path in sources() if name(path) not in DRIVER]
    found = {name(path): list(forbidden(path.read_text())) for path in paths}
    assert len(found) > 100
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import text",
        "from sqlalchemy import Engine, select",
        "import sqlalchemy as sa",
        "from sqlalchemy.dialects.postgresql import insert",
        "import psycopg",
        "session.scalar(statement)",
    ],
)
def test_sql_would_be_found(source: str) -> None:
    assert list(forbidden(source))

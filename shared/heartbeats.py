"""Heartbeats: rows by which the worker and beat show that they are running."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

PARTS = ("worker", "beat")
"""The processes that write heartbeats."""
ALIVE_SECONDS = 10.0
"""A part whose last heartbeat is older than this counts as stopped."""


class Part(NamedTuple):
    """One part; ``seen_at`` is None if it has never run, ``alive`` is by the database's clock."""

    name: str
    seen_at: datetime | None
    alive: bool


_RECORD = text("""
INSERT INTO heartbeats (name, seen_at) VALUES (:name, now())
ON CONFLICT (name) DO UPDATE SET seen_at = now()
""")
_PARTS = text("""
SELECT name, seen_at, seen_at > now() - make_interval(secs => :seconds) AS alive FROM heartbeats
""")


def record(connection: Connection, name: str) -> None:
    """Note that this part is running now."""
    connection.execute(_RECORD, {"name": name})


def parts(session: Session) -> list[Part]:
    """All ``PARTS``, including those that have never run."""
    seen = {row.name: Part(*row) for row in session.execute(_PARTS, {"seconds": ALIVE_SECONDS})}
    return [seen.get(name, Part(name, None, alive=False)) for name in PARTS]


def silent_parts(session: Session) -> list[str]:
    """The names of the parts that are not alive."""
    return [part.name for part in parts(session) if not part.alive]

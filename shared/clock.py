"""Clocks, and the format of times in JSON. Only this module reads the system's time."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time as a dependency, so that a test can control it."""

    def now(self) -> datetime:
        """The current time as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences have a meaning."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The system's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  the one place that reads the system's time

    def monotonic(self) -> float:
        return time.monotonic()


def iso_millis(moment: datetime) -> str:
    """UTC with milliseconds and ``Z``, as in spec/API.md: ``2024-01-15T10:30:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

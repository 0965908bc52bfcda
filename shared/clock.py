"""Where the time comes from: the only module that asks the machine for it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as a dependency, so that a test can hold it still."""

    def now(self) -> datetime:
        """The present instant as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  this module is the one place that may

    def monotonic(self) -> float:
        return time.monotonic()


def iso_millis(moment: datetime) -> str:
    """UTC with milliseconds and ``Z``, as in spec/API.md: ``2024-01-15T10:30:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

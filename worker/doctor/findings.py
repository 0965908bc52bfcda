"""Findings, and how sections of checks run in parallel, so that none can block the others."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from shared.errors import AppError
from shared.logs import get_logger

log = get_logger(__name__)


class Status(StrEnum):
    """The severity of a finding; only ``fail`` makes the exit status 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found and what to do about it; neither text holds a secret."""

    name: str
    status: Status
    message: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as JSON, for the command and for the dashboard."""
        found = {"name": self.name, "status": self.status.value, "message": self.message}
        return found | ({"remedy": self.remedy} if self.remedy else {})


def ok(name: str, message: str) -> Finding:
    """A check without a problem."""
    return Finding(name, Status.OK, message)


def warn(name: str, message: str, remedy: str) -> Finding:
    """It works, but not fully."""
    return Finding(name, Status.WARN, message, remedy)


def fail(name: str, message: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(name, Status.FAIL, message, remedy)


@dataclass(frozen=True, slots=True)
class Section:
    """Checks that depend on each other: a generator of findings, limited to ``seconds`` in all.

    ``names`` are the findings it always reports; one that is missing at the end was not reached.
    """

    names: tuple[str, ...]
    run: Callable[[], Iterator[Finding]]
    seconds: float


def run_all(sections: list[Section]) -> list[Finding]:
    """Run all sections in parallel; each ends within its time, also if a check hangs."""
    runs = [_SectionRun(section) for section in sections]
    for one in runs:
        threading.Thread(target=one.run, name="doctor", daemon=True).start()
    return [finding for one in runs for finding in one.findings()]


@dataclass(slots=True)
class _SectionRun:
    section: Section
    _found: list[Finding] = field(default_factory=list)
    _done: threading.Event = field(default_factory=threading.Event)
    _error: str = ""

    def run(self) -> None:
        try:
            self._found.extend(self.section.run())
        except AppError as error:
            self._error = error.message
        except Exception as error:  # noqa: BLE001  any error of a part that is down
            # Only the type is reported: the text may hold an address with a password.
            self._error = f"it ended with {type(error).__name__}"
            log.debug("check_failed", error=type(error).__name__)
        finally:
            self._done.set()

    def findings(self) -> list[Finding]:
        """The findings; the first check that was not reached reports why."""
        in_time = self._done.wait(self.section.seconds)
        found = list(self._found)
        missing = [n for n in self.section.names if n not in {one.name for one in found}]
        reason = self._error if in_time else f"no answer within {self.section.seconds:g} s"
        for place, name in enumerate(missing):
            why = reason if not place and reason else "not checked, as an earlier check failed"
            status = fail if not place and reason else warn
            found.append(status(name, why, "See the findings above."))
        return found

"""What a finding is, and how checks are run so that none of them can hold up the others."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from shared.errors import AppError
from shared.logs import get_logger

log = get_logger(__name__)


class Status(StrEnum):
    """How serious a finding is: only ``fail`` makes the exit status 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in plain words, and what to do about it; neither holds a secret."""

    name: str
    status: Status
    message: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as the command prints it and the dashboard keeps it."""
        found = {"name": self.name, "status": self.status.value, "message": self.message}
        return found | ({"remedy": self.remedy} if self.remedy else {})


def ok(name: str, message: str) -> Finding:
    """All is well."""
    return Finding(name, Status.OK, message)


def warn(name: str, message: str, remedy: str) -> Finding:
    """It works, and something is lacking."""
    return Finding(name, Status.WARN, message, remedy)


def fail(name: str, message: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(name, Status.FAIL, message, remedy)


@dataclass(frozen=True, slots=True)
class Section:
    """Checks that build on one another: a generator of findings, with so many seconds in all.

    ``names`` are those it always reports; one that is missing at the end was not reached.
    """

    names: tuple[str, ...]
    run: Callable[[], Iterator[Finding]]
    seconds: float


def run_all(sections: list[Section]) -> list[Finding]:
    """Run all sections side by side; each is over in its time, whatever hangs in it."""
    rounds = [_Round(section) for section in sections]
    for one in rounds:
        threading.Thread(target=one.run, name="doctor", daemon=True).start()
    return [finding for one in rounds for finding in one.findings()]


@dataclass(slots=True)
class _Round:
    section: Section
    _found: list[Finding] = field(default_factory=list)
    _done: threading.Event = field(default_factory=threading.Event)
    _broken: str = ""

    def run(self) -> None:
        try:
            self._found.extend(self.section.run())
        except AppError as error:
            self._broken = error.message
        except Exception as error:  # noqa: BLE001  whatever a part that is down lets through
            # Its text may hold an address with a password: the type has to do.
            self._broken = f"it ended with {type(error).__name__}"
            log.debug("check_broken", error=type(error).__name__)
        finally:
            self._done.set()

    def findings(self) -> list[Finding]:
        """What was found; the first check that was not reached says why, the others that."""
        in_time = self._done.wait(self.section.seconds)
        found = list(self._found)
        missing = [n for n in self.section.names if n not in {one.name for one in found}]
        reason = self._broken if in_time else f"no answer within {self.section.seconds:g} s"
        for place, name in enumerate(missing):
            why = reason if not place and reason else "not checked, as an earlier check failed"
            status = fail if not place and reason else warn
            found.append(status(name, why, "See the findings above."))
        return found

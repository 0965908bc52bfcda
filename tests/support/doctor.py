"""The doctor's findings, by name."""

from shared.settings import Settings
from worker.doctor.findings import Finding
from worker.doctor.run import examine


def found(settings: Settings, *, ticket: str | None = None) -> dict[str, Finding]:
    """Findings by name; asserts that none occurs twice."""
    findings = examine(settings, ticket=ticket)
    by_name = {one.name: one for one in findings}
    assert len(by_name) == len(findings)
    return by_name

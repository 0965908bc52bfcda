"""`routecard doctor`: check the installation and print findings with their remedies."""

import click

from shared.logs import setup_logs
from shared.printable import printable
from shared.settings import load_settings
from worker.commands.support import print_json, print_line
from worker.doctor.findings import Finding, Status
from worker.doctor.run import examine, worst

_COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--ticket", metavar="KEY", help="Check the mapped fields with this ticket.")
def command(*, as_json: bool, ticket: str | None) -> None:
    """Check Jira, the mapped fields, webhooks and our own servers. Exit status 1 on failure."""
    settings = load_settings()
    setup_logs(fmt=settings.log_format, level="ERROR")
    findings = examine(settings, ticket=ticket)
    if as_json:
        print_json(_document(findings))
    else:
        _print(findings)
    raise SystemExit(1 if worst(findings) is Status.FAIL else 0)


def _document(findings: list[Finding]) -> dict[str, object]:
    return {"status": worst(findings).value, "checks": [one.as_json() for one in findings]}


def _print(findings: list[Finding]) -> None:
    for one in findings:
        status = click.style(f"{one.status.value:<5}", fg=_COLOURS[one.status])
        click.echo(f"{status} {printable(f'{one.name:<18} {one.message}')}")
        if one.remedy:
            print_line(f"{'':<24} → {one.remedy}")

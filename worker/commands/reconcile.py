"""`routecard reconcile`: read the tickets of all jobs again and report where jobs differ."""

from collections import Counter
from collections.abc import Iterable, Iterator

import click
from sqlalchemy import Engine

from shared.accounts import audit
from shared.accounts.audit import AuditAction
from shared.clock import iso_millis
from shared.database import engine as db
from shared.settings import load_settings
from shared.tickets.drift import DRIFT_WORDS, Drift, DriftState
from worker.commands.support import audit_context, current_site, engine, print_json, print_line
from worker.polling.reconcile import all_drift, refresh
from worker.polling.reread import Reread
from worker.runtime import make_runtime

_SHOWN = 50


@click.command()
@click.option("--dry-run", is_flag=True, help="Compare with our copy only, without calling Jira.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, dry_run: bool, as_json: bool) -> None:
    """Compare every filled job with its ticket. This changes no job."""
    with engine() as made:
        refreshed = Reread() if dry_run else _refresh(made, quiet=as_json)
        with db.begin(made) as session:
            site_id = current_site(session)
        allowed = load_settings().allowed_projects
        drifts = list(all_drift(made, site_id=site_id, allowed=allowed))
    if as_json:
        print_json(_document(refreshed, drifts))
    else:
        _print(refreshed, drifts)
    if refreshed.stopped:
        raise SystemExit(1)


def _refresh(made: Engine, *, quiet: bool) -> Reread:
    runtime = make_runtime(load_settings())

    def report_progress(so_far: Reread) -> None:
        if not quiet:
            unusable = f", {so_far.unusable} unusable" if so_far.unusable else ""
            line = f"{so_far.found} tickets read, {so_far.denied} not found{unusable}"
            print_line(line, err=True)

    try:
        refreshed = refresh(runtime, report_progress=report_progress)
    finally:
        runtime.close()
    with db.begin(made) as session:
        counts = {"found": refreshed.found, "denied": refreshed.denied}
        audit.write(session, AuditAction.RECONCILE, audit_context(), counts=counts)
    return refreshed


def _differing(drifts: Iterable[Drift]) -> list[Drift]:
    return [one for one in drifts if one.state is not DriftState.IN_SYNC]


def _document(refreshed: Reread, drifts: list[Drift]) -> dict[str, object]:
    found: dict[str, object] = {
        "read": refreshed.found,
        "notFound": refreshed.denied,
        "unusable": refreshed.unusable,
        "states": dict(Counter(one.state.value for one in drifts)),
        "jobs": [_job(one) for one in _differing(drifts)],
    }
    return found | ({"stopped": refreshed.stopped} if refreshed.stopped else {})


def _job(one: Drift) -> dict[str, object]:
    found: dict[str, object] = {
        "jobId": one.job_id,
        "ticketKey": one.ticket_key,
        "state": one.state.value,
        "fields": [
            {"field": f.field, "job": f.job, "jira": f.jira} for f in one.fields if not f.same
        ],
    }
    if one.jira_key and one.jira_key != one.ticket_key:
        found["movedTo"] = one.jira_key
    return found | ({"asOf": iso_millis(one.as_of)} if one.as_of else {})


def _print(refreshed: Reread, drifts: list[Drift]) -> None:
    for line in _lines(drifts):
        print_line(line)
    for state, count in Counter(one.state for one in drifts).most_common():
        print_line(f"{count:>7}  {state.value:<9}  {DRIFT_WORDS[state]}")
    if not drifts:
        print_line("No job is filled from a ticket yet.")
    if refreshed.stopped:
        print_line(f"Stopped before the end: {refreshed.stopped}", err=True)


def _lines(drifts: list[Drift]) -> Iterator[str]:
    differing = _differing(drifts)
    for one in differing[:_SHOWN]:
        moved = f" -> {one.jira_key}" if one.state is DriftState.MOVED else ""
        yield f"{one.job_id}  {one.ticket_key}{moved}  {one.state.value}  {one.job_name}"
        for field in one.fields:
            if not field.same:
                yield f"    {field.field}: job {field.job!r}, Jira {field.jira!r}"
    if len(differing) > _SHOWN:
        yield f"... and {len(differing) - _SHOWN} more; --json shows all"

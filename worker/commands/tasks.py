"""`routecard tasks`: list, show, retry and cancel sync tasks."""

from collections.abc import Callable
from datetime import UTC
from functools import partial
from typing import Any, TypeVar

import click
from sqlalchemy import Engine

from shared.actions import bulk
from shared.actions import tasks as task_actions
from shared.actions.counts import Counts
from shared.clock import SystemClock, iso_millis
from shared.database.engine import begin, in_transaction
from shared.models import SyncAttempt
from shared.settings.issue_keys import normal_key
from shared.states import FailureCode, Operation, Source, TaskStatus
from shared.sync import queries as task_queries
from shared.sync.queries import Sort, TaskFilter, TaskView
from shared.tickets.ticket import quantity_unknown
from worker.commands.support import (
    audit_context,
    engine,
    help_without_subcommand,
    print_json,
    print_line,
)

F = TypeVar("F", bound=Callable[..., Any])

_DONE = {Operation.RETRY: "retried", Operation.CANCEL: "cancelled"}
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


def _one_of(
    kind: type[TaskStatus] | type[Source] | type[FailureCode] | type[Sort],
) -> click.Choice[str]:
    return click.Choice([member.value for member in kind])


_FILTER_OPTIONS = (
    click.option("--status", multiple=True, type=_one_of(TaskStatus), help="Repeatable."),
    click.option("--job", "job_id", help="Id of its job."),
    click.option("--ticket", "ticket_key", help="Jira key of its ticket."),
    click.option("--source", type=_one_of(Source), help="What filled it."),
    click.option("--error", "error_code", type=_one_of(FailureCode), help="Why it failed."),
    click.option("-q", "words", help="In key, part number, job name or error text."),
    click.option("--since", type=_MOMENT, help="Created then or later (UTC)."),
    click.option("--until", type=_MOMENT, help="Created before then (UTC)."),
)


_BULK_OPTIONS = (
    click.argument("task_ids", nargs=-1),
    *_FILTER_OPTIONS,
    click.option("--all", "everything", is_flag=True, help="Every task there is."),
    click.option("--dry-run", is_flag=True, help="Count only."),
    click.option("--reason", help="Why, for the audit."),
    click.option("--json", "as_json", is_flag=True, help="Counts as JSON."),
)


def _filter_options(command: F) -> F:
    for option in reversed(_FILTER_OPTIONS):
        command = option(command)
    return command


def _bulk_options(command: F) -> F:
    for option in reversed(_BULK_OPTIONS):
        command = option(command)
    return command


def _filters_of(given: dict[str, Any]) -> TaskFilter:
    ticket_key, source, error = given["ticket_key"], given["source"], given["error_code"]
    return TaskFilter(
        statuses=tuple(TaskStatus(status) for status in given["status"]),
        job_id=given["job_id"],
        ticket_key=normal_key(ticket_key) if ticket_key else None,
        source=Source(source) if source else None,
        error_code=FailureCode(error) if error else None,
        words=given["words"],
        since=_utc(given["since"]),
        until=_utc(given["until"]),
    )


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List, show, retry and cancel sync tasks."""
    help_without_subcommand(context)


@command.command(name="list")
@_filter_options
@click.option("--sort", default=Sort.NEWEST.value, show_default=True, type=_one_of(Sort))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_tasks(*, sort: str, limit: int, as_json: bool, **given: Any) -> None:
    """List tasks that match."""
    with engine() as made, begin(made) as session:
        rows = task_queries.page(session, _filters_of(given), limit=limit, sort=Sort(sort))
    if as_json:
        print_json([_members(row) for row in rows])
        return
    for row in rows:
        print_line(*_fields(row))


@command.command()
@click.argument("task_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(task_id: str, *, as_json: bool) -> None:
    """Show one task with its attempts. Raises NotFoundError."""
    with engine() as made, begin(made) as session:
        task = task_queries.get(session, task_id)
        attempts = task_queries.attempts_of(session, task_id)
    if as_json:
        history = [_attempt_members(attempt) for attempt in attempts]
        print_json(_members(task) | {"history": history})
        return
    for name, value in _members(task).items():
        print_line(f"{name:<14} {value}")
    for attempt in attempts:
        print_line("  " + "  ".join(str(value) for value in _attempt_members(attempt).values()))


@command.command()
@_bulk_options
def retry(**given: Any) -> None:
    """Make failed or cancelled tasks due now: the named ones, or all that match."""
    _act(Operation.RETRY, given)


@command.command()
@_bulk_options
def cancel(**given: Any) -> None:
    """End tasks without a fill: the named ones, or all that match."""
    _act(Operation.CANCEL, given)


def _act(operation: Operation, given: dict[str, Any]) -> None:
    filters, named = _filters_of(given), given["task_ids"]
    choices = (bool(named), filters != task_queries.EVERYTHING, given["everything"])
    if sum(choices) != 1:
        raise click.UsageError("Name tasks, or give a filter, or --all: one of the three.")
    if named:
        if given["dry_run"]:
            raise click.UsageError("--dry-run counts what a filter matches.")
        _act_on_named(operation, named, given["reason"])
        return
    with engine() as made:
        counts = (
            in_transaction(made, lambda session: bulk.preview(session, operation, filters))
            if given["dry_run"]
            else _act_on_all(made, operation, filters, reason=given["reason"])
        )
    _print_counts(operation, counts, given)


def _act_on_all(
    made: Engine, operation: Operation, filters: TaskFilter, *, reason: str | None
) -> Counts:
    """Work to the end; print to standard error how far it is."""
    context, counts = audit_context(reason), Counts()
    lease = in_transaction(made, lambda s: bulk.begin(s, operation, filters, context=context))
    try:
        for action in bulk.work_to_the_end(made, lease, clock=SystemClock()):
            counts = bulk.counts_of(action)
            if action.ended_at is None:
                total = counts.changed + counts.left
                print_line(f"{counts.changed} of {total} {_DONE[operation]} so far", err=True)
    except KeyboardInterrupt:
        in_transaction(made, partial(bulk.release, lease=lease))
        message = f"Interrupted; a worker continues with {lease.action_id}."
        raise click.ClickException(message) from None
    return counts


def _act_on_named(operation: Operation, task_ids: tuple[str, ...], reason: str | None) -> None:
    """Raises NotFoundError or ConflictError at the first task that cannot be changed."""
    with engine() as made:
        for task_id in task_ids:
            work = partial(
                task_actions.act,
                operation=operation,
                task_id=task_id,
                context=audit_context(reason),
            )
            in_transaction(made, work)
            print_line(f"{task_id} {_DONE[operation]}")


def _print_counts(operation: Operation, counts: Counts, given: dict[str, Any]) -> None:
    if given["as_json"]:
        print_json(counts.as_json() | {"dryRun": given["dry_run"]})
        return
    verb = _DONE[operation]
    done = f"would be {verb}" if given["dry_run"] else verb
    print_line(f"{counts.matched} matched, {counts.changed} {done}")
    for reason, number in counts.as_json()["skipped"].items():
        print_line(f"{number} left alone: {reason}")


def _utc(moment: Any) -> Any:
    """A moment without an offset is UTC."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _fields(task: TaskView) -> tuple[str, ...]:
    name = task.job_name or "(deleted)"
    return task.id, task.status, task.ticket_key, name, task.error_message or ""


def _members(task: TaskView) -> dict[str, Any]:
    """The members of the API's answer that are useful on the command line."""
    return _present(
        id=task.id,
        jobId=task.job_id,
        jobName=task.job_name,
        jiraPartNumber=task.part_number,
        ticketKey=task.ticket_key,
        status=task.status,
        source=task.source,
        attempts=task.attempts,
        errorCode=task.error_code,
        errorMessage=task.error_message,
        filledAt=iso_millis(task.filled_at) if task.filled_at else None,
        notes=_notes(task) or None,
        requestId=task.request_id,
        createdAt=iso_millis(task.created_at),
        updatedAt=iso_millis(task.updated_at),
    )


def _notes(task: TaskView) -> list[str]:
    """What the ticket has that could not be read, a sentence each."""
    notes = [note["message"] for note in task.fill_notes or ()]
    if task.quantity_unread is not None:
        notes.append(f"{quantity_unknown(task.quantity_unread)}.")
    return notes


def _attempt_members(attempt: SyncAttempt) -> dict[str, Any]:
    return _present(
        startedAt=iso_millis(attempt.started_at),
        endedAt=iso_millis(attempt.ended_at),
        source=attempt.source,
        outcome=attempt.outcome,
        code=attempt.code,
        message=attempt.message,
        worker=attempt.worker,
    )


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}

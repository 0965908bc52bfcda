"""`routecard tickets`: our copy of Jira's tickets, and the progress of its import."""

import click

from shared.clock import iso_millis
from shared.errors import Kind, NotFoundError
from shared.models import JiraPoll
from shared.settings import load_settings
from shared.tickets import queries as ticket_queries
from shared.tickets import watermarks
from shared.tickets.poll_health import poll_health
from shared.tickets.queries import TicketFilter
from shared.tickets.ticket import TicketRow
from worker.commands.support import current_site, help_without_subcommand, print_line, session


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show our copy of Jira's tickets, without calling Jira."""
    help_without_subcommand(context)


@command.command(name="list")
@click.option("-q", "words", help="Search in key, summary and part number.")
@click.option("--project", help="Project key.")
@click.option("--all", "everything", is_flag=True, help="Include tickets that are done.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
def list_tickets(*, words: str | None, project: str | None, everything: bool, limit: int) -> None:
    """List tickets, newest first; only open ones by default."""
    filters = TicketFilter(
        q=words,
        project=project,
        done=None if everything else False,
        allowed=load_settings().allowed_projects,
    )
    with session() as opened:
        rows = ticket_queries.page(opened, filters, site_id=current_site(opened), limit=limit)
    for row in rows:
        print_line(*_fields(row))


@command.command()
@click.argument("key")
def show(key: str) -> None:
    """Show one ticket, by its current or a former key."""
    with session() as opened:
        allowed = load_settings().allowed_projects
        row = ticket_queries.one(opened, key, site_id=current_site(opened), allowed=allowed)
    if row is None:
        raise NotFoundError(Kind.TICKET, key)
    for name, value in row._asdict().items():
        if value not in (None, []):
            print_line(f"{name:<16} {value}")


@command.command()
def progress() -> None:
    """Show the progress of the polls and of the first import."""
    with session() as opened:
        polls = watermarks.progress(opened, site_id=current_site(opened))
        health = poll_health(opened, load_settings())
    if not polls:
        print_line("No poll has started: see JIRA_PROJECT and JIRA_POLL_SECONDS.")
    for poll in polls:
        print_line(_progress(poll))
    for lost in health.lost_projects:
        print_line(f"{lost.project}: not polled since {iso_millis(lost.since)}: {lost.reason}")
    if health.unusable_count:
        print_line(f"{health.unusable_count} tickets could not be used: see `routecard doctor`.")


def _fields(row: TicketRow) -> tuple[str, ...]:
    facts = (row.key, row.status or "-", row.part_number or "-", row.summary or "-")
    return *facts, f"as of {iso_millis(row.as_of)}"


def _progress(poll: JiraPoll) -> str:
    projects = ", ".join(poll.projects)
    if poll.refusal:
        return f"{projects}: refused: {poll.refusal}"
    if poll.import_done_at is None:
        begun = iso_millis(poll.import_started_at)
        reached = f", at changes of {iso_millis(poll.cursor)}" if poll.cursor else ""
        return f"{projects}: first import, {poll.imported} tickets since {begun}{reached}"
    complete = iso_millis(poll.complete_as_of) if poll.complete_as_of else "-"
    return f"{projects}: complete as of {complete}; {poll.imported} tickets imported at first"

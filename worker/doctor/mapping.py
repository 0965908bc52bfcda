"""Checks of the field mapping: the value of each mapped field in a real ticket."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from shared.clock import Clock
from shared.database import engine as db
from shared.jobs import queries as job_queries
from shared.settings import ALL_PROJECTS, Deployment, Settings
from shared.sync import summary as sync_summary
from shared.tickets.ticket import Ticket, quantity_unknown
from worker.doctor import reads
from worker.doctor.findings import Finding, fail, ok, warn
from worker.jira.client import Jira
from worker.jira.errors import (
    CallRefused,
    JiraError,
    JiraScopeMissing,
    MappingError,
    SearchUnavailable,
)
from worker.jira.fields.mapping import FieldMapping, MappedField
from worker.jira.port import BATCH, ChangeQuery

_SAMPLE = BATCH
_RECENT = timedelta(days=30)
_SHOWN = 80
_NOTED_DAYS = 7


@dataclass(frozen=True, slots=True)
class _Purpose:
    """One mapped value: its setting, the finding's name, its value and problem in a ticket."""

    setting: str
    name: str
    words: str
    value: Callable[[Ticket], object]
    problem: Callable[[Ticket], str | None]
    remedy: str


_MAP_TEXT = (
    "Map a field that holds text; an automation rule in Jira can copy the value into one. Jobs "
    "that were filled without it keep the field empty."
)
_PART_NUMBER = _Purpose(
    "JIRA_FIELD_PART_NUMBER",
    "field_part_number",
    "part number",
    lambda t: t.part_number,
    lambda t: _note(t, "jira_part_number"),
    _MAP_TEXT,
)
_QUANTITY = _Purpose(
    "JIRA_FIELD_QUANTITY",
    "field_quantity",
    "quantity",
    lambda t: t.quantity,
    lambda t: None if t.quantity_unread is None else f"{quantity_unknown(t.quantity_unread)}.",
    "Correct the ticket, or set JIRA_QUANTITY_FORMAT to the way your people write numbers. A job "
    "made from such a ticket waits until someone sets its quantity.",
)
_EPIC = _Purpose(
    "JIRA_FIELD_EPIC_LINK",
    "field_epic_link",
    "epic",
    lambda t: t.epic_link,
    lambda t: _note(t, "jira_epic_link"),
    _MAP_TEXT,
)


def fields(
    jira: Jira,
    settings: Settings,
    clock: Clock,
    *,
    kind: Deployment,
    ticket: str | None,
    projects: tuple[str, ...],
) -> Iterator[Finding]:
    """The mapping, a sample of tickets, and each field in the newest ticket that has it.

    The sample is of ``ticket`` alone, or of these projects.
    """
    try:
        mapping = jira.mapping()
    except MappingError as error:
        yield fail(
            "mapping", error.message, "Set the id of the field, or of one of the candidates."
        )
        return
    yield ok("mapping", "Jira has every field of the settings.")
    try:
        sample, refusal = _tickets(jira, settings, clock, ticket, projects)
    except JiraError as error:
        yield reads.unreadable(error)
        return
    if not sample:
        yield warn("fill", "There is no ticket to check the fields with.", _no_ticket(ticket))
        return
    yield reads.bulk(jira, clock, [one.key for one in sample][:BATCH], no_search=refusal)
    yield ok("fill", _would_fill(sample[-1]))
    if refusal is not None:
        return  # One ticket is too few to judge fields by.
    yield _part_number(mapping, sample)
    yield _mapped(_QUANTITY, mapping.quantity, sample)
    yield _epic(mapping, sample, kind)


def jobs(engine: Engine) -> Iterator[Finding]:
    """Whether jobs lack what their tickets have, because it could not be read."""
    with db.begin(engine) as session:
        noted = job_queries.recently_noted(session, days=_NOTED_DAYS)
        unknown = sync_summary.quantity_unknown(session)
    if noted is None:
        yield ok("values", f"Every value of the last {_NOTED_DAYS} days' fills could be read.")
    else:
        message = (
            f"Jobs filled in the last {_NOTED_DAYS} days without a value that Jira has: "
            f"{noted.jobs}. The last one, {noted.job_id}: {noted.message}"
        )
        yield warn("values", message, _MAP_TEXT)
    if unknown:
        yield warn(
            "quantities",
            f"Jobs whose quantity is unknown, as their tickets say none for certain: {unknown}.",
            "Set each quantity on the job's page or by `PATCH /api/jobs/{id}`; "
            "`GET /api/jobs?quantityUnknown=true` lists them. JIRA_QUANTITY_FORMAT says how your "
            "people write numbers.",
        )
    else:
        yield ok("quantities", "The quantity of every job is known.")


def _tickets(
    jira: Jira, settings: Settings, clock: Clock, ticket: str | None, projects: tuple[str, ...]
) -> tuple[list[Ticket], CallRefused | None]:
    """Tickets to check the fields with. If searches are refused, the first one, and the refusal."""
    if ticket:
        return _named(jira, clock, ticket), None
    try:
        return _sample(jira, settings, clock, projects), None
    except (JiraScopeMissing, SearchUnavailable) as refusal:
        return _named(jira, clock, f"{next(iter(projects), '')}-1"), refusal


def _note(ticket: Ticket, column: str) -> str | None:
    return next((note.message for note in ticket.notes if note.field == column), None)


def _no_ticket(ticket: str | None) -> str:
    if ticket:
        return f"Check the key {ticket}, and that our account may see it."
    return "Name one: `routecard doctor --ticket PI-42`."


def _named(jira: Jira, clock: Clock, ticket: str) -> list[Ticket]:
    return list(jira.read([ticket], deadline=clock.monotonic() + 10).found.values())


def _sample(
    jira: Jira, settings: Settings, clock: Clock, projects: tuple[str, ...]
) -> list[Ticket]:
    """Tickets of the last weeks, or else the oldest ones; oldest change first."""
    if not projects and settings.jira_project != ALL_PROJECTS:
        return []
    for since in (clock.now() - _RECENT, None):
        query = ChangeQuery(projects=projects, since=since, page_size=_SAMPLE)
        page = next(jira.changed_since(query), None)
        if page is not None and page.tickets:
            return page.tickets
    return []


def _would_fill(ticket: Ticket) -> str:
    values = {
        "summary": ticket.summary,
        "part number": ticket.part_number,
        "priority": ticket.priority,
        "epic": ticket.epic_link,
        "labels": ", ".join(ticket.labels),
    }
    text = "; ".join(f"{name} {_quoted(value)}" for name, value in values.items() if value)
    return f"{ticket.key} would fill: {text or 'nothing'}."


def _quoted(value: object) -> str:
    text = str(value)
    return f"“{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}”"


def _part_number(mapping: FieldMapping, sample: Sequence[Ticket]) -> Finding:
    if not mapping.part_number and mapping.part_number_pattern is not None:
        return _found(_PART_NUMBER, "JIRA_PART_NUMBER_PATTERN", sample)
    if not mapping.part_number:
        return warn(
            _PART_NUMBER.name,
            "No field is mapped: no job gets a part number from Jira.",
            "Set JIRA_FIELD_PART_NUMBER, or JIRA_PART_NUMBER_PATTERN to find it in the summary.",
        )
    return _mapped(_PART_NUMBER, mapping.part_number, sample)


def _epic(mapping: FieldMapping, sample: Sequence[Ticket], kind: Deployment) -> Finding:
    if not mapping.epic_link and kind is Deployment.DATACENTER:
        return warn(
            _EPIC.name,
            "No field is mapped, and on Data Center the epic is only in a field.",
            "Set JIRA_FIELD_EPIC_LINK to the id of the field Epic Link.",
        )
    return _found(_EPIC, _listed(mapping.epic_link) or "parent", sample)


def _mapped(purpose: _Purpose, mapped: Sequence[MappedField], sample: Sequence[Ticket]) -> Finding:
    if not mapped:
        return ok(purpose.name, f"{purpose.setting} is not set: no {purpose.words} from Jira.")
    return _found(purpose, _listed(mapped), sample)


def _listed(mapped: Sequence[MappedField]) -> str:
    return ", ".join(map(str, mapped))


def _found(purpose: _Purpose, source: str, sample: Sequence[Ticket]) -> Finding:
    unread = [(t, problem) for t in sample if (problem := purpose.problem(t)) is not None]
    if unread:
        ticket, problem = unread[-1]
        count = f"So in {len(unread)} of {len(sample)} tickets."
        return warn(purpose.name, f"{ticket.key}: {problem} {count}", purpose.remedy)
    having = [ticket for ticket in sample if purpose.value(ticket)]
    if having:
        newest = having[-1]
        return ok(
            purpose.name,
            f"{source} has the {purpose.words} {_quoted(purpose.value(newest))} "
            f"in {newest.key}; {len(having)} of {len(sample)} tickets have one.",
        )
    return warn(
        purpose.name,
        f"{source} has no {purpose.words} in any of {len(sample)} tickets.",
        f"Check {purpose.setting}, and try a ticket that has one: `routecard doctor --ticket KEY`.",
    )

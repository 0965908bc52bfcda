"""Classification of a delivery by its proof, age and body: what it may be used for. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from shared.settings.issue_keys import KeyRules
from shared.tickets.readings import Reading, announced
from shared.tickets.sites import Site, normal_address
from shared.tickets.ticket import Ticket
from shared.webhooks.inbox import Claimed
from worker.jira.errors import UnusableTicket
from worker.jira.fields.mapping import FieldMapping
from worker.jira.fields.readings import undecided
from worker.jira.fields.text import clean
from worker.jira.fields.tickets import ticket_from_issue
from worker.webhooks.payload import Event, Payload, UnreadableBodyError, read_payload

MAX_SIGNED_AGE = timedelta(hours=24)
"""A signed body is trusted for so long after Jira wrote it (docs/architecture.md)."""

BY_SENDER = "The sender is proven, but not the body, so it is a hint"
TOO_OLD = "The body is signed but more than a day old, so it is a hint"
BY_LINK = "An issue link names its tickets by id alone, so it is a hint"
OTHER_SITE = "The body names an issue of {address}, which is another Jira, so it is a hint"
VARIABLES = "Jira Cloud replaces {issue.key}, Data Center ${issue.key}"
NO_MAPPING = "Waiting for Jira to say which fields JIRA_FIELD_… name."


_UNUSED = {
    "comment_": "",
    "jira:worklog_": "",
    "worklog_": "",
    "attachment_": "",
    "issue_property_": "",
    "jira:version_": "",
    "sprint_": "",
    "board_": "",
    "user_": "",
    "option_": "",
    "project_": "; polls and the daily check read the tickets of a project",
}
"""Events that change nothing which we read, by the beginning of their names; and why it is enough.

Their bodies may hold an issue, with few of its fields.
"""


class Kind(Enum):
    """What a delivery is used for."""

    READING = auto()
    """It holds the ticket, like an answer to a read."""
    DELETION = auto()
    """The ticket was deleted; the body may hold its last state."""
    HINT = auto()
    """It names a ticket; nothing else in it is trusted."""
    OUTSIDE = auto()
    """It is about a ticket outside the projects of JIRA_PROJECT: nothing of it is used or kept."""
    IGNORED = auto()
    """It holds nothing that we use."""
    WAIT = auto()
    """It cannot be read before the field mapping is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifiedDelivery:
    """A claimed delivery and what it is used for; ``note`` is the reason for that kind."""

    claimed: Claimed
    kind: Kind
    note: str = ""
    event: str | None = None
    key: str | None = None
    issue_id: str | None = None
    former_keys: tuple[str, ...] = ()
    other_ids: tuple[str, ...] = ()
    moved_from: tuple[str, ...] = ()
    written_at: datetime | None = None
    ticket: Ticket | None = None
    moved_out_at: datetime | None = None
    """For a ticket outside: Jira's time of its last change, if the body proves it."""

    @property
    def reading(self) -> Reading | None:
        """The ticket of a trusted body as a reading."""
        if self.ticket is None or self.written_at is None:
            return None
        return announced(
            self.ticket,
            former_keys=self.moved_from,
            written_at=self.written_at,
            received_at=self.claimed.received_at,
        )

    @property
    def keys(self) -> set[str]:
        """Every key of the ticket that the delivery itself names."""
        return {*self.former_keys, *([self.key] if self.key else [])}

    @property
    def issue_ids(self) -> set[str]:
        """The ids of the tickets it is about: of both ends of an issue link."""
        return {*self.other_ids, *([self.issue_id] if self.issue_id else [])}

    @property
    def ticket_name(self) -> str:
        """The ticket's name in a sentence."""
        return self.key or f"the ticket with id {self.issue_id}"


def classify(
    claimed: Claimed, mapping: FieldMapping | None, *, rules: KeyRules, site: Site
) -> ClassifiedDelivery:
    """Classify one delivery. Without a ``mapping``, a body that holds a ticket has to wait.

    ``site`` is the one at the configured address; the body of another one is a hint.
    """
    delivery = _classified(claimed, mapping, site)
    if delivery.key is None or rules.allows(delivery.key):
        return delivery
    note = f"{delivery.key} is in none of the projects {', '.join(rules.projects)} (JIRA_PROJECT)."
    moved_out_at = delivery.ticket.updated_at if delivery.ticket is not None else None
    return replace(delivery, kind=Kind.OUTSIDE, note=note, ticket=None, moved_out_at=moved_out_at)


def _classified(claimed: Claimed, mapping: FieldMapping | None, site: Site) -> ClassifiedDelivery:
    try:
        payload = read_payload(claimed.body)
    except UnreadableBodyError as problem:
        return _from_address(claimed, str(problem))
    delivery = _Delivery(claimed, payload)
    if (unused := _unused(payload.name)) is not None:
        return delivery.classified(Kind.IGNORED, unused)
    if not delivery.names_a_ticket:
        return delivery.classified(Kind.IGNORED, _nameless(claimed, "The body names no ticket."))
    if (doubt := _doubt(claimed, payload, site)) is not None:
        return delivery.classified(Kind.HINT, doubt)
    if mapping is None:
        return delivery.classified(Kind.WAIT, NO_MAPPING)
    return delivery.with_ticket(mapping)


def _from_address(claimed: Claimed, problem: str) -> ClassifiedDelivery:
    """An unreadable body; the ticket may be named in the URL that the webhook called."""
    named = claimed.ticket_key or claimed.issue_id
    return ClassifiedDelivery(
        claimed=claimed,
        kind=Kind.HINT if named else Kind.IGNORED,
        note=BY_SENDER if named else _nameless(claimed, problem),
        key=claimed.ticket_key,
        issue_id=claimed.issue_id,
    )


def _unused(event: str | None) -> str | None:
    """Why an event is ignored; None if it is not."""
    for beginning, enough in _UNUSED.items():
        if event is not None and event.startswith(beginning):
            return f"{event} says nothing about a ticket's fields{enough}."
    return None


def _nameless(claimed: Claimed, problem: str) -> str:
    """Why a delivery names no ticket: the body, and the address where a variable should name it."""
    if claimed.variable is None:
        return problem
    return f"{problem} Jira sent {claimed.variable} in the address as it stands: {VARIABLES}."


def _doubt(claimed: Claimed, payload: Payload, site: Site) -> str | None:
    """Why the body is not trusted; None if it is."""
    if not claimed.signed:
        return BY_SENDER
    if payload.written_at is None:
        return "The body does not say when it was written, so it is a hint"
    if abs(claimed.received_at - payload.written_at) > MAX_SIGNED_AGE:
        return TOO_OLD
    if payload.event is None:
        return _unclear(payload)
    if payload.address is not None and not site.has(payload.address):
        return OTHER_SITE.format(address=_host(payload.address))
    return None


def _unclear(payload: Payload) -> str:
    """Why the body of another event is a hint."""
    if payload.other_ids:
        return BY_LINK
    if payload.name is not None:
        return f"The body of {payload.name} is not used, so it is a hint"
    return "The body does not say what happened, so it is a hint"


def _host(address: str) -> str:
    """The address without its path, as far as it can be shown."""
    host = normal_address(address.partition("/rest/")[0])
    return clean(host) or "an unknown address"


@dataclass(frozen=True, slots=True)
class _Delivery:
    claimed: Claimed
    payload: Payload

    @property
    def key(self) -> str | None:
        return self.payload.key or self.claimed.ticket_key

    @property
    def issue_id(self) -> str | None:
        return self.payload.issue_id or self.claimed.issue_id

    @property
    def names_a_ticket(self) -> bool:
        return self.key is not None or self.issue_id is not None

    def classified(
        self, kind: Kind, note: str = "", ticket: Ticket | None = None
    ) -> ClassifiedDelivery:
        return ClassifiedDelivery(
            claimed=self.claimed,
            kind=kind,
            note=note,
            event=self.payload.name,
            key=self.key,
            issue_id=self.issue_id,
            former_keys=self.payload.former_keys if self.claimed.signed else (),
            other_ids=self.payload.other_ids,
            moved_from=self.payload.moved_from,
            written_at=self.payload.written_at,
            ticket=ticket,
        )

    def with_ticket(self, mapping: FieldMapping) -> ClassifiedDelivery:
        deleted = self.payload.event is Event.DELETED
        fields = (self.payload.issue or {}).get("fields", {})
        unknown = ", ".join(sorted(undecided(fields, mapping)))
        if unknown and not deleted:
            note = f"{unknown} may hold wiki markup, and a webhook does not tell: it is a hint"
            return self.classified(Kind.HINT, note)
        try:
            ticket = ticket_from_issue(self.payload.issue, mapping)
        except UnusableTicket as problem:
            if deleted:
                return self.classified(Kind.DELETION, problem.detail)
            note = f"The issue cannot be used ({problem.detail}): it is a hint"
            return self.classified(Kind.HINT, note)
        return self.classified(Kind.DELETION if deleted else Kind.READING, ticket=ticket)

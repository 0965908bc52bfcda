"""Pure: what a delivery may be used for, judged by its proof, its age and its body."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from shared.tickets.ticket import Ticket
from shared.webhooks.inbox import Claimed
from worker.jira.errors import UnusableTicket
from worker.jira.fields.mapping import FieldMapping
from worker.jira.fields.tickets import ticket_from_issue
from worker.webhooks.payload import Event, Payload, UnreadableBodyError, read_payload

OLDEST_SIGNED = timedelta(hours=24)
"""A signed body is believed for so long after Jira wrote it (docs/architecture.md)."""

BY_TOKEN = "A token proves the sender, not the body, so it is a hint"  # noqa: S105  words, no token
TOO_OLD = "The body is signed but more than a day old, so it is a hint"
NO_MAPPING = "Waiting for Jira to say which fields JIRA_FIELD_… name."


class Kind(Enum):
    """How far a delivery is believed."""

    READING = auto()
    """It holds the ticket, as good as a read."""
    DELETION = auto()
    """The ticket is gone; it may hold the ticket's last state."""
    HINT = auto()
    """It names a ticket, no more."""
    IGNORED = auto()
    """Nothing in it is of use to us."""
    WAIT = auto()
    """It cannot be read yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifiedDelivery:
    """A claimed delivery and what it may be used for; ``note`` says why it is no more than that."""

    claimed: Claimed
    kind: Kind
    note: str = ""
    event: str | None = None
    key: str | None = None
    issue_id: str | None = None
    former_keys: tuple[str, ...] = ()
    ticket: Ticket | None = None

    @property
    def keys(self) -> set[str]:
        """Every key the delivery itself knows the ticket by."""
        return {*self.former_keys, *([self.key] if self.key else [])}

    @property
    def named(self) -> str:
        """The ticket in a sentence."""
        return self.key or f"the ticket with id {self.issue_id}"


def classify(claimed: Claimed, mapping: FieldMapping | None) -> ClassifiedDelivery:
    """Judge one delivery. ``mapping`` None: not known yet, so that nothing can be read."""
    try:
        payload = read_payload(claimed.body)
    except UnreadableBodyError as problem:
        return _from_address(claimed, str(problem))
    notice = _Draft(claimed, payload)
    if payload.name is not None and payload.event is None:
        return notice.of(Kind.IGNORED, f"{payload.name} says nothing about a ticket's fields.")
    if not notice.names_a_ticket:
        return notice.of(Kind.IGNORED, "The body names no ticket.")
    if (doubt := _doubt(claimed, payload)) is not None:
        return notice.of(Kind.HINT, doubt)
    if mapping is None:
        return notice.of(Kind.WAIT, NO_MAPPING)
    return notice.read(mapping)


def _from_address(claimed: Claimed, problem: str) -> ClassifiedDelivery:
    """A body that says nothing: the ticket's key may stand in the address that was called."""
    named = claimed.ticket_key or claimed.issue_id
    return ClassifiedDelivery(
        claimed=claimed,
        kind=Kind.HINT if named else Kind.IGNORED,
        note=BY_TOKEN if named else problem,
        key=claimed.ticket_key,
        issue_id=claimed.issue_id,
    )


def _doubt(claimed: Claimed, payload: Payload) -> str | None:
    """Why the body is not taken as it stands; None where it is."""
    if not claimed.signed:
        return BY_TOKEN
    if payload.said_at is None:
        return "The body does not say when it was written, so it is a hint"
    if abs(claimed.received_at - payload.said_at) > OLDEST_SIGNED:
        return TOO_OLD
    if payload.event is None:
        return "The body does not say what happened, so it is a hint"
    return None


@dataclass(frozen=True, slots=True)
class _Draft:
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

    def of(self, kind: Kind, note: str = "", ticket: Ticket | None = None) -> ClassifiedDelivery:
        return ClassifiedDelivery(
            claimed=self.claimed,
            kind=kind,
            note=note,
            event=self.payload.name,
            key=self.key,
            issue_id=self.issue_id,
            former_keys=self.payload.former_keys if self.claimed.signed else (),
            ticket=ticket,
        )

    def read(self, mapping: FieldMapping) -> ClassifiedDelivery:
        deleted = self.payload.event is Event.DELETED
        try:
            ticket = ticket_from_issue(self.payload.issue, mapping)
        except UnusableTicket as problem:
            if deleted:
                return self.of(Kind.DELETION, problem.detail)
            return self.of(Kind.HINT, f"The issue cannot be used ({problem.detail}): it is a hint")
        return self.of(Kind.DELETION if deleted else Kind.READING, ticket=ticket)

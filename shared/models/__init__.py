"""The tables; importing this package is enough to know them all."""

from shared.models.access import ApiToken, LoginGuess, Operator
from shared.models.audit import AuditEvent
from shared.models.base import MAX_QUANTITY, MAX_TEXT, Base, Identifier, any_of, table_of
from shared.models.examinations import Examination
from shared.models.idempotency import IdempotencyKey
from shared.models.inbox import Delivery, KnownMapping, Rejection, UnannouncedChange
from shared.models.jira import Heartbeat, JiraPause, JiraPoll, TicketCopy
from shared.models.jira_fields import JiraField
from shared.models.jobs import FIELDS_OF_TICKET, JIRA_FIELDS, Job, SyncAttempt, SyncTally, SyncTask
from shared.models.routing import Path, Serial, SerialCounter, SerialEvent, Step

__all__ = [
    "FIELDS_OF_TICKET",
    "JIRA_FIELDS",
    "MAX_QUANTITY",
    "MAX_TEXT",
    "ApiToken",
    "AuditEvent",
    "Base",
    "Delivery",
    "Examination",
    "Heartbeat",
    "IdempotencyKey",
    "Identifier",
    "JiraField",
    "JiraPause",
    "JiraPoll",
    "Job",
    "KnownMapping",
    "LoginGuess",
    "Operator",
    "Path",
    "Rejection",
    "Serial",
    "SerialCounter",
    "SerialEvent",
    "Step",
    "SyncAttempt",
    "SyncTally",
    "SyncTask",
    "TicketCopy",
    "UnannouncedChange",
    "any_of",
    "table_of",
]

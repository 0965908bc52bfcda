"""The tables as SQLAlchemy models; importing this package registers all of them."""

from shared.models.accounts import ApiToken, LoginFailures, Operator, OperatorSession
from shared.models.audit import AuditEvent
from shared.models.base import MAX_QUANTITY, MAX_TEXT, Base, Identifier, any_of, table_of
from shared.models.bulk_actions import BulkAction
from shared.models.health import Examination, Heartbeat
from shared.models.jira_fields import JiraField
from shared.models.jobs import FIELDS_OF_TICKET, JIRA_FIELDS, IdempotencyKey, Job
from shared.models.polling import PolledProject, UnusableTicket
from shared.models.production import Path, Serial, SerialCounter, SerialEvent, Step
from shared.models.sites import JiraAddress, JiraSite
from shared.models.sync import FilledCount, SyncAttempt, SyncTask
from shared.models.tickets import JiraPause, JiraPoll, ResolvedFieldMapping, TicketCopy
from shared.models.webhooks import Delivery, Rejection, UnannouncedChange

__all__ = [
    "FIELDS_OF_TICKET",
    "JIRA_FIELDS",
    "MAX_QUANTITY",
    "MAX_TEXT",
    "ApiToken",
    "AuditEvent",
    "Base",
    "BulkAction",
    "Delivery",
    "Examination",
    "FilledCount",
    "Heartbeat",
    "IdempotencyKey",
    "Identifier",
    "JiraAddress",
    "JiraField",
    "JiraPause",
    "JiraPoll",
    "JiraSite",
    "Job",
    "LoginFailures",
    "Operator",
    "OperatorSession",
    "Path",
    "PolledProject",
    "Rejection",
    "ResolvedFieldMapping",
    "Serial",
    "SerialCounter",
    "SerialEvent",
    "Step",
    "SyncAttempt",
    "SyncTask",
    "TicketCopy",
    "UnannouncedChange",
    "UnusableTicket",
    "any_of",
    "table_of",
]

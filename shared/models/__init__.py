"""The tables; importing this package is enough to know them all."""

from shared.models.base import MAX_QUANTITY, MAX_TEXT, Base, Identifier, any_of, table_of
from shared.models.inbox import Delivery, KnownMapping, Rejection, UnannouncedChange
from shared.models.jira import Heartbeat, JiraPause, TicketCopy
from shared.models.jobs import Job, SyncAttempt, SyncTask
from shared.models.routing import Path, Serial, SerialCounter, SerialEvent, Step

__all__ = [
    "MAX_QUANTITY",
    "MAX_TEXT",
    "Base",
    "Delivery",
    "Heartbeat",
    "Identifier",
    "JiraPause",
    "Job",
    "KnownMapping",
    "Path",
    "Rejection",
    "Serial",
    "SerialCounter",
    "SerialEvent",
    "Step",
    "SyncAttempt",
    "SyncTask",
    "TicketCopy",
    "UnannouncedChange",
    "any_of",
    "table_of",
]

"""The tables; importing this package is enough to know them all."""

from shared.models.base import MAX_QUANTITY, MAX_TEXT, Base, Identifier, any_of, table_of
from shared.models.jira import Heartbeat, JiraPause, TicketCopy
from shared.models.jobs import Job, SyncAttempt, SyncTask
from shared.models.routing import Path, Serial, SerialCounter, SerialEvent, Step

__all__ = [
    "MAX_QUANTITY",
    "MAX_TEXT",
    "Base",
    "Heartbeat",
    "Identifier",
    "JiraPause",
    "Job",
    "Path",
    "Serial",
    "SerialCounter",
    "SerialEvent",
    "Step",
    "SyncAttempt",
    "SyncTask",
    "TicketCopy",
    "any_of",
    "table_of",
]

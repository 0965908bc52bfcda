"""Type-prefixed, time-ordered, unguessable identifiers: TypeIDs over UUIDv7 (spec/API.md)."""

from enum import StrEnum

from typeid import TypeID
from typeid.core.errors import TypeIDException


class Prefix(StrEnum):
    """The prefixes of identifiers, one for each kind of record."""

    JOB = "job"
    PATH = "path"
    STEP = "step"
    SYNC = "sync"
    HOOK = "hook"
    BULK = "bulk"


def new_id(prefix: Prefix) -> str:
    """A new identifier such as ``job_01h455vb4pex5vsknk084sn02q``."""
    return str(TypeID(prefix=prefix.value))


def looks_like(prefix: Prefix, text: str) -> bool:
    """Whether the text has the form of an identifier of this kind."""
    try:
        return TypeID.from_string(text).prefix == prefix.value
    except (TypeIDException, ValueError):
        return False

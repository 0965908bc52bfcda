"""What all tables share: names of constraints, types, checks of enumerations."""

from datetime import datetime
from typing import Any, ClassVar, cast

from sqlalchemy import DateTime, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase

MAX_TEXT = 255
"""Longest text of a field or label, in characters (spec/API.md, "texts")."""
MAX_QUANTITY = 2_147_483_647
"""Largest goal quantity (spec/API.md, finer points of create)."""

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Identifier = Text(collation="C")
"""Our identifiers sort bytewise, which is by time of creation."""


def table_of(model: "type[Base]") -> Table:
    """The table behind a model, for Core statements on the hot path."""
    return cast(Table, model.__table__)


def any_of(column: str, values: Any) -> str:
    """SQL of a check that a text column has one of these values."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class Base(DeclarativeBase):
    """Common types: strings are ``text``, times are ``timestamptz``."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
    }

"""Views from rows: dataclasses whose fields are named like the columns."""

from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Row

View = TypeVar("View")


def view_of(kind: type[View], row: Row[Any], **values: Any) -> View:
    """A ``kind`` with the row's columns; ``values`` are fields that are not a column as it is."""
    names = [field.name for field in fields(kind) if field.name not in values]  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: getattr(row, name) for name in names}, **values)

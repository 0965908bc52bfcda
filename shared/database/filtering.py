"""What the queries of filtered lists share."""

import re
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, literal, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

_CUSTOM_PLAN = text("SET LOCAL plan_cache_mode = force_custom_plan")


def plan_for_these_values(session: Session) -> None:
    """Have PostgreSQL plan the statements of this transaction for their values.

    How many rows a filter matches depends on its value, so no generic plan suits all values.
    """
    session.execute(_CUSTOM_PLAN)


def distinct_values(
    session: Session, column: InstrumentedAttribute[Any], *, most: int
) -> list[str]:
    """The values of an indexed text column, in order, at most ``most`` of them.

    Goes from one value of the index to the next: the cost grows with the values, not the rows.
    """
    known = select(func.min(column).label("name"), literal(1).label("number")).cte(recursive=True)
    following = select(func.min(column)).where(column > known.c.name).scalar_subquery()
    more = known.c.name.is_not(None) & (known.c.number < most)
    known = known.union_all(select(following, known.c.number + 1).where(more))
    return list(session.scalars(select(known.c.name).where(known.c.name.is_not(None))))


def like_literal(text: str) -> str:
    r"""The text with ``%``, ``_`` and ``\`` escaped, as a part of a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def like_part(text: str) -> str:
    """A LIKE pattern for everything that contains the text."""
    return f"%{like_literal(text)}%"


def contains(text: str, *columns: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Whether one of the columns contains the text, in any case: what ``q`` means in every list.

    Trigram indexes serve texts of three characters and more. A shorter text that occurs often
    fills a page from the newest rows; one that occurs almost nowhere costs a scan, a second for a
    million jobs. It still means any part: a search for 42 is a search for PI-42.
    """
    return or_(*(column.ilike(like_part(text)) for column in columns))

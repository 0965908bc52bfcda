"""What the queries of filtered lists share."""

import re

from sqlalchemy import text
from sqlalchemy.orm import Session

_CUSTOM_PLAN = text("SET LOCAL plan_cache_mode = force_custom_plan")


def plan_for_these_values(session: Session) -> None:
    """Have PostgreSQL plan the statements of this transaction for their values.

    How many rows a filter matches depends on its value, so no generic plan suits all values.
    """
    session.execute(_CUSTOM_PLAN)


def like_literal(text: str) -> str:
    r"""The text with ``%``, ``_`` and ``\`` escaped, as a part of a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)

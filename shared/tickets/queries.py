"""Reads of stored tickets: one, and lists by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.filtering import like_literal, like_part, plan_for_these_values
from shared.settings.issue_keys import normal_key
from shared.tickets.ticket import TicketRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """The filters of a list; None does not filter. ``done`` False: open tickets only.

    ``q`` is any part of key, summary or part number, in any case; ``status`` is Jira's own name.
    Deleted tickets are listed only if ``deleted`` is set. ``allowed`` are the only projects whose
    tickets are shown; empty: all.
    """

    q: str | None = None
    project: str | None = None
    status: str | None = None
    done: bool | None = False
    deleted: bool = False
    allowed: tuple[str, ...] = ()


PROJECT = "substring(t.key FROM '^(.*)-')"
"""SQL: the project of the copy ``t``, all before the last hyphen of its key."""
ALLOWED = f"(CAST(:allowed AS text[]) = '{{}}' OR {PROJECT} = ANY(:allowed))"
"""SQL: whether tickets of this copy's project may be used; ``allowed`` empty: all may."""
AS_OF = f"""
CASE WHEN t.deleted_at IS NOT NULL THEN t.verified_at
    WHEN t.missing_since IS NOT NULL THEN t.read_at
    WHEN EXISTS (SELECT FROM unusable_tickets u WHERE u.name IN (t.key, t.issue_id)) THEN t.read_at
    ELSE GREATEST(t.read_at, (SELECT max(p.complete_as_of) FROM jira_polls p
        WHERE p.site_id = t.site_id
        AND ({PROJECT} = ANY(p.projects) OR '*' = ANY(p.projects)) AND NOT EXISTS (
            SELECT FROM polled_projects q
            WHERE q.scope = p.scope AND q.project = {PROJECT} AND q.state <> 'polled'))) END
"""  # noqa: S608  constants alone
"""SQL: the latest time at which the copy ``t`` is known to be Jira's state."""

_COLUMNS = ", ".join(
    f"({AS_OF}) AS as_of" if name == "as_of" else f"t.{name}" for name in TicketRow._fields
)
_ONE = text(
    f"SELECT {_COLUMNS} FROM tickets t "  # noqa: S608  constants alone
    f"WHERE t.site_id = :site AND {ALLOWED} AND ((t.key = :key AND t.key_lost_at IS NULL) "
    "OR (t.key <> :key AND t.former_keys @> ARRAY[CAST(:key AS text)])) "
    "ORDER BY t.key = :key DESC, t.read_at DESC LIMIT 1"
)
_CLAUSES = {
    "q": "(t.key ILIKE :q OR t.summary ILIKE :q OR t.part_number ILIKE :q)",
    "project": f"t.key LIKE :project || '-%' AND {PROJECT} = :project_key",
    "status": "lower(t.status) = lower(:status)",
    "done": "t.done = :done",
}
_OLDER = "(length(t.issue_id), t.issue_id) < (length(CAST(:before AS text)), CAST(:before AS text))"


def one(
    session: Session, key: str, *, site_id: int | None, allowed: Sequence[str] = ()
) -> TicketRow | None:
    """The ticket that has or had this key; None if this site has no copy stored.

    ``allowed`` are the only projects whose tickets are shown; empty: all.
    """
    values = {"site": site_id, "key": normal_key(key), "allowed": list(allowed)}
    row = session.execute(_ONE, values).one_or_none()
    return TicketRow._make(row) if row else None


def page(
    session: Session,
    filters: TicketFilter,
    *,
    site_id: int | None,
    limit: int,
    before: str | None = None,
) -> list[TicketRow]:
    """Up to ``limit`` tickets of this site, newest first.

    They are older than the one whose issue id is ``before``.
    """
    plan_for_these_values(session)
    clauses, values = _where(filters)
    values["site"] = site_id
    if before is not None:
        clauses.append(_OLDER)
        values["before"] = before
    statement = (
        f"SELECT {_COLUMNS} FROM tickets t WHERE {' AND '.join(clauses)} "  # noqa: S608  constants alone
        "ORDER BY length(t.issue_id) DESC, t.issue_id DESC LIMIT :limit"
    )
    rows = session.execute(text(statement), {**values, "limit": limit})
    return [TicketRow._make(row) for row in rows]


def _where(filters: TicketFilter) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {}
    if filters.q:
        values["q"] = like_part(filters.q)
    if filters.project:
        values["project"] = like_literal(normal_key(filters.project))
    if filters.status:
        values["status"] = filters.status
    if filters.done is not None:
        values["done"] = filters.done
    clauses = [_CLAUSES[name] for name in values]
    if filters.project:
        values["project_key"] = normal_key(filters.project)
    if filters.allowed:
        clauses.append(ALLOWED)
        values["allowed"] = list(filters.allowed)
    kept = "true" if filters.deleted else "t.deleted_at IS NULL"
    return ["t.site_id = :site", "t.key_lost_at IS NULL", kept, *clauses], values

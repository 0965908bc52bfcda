"""The Jira fields of a job: each is declared once, at its column of ``jobs``."""

from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Table
from sqlalchemy.orm import MappedColumn, mapped_column


class JiraField(NamedTuple):
    """One write-once field of a job, and where its value comes from."""

    column: str
    """Its column of ``jobs``."""
    ticket_column: str
    """The column of ``tickets`` that it is filled from."""
    title: str
    """What people read."""
    is_list: bool

    @property
    def name(self) -> str:
        """Its name in the JSON of a job: ``jiraPartNumber``."""
        first, *rest = self.column.split("_")
        return first + "".join(word.capitalize() for word in rest)

    def value_in(self, ticket: str) -> str:
        """SQL: its value in a row ``ticket`` of ``tickets``. An empty list counts as absent."""
        column = f"{ticket}.{self.ticket_column}"
        return f"NULLIF({column}, '{{}}')" if self.is_list else column


def jira_field(ticket_column: str, *, title: str) -> MappedColumn[Any]:
    """A column of ``jobs`` that is filled from a column of ``tickets``."""
    return mapped_column(info={"ticket_column": ticket_column, "title": title})


def jira_fields_of(table: Table) -> tuple[JiraField, ...]:
    """The fields that ``jira_field`` declared, in the order of the table."""
    return tuple(
        JiraField(column.name, **column.info, is_list=isinstance(column.type, ARRAY))
        for column in table.columns
        if "ticket_column" in column.info
    )

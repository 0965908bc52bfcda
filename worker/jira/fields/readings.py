"""The values that a job takes from the fields of one issue, and why one cannot be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.tickets.ticket import FieldNote
from worker.jira.fields import wiki
from worker.jira.fields.mapping import FieldMapping, MappedField
from worker.jira.fields.quantities import Quantity, quantity_of
from worker.jira.fields.text import clean, identifier
from worker.jira.fields.values import UnreadableError, excerpt, render, text_of

EPIC_LEVEL = 1
"""``hierarchyLevel`` of epics; stories are 0 and sub-tasks -1."""


def undecided(fields: Mapping[str, Any], mapping: FieldMapping) -> set[str]:
    """Ids of mapped fields whose kind has to be known: their text may be wiki markup, or not."""
    return {one.field_id for one in mapping.fields() if _is_undecided(one, fields)}


def _is_undecided(one: MappedField, fields: Mapping[str, Any]) -> bool:
    value = fields.get(one.field_id)
    return one.markup is None and isinstance(value, str) and wiki.is_marked(value)


@dataclass(slots=True)
class Reader:
    """Reads the fields of the issue ``key``; ``notes`` says what could not be read."""

    fields: Mapping[str, Any]
    mapping: FieldMapping
    key: str
    notes: list[FieldNote] = field(default_factory=list)

    def summary(self) -> str | None:
        """The summary: a single line, taken as it stands."""
        return self._plain("summary", column="jira_ticket_summary")

    def priority(self) -> str | None:
        """The priority's name, in the language of the account."""
        return self._plain("priority", column="jira_priority")

    def labels(self) -> tuple[str, ...]:
        """Labels in Jira's order, cleaned, without repeats."""
        value = self.fields.get("labels")
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
            self._note("jira_labels", "labels", f"no list of texts: {excerpt(value)}")
            return ()
        texts = (clean(label) for label in value)
        return tuple(dict.fromkeys(text for text in texts if text))

    def part_number(self, summary: str | None) -> str | None:
        """The part number of the mapped fields or, if none is mapped, from the summary."""
        if self.mapping.part_number:
            return self._mapped(self.mapping.part_number, column="jira_part_number")
        pattern = self.mapping.part_number_pattern
        found = pattern.find(summary) if pattern and summary else None
        return identifier(found) if found else None

    def epic_link(self) -> str | None:
        """The parent if it is an epic (a sub-task's is its story), or else the epic link field."""
        parent = self.fields.get("parent")
        if isinstance(parent, Mapping) and _is_epic(parent):
            key = parent.get("key")
            if isinstance(key, str) and (text := identifier(key)):
                return text
        return self._mapped(self.mapping.epic_link, column="jira_epic_link")

    def quantity(self) -> Quantity:
        """The quantity of the first mapped field that holds one, also if it cannot be read."""
        number_format = self.mapping.quantity_format
        for one in self._applying(self.mapping.quantity):
            value = self.fields.get(one.field_id)
            if _is_undecided(one, self.fields):
                return Quantity(unread=excerpt(value))
            quantity = quantity_of(value, number_format=number_format, markup=bool(one.markup))
            if quantity != Quantity():
                return quantity
        return Quantity()

    def _plain(self, name: str, *, column: str) -> str | None:
        try:
            return clean(text_of(self.fields.get(name)))
        except UnreadableError as error:
            self._note(column, name, str(error))
            return None

    def _mapped(self, mapped: Sequence[MappedField], *, column: str) -> str | None:
        """The first value; one that cannot be read is none, but no other field stands in for it."""
        for one in self._applying(mapped):
            if _is_undecided(one, self.fields):
                problem = "it may be wiki markup, and Jira does not tell the kind of the field"
                self._note(column, one.field_id, problem)
                return None
            try:
                text = text_of(self.fields.get(one.field_id), markup=bool(one.markup))
            except UnreadableError as error:
                self._note(column, one.field_id, str(error))
                return None
            if found := identifier(text):
                return found
        return None

    def _applying(self, mapped: Sequence[MappedField]) -> list[MappedField]:
        """The fields for the issue's project: its own if the setting names some, or the others."""
        project = self.fields.get("project")
        known = project if isinstance(project, Mapping) else {}
        key = (render(known.get("key")) or self.key.rpartition("-")[0]).upper()
        scopes = {None, render(known.get("id"))} if known.get("id") else None
        own = [one for one in mapped if one.project == key]
        chosen = own or [one for one in mapped if one.project is None]
        return [one for one in chosen if scopes is None or one.scope in scopes]

    def _note(self, column: str, name: str, problem: str) -> None:
        message = f"Jira's value of {name} cannot be read: {problem}."
        self.notes.append(FieldNote(column, clean(message) or ""))


def _is_epic(parent: Mapping[str, Any]) -> bool:
    fields = parent.get("fields")
    kind = fields.get("issuetype") if isinstance(fields, Mapping) else None
    if not isinstance(kind, Mapping):
        return False
    level = kind.get("hierarchyLevel")
    if isinstance(level, int):
        return level == EPIC_LEVEL
    return str(kind.get("name", "")).strip().casefold() == "epic"

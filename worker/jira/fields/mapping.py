"""Which field of a site holds which value: ids from the settings, or names looked up in Jira."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from shared.settings import Settings
from worker.jira.errors import MappingError

_ID = re.compile(r"customfield_[0-9]+")
_SHOWN = 8

SYSTEM_FIELDS = ("summary", "priority", "labels", "parent", "status", "updated")
"""The system fields that every read requests; named one by one to keep answers small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInfo:
    """One field of the site; ``project`` is the id of the team-managed project it belongs to."""

    field_id: str
    name: str
    custom: bool
    kind: str
    project: str | None = None

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> Self:
        """From one entry of ``GET /field``; ``kind`` is its schema's type, or its custom type."""
        schema = raw.get("schema")
        schema = schema if isinstance(schema, Mapping) else {}
        kind = str(schema.get("custom") or schema.get("type") or "").rpartition(":")[2]
        return cls(
            field_id=str(raw.get("id") or raw.get("key") or ""),
            name=str(raw.get("name") or ""),
            custom=bool(raw.get("custom")),
            kind=kind,
            project=_project_of(raw.get("scope")),
        )

    def __str__(self) -> str:
        where = f", project {self.project}" if self.project else ""
        return f"{self.name} ({self.field_id}{where})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """Field ids by purpose; None: not mapped. ``part_number_pattern`` searches the summary."""

    part_number: str | None = None
    quantity: str | None = None
    epic_link: str | None = None
    part_number_pattern: re.Pattern[str] | None = None

    def field_ids(self) -> tuple[str, ...]:
        """Every field that a read requests, without repeats."""
        mapped = (self.part_number, self.quantity, self.epic_link)
        return tuple(dict.fromkeys((*SYSTEM_FIELDS, *(name for name in mapped if name))))


def resolve(settings: Settings, *, known: Callable[[], Sequence[FieldInfo]]) -> FieldMapping:
    """The mapping of the settings; ``known`` is only called if a setting holds a name.

    Raises MappingError that names the setting and the candidates, and what ``known`` raises.
    """
    wanted = {
        purpose: str(getattr(settings, f"jira_field_{purpose}")).strip()
        for purpose in ("part_number", "quantity", "epic_link")
    }
    named = any(text and not _ID.fullmatch(text) for text in wanted.values())
    fields = known() if named else ()
    ids = {
        purpose: _field_id(f"JIRA_FIELD_{purpose.upper()}", text, fields)
        for purpose, text in wanted.items()
    }
    return FieldMapping(**ids, part_number_pattern=_pattern(settings.jira_part_number_pattern))


def _field_id(setting: str, text: str, fields: Sequence[FieldInfo]) -> str | None:
    if not text:
        return None
    if _ID.fullmatch(text):
        return text
    matches = _matches(text, fields)
    if len(matches) == 1:
        return matches[0].field_id
    raise MappingError(_explain(setting, text, matches, fields))


def _matches(text: str, fields: Sequence[FieldInfo]) -> list[FieldInfo]:
    """By id, or else by exact name, or else by name ignoring case."""
    folded = text.casefold()
    for same in (
        [field for field in fields if field.field_id == text],
        [field for field in fields if field.name.strip() == text],
        [field for field in fields if field.name.strip().casefold() == folded],
    ):
        if same:
            return same
    return []


def _explain(
    setting: str, text: str, matches: Sequence[FieldInfo], fields: Sequence[FieldInfo]
) -> str:
    if matches:
        listed = ", ".join(str(field) for field in matches[:_SHOWN])
        return f"{setting}: {len(matches)} fields are called {text!r}: {listed}. Set the id."
    listed = ", ".join(str(field) for field in _near(text, fields)) or "none"
    return (
        f"{setting}: our account sees no field called {text!r}. "
        f"Candidates: {listed}. Set the id, or give the account Browse right where it is used."
    )


def _near(text: str, fields: Sequence[FieldInfo]) -> list[FieldInfo]:
    by_name = {field.name.casefold(): field for field in fields}
    close = difflib.get_close_matches(text.casefold(), by_name, n=_SHOWN, cutoff=0.5)
    words = set(text.casefold().split())
    sharing = [name for name in by_name if words & set(name.split())]
    names = list(dict.fromkeys([*close, *sharing]))
    near = [by_name[name] for name in names] or [field for field in fields if field.custom]
    return near[:_SHOWN]


def _pattern(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise MappingError(
            f"JIRA_PART_NUMBER_PATTERN is not a regular expression: {error}"
        ) from None


def _project_of(scope: object) -> str | None:
    project = scope.get("project") if isinstance(scope, Mapping) else None
    known = project.get("id") if isinstance(project, Mapping) else None
    return str(known) if known else None

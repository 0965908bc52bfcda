"""Which fields of a site hold which value: ids from the settings, or names looked up in Jira."""

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from shared.settings import Settings
from shared.settings.patterns import Pattern, compiled
from worker.jira.errors import MappingError
from worker.jira.fields.entries import Entry, EntryError, entries_of
from worker.jira.fields.quantities import PLAIN

_ID = re.compile(r"customfield_[0-9]+")
_SHOWN = 8
_RICH_SYSTEM_FIELDS = {"description", "environment"}

SYSTEM_FIELDS = ("summary", "priority", "labels", "parent", "status", "updated")
"""The system fields that every read requests; named one by one to keep answers small."""
PURPOSES = ("part_number", "quantity", "epic_link")
"""What can be mapped: the ends of the settings JIRA_FIELD_…, and names of FieldMapping."""


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
        return cls(
            field_id=str(raw.get("id") or raw.get("key") or ""),
            name=str(raw.get("name") or ""),
            custom=bool(raw.get("custom")),
            kind=kind_of(raw.get("schema")),
            project=_project_of(raw.get("scope")),
        )

    @property
    def markup(self) -> bool | None:
        """Whether its strings are wiki markup; None: its schema is unknown."""
        return holds_markup(self.field_id, self.kind)

    def __str__(self) -> str:
        where = f", project {self.project}" if self.project else ""
        return f"{self.name} ({self.field_id}{where})"


def kind_of(schema: object) -> str:
    """The end of ``schema.custom``, such as ``textarea``, or else ``schema.type``."""
    known = schema if isinstance(schema, Mapping) else {}
    return str(known.get("custom") or known.get("type") or "").rpartition(":")[2]


def holds_markup(field_id: str, kind: str) -> bool | None:
    """Whether strings of a field are wiki markup; None if its kind is unknown."""
    if field_id in _RICH_SYSTEM_FIELDS:
        return True
    return kind == "textarea" if kind else None


@dataclass(frozen=True, slots=True)
class MappedField:
    """One field that may hold a value.

    ``project`` is the key of the only project that the setting names it for, ``scope`` the id of
    the team-managed project that it belongs to. ``markup``: whether its strings are wiki markup;
    None if its kind is unknown. As text: ``PI=customfield_1@10001:markup``.
    """

    field_id: str
    project: str | None = None
    scope: str | None = None
    markup: bool | None = None

    def __str__(self) -> str:
        project = f"{self.project}=" if self.project else ""
        return f"{project}{self.field_id}" + (f"@{self.scope}" if self.scope else "")

    def with_kind(self, kinds: Mapping[str, bool]) -> Self:
        """The same, its kind taken from ``kinds`` by field id if it is unknown."""
        if self.markup is not None:
            return self
        return replace(self, markup=kinds.get(self.field_id))

    def stored(self) -> str:
        """The text that ``from_stored`` reads."""
        kinds = {None: "", True: ":markup", False: ":text"}
        return f"{self}{kinds[self.markup]}"

    @classmethod
    def from_stored(cls, text: str) -> Self:
        """The field that ``stored`` wrote."""
        rest, _, kind = text.partition(":")
        project, _, rest = rest.rpartition("=")
        field_id, _, scope = rest.partition("@")
        markup = {"markup": True, "text": False}.get(kind)
        return cls(field_id, project or None, scope or None, markup)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """Fields by purpose, in the order in which they are tried; none: not mapped.

    ``part_number_pattern`` searches the summary. ``quantity_format`` is JIRA_QUANTITY_FORMAT.
    """

    part_number: tuple[MappedField, ...] = ()
    quantity: tuple[MappedField, ...] = ()
    epic_link: tuple[MappedField, ...] = ()
    part_number_pattern: Pattern | None = None
    quantity_format: str = PLAIN

    def fields(self) -> tuple[MappedField, ...]:
        """Every mapped field, of every purpose."""
        return (*self.part_number, *self.quantity, *self.epic_link)

    def field_ids(self) -> tuple[str, ...]:
        """Every field that a read requests, without repeats."""
        project = ("project",) if any(field.scope for field in self.fields()) else ()
        ids = (field.field_id for field in self.fields())
        return tuple(dict.fromkeys((*SYSTEM_FIELDS, *project, *ids)))

    def with_kinds(self, kinds: Mapping[str, bool]) -> Self:
        """The same, where ``kinds`` says by field id which unknown fields hold wiki markup."""
        changed: dict[str, Any] = {
            purpose: tuple(field.with_kind(kinds) for field in getattr(self, purpose))
            for purpose in PURPOSES
        }
        return replace(self, **changed)


def resolve(settings: Settings, *, known: Callable[[], Sequence[FieldInfo]]) -> FieldMapping:
    """The mapping of the settings; ``known`` is only called if a setting holds a name.

    Raises MappingError that names the setting and the candidates, and what ``known`` raises.
    """
    wanted = {purpose: _entries(settings, purpose) for purpose in PURPOSES}
    named = any(not _ID.fullmatch(e.field) for entries in wanted.values() for e in entries)
    fields = known() if named else ()
    mapped = {
        purpose: _mapped(settings, purpose, entries, fields) for purpose, entries in wanted.items()
    }
    pattern = settings.jira_part_number_pattern
    return FieldMapping(
        **mapped,
        part_number_pattern=compiled(pattern) if pattern else None,
        quantity_format=settings.jira_quantity_format,
    )


def _setting(purpose: str) -> str:
    return f"JIRA_FIELD_{purpose.upper()}"


def _entries(settings: Settings, purpose: str) -> tuple[Entry, ...]:
    try:
        return entries_of(getattr(settings, f"jira_field_{purpose}"))
    except EntryError as error:
        raise MappingError(f"{_setting(purpose)}: {error}.") from None


def _mapped(
    settings: Settings, purpose: str, entries: Sequence[Entry], fields: Sequence[FieldInfo]
) -> tuple[MappedField, ...]:
    whole = str(getattr(settings, f"jira_field_{purpose}")).strip()
    if len(entries) > 1 and any(field.name.strip() == whole for field in fields):
        # The name of one field holds a comma, and the setting no quotes.
        entries = [Entry(whole)]
    kinds = {field.field_id: field.markup for field in fields}
    found: list[MappedField] = []
    for entry in entries:
        if _ID.fullmatch(entry.field):
            found.append(MappedField(entry.field, entry.project, markup=kinds.get(entry.field)))
        else:
            found += _named(_setting(purpose), entry, fields)
    return tuple(dict.fromkeys(found))


def _named(setting: str, entry: Entry, fields: Sequence[FieldInfo]) -> list[MappedField]:
    """The fields of this name: at most one of each team-managed project, and one of all others."""
    by_scope: dict[str | None, list[FieldInfo]] = defaultdict(list)
    for field in fields:
        by_scope[field.project].append(field)
    found: list[FieldInfo] = []
    for scope in sorted(by_scope, key=lambda scope: (scope is None, scope)):
        matches = _matches(entry.field, by_scope[scope])
        if len(matches) > 1:
            raise MappingError(_ambiguous(setting, entry.field, matches))
        found += matches
    if not found:
        raise MappingError(_missing(setting, entry.field, fields))
    return [
        MappedField(field.field_id, entry.project, field.project, field.markup) for field in found
    ]


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


def _listed(fields: Iterable[FieldInfo]) -> str:
    return ", ".join(str(field) for field in list(fields)[:_SHOWN]) or "none"


def _ambiguous(setting: str, text: str, matches: Sequence[FieldInfo]) -> str:
    return (
        f"{setting}: {len(matches)} fields are called {text!r}: {_listed(matches)}. Set the id; "
        "several ids, separated by commas, are tried in their order."
    )


def _missing(setting: str, text: str, fields: Sequence[FieldInfo]) -> str:
    return (
        f"{setting}: our account sees no field called {text!r}. "
        f"Candidates: {_listed(_near(text, fields))}. "
        "Set the id, or give the account Browse right where it is used."
    )


def _near(text: str, fields: Sequence[FieldInfo]) -> list[FieldInfo]:
    by_name = {field.name.casefold(): field for field in fields}
    close = difflib.get_close_matches(text.casefold(), by_name, n=_SHOWN, cutoff=0.5)
    words = set(text.casefold().split())
    sharing = [name for name in by_name if words & set(name.split())]
    names = list(dict.fromkeys([*close, *sharing]))
    near = [by_name[name] for name in names] or [field for field in fields if field.custom]
    return near[:_SHOWN]


def _project_of(scope: object) -> str | None:
    project = scope.get("project") if isinstance(scope, Mapping) else None
    known = project.get("id") if isinstance(project, Mapping) else None
    return str(known) if known else None

"""The fields of the simulated site, and the kind of value of each (JIRA.md section 7)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from worker.simulator import defaults


class Kind(StrEnum):
    """The kinds of value, named like the end of ``schema.custom``."""

    TEXT = "textfield"
    URL = "url"
    TEXTAREA = "textarea"
    NUMBER = "float"
    SELECT = "select"
    MULTISELECT = "multiselect"
    CASCADING = "cascadingselect"
    USER = "userpicker"
    LABELS = "labels"
    VERSION = "version"
    VERSIONS = "multiversion"
    DATE = "datepicker"
    DATETIME = "datetime"
    EPIC_LINK = "gh-epic-link"
    PRIORITY = "priority"
    STATUS = "status"
    ISSUETYPE = "issuetype"
    PROJECT = "project"
    PARENT = "parent"
    COMMENTS = "comments-page"


_SCHEMA: Final[dict[Kind, tuple[str, str | None]]] = {
    Kind.TEXT: ("string", None),
    Kind.URL: ("string", None),
    Kind.TEXTAREA: ("string", None),
    Kind.NUMBER: ("number", None),
    Kind.SELECT: ("option", None),
    Kind.MULTISELECT: ("array", "option"),
    Kind.CASCADING: ("option-with-child", None),
    Kind.USER: ("user", None),
    Kind.LABELS: ("array", "string"),
    Kind.VERSION: ("version", None),
    Kind.VERSIONS: ("array", "version"),
    Kind.DATE: ("date", None),
    Kind.DATETIME: ("datetime", None),
    Kind.EPIC_LINK: ("any", None),
    Kind.PRIORITY: ("priority", None),
    Kind.STATUS: ("status", None),
    Kind.ISSUETYPE: ("issuetype", None),
    Kind.PROJECT: ("project", None),
    Kind.PARENT: ("issuelink", None),
    Kind.COMMENTS: ("comments-page", None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDef:
    """One row of ``GET field``; ``project`` is the scope of a team-managed field."""

    id: str
    name: str
    kind: Kind
    navigable: bool = True
    editable: bool = True
    project: str | None = None

    @property
    def custom(self) -> bool:
        """Whether it is a custom field."""
        return self.id.startswith("customfield_")

    @property
    def schema(self) -> dict[str, Any]:
        """``JsonTypeBean`` of the OpenAPI document."""
        kind, items = _SCHEMA[self.kind]
        schema: dict[str, Any] = {"type": kind}
        if items is not None:
            schema["items"] = items
        if not self.custom:
            return schema | {"system": self.id}
        number = int(self.id.removeprefix("customfield_"))
        return schema | {"custom": f"{_plugin(self.kind)}:{self.kind.value}", "customId": number}


def _plugin(kind: Kind) -> str:
    if kind is Kind.EPIC_LINK:
        return "com.pyxis.greenhopper.jira"
    return "com.atlassian.jira.plugin.system.customfieldtypes"


def _custom(number: int, name: str, kind: Kind, *, project: str | None = None) -> FieldDef:
    return FieldDef(id=f"customfield_{number}", name=name, kind=kind, project=project)


_SYSTEM: Final = (
    FieldDef(id="summary", name="Summary", kind=Kind.TEXT),
    FieldDef(id="issuetype", name="Issue Type", kind=Kind.ISSUETYPE),
    FieldDef(id="project", name="Project", kind=Kind.PROJECT, editable=False),
    FieldDef(id="parent", name="Parent", kind=Kind.PARENT),
    FieldDef(id="priority", name="Priority", kind=Kind.PRIORITY),
    FieldDef(id="status", name="Status", kind=Kind.STATUS),
    FieldDef(id="labels", name="Labels", kind=Kind.LABELS),
    FieldDef(id="assignee", name="Assignee", kind=Kind.USER),
    FieldDef(id="reporter", name="Reporter", kind=Kind.USER),
    FieldDef(id="description", name="Description", kind=Kind.TEXTAREA),
    FieldDef(id="duedate", name="Due date", kind=Kind.DATE),
    FieldDef(id="fixVersions", name="Fix versions", kind=Kind.VERSIONS),
    FieldDef(id="created", name="Created", kind=Kind.DATETIME, editable=False),
    FieldDef(id="updated", name="Updated", kind=Kind.DATETIME, editable=False),
    FieldDef(id="comment", name="Comment", kind=Kind.COMMENTS, navigable=False, editable=False),
)

# Two fields have the same name "Part Number", so that a mapping by name has to refuse it.
_CUSTOM: Final = (
    FieldDef(id=defaults.FIELD_EPIC_LINK, name="Epic Link", kind=Kind.EPIC_LINK),
    FieldDef(id=defaults.FIELD_PART_NUMBER, name="Part Number / Rev", kind=Kind.TEXT),
    FieldDef(id=defaults.FIELD_QUANTITY, name="Quantity", kind=Kind.NUMBER),
    _custom(10910, "Material", Kind.SELECT),
    _custom(10911, "Machine / Cell", Kind.CASCADING),
    _custom(10912, "Finish", Kind.MULTISELECT),
    _custom(10913, "Work Instructions", Kind.TEXTAREA),
    _custom(10914, "Planner", Kind.USER),
    _custom(10915, "Drawing Revision", Kind.VERSION),
    _custom(10916, "Need Date", Kind.DATE),
    _custom(10917, "Released At", Kind.DATETIME),
    _custom(10918, "Drawing", Kind.URL),
    _custom(10919, "Certificates", Kind.LABELS),
    _custom(10920, "Affected Revisions", Kind.VERSIONS),
    _custom(10923, "Part Number", Kind.TEXT),
    _custom(10924, "Part Number", Kind.TEXT, project=defaults.SECOND_PROJECT),
)

FIELDS: Final[dict[str, FieldDef]] = {field.id: field for field in _SYSTEM + _CUSTOM}
NAVIGABLE: Final = frozenset(field.id for field in FIELDS.values() if field.navigable)
TEXTAREAS: Final = frozenset(f.id for f in FIELDS.values() if f.kind is Kind.TEXTAREA)


def clause_names(field: FieldDef) -> list[str]:
    """The names of a field in JQL."""
    if not field.custom:
        return [field.id]
    number = field.id.removeprefix("customfield_")
    return [f"cf[{number}]", field.name]

"""The fields of the simulated site, and the kind of value of each (JIRA.md section 7)."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from worker.simulator import defaults


class Kind(Enum):
    """The kinds of value: the end of ``schema.custom``, ``schema.type`` and ``schema.items``."""

    TEXT = ("textfield", "string")
    URL = ("url", "string")
    TEXTAREA = ("textarea", "string")
    NUMBER = ("float", "number")
    SELECT = ("select", "option")
    MULTISELECT = ("multiselect", "array", "option")
    CASCADING = ("cascadingselect", "option-with-child")
    USER = ("userpicker", "user")
    LABELS = ("labels", "array", "string")
    VERSION = ("version", "version")
    VERSIONS = ("multiversion", "array", "version")
    DATE = ("datepicker", "date")
    DATETIME = ("datetime", "datetime")
    EPIC_LINK = ("gh-epic-link", "any")
    PRIORITY = ("priority", "priority")
    STATUS = ("status", "status")
    ISSUETYPE = ("issuetype", "issuetype")
    PROJECT = ("project", "project")
    PARENT = ("parent", "issuelink")
    COMMENTS = ("comments-page", "comments-page")
    ASSETS = ("cmdb-object-cftype", "array", "cmdb-object-field")


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
        plugin_key, kind, *items = self.kind.value
        schema: dict[str, Any] = {"type": kind} | ({"items": items[0]} if items else {})
        if not self.custom:
            return schema | {"system": self.id}
        number = int(self.id.removeprefix("customfield_"))
        return schema | {"custom": f"{_plugin(self.kind)}:{plugin_key}", "customId": number}


def _plugin(kind: Kind) -> str:
    return _PLUGINS.get(kind, "com.atlassian.jira.plugin.system.customfieldtypes")


_PLUGINS: Final = {
    Kind.EPIC_LINK: "com.pyxis.greenhopper.jira",
    Kind.ASSETS: "com.atlassian.jira.plugins.cmdb",
}


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

# Two fields are called "Part Number". On Cloud one belongs to a team-managed project; on Data
# Center a mapping by this name is ambiguous. Two are called "Revision" on both.
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
    _custom(10925, "Revision", Kind.TEXT),
    _custom(10926, "Revision", Kind.TEXT),
    _custom(10927, "Part", Kind.ASSETS),
    _custom(10928, "Ordered", Kind.TEXT),
    _custom(10929, "Part Remarks", Kind.TEXTAREA, project=defaults.SECOND_PROJECT),
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

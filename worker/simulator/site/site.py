"""The people, projects, priorities and options of the simulated site as JSON values."""

from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

from worker.simulator import defaults
from worker.simulator.config import Deployment

PRIORITIES: Final = ("Highest", "High", "Medium", "Low", "Lowest")
STATUSES: Final = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
ISSUE_TYPES: Final = {"Epic": 1, "Story": 0, "Task": 0, "Bug": 0, "Sub-task": -1}
PEOPLE: Final = {
    "mia": "Mia Krystof",
    "emil": "Emil Sørensen",
    "anna": "Anna Nowak",
    "dev": "Routecard Service",
}
_OPTION_BASE: Final = 20000


@dataclass(slots=True)
class Project:
    """A project; ``team_managed`` leaves unset fields out of answers instead of sending null.

    ``hidden`` is what can change: whether the account of the tests may not see it.
    """

    id: int
    key: str
    name: str
    hidden: bool = False
    team_managed: bool = False


PROJECTS: Final = (
    Project(10000, defaults.PROJECT, "Production Intake"),
    Project(10001, defaults.SECOND_PROJECT, "Tooling", team_managed=True),
    Project(10002, defaults.HIDDEN_PROJECT, "Restricted Development", hidden=True),
)


@dataclass(slots=True)
class Site:
    """Builds the JSON values of answers; equal arguments return one shared object."""

    base_url: str
    deployment: Deployment
    time_zone: str
    _made: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)

    @property
    def cloud(self) -> bool:
        """Whether the site is Jira Cloud."""
        return self.deployment is Deployment.CLOUD

    def link(self, path: str) -> str:
        """A ``self`` address; Jira's own payloads carry API v2 (JIRA.md section 6)."""
        return f"{self.base_url}/rest/api/2/{path}"

    def priority(self, name: str) -> dict[str, Any]:
        """``{self, iconUrl, name, id}``; raises ``ValueError`` for a name that does not exist."""
        number = PRIORITIES.index(name) + 1
        icon = f"{self.base_url}/images/icons/priorities/{name.lower()}.svg"
        return self._share(
            ("priority", name),
            {
                "self": self.link(f"priority/{number}"),
                "iconUrl": icon,
                "name": name,
                "id": str(number),
            },
        )

    def status(self, name: str) -> dict[str, Any]:
        """A workflow status with its category; raises ``ValueError`` for an unknown one."""
        number = 10000 + list(STATUSES).index(name)
        category = {
            "self": self.link(f"statuscategory/{number - 9998}"),
            "id": number - 9998,
            "key": STATUSES[name],
            "colorName": "blue-gray",
            "name": name,
        }
        return self._share(
            ("status", name),
            {
                "self": self.link(f"status/{number}"),
                "description": "",
                "iconUrl": f"{self.base_url}/",
                "name": name,
                "id": str(number),
                "statusCategory": category,
            },
        )

    def issue_type(self, name: str) -> dict[str, Any]:
        """An issue type; only Cloud has ``hierarchyLevel`` (JIRA.md section 7)."""
        number = 10000 + list(ISSUE_TYPES).index(name)
        made: dict[str, Any] = {
            "self": self.link(f"issuetype/{number}"),
            "id": str(number),
            "description": "",
            "iconUrl": f"{self.base_url}/images/icons/issuetypes/{name.lower()}.svg",
            "name": name,
            "subtask": ISSUE_TYPES[name] < 0,
        }
        if self.cloud:
            made["hierarchyLevel"] = ISSUE_TYPES[name]
        return self._share(("issuetype", name), made)

    def project(self, project: Project) -> dict[str, Any]:
        """The project as a field of a ticket."""
        return self._share(
            ("project", project.key),
            {
                "self": self.link(f"project/{project.id}"),
                "id": str(project.id),
                "key": project.key,
                "name": project.name,
                "projectTypeKey": "software",
                "simplified": project.team_managed,
            },
        )

    def user(self, name: str) -> dict[str, Any]:
        """A person: ``accountId`` on Cloud, ``name`` and ``key`` on Data Center."""
        who: dict[str, Any]
        if self.cloud:
            account = f"712020:{name}-5b10a2844c20165700ede21g"
            who = {"accountId": account, "accountType": "atlassian"}
            address = self.link(f"user?accountId={account}")
        else:
            who = {"name": name, "key": f"JIRAUSER{10100 + list(PEOPLE).index(name)}"}
            address = self.link(f"user?username={name}")
        avatars = {size: f"{self.base_url}/avatar/{name}/{size}" for size in _AVATAR_SIZES}
        common = {"self": address, "displayName": PEOPLE[name], "active": True}
        zone = {"timeZone": self.time_zone, "avatarUrls": avatars}
        return self._share(("user", name), common | who | zone)

    def option(self, value: str, *, child: str | None = None) -> dict[str, Any]:
        """An option of a select list, with its child in a cascading one."""
        made = self._bare_option(value)
        if child is None:
            return self._share(("option", value), made)
        return self._share(
            ("option", value, child), made | {"child": self._bare_option(f"{child}")}
        )

    def version(self, name: str) -> dict[str, Any]:
        """A version of the project."""
        number = _number(name)
        made = {
            "self": self.link(f"version/{number}"),
            "id": number,
            "name": name,
            "archived": False,
            "released": True,
        }
        return self._share(("version", name), made)

    def _bare_option(self, value: str) -> dict[str, Any]:
        number = _number(value)
        return {"self": self.link(f"customFieldOption/{number}"), "value": value, "id": number}

    def _share(self, key: tuple[str, ...], made: dict[str, Any]) -> dict[str, Any]:
        return self._made.setdefault(key, made)


_AVATAR_SIZES: Final = ("16x16", "24x24", "32x32", "48x48")


def _number(text: str) -> str:
    """An id computed from the text, so that it is the same in every run."""
    return str(_OPTION_BASE + crc32(text.encode()) % 70000)

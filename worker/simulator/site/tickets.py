"""One version of one ticket: immutable, so that readers never see half of an edit."""

from dataclasses import dataclass, field
from typing import Any

from worker.simulator.site.site import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A version of a ticket; ``fields`` hold what is set, in API v2 shape, and are never mutated.

    Times are epoch milliseconds. ``parent_id`` is the epic of a story or the story of a sub-task.
    ``committed_ms`` is when this version was stored; a deletion changes it and not ``updated_ms``.
    """

    id: int
    number: int
    project: Project
    created_ms: int
    updated_ms: int
    committed_ms: int
    fields: dict[str, Any] = field(default_factory=dict)
    parent_id: int | None = None
    hidden: bool = False
    deleted: bool = False

    @property
    def key(self) -> str:
        """The key of this version; a move changes it, and the id stays."""
        return f"{self.project.key}-{self.number}"

    @property
    def type_name(self) -> str:
        """The name of its issue type."""
        return str(self.fields["issuetype"]["name"])

    @property
    def is_epic(self) -> bool:
        """Whether other tickets can have it as their epic."""
        return self.type_name == "Epic"

    @property
    def is_subtask(self) -> bool:
        """Whether its parent is a story and not an epic."""
        return self.type_name == "Sub-task"

    @property
    def visible(self) -> bool:
        """Whether the account of the tests may see it."""
        return not (self.hidden or self.deleted or self.project.hidden)

"""The tickets a simulator starts with: realistic, the same at every start, with special cases."""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from worker.simulator import defaults
from worker.simulator.site.site import Site
from worker.simulator.site.store import Store
from worker.simulator.site.values import read_fields

_DAY_MS: Final = 86_400_000
_EPIC_EVERY: Final = 40
_EPIC_FIRST: Final = 10
_SECOND_PROJECT_TICKETS: Final = 20
_HIDDEN_PROJECT_TICKETS: Final = 5
_SMALLEST_EXAMPLE: Final = 42

_PARTS: Final = ("housing", "bracket", "spindle", "flange", "manifold", "cover", "shaft", "spacer")
_MATERIALS: Final = {
    "aluminum": ("ALU", "7075"),
    "steel": ("STL", "4140"),
    "titanium": ("TI", "6AL4V"),
    "brass": ("BRS", "C360"),
}
_LABELS: Final = ("rush", "Q1-2024", "Q2-2024", "rework", "first-article", "export", "prototype")
_CELLS: Final = (("Mill", "DMU 50"), ("Mill", "Haas VF-2"), ("Lathe", "CTX beta"))
_STATUSES: Final = ("To Do", "To Do", "In Progress", "Done")
_PRIORITIES: Final = ("High", "Medium", "Medium", "Medium", "Low", "Highest", "Lowest")

PART_NUMBER: Final = defaults.FIELD_PART_NUMBER
QUANTITY: Final = defaults.FIELD_QUANTITY

_EVERY_KIND: Final[dict[str, Any]] = {
    "customfield_10910": "Aluminum 7075-T6",
    "customfield_10911": {"value": "Mill", "child": {"value": "DMU 50"}},
    "customfield_10912": ["Anodized", "Bead blasted"],
    "customfield_10913": "Clamp on fixture F-12.\nDeburr all edges.\n\nInspect bore to H7.",
    "customfield_10914": "emil",
    "customfield_10915": "Rev C",
    "customfield_10916": "2024-03-31",
    "customfield_10917": "2024-01-15T10:30:00.000+0100",
    "customfield_10918": "https://drawings.routecard.example/ALU-7075",
    "customfield_10919": ["EN-10204-3.1", "RoHS"],
    "customfield_10920": ["Rev A", "Rev B"],
    "customfield_10923": "158041-001-01",
}

# Numbers of tickets in PI that each have one special case; ``None`` unsets a field.
_SPECIAL: Final[dict[int, dict[str, Any]]] = {
    11: _EVERY_KIND,
    12: {"customfield_10911": "Lathe"},
    13: {"priority": None},
    14: {PART_NUMBER: None},
    15: {"labels": None},
    18: {QUANTITY: 4.5},
    19: {QUANTITY: 0.0},
    20: {"summary": "[TI-FLANGE-6AL4V] Turn 20 titanium flanges", PART_NUMBER: None},
    21: {"summary": "Gehäuse „A“ <script>alert(1)</script> & 'Ø12' 🔩"},
    24: {"summary": "Long " + "x" * 246 + " end"},
    25: {PART_NUMBER: "  158041-001-01\t", "labels": ["rush", "rush", "Q1-2024"]},
    42: {
        "summary": "Build 50 aluminum housings",
        PART_NUMBER: "ALU-HOUSING-7075",
        QUANTITY: 50.0,
        "priority": "High",
        "labels": ["Q1-2024", "rush"],
        "issuetype": "Story",
        "status": "To Do",
        "description": "Order 42.\n\nMaterial certificate needed: aluminum 7075.",
        "customfield_10910": "Aluminum 7075",
        "customfield_10911": {"value": "Mill", "child": {"value": "DMU 50"}},
    },
}
_EPIC_LINK_ONLY: Final = 16
_SUBTASK: Final = 17
_MOVED_LONG_AGO: Final = 22
_HIDDEN: Final = 23
FORMER_KEY: Final = f"{defaults.SECOND_PROJECT}-990"


@dataclass(slots=True)
class TicketGenerator:
    """Creates tickets; seed tickets have times before ``start_ms``."""

    store: Store
    site: Site
    random: Random
    start_ms: int

    def create_seed(self, *, tickets: int) -> None:
        """Create ``tickets`` in PI (at least 42, for the example) and some in two more projects."""
        for number in range(1, max(tickets, _SMALLEST_EXAMPLE) + 1):
            self._add_intake(number)
        for number in range(1, _SECOND_PROJECT_TICKETS + 1):
            self._add(defaults.SECOND_PROJECT, self._story(number) | {"priority": None})
        for number in range(1, _HIDDEN_PROJECT_TICKETS + 1):
            self._add(defaults.HIDDEN_PROJECT, self._story(number))
        self._special_states()

    def create(self, *, project: str, count: int) -> list[str]:
        """Create tickets with the present time; returns their keys."""
        made = []
        for number in range(count):
            fields = read_fields(self.site, self._story(len(self.store) + number))
            made.append(self.store.add(project=project, fields=set_fields(fields)).key)
        return made

    def _add_intake(self, number: int) -> None:
        if number % _EPIC_EVERY == _EPIC_FIRST:
            self._add(defaults.PROJECT, self._epic(number))
            return
        fields = self._story(number) | _SPECIAL.get(number, {})
        parent = self._epic_key(number)
        if number == _EPIC_LINK_ONLY:
            parent = None
            fields[defaults.FIELD_EPIC_LINK] = f"{defaults.PROJECT}-{_EPIC_FIRST}"
        if number == _SUBTASK:
            fields["issuetype"], parent = "Sub-task", f"{defaults.PROJECT}-{_SUBTASK - 1}"
        self._add(defaults.PROJECT, fields, parent=parent)

    def _special_states(self) -> None:
        self.store.alias(FORMER_KEY, self.store.get(f"{defaults.PROJECT}-{_MOVED_LONG_AGO}").id)
        self.store.hide(self.store.get(f"{defaults.PROJECT}-{_HIDDEN}").id, hidden=True)

    def _epic_key(self, number: int) -> str | None:
        """The epic before this ticket, or None for the first ones; PI-42's is PI-10."""
        blocks = (number - _EPIC_FIRST) // _EPIC_EVERY
        return f"{defaults.PROJECT}-{_EPIC_FIRST + blocks * _EPIC_EVERY}" if blocks >= 0 else None

    def _add(self, project: str, fields: dict[str, Any], *, parent: str | None = None) -> None:
        created = self.start_ms - self.random.randrange(2 * _DAY_MS, 90 * _DAY_MS)
        self.store.add(
            project=project,
            fields=set_fields(read_fields(self.site, fields)),
            parent_id=self.store.get(parent).id if parent is not None else None,
            created_ms=created,
            updated_ms=self.random.randrange(created, self.start_ms - _DAY_MS // 24),
            notify=False,
        )

    def _epic(self, number: int) -> dict[str, Any]:
        return {
            "summary": f"Enclosure programme, lot {number // _EPIC_EVERY + 1}",
            "issuetype": "Epic",
            "status": "In Progress",
            "priority": "Medium",
            "labels": ["programme"],
            "reporter": "mia",
            "description": "All orders of one customer lot.",
        }

    def _story(self, number: int) -> dict[str, Any]:
        draw = self.random
        part, material = draw.choice(_PARTS), draw.choice(tuple(_MATERIALS))
        prefix, alloy = _MATERIALS[material]
        quantity = draw.choice((5, 10, 12, 20, 25, 50, 100, 250))
        cell, machine = draw.choice(_CELLS)
        return {
            "summary": f"Build {quantity} {material} {part}s",
            "issuetype": draw.choice(("Story", "Task", "Task")),
            "status": draw.choice(_STATUSES),
            "priority": draw.choice(_PRIORITIES),
            "labels": draw.sample(_LABELS, draw.randrange(4)),
            "reporter": draw.choice(("mia", "emil", "anna")),
            "assignee": draw.choice(("mia", "emil", "anna", None)),
            "description": f"Order {number}.\n\nMaterial certificate needed: {material} {alloy}.",
            PART_NUMBER: f"{prefix}-{part.upper()}-{alloy}-{number % 97:02d}",
            QUANTITY: float(quantity),
            "customfield_10910": f"{material.capitalize()} {alloy}",
            "customfield_10911": {"value": cell, "child": {"value": machine}},
        }


def set_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """A ticket holds the fields that are set; ``labels`` is an empty list if it is not."""
    return {"labels": []} | {name: value for name, value in fields.items() if value is not None}

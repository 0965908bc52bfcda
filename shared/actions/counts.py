"""How many items an action on all that match changed, and how many it left alone, and why."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counts:
    """``matched`` is the sum of the others. In a preview, ``changed`` is what would be changed.

    ``left`` is what an action that is not at its end has not reached yet. ``capped``: there may be
    more items, which were not counted.
    """

    changed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    left: int = 0
    capped: bool = False

    @property
    def matched(self) -> int:
        """How many items the filter matched."""
        return self.changed + self.skipped.total() + self.left

    def as_json(self) -> dict[str, Any]:
        """Counts as answers and the audit show them."""
        skipped = {reason: number for reason, number in sorted(self.skipped.items()) if number}
        return {"matched": self.matched, "changed": self.changed, "skipped": skipped}

"""The moves of a sync task: the code beside the table in docs/architecture.md."""

import re
from pathlib import Path

from shared.states import TaskStatus
from shared.sync import moves
from shared.sync.moves import Move

DOCUMENT = Path(__file__).parents[3] / "docs" / "architecture.md"
_ROW = re.compile(r"\| ([a-z, ]+) \| .+ \| (.+) \|")


def documented() -> set[tuple[str, str]]:
    """Every pair of statuses that the table names; its first row, the create, has no source."""
    table = DOCUMENT.read_text().split("**States of a sync task**")[1].split("\n\n")[1]
    rows = [row for line in table.splitlines() if (row := _ROW.fullmatch(line))]
    targets = "|".join(TaskStatus)
    return {
        (source, target)
        for row in rows
        for source in row[1].split(", ")
        for target in re.findall(rf"\b(?:{targets})\b", re.sub(r"\(.*\)|filled before", "", row[2]))
    }


def test_the_documented_table_has_exactly_the_moves_of_the_code() -> None:
    found = [move for move in vars(moves).values() if isinstance(move, Move)]
    pairs = {(str(source), str(move.target)) for move in found for source in move.sources}
    assert len(found) == 10
    assert pairs == documented()


def test_every_move_increments_the_lease_token_and_only_a_claim_keeps_a_lease() -> None:
    found = {name: move for name, move in vars(moves).items() if isinstance(move, Move)}
    assert found
    for name, move in found.items():
        statement = str(move.update())
        assert "lease_token=(sync_tasks.lease_token + " in statement, name
        assert ("lease_until=" in statement) is (move.target is not TaskStatus.RUNNING), name

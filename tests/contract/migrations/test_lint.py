"""The SQL of every migration passes squawk: it can run while the service is in use.

Each migration is checked alone, because squawk allows more on a table that the same transaction
creates: an index on it needs no CONCURRENTLY. On a table of an earlier migration it does.
"""

import io
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from shared.migrations.runner import alembic_config

EXCLUDED = [
    # Quantities and counts are validated far below 2**31. Identity columns are bigint.
    "prefer-bigint-over-int",
]
SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"
POSTGRESQL = "18.0"
ALEMBICS_TABLE = re.compile(r"CREATE TABLE alembic_version \(.*?\);", re.DOTALL)


def revisions() -> list[tuple[str, str]]:
    """Every migration: the revision before it, and its own."""
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    return [(str(script.down_revision or "base"), script.revision) for script in scripts]


def sql(before: str, revision: str) -> str:
    """The statements of one migration, without those by which Alembic creates its own table."""
    config = alembic_config()
    config.output_buffer = io.StringIO()
    command.upgrade(config, f"{before}:{revision}", sql=True)
    return ALEMBICS_TABLE.sub("", config.output_buffer.getvalue())


def findings(statements: str) -> str:
    """What squawk says about these statements; empty if it finds nothing."""
    run = subprocess.run(  # noqa: S603  an installed program
        [SQUAWK, "--reporter=gcc", f"--pg-version={POSTGRESQL}", f"--exclude={','.join(EXCLUDED)}"],
        input=statements,
        check=False,
        capture_output=True,
        text=True,
    )
    return run.stdout + run.stderr if run.returncode else ""


@pytest.mark.parametrize(("before", "revision"), revisions())
def test_a_migration_can_run_while_the_service_is_in_use(before: str, revision: str) -> None:
    statements = sql(before, revision)

    assert f"-> {revision}" in statements
    assert not findings(statements), f"migration {revision}"


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("require-lock-timeout", "ALTER TABLE jobs ADD COLUMN due_at timestamptz;"),
        ("require-concurrent-index-creation", "CREATE INDEX ix ON jobs (name);"),
        ("adding-required-field", "ALTER TABLE jobs ADD COLUMN due_at timestamptz NOT NULL;"),
        ("constraint-missing-not-valid", "ALTER TABLE jobs ADD CONSTRAINT c CHECK (name <> '-');"),
    ],
)
def test_what_blocks_writers_of_an_existing_table_is_found(rule: str, statement: str) -> None:
    assert rule in findings(f"BEGIN; {statement} COMMIT;")

"""The revisions form one chain, and their files are named after them."""

from pathlib import Path

from alembic.script import ScriptDirectory

from shared.migrations.runner import alembic_config


def test_each_revision_follows_one_other() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert len(scripts.get_heads()) == 1
    chain = [script.revision for script in scripts.walk_revisions()]
    assert chain == sorted(chain, reverse=True)
    files = {path.stem for path in Path(scripts.versions).glob("*.py")}
    assert set(chain) == files

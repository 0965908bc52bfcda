"""The database schema's migrations: Alembic's environment, the revisions and what runs them.

A new revision: `alembic revision --rev-id 0007_subject -m "What it does"`. Its SQL alone, without
a database: `alembic upgrade head --sql`. Both read `[tool.alembic]` in pyproject.toml.
"""

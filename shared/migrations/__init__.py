"""The migrations of the database schema: the revisions, and what applies them.

A new revision: `alembic revision --rev-id 0007_subject -m "What it does"`, then write its SQL and
the model; a test compares the two. Changes to tables that exist already use
``shared.migrations.online``. The SQL without a database: `alembic upgrade head --sql`.
`routecard migrate` applies the revisions. Alembic reads `[tool.alembic]` in pyproject.toml.
"""

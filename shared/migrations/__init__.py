"""Alembic migrations; run by `routecard migrate`."""

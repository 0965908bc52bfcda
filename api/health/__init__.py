"""Readiness and metrics of the API process."""

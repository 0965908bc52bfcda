"""Bulk actions that a request or a command began and did not finish."""

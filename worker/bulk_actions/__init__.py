"""Bulk actions that a request or a command has begun and not finished."""

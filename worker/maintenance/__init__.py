"""Periodic work on our own tables."""

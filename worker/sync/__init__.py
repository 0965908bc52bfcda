"""Draining sync tasks: claim, read, fill, settle."""

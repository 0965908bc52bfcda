"""The simulator's control API."""

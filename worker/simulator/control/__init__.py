"""The simulator's control API, and its request counters."""

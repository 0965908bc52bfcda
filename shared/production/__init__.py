"""Paths, steps and serial numbers: what is produced, and how far it is."""

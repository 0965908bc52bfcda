"""Scripted faults and rate limits of the simulator."""
